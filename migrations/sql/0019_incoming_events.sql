-- Events of other systems, each once, with what came of it.
CREATE TABLE integration.incoming (
    incoming_id  bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT incoming_pk PRIMARY KEY,
    source       text        NOT NULL,
    event_id     text        NOT NULL,
    broker       text        NOT NULL CONSTRAINT incoming_broker_known CHECK (broker IN ('kafka', 'amqp')),
    event_type   text        NOT NULL,
    -- As its source calls it.
    order_id     text,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- DEAD: a person decides. AGAIN: one decided that it is tried again. WAITING: behind an older one of its order.
    state        text        NOT NULL
        CONSTRAINT incoming_state_known CHECK (state IN ('DONE', 'DEAD', 'AGAIN', 'WAITING', 'SKIPPED')),
    outcome      text,
    attempts     integer     NOT NULL DEFAULT 1,
    last_error   text,
    dead_at      timestamptz,
    -- Until it is done or given up.
    body         bytea,
    decided_by   text,
    decided_at   timestamptz,
    reason       text,
    CONSTRAINT incoming_event_unique UNIQUE (source, event_id),
    CONSTRAINT incoming_dead_complete CHECK (state <> 'DEAD' OR (dead_at IS NOT NULL AND last_error IS NOT NULL)),
    CONSTRAINT incoming_body_kept CHECK ((state IN ('DONE', 'SKIPPED')) = (body IS NULL))
);
CREATE INDEX incoming_dead ON integration.incoming (dead_at, incoming_id) WHERE state = 'DEAD';
CREATE INDEX incoming_again ON integration.incoming (incoming_id) WHERE state = 'AGAIN';
CREATE INDEX incoming_of_order ON integration.incoming (source, order_id, incoming_id) WHERE order_id IS NOT NULL;
CREATE INDEX incoming_received ON integration.incoming (received_at) WHERE state IN ('DONE', 'SKIPPED');

-- Everything that died, on its way out and in, in one view.
CREATE VIEW integration.dead_letters AS
SELECT d.sink || ':' || d.outbox_id AS letter_id, 'OUT' AS direction, d.sink, d.outbox_id AS number,
       o.event_id::text AS event_id, o.event_type, o.partition_key AS key, o.sequence, o.occurred_at, d.attempts,
       d.last_error, d.dead_at, o.payload, NULL::bytea AS body,
       (SELECT redriven_by FROM integration.redriven_deliveries r
        WHERE r.sink = d.sink AND r.outbox_id = d.outbox_id ORDER BY redriven_at DESC LIMIT 1) AS redriven_by,
       (SELECT count(*) FROM integration.deliveries b
        WHERE b.sink = d.sink AND b.stream = d.stream AND b.parked AND b.outbox_id > d.outbox_id) AS waiting
FROM integration.deliveries d JOIN integration.outbox o USING (outbox_id, occurred_at)
WHERE d.dead_at IS NOT NULL
UNION ALL
SELECT 'in:' || i.incoming_id, 'IN', i.broker, i.incoming_id, i.event_id, i.event_type, i.order_id, NULL, i.received_at,
       i.attempts, i.last_error, i.dead_at, NULL, i.body, i.decided_by,
       (SELECT count(*) FROM integration.incoming b
        WHERE b.source = i.source AND b.order_id = i.order_id AND b.state = 'WAITING')
FROM integration.incoming i
WHERE i.state = 'DEAD';
