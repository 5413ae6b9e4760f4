-- By when an order is promised to leave. It counts from fulfillable_at, which is null while the order waits for its
-- payment, for stock or for the shop; promise_day_at is when the promised day begins at the warehouse, so that nobody who
-- counts what is due today has to know its time zone.
ALTER TABLE orders.orders
    ADD COLUMN shipping_methods  text[],
    ADD COLUMN has_waited        boolean NOT NULL DEFAULT false,
    ADD COLUMN fulfillable_at    timestamptz,
    ADD COLUMN promised_at       timestamptz,
    ADD COLUMN promise_day_at    timestamptz,
    ADD COLUMN promise_warehouse text,
    ADD CONSTRAINT orders_promise_complete
        CHECK ((promised_at IS NULL) = (promise_day_at IS NULL) AND (promised_at IS NULL) = (promise_warehouse IS NULL)),
    ADD CONSTRAINT orders_promise_of_a_fulfillable CHECK (promised_at IS NULL OR fulfillable_at IS NOT NULL),
    ADD CONSTRAINT orders_promise_of_its_day CHECK (promise_day_at <= promised_at);

-- What is late or due is looked for among open orders alone, and counted without a look at the table.
CREATE INDEX orders_promised ON orders.orders (promised_at)
    INCLUDE (shop, promise_warehouse, promise_day_at, received_at)
    WHERE promised_at IS NOT NULL AND status IN ('PENDING', 'CONFIRMED', 'PROCESSING');
