-- One lane per downstream: a warehouse system, or a shop. A hand-over goes to the system that ships for its warehouse
-- when it is planned, and an order's calls go to the lane that its shop had when it came.
ALTER TABLE orders.fulfilment_requests ADD COLUMN system text NOT NULL DEFAULT 'wms';
DROP INDEX orders.fulfilment_requests_overdue;
CREATE INDEX fulfilment_requests_overdue ON orders.fulfilment_requests (system, ask_after)
    WHERE status = 'ACCEPTED';
ALTER TABLE orders.orders ADD COLUMN shop_lane text;

-- A lane that nobody serves waits for a person, too.
ALTER TABLE orders.attention
    ADD COLUMN lane text,
    DROP CONSTRAINT attention_of_something,
    ADD CONSTRAINT attention_of_something CHECK (num_nonnulls(order_id, inbox_id, lane) > 0);
CREATE UNIQUE INDEX attention_one_per_lane ON orders.attention (lane) WHERE lane IS NOT NULL AND resolved_at IS NULL;
