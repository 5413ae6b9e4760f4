-- Orders that were taken while the inventory service was away: nothing is reserved for them yet. They are served in the
-- order of awaits_allocation_since once it is back; the prices of unpriced_lines are the items' own, known only then.
ALTER TABLE orders.orders
    ADD COLUMN awaits_allocation_since timestamptz,
    ADD COLUMN unpriced_lines text[],
    DROP CONSTRAINT orders_condition_known,
    ADD CONSTRAINT orders_condition_known CHECK (condition IN ('ON_HOLD', 'AWAITING_PAYMENT', 'BACKORDERED',
        'PARTIALLY_SHIPPED', 'NEEDS_ATTENTION', 'AWAITING_ALLOCATION', 'IGNORED'));
CREATE INDEX orders_awaiting_allocation ON orders.orders (awaits_allocation_since, order_id)
    WHERE awaits_allocation_since IS NOT NULL;
