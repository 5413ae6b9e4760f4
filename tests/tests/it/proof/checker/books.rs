//! What the database must say of itself. Each rule is a query that returns a sentence per violation.

mod broken;

use sqlx::PgConnection;

/// The rules of stock, inbox, events, timeline, parked steps and returns.
const RULES: [&str; 26] = [
    // Stock.
    "SELECT format('%s in %s: %s reserved of %s on hand', sku, warehouse, reserved, on_hand)
     FROM inventory.stock WHERE reserved NOT BETWEEN 0 AND on_hand",
    "SELECT format('%s in %s: %s free while %s are missing', sku, warehouse, on_hand - reserved, missing)
     FROM inventory.stock WHERE missing > 0 AND on_hand > reserved",
    "SELECT format('%s in %s: the movements do not add up to the stock (%s and %s, the stock says %s on hand and %s reserved)',
                   s.sku, s.warehouse, m.on_hand, m.reserved, s.on_hand, s.reserved)
     FROM inventory.stock s
     LEFT JOIN (SELECT sku, warehouse, sum(on_hand_change) AS on_hand, sum(reserved_change) AS reserved
                FROM inventory.movements GROUP BY sku, warehouse) m USING (sku, warehouse)
     WHERE s.on_hand <> COALESCE(m.on_hand, 0) OR s.reserved <> COALESCE(m.reserved, 0)",
    "SELECT format('%s in %s: %s reserved, but %s held by orders', s.sku, s.warehouse, s.reserved, COALESCE(a.held, 0))
     FROM inventory.stock s
     LEFT JOIN (SELECT sku, warehouse, sum(quantity - fulfilled_quantity) AS held FROM inventory.allocations
                WHERE status IN ('PENDING', 'CONFIRMED') GROUP BY sku, warehouse) a USING (sku, warehouse)
     WHERE s.reserved <> COALESCE(a.held, 0)",
    "SELECT format('%s in %s: %s queued, but %s waiting', s.sku, s.warehouse, s.queued, COALESCE(w.waiting, 0))
     FROM inventory.stock s
     LEFT JOIN (SELECT sku, warehouse, sum(quantity) AS waiting FROM inventory.waiting GROUP BY sku, warehouse) w
         USING (sku, warehouse)
     WHERE s.queued <> COALESCE(w.waiting, 0)",
    "SELECT format('order %s has ended but still holds %s of %s', o.order_number, a.quantity - a.fulfilled_quantity, a.sku)
     FROM orders.orders o JOIN inventory.allocations a USING (order_id)
     WHERE o.story_ended_at IS NOT NULL AND a.status IN ('PENDING', 'CONFIRMED')",
    "SELECT format('order %s has ended but still waits for %s of %s', o.order_number, w.quantity, w.sku)
     FROM orders.orders o JOIN inventory.waiting w USING (order_id) WHERE o.story_ended_at IS NOT NULL",
    "SELECT format('order %s holds stock after it was cancelled', o.order_number)
     FROM orders.orders o JOIN inventory.allocations a USING (order_id)
     WHERE o.status = 'CANCELLED' AND a.status <> 'CANCELLED'",
    // Inbox: exactly one order, or a reason, or just arrived.
    "SELECT format('message %s is done but in no order', message_id)
     FROM integration.inbox i WHERE state = 'DONE'
     AND NOT EXISTS (SELECT FROM orders.orders o WHERE o.order_id = i.order_id)",
    "SELECT format('message %s of order %s is in another order', i.message_id, o.order_number)
     FROM integration.inbox i JOIN orders.orders o USING (order_id)
     WHERE i.source = 'shopify' AND i.state = 'DONE'
     AND i.topic IN ('orders/create', 'orders/updated', 'orders/paid', 'orders/cancelled', 'orders/fulfilled',
                     'orders/partially_fulfilled')
     AND (i.shop, convert_from(i.body, 'UTF8')::jsonb ->> 'id')
         IS DISTINCT FROM (o.shop, o.shopify_order_id::text)",
    "SELECT format('message %s is %s without a reason', message_id, state)
     FROM integration.inbox WHERE state IN ('SKIPPED', 'STORED', 'UNREADABLE') AND reason IS NULL",
    "SELECT format('message %s has waited since %s without a reason', message_id, received_at)
     FROM integration.inbox WHERE settled_at IS NULL AND reason IS NULL AND received_at < now() - interval '30 seconds'",
    // Events and timeline.
    "SELECT format('order %s: the event %s comes after %s', aggregate_id, event_type, before)
     FROM (SELECT aggregate_id, event_type, array_position(steps, event_type) AS rank,
                  lag(event_type) OVER per_order AS before,
                  lag(array_position(steps, event_type)) OVER per_order AS rank_before
           FROM integration.outbox,
                (SELECT ARRAY['ORDER_PLACED', 'ORDER_CONFIRMED', 'ORDER_PROCESSING', 'ORDER_SHIPPED',
                              'ORDER_DELIVERED', 'ORDER_CANCELLED'] AS steps) AS life
           WHERE aggregate_type = 'Order' AND event_type NOT IN ('ORDER_RETURN_INITIATED', 'ORDER_RETURN_RECEIVED')
           WINDOW per_order AS (PARTITION BY aggregate_id ORDER BY outbox_id)) AS told
     WHERE rank IS NULL OR rank <= rank_before OR before = 'ORDER_CANCELLED'",
    "SELECT format('order %s is %s and %s events say so', o.order_number, o.status, count(e.outbox_id))
     FROM orders.orders o
     LEFT JOIN integration.outbox e ON e.aggregate_id = o.order_id AND e.event_type = 'ORDER_' || o.status
     WHERE o.status <> 'PENDING' GROUP BY o.order_id HAVING count(e.outbox_id) <> 1",
    "SELECT format('stream %s: sequence %s is the %s. by its id', stream, sequence, place)
     FROM (SELECT stream, sequence, row_number() OVER (PARTITION BY stream ORDER BY outbox_id) AS place
           FROM integration.outbox) AS told WHERE sequence <> place",
    "SELECT format('stream %s: %s finds %s reserved where %s were', stream, event_type, found, before)
     FROM (SELECT stream, event_type, sequence,
                  (payload #>> '{inventoryItemDetails,previousReservedQuantity}')::bigint AS found,
                  lag((payload #>> '{inventoryItemDetails,newReservedQuantity}')::bigint, 1, 0::bigint)
                      OVER (PARTITION BY stream ORDER BY sequence) AS before
           FROM integration.outbox WHERE aggregate_type = 'Allocation') AS told
     WHERE found <> before",
    "SELECT format('allocation %s is %s, but its last event is %s', allocation_id, a.status, event_type)
     FROM inventory.allocations a
     LEFT JOIN LATERAL (SELECT event_type, payload ->> 'status' AS status FROM integration.outbox e
                        WHERE e.aggregate_id = a.allocation_id ORDER BY outbox_id DESC LIMIT 1) AS last ON true
     WHERE a.status IS DISTINCT FROM last.status",
    "SELECT format('event %s of %s holds personal data', event_type, aggregate_id) FROM integration.outbox
     WHERE payload::text ~ 'Secretname|grace\\.secret|Secret Street|Secretville'",
    "SELECT format('order %s: %s comes after %s in its timeline', order_id, event, before)
     FROM (SELECT order_id, event, array_position(steps, event) AS rank, lag(event) OVER per_order AS before,
                  lag(array_position(steps, event)) OVER per_order AS rank_before
           FROM orders.timeline,
                (SELECT ARRAY['RECEIVED', 'RESERVED', 'HANDED_OVER', 'SHIPPED', 'DELIVERED', 'CANCELLED'] AS steps) AS life
           WHERE event = ANY (steps) WINDOW per_order AS (PARTITION BY order_id ORDER BY entry_id)) AS told
     WHERE rank <= rank_before",
    // Parked steps and hand-overs.
    "SELECT format('order %s has ended but %s still waits for an operator', o.order_number, a.step)
     FROM orders.orders o JOIN orders.attention a USING (order_id)
     WHERE o.story_ended_at IS NOT NULL AND a.has_run AND a.resolved_at IS NULL",
    "SELECT format('parcel %s of order %s was booked %s times', s.parcel_id, s.order_id, count(*))
     FROM orders.parcels s JOIN inventory.fulfilments f
         ON f.order_id = s.order_id AND f.parcel_id = s.reference || '/' || s.parcel_id
     GROUP BY s.reference, s.parcel_id, s.order_id HAVING count(*) > 1",
    "SELECT format('parcel %s of order %s is booked as left, but its stock is not', s.parcel_id, s.order_id)
     FROM orders.parcels s WHERE booked_at IS NOT NULL
     AND NOT EXISTS (SELECT FROM inventory.fulfilments f
                     WHERE f.order_id = s.order_id
                       AND f.parcel_id IN (s.reference || '/' || s.parcel_id,
                                             s.reference || '/' || s.parcel_id || '/surplus'))",
    // Returns: each piece once, on hand as often as the ledger says, told as often as it was kept.
    "SELECT format('return %s: %s and %s of line %s came, and its receipts say %s and %s', l.return_id, l.received_sellable,
                   l.received_unsellable, l.line_id, COALESCE(r.sellable, 0), COALESCE(r.unsellable, 0))
     FROM orders.return_lines l
     LEFT JOIN (SELECT return_id, line_id, COALESCE(sum(quantity) FILTER (WHERE sellable), 0) AS sellable,
                       COALESCE(sum(quantity) FILTER (WHERE NOT sellable), 0) AS unsellable
                FROM orders.return_receipt_lines JOIN orders.return_receipts USING (receipt_id)
                GROUP BY return_id, line_id) AS r USING (return_id, line_id)
     WHERE (l.received_sellable, l.received_unsellable) <> (COALESCE(r.sellable, 0), COALESCE(r.unsellable, 0))",
    "SELECT format('return %s: its receipts put %s of %s on hand in %s, and its movements %s', return_id, COALESCE(booked, 0),
                   sku, warehouse, COALESCE(moved, 0))
     FROM (SELECT return_id, l.sku, l.warehouse, sum(booked)::bigint AS booked
           FROM orders.return_receipt_lines l JOIN orders.return_receipts USING (receipt_id)
           GROUP BY return_id, l.sku, l.warehouse) AS received
     FULL JOIN (SELECT split_part(reference, ' ', 2) AS return_id, sku, warehouse, sum(on_hand_change)::bigint AS moved
                FROM inventory.movements WHERE reason = 'RETURN' AND starts_with(split_part(reference, ' ', 2), 'ret_')
                GROUP BY 1, sku, warehouse) AS moves USING (return_id, sku, warehouse)
     WHERE COALESCE(booked, 0) <> COALESCE(moved, 0)",
    "SELECT format('order %s: %s pieces of line %s came back by returns and by the shop''s word, and %s were ordered',
                   o.order_number, came.pieces, came.line_id, l.quantity)
     FROM (SELECT order_id, line_id, sum(pieces) AS pieces
           FROM (SELECT order_id, line_id, quantity AS pieces FROM orders.restocked
                 UNION ALL
                 SELECT order_id, l.line_id, l.quantity - l.on_hand_before - l.booked FROM orders.return_receipt_lines l
                 JOIN orders.return_receipts USING (receipt_id) JOIN orders.returns USING (return_id)) AS each_of_them
           GROUP BY order_id, line_id) AS came
     JOIN orders.lines l USING (order_id, line_id) JOIN orders.orders o USING (order_id)
     WHERE came.pieces > l.quantity",
    "SELECT format('return %s: %s events say that it is to come, and %s of %s receipts are told', return_id, initiated,
                   told, kept)
     FROM (SELECT return_id,
                  (SELECT count(*) FROM integration.outbox e WHERE e.aggregate_id = order_id
                   AND event_type = 'ORDER_RETURN_INITIATED' AND payload ->> 'returnId' = return_id) AS initiated,
                  (SELECT count(*) FROM integration.outbox e WHERE e.aggregate_id = order_id
                   AND event_type = 'ORDER_RETURN_RECEIVED' AND payload ->> 'returnId' = return_id) AS told,
                  (SELECT count(*) FROM orders.return_receipts r WHERE r.return_id = returns.return_id) AS kept
           FROM orders.returns JOIN orders.orders o USING (order_id)
           WHERE o.status <> 'CANCELLED'
             AND EXISTS (SELECT FROM orders.return_lines l WHERE l.return_id = returns.return_id)) AS told
     WHERE initiated <> 1 OR told <> kept",
];

/// What is wrong within the database.
pub(super) async fn check(conn: &mut PgConnection) -> Vec<String> {
    let mut findings = Vec::new();
    for rule in RULES {
        let broken: Vec<String> = sqlx::query_scalar(rule)
            .fetch_all(&mut *conn)
            .await
            .unwrap_or_else(|error| panic!("{error}: {rule}"));
        findings.extend(broken);
    }
    findings
}
