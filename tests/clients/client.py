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

# How long topics may take to be read to their ends, in seconds.
READ_WITHIN = 60.0


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
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"reader-{time.time_ns()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    known = consumer.list_topics(timeout=60).topics
    partitions = [
        TopicPartition(topic, partition, OFFSET_BEGINNING) for topic in topics for partition in known[topic].partitions
    ]
    consumer.assign(partitions)
    unread = {(partition.topic, partition.partition) for partition in partitions}
    began = time.monotonic()
    while unread:
        if time.monotonic() - began > READ_WITHIN:
            sys.exit(f"not read to their ends: {sorted(unread)}")
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
            unread.discard((message.topic(), message.partition()))
            continue
        if message.error():
            sys.exit(str(message.error()))
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
    while True:
        method, properties, body = reader.basic_get(queue)
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
