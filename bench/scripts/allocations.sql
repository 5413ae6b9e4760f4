-- What POST /allocations runs: one item.
-- The statements are those of the rooms `inventory` and `outbox`;
-- waybill-bench holds the rows they write against the API's own.
--
-- `:n` is another number in every transaction of 63 runs, of up to 64 clients and a million transactions of each; it
-- grows within a client, so that indexes are filled at one end, as by the real ids. Lists are made of text at run time:
-- then their length is as unknown to a plan that is kept as that of the API's parameters. pgbench takes a colon and
-- a letter for a variable, so there is a space after each colon inside a text.

\set counter :counter + 1
\set n (:run * 1048576 + :counter) * 64 + :client_id
\set item random(1, :items)

SELECT number FROM inventory.holders WHERE subject = 'order-service';

BEGIN;

WITH ours AS (
    SELECT EXISTS (SELECT FROM inventory.reservations
                   WHERE order_id = lpad(:n::text, 36, '9') AND epoch BETWEEN 1 AND 4294967295) AS ours
), begun AS (
    INSERT INTO inventory.reservations (order_id, epoch, status)
    SELECT lpad(:n::text, 36, '9'), 4294967296, 'COMPLETE' FROM ours WHERE NOT ours
    ON CONFLICT ON CONSTRAINT reservations_pk DO NOTHING
    RETURNING order_id
)
SELECT ours, EXISTS (SELECT FROM begun) AS begun,
       coalesce(NULL::timestamptz, now() + interval '15 minutes') AS expires_at,
       coalesce(NULL::timestamptz <= now(), false) AS expiry_passed,
       ARRAY (SELECT DISTINCT sku FROM inventory.allocations
              WHERE order_id = lpad(:n::text, 36, '9') AND epoch = 4294967296
                AND line_id = ANY (string_to_array('1', ',')) AND status = 'PENDING') AS pending_skus
FROM ours;

SELECT warehouse_id, active FROM inventory.warehouses ORDER BY priority, warehouse_id;

SELECT sku, warehouse, on_hand, reserved, queued, missing FROM inventory.stock
WHERE sku = ANY (string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ',')) ORDER BY sku, warehouse FOR NO KEY UPDATE;

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
    SELECT bool_and(NOT false OR coalesce(d.reserved <= p.on_hand - p.reserved - p.queued, false)) AS booked
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
    SELECT e.sku, e.warehouse, sum(e.on_hand), sum(e.reserved), 'ALLOCATION', e.order_id, NULL
    FROM entry e JOIN booked USING (sku, warehouse)
    GROUP BY e.sku, e.warehouse, e.order_id
    HAVING sum(e.on_hand) <> 0 OR sum(e.reserved) <> 0
)
SELECT sku, warehouse, on_hand, reserved, queued, missing FROM booked;

INSERT INTO inventory.allocations
    (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, status, owner, expires_at)
SELECT allocation_id, lpad(:n::text, 36, '9'), 4294967296, line_id, sku, warehouse, quantity, 'PENDING', 'SERVICE',
       now() + interval '15 minutes'
FROM unnest(string_to_array('alloc_' || lpad(:n::text, 32, '9'), ','), string_to_array('1', ','),
            string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ','), string_to_array('main', ','),
            string_to_array('1', ',')::bigint[])
    AS n (allocation_id, line_id, sku, warehouse, quantity)
RETURNING allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause, order_id, epoch,
          expires_at, created_at, updated_at;

WITH new AS (
    SELECT * FROM UNNEST(
        string_to_array(lpad(to_hex(:n::bigint), 31, 'f') || '1',
                        ',')::uuid[],
        string_to_array('AllocationCreated', ','),
        string_to_array('Allocation', ','),
        string_to_array('alloc_' || lpad(:n::text, 32, '9'), ','),
        string_to_array(
            '{"sku": "BENCH-' || lpad(:item::text, 6, '0') || '", "status": "PENDING", "orderId": "' ||
            lpad(:n::text, 36, '9') || '", "quantity": 1, "expiresAt": "2026-01-01T00.00.00.000000Z", ' ||
            '"productId": "BENCH-' ||
            lpad(:item::text, 6, '0') || '", "orderItemId": "1", "warehouseId": "main", "allocationId": "alloc_' ||
            lpad(:n::text, 32, '9') || '", "inventoryItemId": "BENCH-' || lpad(:item::text, 6, '0') ||
            '", "inventoryItemDetails": ' ||
            '{"newReservedQuantity": 1, "newAvailableQuantity": 99999999, "previousReservedQuantity": 0, ' ||
            '"previousAvailableQuantity": 100000000}}', '|')::jsonb[],
        string_to_array('stock/main/BENCH-' || lpad(:item::text, 6, '0'),
                        ','),
        string_to_array('BENCH-' || lpad(:item::text, 6, '0'), ',')
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

COMMIT;
