-- Orders as they pile up in a year, for measuring pages: `psql -v orders=110000 -v open=10000 -f`. Into a database with
-- nothing but the schema. The newest :open are open, in the shares below; the others were delivered, or cancelled.
\set skus 500
BEGIN;
INSERT INTO inventory.warehouses (warehouse_id, priority, name)
VALUES ('berlin', 1, 'Berlin'), ('lyon', 2, 'Lyon')
ON CONFLICT DO NOTHING;
INSERT INTO inventory.items (sku, name, unit_price)
SELECT format('PAGES-%s', k), format('Item %s', k), 19.90 FROM generate_series(0, :skus - 1) k;

CREATE TEMPORARY TABLE made AS
SELECT i,
       gen_random_uuid()::text AS order_id,
       -- Three shops, the first with most of the orders.
       format('pages-%s.myshopify.com', CASE WHEN i % 10 < 7 THEN 1 WHEN i % 10 < 9 THEN 2 ELSE 3 END) AS shop,
       now() - i * interval '15 minutes' AS received_at,
       CASE WHEN i <= :open THEN
           CASE WHEN i % 20 < 10 THEN 'CONFIRMED' WHEN i % 20 < 14 THEN 'PROCESSING'
                WHEN i % 20 < 19 THEN 'PENDING' ELSE 'CONFIRMED' END
            WHEN i % 40 = 0 THEN 'CANCELLED' ELSE 'DELIVERED' END AS status,
       CASE WHEN i > :open THEN NULL
            WHEN i % 20 IN (14, 15) THEN 'BACKORDERED' WHEN i % 20 = 16 THEN 'AWAITING_PAYMENT'
            WHEN i % 20 IN (17, 18) THEN 'ON_HOLD' WHEN i % 20 = 19 THEN 'NEEDS_ATTENTION' END AS condition,
       -- A few items are in every third order, as it is.
       format('PAGES-%s', CASE WHEN i % 3 = 0 THEN i % 5 ELSE (i * 7919::bigint) % :skus END) AS sku,
       CASE WHEN i % 4 = 0 THEN 'lyon' ELSE 'berlin' END AS warehouse
FROM generate_series(1, :orders) i;
ANALYZE made;

INSERT INTO inventory.stock (sku, warehouse, on_hand, reserved)
SELECT sku, warehouse, 100000, count(made.i) FILTER (WHERE status = 'CONFIRMED' OR status = 'PROCESSING')
FROM inventory.items CROSS JOIN (VALUES ('berlin'), ('lyon')) w (warehouse) LEFT JOIN made USING (sku, warehouse)
GROUP BY sku, warehouse;

INSERT INTO orders.orders (order_id, order_number, workflow_id, channel, shop, shopify_order_id, name, status, condition,
                           condition_reason, held_by, currency, total_amount, financial_status, story_ended_at,
                           cancelled_by, correlation_id, received_at, created_at, updated_at, placed_event_at,
                           address_said, shop_lane, wish_version, planned_version, fulfillable_at, promise_day_at,
                           promised_at, promise_warehouse)
SELECT order_id, format('ORD-%s-%s', to_char(received_at, 'YYYYMMDD'), upper(left(md5(i::text), 8))),
       format('order/%s/%s', shop, 5000000 + i), 'SHOPIFY', shop, 5000000 + i, format('#%s', 1000 + i), status, condition,
       CASE WHEN condition = 'NEEDS_ATTENTION' THEN 'WMS_UNREACHABLE' END,
       CASE WHEN condition = 'ON_HOLD' THEN 'WINDOW' END,
       'EUR', 39.80, CASE WHEN condition = 'AWAITING_PAYMENT' THEN 'PENDING' ELSE 'PAID' END,
       CASE WHEN i > :open THEN received_at + interval '2 hours' END,
       CASE WHEN status = 'CANCELLED' THEN 'SHOPIFY' END,
       gen_random_uuid()::text, received_at, received_at, received_at + interval '2 hours', received_at, 'GIVEN',
       'shopify-' || shop, 1, CASE WHEN status IN ('PENDING', 'CONFIRMED') AND i <= :open THEN 0 ELSE 1 END,
       CASE WHEN status <> 'PENDING' THEN received_at END,
       CASE WHEN status <> 'PENDING' THEN date_trunc('day', received_at) + interval '1 day' END,
       CASE WHEN status <> 'PENDING' THEN date_trunc('day', received_at) + interval '41 hours' END,
       CASE WHEN status <> 'PENDING' THEN warehouse END
FROM made;
INSERT INTO orders.customers (order_id, customer)
SELECT order_id, jsonb_build_object(
    'name', format('Customer %s', i % 40000), 'email', format('customer-%s@example.com', i % 40000),
    'shipping_address', jsonb_build_object('name', format('Customer %s', i % 40000), 'address1', 'Street 1',
                                           'zip', '10115', 'city', 'Berlin', 'country_code', 'DE'))
FROM made;
INSERT INTO orders.lines (order_id, position, line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
                          requires_shipping)
SELECT order_id, p, format('%s', 10 * i::bigint + p), CASE p WHEN 0 THEN sku ELSE format('PAGES-%s', (i + p) % :skus) END,
       'An item', 1, 1, 19.90, true
FROM made CROSS JOIN generate_series(0, 1) p;

INSERT INTO inventory.reservations (order_id, epoch, status, created_at)
SELECT order_id, 1,
       CASE status WHEN 'PENDING' THEN 'WAITING' WHEN 'DELIVERED' THEN 'FULFILLED' WHEN 'CANCELLED' THEN 'RELEASED'
                   ELSE 'COMPLETE' END,
       received_at
FROM made WHERE condition IS DISTINCT FROM 'AWAITING_PAYMENT';
INSERT INTO inventory.allocations (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, fulfilled_quantity,
                                   status, owner, created_at)
SELECT 'alloc_' || md5(order_id), order_id, 1, format('%s', 10 * i::bigint), sku, warehouse, 1,
       CASE status WHEN 'DELIVERED' THEN 1 ELSE 0 END,
       CASE status WHEN 'DELIVERED' THEN 'FULFILLED' WHEN 'CANCELLED' THEN 'CANCELLED' ELSE 'CONFIRMED' END, 'ORDER',
       received_at
FROM made WHERE status <> 'PENDING';
INSERT INTO inventory.waiting (order_id, epoch, line_id, sku, warehouse, quantity, since)
SELECT order_id, 1, format('%s', 10 * i::bigint), sku, warehouse, 1, received_at FROM made WHERE condition = 'BACKORDERED';
INSERT INTO inventory.movements (sku, warehouse, on_hand_change, reserved_change, reason, order_id, at)
SELECT sku, warehouse, 0, 1, 'RESERVATION', order_id, received_at FROM made WHERE status <> 'PENDING';

INSERT INTO orders.fulfilment_requests (reference, order_id, warehouse, round, status, lines, pieces, created_at)
SELECT order_id || '/1/' || warehouse, order_id, warehouse, 1,
       CASE status WHEN 'DELIVERED' THEN 'SHIPPED' ELSE 'ACCEPTED' END,
       jsonb_build_array(jsonb_build_object('lineId', format('%s', 10 * i::bigint), 'sku', sku, 'quantity', 1)), 1,
       received_at
FROM made WHERE status IN ('PROCESSING', 'DELIVERED');
INSERT INTO orders.parcels (reference, parcel_id, order_id, warehouse, status, sequence, lines, carrier, tracking_number,
                            booked_at, shop_notified_at, delivered_at)
SELECT order_id || '/1/' || warehouse, format('P-%s', i), order_id, warehouse, 'DELIVERED', 3,
       jsonb_build_array(jsonb_build_object('lineId', format('%s', 10 * i::bigint), 'sku', sku, 'quantity', 1)), 'DHL',
       format('JJD%s', 10000000 + i), received_at + interval '1 hour', received_at + interval '61 minutes',
       received_at + interval '2 hours'
FROM made WHERE status = 'DELIVERED';

INSERT INTO orders.timeline (order_id, at, event)
SELECT order_id, received_at + step.n * interval '10 minutes', step.event
FROM made CROSS JOIN (VALUES (0, 'RECEIVED', 0), (1, 'RESERVED', 1), (2, 'HANDED_OVER', 2), (6, 'SHIPPED', 3),
                             (7, 'SHOP_NOTIFIED', 3), (12, 'DELIVERED', 3)) step (n, event, needs)
WHERE step.needs <= CASE status WHEN 'DELIVERED' THEN 3 WHEN 'PROCESSING' THEN 2 WHEN 'CONFIRMED' THEN 1 ELSE 0 END;
INSERT INTO orders.attention (order_id, step, reason, opened_at, resolved_at, resolution, resolved_by, resolve_reason)
SELECT order_id, 'hand_over', CASE WHEN i % 60 = 19 THEN 'WMS_REJECTED' ELSE 'WMS_UNREACHABLE' END,
       received_at + interval '1 hour', CASE WHEN i > :open THEN received_at + interval '2 hours' END,
       CASE WHEN i > :open THEN 'RETRY' END, CASE WHEN i > :open THEN 'jo' END, CASE WHEN i > :open THEN 'it is back' END
FROM made WHERE i % 20 = 19;
INSERT INTO orders.acts (at, acted_by, kind, target, order_id, reason)
SELECT received_at + interval '2 hours', 'jo', 'STEP_RETRIED', order_id, order_id, 'it is back'
FROM made WHERE i % 20 = 19 AND i > :open;
INSERT INTO integration.inbox (source, shop, message_id, topic, body, received_at, state, order_id, settled_at, subject)
SELECT 'shopify', shop, format('m-%s-%s', i, n), 'orders/create', '{}', received_at, 'DONE', order_id, received_at,
       format('%s', 5000000 + i)
FROM made CROSS JOIN generate_series(1, 2) n;
COMMIT;
VACUUM ANALYZE;
