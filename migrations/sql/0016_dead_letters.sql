-- What waits behind a dead event is out of the relay's sight, however much it is.
ALTER TABLE integration.deliveries ADD COLUMN parked boolean NOT NULL DEFAULT false;
DROP INDEX integration.deliveries_due;
CREATE INDEX deliveries_due ON integration.deliveries (sink, lane, outbox_id) WHERE NOT parked;
CREATE INDEX deliveries_parked ON integration.deliveries (sink, stream, outbox_id) WHERE parked;
CREATE INDEX deliveries_dead ON integration.deliveries (outbox_id, sink) WHERE dead_at IS NOT NULL;
-- The few streams that wait behind one that was not taken.
DROP INDEX integration.deliveries_holding;
CREATE INDEX deliveries_holding ON integration.deliveries (sink, stream) WHERE last_error IS NOT NULL;

-- Who had dead events tried again.
CREATE TABLE integration.redriven_deliveries (
    sink        text        NOT NULL,
    outbox_id   bigint      NOT NULL,
    last_error  text,
    redriven_by text        NOT NULL,
    redriven_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT redriven_deliveries_pk PRIMARY KEY (sink, outbox_id, redriven_at)
);

-- Sinks that are gone: whoever was writing meanwhile may have left deliveries for them, which are taken away in steps.
CREATE TABLE integration.removed_sinks (
    sink       text        NOT NULL CONSTRAINT removed_sinks_pk PRIMARY KEY,
    removed_at timestamptz NOT NULL DEFAULT now()
);
