-- What POST /api/orders runs in its transaction: one line, for a registered user, with an idempotency key.
-- The statements are those of the rooms `orders`, `inventory` and `outbox`;
-- waybill-bench holds the rows they write against the API's own.
--
-- `:n` is another number in every transaction of 63 runs, of up to 64 clients and a million transactions of each; it
-- grows within a client, so that indexes are filled at one end, as by the real ids. Lists are made of text at run time:
-- then their length is as unknown to a plan that is kept as that of the API's parameters. pgbench takes a colon and
-- a letter for a variable, so there is a space after each colon inside a text.

\set counter :counter + 1
\set n (:run * 1048576 + :counter) * 64 + :client_id
\set item random(1, :items)
\set buyer random(1, :users)

BEGIN;

INSERT INTO orders.idempotency_keys AS known (caller, key, fingerprint)
VALUES ('admin', lpad(:n::text, 36, '9'), decode(lpad(to_hex(:n::bigint), 64, '0'), 'hex'))
ON CONFLICT ON CONSTRAINT idempotency_keys_pk DO UPDATE
    SET fingerprint = EXCLUDED.fingerprint, status = NULL, body = NULL, created_at = now()
    WHERE known.created_at < now() - 86400 * interval '1 second';

SELECT sku, name, unit_price, currency, created_at FROM inventory.items
WHERE sku = ANY (string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ','));

SELECT user_id, name, email FROM orders.users WHERE user_id = 'bench-user-' || lpad(:buyer::text, 6, '0');

WITH placed AS (
    INSERT INTO orders.orders
        (order_id, order_number, workflow_id, channel, name, currency, total_amount, financial_status,
         hold_until, correlation_id, received_at, user_id, content_fingerprint, client_order_id)
    VALUES (lpad(:n::text, 36, '9'), 'ORD-19700101-' || lpad(upper(to_hex(:n::bigint)), 8, '0'),
            'order/api/' || lpad(:n::text, 36, '9'), 'API', lpad(:n::text, 36, '9'), 'EUR', 12.50, 'paid',
            NULL, lpad(:n::text, 36, 'c'), now(), 'bench-user-' || lpad(:buyer::text, 6, '0'),
            decode(lpad(to_hex(:n::bigint), 64, '0'), 'hex'), NULL)
    ON CONFLICT DO NOTHING
    RETURNING order_id, order_number, created_at
), kept AS (
    INSERT INTO orders.lines
        (order_id, position, line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
         requires_shipping)
    SELECT placed.order_id, new.position, new.line_id, new.sku, new.product_name, new.quantity,
           new.fulfillable_quantity, new.unit_price, new.requires_shipping
    FROM placed, UNNEST(string_to_array('1', ','), string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ','),
                        string_to_array('Tea BENCH-' || lpad(:item::text, 6, '0'), ','),
                        string_to_array('1', ',')::int[], string_to_array('1', ',')::int[],
                        string_to_array('12.50', ',')::numeric[], string_to_array('t', ',')::bool[])
         WITH ORDINALITY AS new(line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
                                requires_shipping, position)
), customer AS (
    INSERT INTO orders.customers (order_id, customer)
    SELECT order_id, ('{"name": "Ada Lovelace", "email": "bench-user-' || lpad(:buyer::text, 6, '0') ||
                      '@example.com"}')::jsonb FROM placed
), noted AS (
    INSERT INTO orders.timeline (order_id, event, detail) SELECT order_id, 'RECEIVED', order_number FROM placed
)
SELECT created_at FROM placed;

INSERT INTO integration.inbox (source, shop, message_id, topic, headers, body, next_attempt_at, subject)
VALUES ('api', '', lpad(:n::text, 36, '9'), 'order-placed', '{}',
        convert_to('{"orderId":"' || lpad(:n::text, 36, '9') || '"}', 'UTF8'),
        now() + 5000 * interval '1 millisecond', lpad(:n::text, 36, '9'))
ON CONFLICT ON CONSTRAINT inbox_message_unique DO NOTHING
RETURNING inbox_id, received_at;

INSERT INTO inventory.reservations (order_id, epoch, status, version)
VALUES (lpad(:n::text, 36, '9'), 1, 'COMPLETE', 1)
ON CONFLICT ON CONSTRAINT reservations_pk DO NOTHING;

SELECT s.sku, s.warehouse, s.on_hand, s.reserved, s.queued, w.priority, w.active
FROM inventory.stock s JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
WHERE s.sku = ANY (string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ','));

WITH entry AS (
    SELECT * FROM unnest(string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ','), string_to_array('main', ','),
                         string_to_array(lpad(:n::text, 36, '9'), ','), string_to_array('0', ',')::bigint[],
                         string_to_array('1', ',')::bigint[], string_to_array('0', ',')::bigint[],
                         string_to_array('0', ',')::bigint[])
        AS e (sku, warehouse, order_id, on_hand, reserved, queued, missing)
), place AS (
    SELECT sku, warehouse, on_hand, reserved, queued, missing FROM inventory.stock
    WHERE sku = ANY (string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ','))
    ORDER BY sku, warehouse FOR NO KEY UPDATE
), demand AS (
    SELECT sku, warehouse, sum(on_hand)::bigint AS on_hand, sum(reserved)::bigint AS reserved,
           sum(queued)::bigint AS queued, sum(missing)::bigint AS missing
    FROM entry GROUP BY sku, warehouse
), verdict AS (
    SELECT bool_and(NOT true OR coalesce(d.reserved <= p.on_hand - p.reserved - p.queued, false)) AS booked
    FROM demand d LEFT JOIN place p USING (sku, warehouse)
), booked AS (
    UPDATE inventory.stock s
    SET on_hand = p.on_hand + d.on_hand, reserved = p.reserved + d.reserved, queued = p.queued + d.queued,
        missing = least(p.missing + d.missing, p.on_hand + d.on_hand)
    FROM demand d JOIN place p USING (sku, warehouse), verdict v
    WHERE v.booked AND s.sku = p.sku AND s.warehouse = p.warehouse
    RETURNING s.sku, s.warehouse, s.on_hand, s.reserved, s.queued, s.missing
), movement AS (
    INSERT INTO inventory.movements
        (sku, warehouse, on_hand_change, reserved_change, reason, order_id, reference)
    SELECT e.sku, e.warehouse, sum(e.on_hand), sum(e.reserved), 'RESERVATION', e.order_id, NULL
    FROM entry e JOIN booked USING (sku, warehouse)
    GROUP BY e.sku, e.warehouse, e.order_id
    HAVING sum(e.on_hand) <> 0 OR sum(e.reserved) <> 0
)
SELECT sku, warehouse, on_hand, reserved, queued, missing FROM booked;

INSERT INTO inventory.allocations
    (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, status, owner)
SELECT allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, 'CONFIRMED', 'ORDER'
FROM unnest(string_to_array('alloc_' || lpad(:n::text, 32, '9'), ','),
            string_to_array(lpad(:n::text, 36, '9'), ','), string_to_array('1', ',')::bigint[],
            string_to_array('1', ','), string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ','),
            string_to_array('main', ','), string_to_array('1', ',')::bigint[])
    AS h (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity)
ON CONFLICT (order_id, line_id, warehouse, epoch) WHERE status IN ('PENDING', 'CONFIRMED')
DO UPDATE SET quantity = allocations.quantity + excluded.quantity, updated_at = now()
RETURNING order_id, epoch, allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
          xmax = 0 AS is_new;

WITH new AS (
    SELECT * FROM UNNEST(
        string_to_array(lpad(to_hex(:n::bigint), 31, 'f') || '1' || ',' ||
                        lpad(to_hex(:n::bigint), 31, 'f') || '2',
                        ',')::uuid[],
        string_to_array('AllocationCreated,AllocationConfirmed', ','),
        string_to_array('Allocation,Allocation', ','),
        string_to_array('alloc_' || lpad(:n::text, 32, '9') || ',' ||
                        'alloc_' || lpad(:n::text, 32, '9'), ','),
        string_to_array(
            '{"sku": "BENCH-' || lpad(:item::text, 6, '0') || '", "status": "PENDING", "orderId": "' ||
            lpad(:n::text, 36, '9') || '", "quantity": 1, "productId": "BENCH-' ||
            lpad(:item::text, 6, '0') || '", "orderItemId": "1", "warehouseId": "main", "allocationId": "alloc_' ||
            lpad(:n::text, 32, '9') || '", "inventoryItemId": "BENCH-' || lpad(:item::text, 6, '0') ||
            '", "inventoryItemDetails": ' ||
            '{"newReservedQuantity": 1, "newAvailableQuantity": 99999999, "previousReservedQuantity": 0, ' ||
            '"previousAvailableQuantity": 100000000}}' || '|' ||
            '{"sku": "BENCH-' || lpad(:item::text, 6, '0') || '", "status": "CONFIRMED", "orderId": "' ||
            lpad(:n::text, 36, '9') || '", "quantity": 1, "productId": "BENCH-' ||
            lpad(:item::text, 6, '0') || '", "orderItemId": "1", "warehouseId": "main", "allocationId": "alloc_' ||
            lpad(:n::text, 32, '9') || '", "inventoryItemId": "BENCH-' || lpad(:item::text, 6, '0') ||
            '", "inventoryItemDetails": ' ||
            '{"newReservedQuantity": 1, "newAvailableQuantity": 99999999, "previousReservedQuantity": 0, ' ||
            '"previousAvailableQuantity": 100000000}}', '|')::jsonb[],
        string_to_array('stock/main/BENCH-' || lpad(:item::text, 6, '0') || ',' ||
                        'stock/main/BENCH-' || lpad(:item::text, 6, '0'),
                        ','),
        string_to_array('BENCH-' || lpad(:item::text, 6, '0') || ',' ||
                        'BENCH-' || lpad(:item::text, 6, '0'), ',')
    ) WITH ORDINALITY
        AS n (event_id, event_type, aggregate_type, aggregate_id, payload, stream, partition_key, position)
), counted AS (
    INSERT INTO integration.streams AS s (stream, sequence)
    SELECT stream, count(*) FROM new GROUP BY stream ORDER BY stream
    ON CONFLICT ON CONSTRAINT streams_pk DO UPDATE SET sequence = s.sequence + EXCLUDED.sequence
    RETURNING stream, sequence
), written AS (
    INSERT INTO integration.outbox
        (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream, partition_key, lane,
         sequence)
    SELECT event_id, event_type, aggregate_type, aggregate_id, lpad(:n::text, 36, 'c'), payload, stream,
           partition_key, hashtextextended(partition_key, 0) & 15,
           counted.sequence - count(*) OVER (PARTITION BY stream)
               + row_number() OVER (PARTITION BY stream ORDER BY position)
    FROM new JOIN counted USING (stream)
    ORDER BY position
    RETURNING outbox_id, occurred_at, lane, stream, event_type
)
INSERT INTO integration.deliveries (sink, outbox_id, occurred_at, lane, stream)
SELECT sink, outbox_id, occurred_at, lane, stream
FROM written JOIN integration.sinks s ON s.event_types IS NULL OR written.event_type = ANY (s.event_types);

WITH before AS (
    SELECT placed_event_at IS NULL AS is_unannounced FROM orders.orders
    WHERE order_id = lpad(:n::text, 36, '9') FOR NO KEY UPDATE
), moved AS (
    UPDATE orders.orders o
    SET status = 'CONFIRMED', condition = CASE WHEN parked THEN condition END,
        condition_reason = CASE WHEN parked THEN condition_reason END, held_by = NULL, updated_at = now(),
        placed_event_at = COALESCE(placed_event_at, now())
    FROM before, (SELECT EXISTS (SELECT 1 FROM orders.attention
                                 WHERE order_id = lpad(:n::text, 36, '9') AND resolved_at IS NULL) AS parked) AS waits
    WHERE order_id = lpad(:n::text, 36, '9') AND status = ANY ('{PENDING}')
    RETURNING before.is_unannounced, o.order_id, o.order_number, o.correlation_id, o.shop, o.shopify_order_id,
        o.cancelled_by,
        ARRAY(SELECT line_id FROM orders.lines l WHERE l.order_id = o.order_id AND l.sku <> ''
              AND COALESCE(l.current_quantity, l.quantity) > 0 ORDER BY position) AS line_ids,
        ARRAY(SELECT sku FROM orders.lines l WHERE l.order_id = o.order_id AND l.sku <> ''
              AND COALESCE(l.current_quantity, l.quantity) > 0 ORDER BY position) AS skus,
        ARRAY(SELECT COALESCE(l.current_quantity, l.quantity) FROM orders.lines l
              WHERE l.order_id = o.order_id AND l.sku <> ''
              AND COALESCE(l.current_quantity, l.quantity) > 0 ORDER BY position) AS quantities
), noted AS (
    INSERT INTO orders.timeline (order_id, event, detail) SELECT order_id, 'RESERVED', 'main' FROM moved
)
SELECT * FROM moved;

WITH new AS (
    SELECT * FROM UNNEST(
        string_to_array(lpad(to_hex(:n::bigint), 31, 'f') || '3' || ',' ||
                        lpad(to_hex(:n::bigint), 31, 'f') || '4',
                        ',')::uuid[],
        string_to_array('ORDER_PLACED,ORDER_CONFIRMED', ','),
        string_to_array('Order,Order', ','),
        string_to_array(lpad(:n::text, 36, '9') || ',' ||
                        lpad(:n::text, 36, '9'), ','),
        string_to_array(
            '{"shop": null, "items": [{"sku": "BENCH-' || lpad(:item::text, 6, '0') || '", "quantity": 1, ' ||
            '"orderItemId": "1", "inventoryItemId": "BENCH-' || lpad(:item::text, 6, '0') || '"}], "status": ' ||
            '"PENDING", "orderId": "' || lpad(:n::text, 36, '9') || '", "orderNumber": "ORD-19700101-' ||
            lpad(upper(to_hex(:n::bigint)), 8, '0') ||
            '", "shopifyOrderId": null, "requiresPreAllocation": false}' || '|' ||
            '{"shop": null, "items": [{"sku": "BENCH-' || lpad(:item::text, 6, '0') || '", "quantity": 1, ' ||
            '"orderItemId": "1", "inventoryItemId": "BENCH-' || lpad(:item::text, 6, '0') || '"}], "status": ' ||
            '"CONFIRMED", "orderId": "' || lpad(:n::text, 36, '9') || '", "orderNumber": "ORD-19700101-' ||
            lpad(upper(to_hex(:n::bigint)), 8, '0') ||
            '", "shopifyOrderId": null, "requiresPreAllocation": false}', '|')::jsonb[],
        string_to_array('order/' || lpad(:n::text, 36, '9') || ',' ||
                        'order/' || lpad(:n::text, 36, '9'),
                        ','),
        string_to_array(lpad(:n::text, 36, '9') || ',' ||
                        lpad(:n::text, 36, '9'), ',')
    ) WITH ORDINALITY
        AS n (event_id, event_type, aggregate_type, aggregate_id, payload, stream, partition_key, position)
), counted AS (
    INSERT INTO integration.streams AS s (stream, sequence)
    SELECT stream, count(*) FROM new GROUP BY stream ORDER BY stream
    ON CONFLICT ON CONSTRAINT streams_pk DO UPDATE SET sequence = s.sequence + EXCLUDED.sequence
    RETURNING stream, sequence
), written AS (
    INSERT INTO integration.outbox
        (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream, partition_key, lane,
         sequence)
    SELECT event_id, event_type, aggregate_type, aggregate_id, lpad(:n::text, 36, 'c'), payload, stream,
           partition_key, hashtextextended(partition_key, 0) & 15,
           counted.sequence - count(*) OVER (PARTITION BY stream)
               + row_number() OVER (PARTITION BY stream ORDER BY position)
    FROM new JOIN counted USING (stream)
    ORDER BY position
    RETURNING outbox_id, occurred_at, lane, stream, event_type
)
INSERT INTO integration.deliveries (sink, outbox_id, occurred_at, lane, stream)
SELECT sink, outbox_id, occurred_at, lane, stream
FROM written JOIN integration.sinks s ON s.event_types IS NULL OR written.event_type = ANY (s.event_types);

-- The answer, kept for whoever asks again: as long as a real one.
UPDATE orders.idempotency_keys
SET status = 201, body = rpad('{"message":"Order placed successfully","orderId":"' || lpad(:n::text, 36, '9'), 810, '-')
WHERE caller = 'admin' AND key = lpad(:n::text, 36, '9');

COMMIT;
