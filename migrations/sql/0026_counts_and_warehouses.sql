-- Counting what is there, and warehouses by name.

ALTER TABLE inventory.stock
    -- Pieces of those on hand that a count did not find, and that could not be booked off, as a warehouse has them to
    -- ship. They are booked off with the first that come free. While there are some, nothing is free.
    ADD COLUMN missing BIGINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT stock_missing_not_negative CHECK (missing >= 0);

-- COUNT: a person counted, and something else was there.
ALTER TABLE inventory.movements
    DROP CONSTRAINT movements_reason,
    ADD CONSTRAINT movements_reason CHECK (reason IN (
        'OPENING_STOCK', 'RECEIPT', 'RESERVATION', 'BACKORDER_ALLOCATION', 'RELEASE', 'FULFILMENT',
        'ALLOCATION', 'EXPIRY', 'ADJUSTMENT', 'RETURN', 'COUNT'));

-- The queue goes by age. What joins at its end is the youngest; what a count took from an order waits since the order
-- had it. The clock is read while the stock row is locked; ids decide within one reading.
ALTER TABLE inventory.waiting ALTER COLUMN since SET DEFAULT clock_timestamp();
DROP INDEX inventory.waiting_queue;
CREATE INDEX waiting_queue ON inventory.waiting (sku, warehouse, since, waiting_id);

-- What was counted, by whom and why, and what it led to.
CREATE TABLE inventory.counts (
    count_id       BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT counts_pk PRIMARY KEY,
    sku            TEXT NOT NULL,
    warehouse      TEXT NOT NULL,
    -- The caller's own id of it: the same counts once.
    request_id     TEXT NOT NULL,
    counted        BIGINT NOT NULL CONSTRAINT counts_counted_not_negative CHECK (counted >= 0),
    on_hand_before BIGINT NOT NULL,
    on_hand_after  BIGINT NOT NULL,
    missing        BIGINT NOT NULL,
    -- Orders that wait for pieces they held before, and orders that waited and got some.
    backordered    INTEGER NOT NULL,
    served         INTEGER NOT NULL,
    counted_by     TEXT NOT NULL,
    reason         TEXT NOT NULL,
    at             TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT counts_once UNIQUE (sku, request_id),
    CONSTRAINT counts_stock_fk FOREIGN KEY (sku, warehouse) REFERENCES inventory.stock,
    CONSTRAINT counts_add_up CHECK (on_hand_after = counted + missing)
);
CREATE INDEX counts_at ON inventory.counts (at, count_id);

ALTER TABLE inventory.warehouses
    ADD COLUMN name TEXT,
    -- One that is not takes no new reservations and serves nobody who waits; what is held there stays held.
    ADD COLUMN active BOOLEAN NOT NULL DEFAULT true;

ALTER TABLE orders.fulfilment_requests
    -- A count found less than warehouses have to ship: a person is offered to recall this one, or wants it.
    ADD COLUMN recall_offer TEXT,
    ADD CONSTRAINT fulfilment_requests_recall_offer_known CHECK (recall_offer IN ('OFFERED', 'WANTED'));
CREATE INDEX fulfilment_requests_recall_offers ON orders.fulfilment_requests (warehouse) WHERE recall_offer IS NOT NULL;
