"""Somebody else's clients of both brokers, confluent-kafka and pika. What they send and see is JSON, one message a line.

  client.py kafka-send SERVERS TOPIC             < {"key", "value", "headers"}
  client.py kafka-read SERVERS TOPIC ...         all that is there
  client.py amqp-send URL                        < {"exchange", "key", "value", "headers"}
  client.py amqp-bind URL QUEUE EXCHANGE=KEY ...
  client.py amqp-read URL QUEUE                  all that is there
"""

import json
import sys
import time

# A topic or queue from which nothing came for so long is read to its end, in seconds.
IDLE = 3.0


def lines():
    return [json.loads(line) for line in sys.stdin if line.strip()]


def show(message):
    print(json.dumps(message), flush=True)


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def kafka_send(servers, topic):
    from confluent_kafka import Producer

    refused = []
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True})
    for message in lines():
        producer.produce(
            topic,
            key=message["key"],
            value=json.dumps(message["value"]),
            headers=list(message.get("headers", {}).items()),
            on_delivery=lambda error, _: error and refused.append(str(error)),
        )
    left = producer.flush(30)
    if left or refused:
        sys.exit(f"not sent: {left} {refused}")


def kafka_read(servers, *topics):
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"reader-{time.time_ns()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(list(topics))
    began, last = time.monotonic(), None
    # Joining a group takes a while.
    while time.monotonic() - (last or began) < (IDLE if last else 30):
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            sys.exit(str(message.error()))
        last = time.monotonic()
        show(
            {
                "topic": message.topic(),
                "key": text(message.key()),
                "headers": {name: text(value) for name, value in message.headers() or []},
                "value": json.loads(message.value()),
            }
        )
    consumer.close()


def channel(url):
    import pika

    return pika.BlockingConnection(pika.URLParameters(url)).channel()


def amqp_send(url):
    import pika

    sender = channel(url)
    sender.confirm_delivery()
    for message in lines():
        properties = pika.BasicProperties(
            headers=message.get("headers", {}), content_type="application/json", delivery_mode=2
        )
        body = json.dumps(message["value"])
        # Raises where no queue takes it.
        sender.basic_publish(message["exchange"], message["key"], body, properties, mandatory=True)
    sender.connection.close()


def amqp_bind(url, queue, *bindings):
    binder = channel(url)
    binder.queue_declare(queue, durable=True)
    for binding in bindings:
        exchange, key = binding.split("=", 1)
        binder.exchange_declare(exchange, "topic", durable=True)
        binder.queue_bind(queue, exchange, key)
    binder.connection.close()


def amqp_read(url, queue):
    reader = channel(url)
    for method, properties, body in reader.consume(queue, inactivity_timeout=IDLE):
        if method is None:
            break
        named = ("message_id", "type", "timestamp", "correlation_id", "content_type", "delivery_mode")
        show(
            {
                "exchange": method.exchange,
                "key": method.routing_key,
                "headers": properties.headers,
                "properties": {name: getattr(properties, name) for name in named},
                "value": json.loads(body),
            }
        )
        reader.basic_ack(method.delivery_tag)
    reader.cancel()
    reader.connection.close()


COMMANDS = {
    "kafka-send": kafka_send,
    "kafka-read": kafka_read,
    "amqp-send": amqp_send,
    "amqp-bind": amqp_bind,
    "amqp-read": amqp_read,
}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
