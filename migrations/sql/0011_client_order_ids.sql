-- A customer's own id of an order is one among that customer's alone. The order's own id, which names its
-- workflow and its events, is ours then.
ALTER TABLE orders.orders ADD COLUMN client_order_id text;
CREATE UNIQUE INDEX orders_client_order_id_unique ON orders.orders (user_id, client_order_id)
    WHERE client_order_id IS NOT NULL;
