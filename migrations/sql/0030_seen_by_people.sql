-- What people are shown: search, an order's whole story, figures of the day, and whether anything changed.

-- The order's own created_at beside each line, so that the newest orders of a SKU are read in their sequence, however
-- many there are. A line that is written with its order has the same moment by the default.
ALTER TABLE orders.lines ADD COLUMN order_created_at timestamptz;
UPDATE orders.lines l SET order_created_at = o.created_at FROM orders.orders o WHERE o.order_id = l.order_id;
ALTER TABLE orders.lines
    ALTER COLUMN order_created_at SET DEFAULT now(),
    ALTER COLUMN order_created_at SET NOT NULL;
CREATE INDEX lines_by_sku ON orders.lines (lower(sku), order_created_at DESC, order_id);

CREATE INDEX orders_by_name ON orders.orders (lower(name), created_at DESC, order_id);
CREATE INDEX orders_by_client_order_id ON orders.orders (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE INDEX parcels_by_tracking ON orders.parcels (upper(tracking_number)) WHERE tracking_number IS NOT NULL;

-- Open orders counted by where they stand, with the oldest of each.
CREATE INDEX orders_open_standing ON orders.orders (status, condition, received_at) WHERE story_ended_at IS NULL;
-- Orders that shipped, by the hour.
CREATE INDEX timeline_shipped ON orders.timeline (at) WHERE event = 'SHIPPED';

-- What a person has before the eyes when an order is looked at.
CREATE INDEX attention_by_order ON orders.attention (order_id, attention_id) WHERE order_id IS NOT NULL;
CREATE INDEX call_attempts_by_order ON orders.call_attempts (order_id);
CREATE INDEX movements_by_order ON inventory.movements (order_id, movement_id) WHERE order_id IS NOT NULL;
CREATE INDEX movements_by_sku ON inventory.movements (sku, movement_id);

-- What waits for a person, oldest first, and what was answered or settled last.
CREATE INDEX attention_open ON orders.attention (attention_id) WHERE resolved_at IS NULL;
CREATE INDEX attention_resolved ON orders.attention (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX inbox_settled ON integration.inbox (settled_at) WHERE settled_at IS NOT NULL;
