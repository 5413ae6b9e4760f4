//! What the database must say of itself. Each rule is a query that returns a sentence per violation.

use sqlx::PgConnection;

/// The rules of stock, inbox, events, timeline and parked steps.
const RULES: [&str; 18] = [
    // Stock.
    "SELECT format('%s in %s: %s reserved of %s on hand', sku, warehouse, reserved, on_hand)
     FROM inventory.stock WHERE reserved NOT BETWEEN 0 AND on_hand",
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
           WHERE aggregate_type = 'Order' WINDOW per_order AS (PARTITION BY aggregate_id ORDER BY outbox_id)) AS told
     WHERE rank IS NULL OR rank <= rank_before OR before = 'ORDER_CANCELLED'",
    "SELECT format('order %s is %s and %s events say so', o.order_number, o.status, count(e.outbox_id))
     FROM orders.orders o
     LEFT JOIN integration.outbox e ON e.aggregate_id = o.order_id AND e.event_type = 'ORDER_' || o.status
     WHERE o.status <> 'PENDING' GROUP BY o.order_id HAVING count(e.outbox_id) <> 1",
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
    "SELECT format('parcel %s of order %s was booked %s times', s.shipment_id, s.order_id, count(*))
     FROM orders.shipments s JOIN inventory.fulfilments f
         ON f.order_id = s.order_id AND f.shipment_id = s.reference || '/' || s.shipment_id
     GROUP BY s.shipment_id, s.order_id HAVING count(*) > 1",
    "SELECT format('parcel %s of order %s is booked as left, but its stock is not', s.shipment_id, s.order_id)
     FROM orders.shipments s WHERE booked_at IS NOT NULL
     AND NOT EXISTS (SELECT FROM inventory.fulfilments f
                     WHERE f.order_id = s.order_id AND f.shipment_id = s.reference || '/' || s.shipment_id)",
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

/// One SKU, and one order that was reserved, handed over and shipped, with the events of it.
const CLEAN: &str = "
INSERT INTO inventory.items (sku, name) VALUES ('A', 'A');
INSERT INTO inventory.stock (sku, warehouse, on_hand, reserved) VALUES ('A', 'main', 8, 0);
INSERT INTO inventory.movements (sku, warehouse, on_hand_change, reserved_change, reason)
VALUES ('A', 'main', 10, 0, 'OPENING_STOCK'), ('A', 'main', 0, 2, 'RESERVATION'), ('A', 'main', -2, -2, 'FULFILMENT');
INSERT INTO orders.orders (order_id, order_number, workflow_id, channel, shop, shopify_order_id, name, status, currency,
                           total_amount, financial_status, correlation_id, received_at, story_ended_at)
VALUES ('o', 'N-1', 'order/s/1', 'SHOPIFY', 's', 1, '#1', 'SHIPPED', 'EUR', 1, 'paid', 'c', now(), now());
INSERT INTO inventory.reservations (order_id, epoch, status) VALUES ('o', 1, 'FULFILLED');
INSERT INTO inventory.allocations (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, fulfilled_quantity,
                                   status, owner)
VALUES ('alloc_0123456789abcdef0123456789abcdef', 'o', 1, '1', 'A', 'main', 2, 2, 'FULFILLED', 'ORDER');
INSERT INTO orders.hand_overs (reference, order_id, warehouse, round, lines, pieces)
VALUES ('N-1-main-1', 'o', 'main', 1, '[]', 2);
INSERT INTO orders.shipments (reference, shipment_id, order_id, warehouse, status, sequence, lines, booked_at)
VALUES ('N-1-main-1', 'p', 'o', 'main', 'shipped', 1, '[]', now());
INSERT INTO inventory.fulfilments (order_id, epoch, warehouse, shipment_id, lines)
VALUES ('o', 1, 'main', 'N-1-main-1/p', '[]');
INSERT INTO integration.inbox (source, shop, message_id, topic, body, state, order_id, settled_at)
VALUES ('shopify', 's', 'm', 'orders/create', '{\"id\": 1}', 'DONE', 'o', now());
INSERT INTO integration.outbox (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload)
SELECT gen_random_uuid(), 'ORDER_' || step, 'Order', 'o', 'c', '{}'
FROM unnest(ARRAY['PLACED', 'CONFIRMED', 'PROCESSING', 'SHIPPED']) WITH ORDINALITY AS s (step, n) ORDER BY n;
INSERT INTO orders.timeline (order_id, event)
SELECT 'o', step FROM unnest(ARRAY['RECEIVED', 'RESERVED', 'HANDED_OVER', 'SHIPPED']) WITH ORDINALITY AS s (step, n)
ORDER BY n;
";

/// What breaks each rule, and what is then said.
const BREAKS: [(&str, &str); 18] = [
    (
        "ALTER TABLE inventory.stock DROP CONSTRAINT stock_reserved_within_on_hand;
         UPDATE inventory.stock SET reserved = 9",
        "A in main: 9 reserved of 8 on hand",
    ),
    ("UPDATE inventory.stock SET on_hand = 9", "the movements do not add up"),
    ("UPDATE inventory.stock SET reserved = 1", "1 reserved, but 0 held by orders"),
    ("UPDATE inventory.stock SET queued = 1", "1 queued, but 0 waiting"),
    ("UPDATE inventory.allocations SET status = 'CONFIRMED', fulfilled_quantity = 1", "has ended but still holds 1 of A"),
    (
        "INSERT INTO inventory.waiting (order_id, epoch, line_id, sku, warehouse, quantity)
         VALUES ('o', 1, '1', 'A', 'main', 1)",
        "has ended but still waits for 1 of A",
    ),
    ("UPDATE orders.orders SET status = 'CANCELLED'", "holds stock after it was cancelled"),
    ("UPDATE integration.inbox SET order_id = NULL", "message m is done but in no order"),
    ("UPDATE integration.inbox SET body = '{\"id\": 2}'", "is in another order"),
    ("UPDATE integration.inbox SET state = 'SKIPPED'", "message m is SKIPPED without a reason"),
    (
        "UPDATE integration.inbox SET state = 'RECEIVED', settled_at = NULL, received_at = now() - interval '1 hour'",
        "message m has waited since",
    ),
    (
        "INSERT INTO integration.outbox (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload)
         VALUES (gen_random_uuid(), 'ORDER_PROCESSING', 'Order', 'o', 'c', '{}')",
        "the event ORDER_PROCESSING comes after ORDER_SHIPPED",
    ),
    ("DELETE FROM integration.outbox WHERE event_type = 'ORDER_SHIPPED'", "order N-1 is SHIPPED and 0 events say so"),
    ("UPDATE integration.outbox SET payload = '{\"city\": \"Secretville\"}'", "holds personal data"),
    ("INSERT INTO orders.timeline (order_id, event) VALUES ('o', 'RESERVED')", "RESERVED comes after SHIPPED"),
    (
        "INSERT INTO orders.attention (order_id, step, reason) VALUES ('o', 'recall', 'TIMEOUT')",
        "recall still waits for an operator",
    ),
    (
        "INSERT INTO inventory.warehouses (warehouse_id) VALUES ('west');
         INSERT INTO inventory.fulfilments (order_id, epoch, warehouse, shipment_id, lines)
         VALUES ('o', 1, 'west', 'N-1-main-1/p', '[]')",
        "was booked 2 times",
    ),
    ("DELETE FROM inventory.fulfilments", "is booked as left, but its stock is not"),
];

#[test]
fn each_rule_of_the_books_finds_what_breaks_it_and_nothing_else() {
    crate::world::run(async {
        let pool = crate::world::database().await;
        let mut tx = pool.begin().await.unwrap();
        sqlx::raw_sql(CLEAN).execute(&mut *tx).await.unwrap();
        assert_eq!(check(&mut tx).await, Vec::<String>::new());
        assert_eq!(BREAKS.len(), RULES.len());
        tx.commit().await.unwrap();
        for (sql, said) in BREAKS {
            let mut tx = pool.begin().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
            let found = check(&mut tx).await;
            assert!(found.iter().any(|finding| finding.contains(said)), "{sql}\nfound {found:?}");
            tx.rollback().await.unwrap();
        }
    });
}
