-- Events are typed and have one writer. A stream is what stays in order: an order, or a SKU in a warehouse.
CREATE TABLE integration.streams (
    stream   text   NOT NULL,
    -- How many events it has. Whoever counts on holds the row until the transaction ends, so that the ids of a
    -- stream's events follow the order of their commits.
    sequence bigint NOT NULL,
    CONSTRAINT streams_pk PRIMARY KEY (stream)
)
-- One row per order or SKU, updated in place.
WITH (fillfactor = 50);

-- Events are kept by days, so that what is old goes in one piece. They are written once and never changed: what is
-- still to be published is in the deliveries.
CREATE SEQUENCE integration.outbox_ids;
ALTER TABLE integration.outbox RENAME TO outbox_before;
ALTER TABLE integration.outbox_before RENAME CONSTRAINT outbox_pk TO outbox_before_pk;
CREATE TABLE integration.outbox (
    outbox_id      bigint      NOT NULL DEFAULT nextval('integration.outbox_ids'),
    occurred_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    correlation_id text        NOT NULL,
    payload        jsonb       NOT NULL,
    stream         text        NOT NULL,
    sequence       bigint      NOT NULL,
    -- What a broker keeps together: the order's id, or the SKU. A lane has all events of a key.
    partition_key  text        NOT NULL,
    lane           smallint    NOT NULL CONSTRAINT outbox_lane_known CHECK (lane BETWEEN 0 AND 15),
    CONSTRAINT outbox_pk PRIMARY KEY (outbox_id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX outbox_by_stream ON integration.outbox (stream, sequence);
CREATE INDEX outbox_by_aggregate ON integration.outbox (aggregate_id);
-- What was written before, and the day of this migration.
DO $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    EXECUTE format('CREATE TABLE integration.outbox_%s PARTITION OF integration.outbox FOR VALUES FROM (MINVALUE) TO (%L)',
                   to_char(today, 'YYYYMMDD'), ((today + 1)::timestamp AT TIME ZONE 'UTC'));
END
$$;
-- For days that nobody made a partition of: it stays empty where a worker runs.
CREATE TABLE integration.outbox_rest PARTITION OF integration.outbox DEFAULT;

INSERT INTO integration.outbox
    (outbox_id, occurred_at, event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream,
     sequence, partition_key, lane)
SELECT outbox_id, occurred_at, event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream,
       row_number() OVER (PARTITION BY stream ORDER BY outbox_id), key, hashtextextended(key, 0) & 15
FROM (SELECT *,
             CASE aggregate_type WHEN 'Order' THEN 'order/' || aggregate_id
                  ELSE 'stock/' || (payload ->> 'warehouseId') || '/' || (payload ->> 'sku') END AS stream,
             CASE aggregate_type WHEN 'Order' THEN aggregate_id ELSE payload ->> 'sku' END AS key
      FROM integration.outbox_before) AS before;
INSERT INTO integration.streams (stream, sequence)
SELECT stream, max(sequence) FROM integration.outbox GROUP BY stream;
SELECT setval('integration.outbox_ids', COALESCE((SELECT max(outbox_id) FROM integration.outbox), 0) + 1, false);
DROP TABLE integration.outbox_before;

-- Where events go. Whoever is added gets what is written from then on.
CREATE TABLE integration.sinks (
    sink     text        NOT NULL CONSTRAINT sinks_pk PRIMARY KEY,
    added_at timestamptz NOT NULL DEFAULT now()
);

-- What is still to be published, by sink: gone once it is.
CREATE TABLE integration.deliveries (
    sink            text        NOT NULL,
    outbox_id       bigint      NOT NULL,
    occurred_at     timestamptz NOT NULL,
    lane            smallint    NOT NULL,
    stream          text        NOT NULL,
    -- Attempts the sink refused; while it is away none is counted.
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error      text,
    dead_at         timestamptz,
    CONSTRAINT deliveries_pk PRIMARY KEY (sink, outbox_id)
);
CREATE INDEX deliveries_due ON integration.deliveries (sink, lane, outbox_id);
-- The few streams that wait behind one that was refused.
CREATE INDEX deliveries_holding ON integration.deliveries (sink, stream) WHERE attempts > 0;

-- What a person decided not to publish.
CREATE TABLE integration.skipped_deliveries (
    sink       text        NOT NULL,
    outbox_id  bigint      NOT NULL,
    last_error text,
    skipped_by text        NOT NULL,
    reason     text        NOT NULL,
    skipped_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT skipped_deliveries_pk PRIMARY KEY (sink, outbox_id)
);

-- Who publishes which lane of a sink, and until when.
CREATE TABLE integration.relays (
    sink       text        NOT NULL,
    relay      uuid        NOT NULL,
    seen_until timestamptz NOT NULL,
    CONSTRAINT relays_pk PRIMARY KEY (sink, relay)
);
CREATE TABLE integration.lane_leases (
    sink       text        NOT NULL,
    lane       smallint    NOT NULL,
    relay      uuid        NOT NULL,
    held_until timestamptz NOT NULL,
    CONSTRAINT lane_leases_pk PRIMARY KEY (sink, lane)
);

-- An order is announced once, when it has passed its gate.
ALTER TABLE orders.orders ADD COLUMN placed_event_at timestamptz;
UPDATE orders.orders o SET placed_event_at = e.occurred_at
FROM integration.outbox e WHERE e.aggregate_id = o.order_id AND e.event_type = 'ORDER_PLACED';

-- What an order was refused for, so that it is said once.
CREATE TABLE inventory.shortages (
    order_id text        NOT NULL,
    sku      text        NOT NULL CONSTRAINT shortages_item_fk REFERENCES inventory.items,
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT shortages_pk PRIMARY KEY (order_id, sku)
);
