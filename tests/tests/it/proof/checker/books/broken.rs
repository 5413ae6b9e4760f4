//! Each rule of the books proven: clean books, and for each rule what breaks it.

use super::{RULES, check};
use crate::world;

/// One SKU, and one order that was reserved, handed over and shipped, with the events of it.
const CLEAN: &str = "
INSERT INTO inventory.items (sku, name) VALUES ('A', 'A');
INSERT INTO inventory.stock (sku, warehouse, on_hand, reserved) VALUES ('A', 'main', 9, 0);
INSERT INTO inventory.movements (sku, warehouse, on_hand_change, reserved_change, reason)
VALUES ('A', 'main', 10, 0, 'OPENING_STOCK'), ('A', 'main', 0, 2, 'RESERVATION'), ('A', 'main', -2, -2, 'FULFILMENT');
INSERT INTO inventory.movements (sku, warehouse, on_hand_change, reserved_change, reason, reference)
VALUES ('A', 'main', 1, 0, 'RETURN', 'N-1 ret_00000000000000000000000000000001');
INSERT INTO orders.orders (order_id, order_number, workflow_id, channel, shop, shopify_order_id, name, status, currency,
                           total_amount, financial_status, correlation_id, received_at, story_ended_at)
VALUES ('o', 'N-1', 'order/s/1', 'SHOPIFY', 's', 1, '#1', 'SHIPPED', 'EUR', 1, 'paid', 'c', now(), now());
INSERT INTO inventory.reservations (order_id, epoch, status) VALUES ('o', 1, 'FULFILLED');
INSERT INTO inventory.allocations (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, fulfilled_quantity,
                                   status, owner)
VALUES ('alloc_0123456789abcdef0123456789abcdef', 'o', 1, '1', 'A', 'main', 2, 2, 'FULFILLED', 'ORDER');
INSERT INTO orders.fulfilment_requests (reference, order_id, warehouse, round, lines, pieces)
VALUES ('N-1-main-1', 'o', 'main', 1, '[]', 2);
INSERT INTO orders.parcels (reference, parcel_id, order_id, warehouse, status, sequence, lines, booked_at)
VALUES ('N-1-main-1', 'p', 'o', 'main', 'shipped', 1, '[]', now());
INSERT INTO inventory.fulfilments (order_id, epoch, warehouse, parcel_id, lines)
VALUES ('o', 1, 'main', 'N-1-main-1/p', '[]');
INSERT INTO integration.inbox (source, shop, message_id, topic, body, state, order_id, settled_at)
VALUES ('shopify', 's', 'm', 'orders/create', '{\"id\": 1}', 'DONE', 'o', now());
INSERT INTO integration.outbox (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream,
                                partition_key, lane, sequence)
SELECT gen_random_uuid(), step, 'Allocation', 'alloc_0123456789abcdef0123456789abcdef', 'c',
       jsonb_build_object('status', status, 'inventoryItemDetails', jsonb_build_object(
           'previousReservedQuantity', before, 'newReservedQuantity', after)), 'stock/main/A', 'A', 1, n
FROM (VALUES (1, 'AllocationCreated', 'PENDING', 0, 2), (2, 'AllocationConfirmed', 'CONFIRMED', 2, 2),
             (3, 'AllocationFulfilled', 'FULFILLED', 2, 0)) AS s (n, step, status, before, after) ORDER BY n;
INSERT INTO integration.outbox (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream,
                                partition_key, lane, sequence)
SELECT gen_random_uuid(), 'ORDER_' || step, 'Order', 'o', 'c', '{}', 'order/o', 'o', 0, n
FROM unnest(ARRAY['PLACED', 'CONFIRMED', 'PROCESSING', 'SHIPPED']) WITH ORDINALITY AS s (step, n) ORDER BY n;
INSERT INTO orders.lines (order_id, position, line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
                          requires_shipping)
VALUES ('o', 1, '1', 'A', 'A', 2, 0, 1, true);
INSERT INTO orders.returns (return_id, order_id, state, source)
VALUES ('ret_00000000000000000000000000000001', 'o', 'RECEIVED', 'API');
INSERT INTO orders.return_lines (return_id, line_id, sku, warehouse, announced, received_sellable, received_unsellable)
VALUES ('ret_00000000000000000000000000000001', '1', 'A', 'main', 2, 1, 1);
INSERT INTO orders.return_receipts (return_id, receiver, key)
VALUES ('ret_00000000000000000000000000000001', 'HAND', 'k');
INSERT INTO orders.return_receipt_lines (receipt_id, line_id, sku, warehouse, sellable, quantity, on_hand_before, booked)
SELECT receipt_id, '1', 'A', 'main', sellable, 1, 0, sellable::int FROM orders.return_receipts, (VALUES (true), (false)) AS s (sellable);
INSERT INTO orders.restocked (order_id, line_id, cause, quantity) VALUES ('o', '1', 'receipt', 1);
INSERT INTO integration.outbox (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream,
                                partition_key, lane, sequence)
SELECT gen_random_uuid(), 'ORDER_RETURN_' || step, 'Order', 'o', 'c',
       '{\"returnId\": \"ret_00000000000000000000000000000001\"}', 'order/o', 'o', 0, n
FROM (VALUES ('INITIATED', 5), ('RECEIVED', 6)) AS s (step, n) ORDER BY n;
INSERT INTO orders.timeline (order_id, event)
SELECT 'o', step FROM unnest(ARRAY['RECEIVED', 'RESERVED', 'HANDED_OVER', 'SHIPPED']) WITH ORDINALITY AS s (step, n)
ORDER BY n;
";

/// What breaks each rule, and what is then said.
const BREAKS: [(&str, &str); 26] = [
    (
        "ALTER TABLE inventory.stock DROP CONSTRAINT stock_reserved_within_on_hand;
         UPDATE inventory.stock SET reserved = 10",
        "A in main: 10 reserved of 9 on hand",
    ),
    ("UPDATE inventory.stock SET missing = 1", "A in main: 9 free while 1 are missing"),
    ("UPDATE inventory.stock SET on_hand = 10", "the movements do not add up"),
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
        "INSERT INTO integration.outbox (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload,
                                         stream, partition_key, lane, sequence)
         VALUES (gen_random_uuid(), 'ORDER_PROCESSING', 'Order', 'o', 'c', '{}', 'order/o', 'o', 0, 7)",
        "the event ORDER_PROCESSING comes after ORDER_SHIPPED",
    ),
    ("DELETE FROM integration.outbox WHERE event_type = 'ORDER_SHIPPED'", "order N-1 is SHIPPED and 0 events say so"),
    ("UPDATE integration.outbox SET sequence = 9 WHERE event_type = 'ORDER_SHIPPED'", "sequence 9 is the 4."),
    (
        "UPDATE integration.outbox SET payload = jsonb_set(payload, '{inventoryItemDetails,newReservedQuantity}', '1')
         WHERE event_type = 'AllocationConfirmed'",
        "AllocationFulfilled finds 2 reserved where 1 were",
    ),
    (
        "DELETE FROM integration.outbox WHERE event_type = 'AllocationFulfilled'",
        "is FULFILLED, but its last event is AllocationConfirmed",
    ),
    ("UPDATE integration.outbox SET payload = '{\"city\": \"Secretville\"}'", "holds personal data"),
    ("INSERT INTO orders.timeline (order_id, event) VALUES ('o', 'RESERVED')", "RESERVED comes after SHIPPED"),
    (
        "INSERT INTO orders.attention (order_id, step, reason) VALUES ('o', 'recall', 'TIMEOUT')",
        "recall still waits for an operator",
    ),
    (
        "INSERT INTO inventory.warehouses (warehouse_id) VALUES ('west');
         INSERT INTO inventory.fulfilments (order_id, epoch, warehouse, parcel_id, lines)
         VALUES ('o', 1, 'west', 'N-1-main-1/p', '[]')",
        "was booked 2 times",
    ),
    ("DELETE FROM inventory.fulfilments", "is booked as left, but its stock is not"),
    ("UPDATE orders.return_lines SET received_sellable = 0", "0 and 1 of line 1 came, and its receipts say 1 and 1"),
    (
        "INSERT INTO inventory.movements (sku, warehouse, on_hand_change, reserved_change, reason, reference)
         VALUES ('A', 'main', 1, 0, 'RETURN', 'N-1 ret_00000000000000000000000000000001');
         UPDATE inventory.stock SET on_hand = on_hand + 1",
        "its receipts put 1 of A on hand in main, and its movements 2",
    ),
    (
        "INSERT INTO orders.restocked (order_id, line_id, cause, quantity) VALUES ('o', '1', 'refund', 1)",
        "3 pieces of line 1 came back by returns and by the shop's word, and 2 were ordered",
    ),
    (
        "UPDATE integration.outbox SET event_type = 'ORDER_RETURN_INITIATED' WHERE event_type = 'ORDER_RETURN_RECEIVED'",
        "2 events say that it is to come, and 0 of 1 receipts are told",
    ),
];

#[test]
fn each_rule_of_the_books_finds_what_breaks_it_and_nothing_in_clean_ones() {
    world::run(async {
        let pool = world::database().await;
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
