//! The rules of rest proven: an order that does what its newest body says, and what breaks each rule.

use super::look;
use crate::world;

/// One order of two pieces that left in one parcel, as the shop shows it after it was told.
const CLEAN: &str = r#"
INSERT INTO inventory.items (sku, name) VALUES ('A', 'A');
INSERT INTO inventory.stock (sku, warehouse, on_hand, reserved) VALUES ('A', 'main', 8, 0);
INSERT INTO orders.orders (order_id, order_number, workflow_id, channel, shop, shopify_order_id, name, status, currency,
                           total_amount, financial_status, correlation_id, received_at, story_ended_at,
                           content_updated_at)
VALUES ('o', 'N-1', 'order/s/1', 'SHOPIFY', 's', 1, '#1', 'SHIPPED', 'EUR', 1, 'paid', 'c', now(), now(),
        '2026-01-01T00:00:02Z');
INSERT INTO inventory.reservations (order_id, epoch, status) VALUES ('o', 1, 'FULFILLED');
INSERT INTO orders.fulfilment_requests (reference, order_id, warehouse, round, lines, pieces)
VALUES ('N-1-main-1', 'o', 'main', 1, '[]', 2);
INSERT INTO orders.parcels (reference, parcel_id, order_id, warehouse, status, sequence, lines, booked_at,
                              tracking_number)
VALUES ('N-1-main-1', 'p', 'o', 'main', 'shipped', 1, '[]', now(), 'T-1');
INSERT INTO inventory.fulfilments (order_id, epoch, warehouse, parcel_id, lines)
VALUES ('o', 1, 'main', 'N-1-main-1/p', '[{"sku": "A", "quantity": 2}]');
INSERT INTO integration.inbox (source, shop, message_id, topic, body, state, order_id, settled_at)
SELECT 'shopify', 's', topic, topic, convert_to(body, 'UTF8'), 'DONE', 'o', now()
FROM (VALUES
    ('orders/create', '{"id": 1, "updated_at": "2026-01-01T00:00:01Z", "financial_status": "pending", "cancelled_at": null,
      "line_items": [{"id": 7, "sku": "A", "fulfillable_quantity": 3}], "fulfillments": []}'),
    ('orders/fulfilled', '{"id": 1, "updated_at": "2026-01-01T00:00:02Z", "financial_status": "paid", "cancelled_at": null,
      "line_items": [{"id": 7, "sku": "A", "fulfillable_quantity": 0}],
      "fulfillments": [{"id": 9, "status": "success", "tracking_number": "T-1", "line_items": [{"id": 7, "quantity": 2}]},
                       {"id": 10, "status": "success", "tracking_number": "OF-OTHERS", "line_items": [{"id": 7, "quantity": 1}]}]}')
) AS said (topic, body);
"#;

/// One more message of the shop.
fn said(moment: &str, members: &str) -> String {
    format!(
        r#"INSERT INTO integration.inbox (source, shop, message_id, topic, body, state, order_id, settled_at)
           VALUES ('shopify', 's', 'further', 'orders/updated',
                   convert_to('{{"id": 1, "updated_at": "2026-01-01T00:00:{moment}Z", {members}}}', 'UTF8'),
                   'DONE', 'o', now());"#
    )
}

const TWO_WANTED: &str = r#""financial_status": "paid", "cancelled_at": null, "fulfillments": [],
    "line_items": [{"id": 7, "sku": "A", "fulfillable_quantity": 2}]"#;
const ONE_MORE: &str = r#""financial_status": "paid", "cancelled_at": null, "line_items":
    [{"id": 7, "sku": "A", "fulfillable_quantity": 1}],
    "fulfillments": [{"id": 9, "status": "success", "tracking_number": "T-1", "line_items": [{"id": 7, "quantity": 2}]}]"#;
const TAKEN_BACK: &str = r#""financial_status": "paid", "cancelled_at": null, "line_items":
    [{"id": 7, "sku": "A", "fulfillable_quantity": 0}],
    "fulfillments": [{"id": 9, "status": "cancelled", "tracking_number": "T-1", "line_items": [{"id": 7, "quantity": 2}]}]"#;
const CANCELLED: &str =
    r#""financial_status": "paid", "cancelled_at": "2026-01-01T00:00:03Z", "line_items": []"#;

/// Nothing has left yet, and the story goes on.
const OPEN: &str = "UPDATE orders.orders SET status = 'PROCESSING', story_ended_at = NULL;
    DELETE FROM orders.parcels; DELETE FROM inventory.fulfilments;";
/// Two pieces are kept for it.
const KEPT: &str =
    "INSERT INTO inventory.allocations (allocation_id, order_id, epoch, line_id, sku, warehouse,
                        quantity, status, owner)
    VALUES ('alloc_0123456789abcdef0123456789abcdef', 'o', 1, '7', 'A', 'main', 2, 'CONFIRMED', 'ORDER');";
const SHOWN: &str =
    "INSERT INTO orders.attention (order_id, step, reason) VALUES ('o', 'follow', 'EDITED_TOO_LATE');";

/// What breaks a rule, and what is then said.
fn breaks() -> Vec<(String, &'static str)> {
    let further = said("03", TWO_WANTED);
    vec![
        ("UPDATE orders.parcels SET booked_at = NULL".to_owned(), "was never booked"),
        (SHOWN.to_owned(), "order N-1 is said to be edited too late, and left as it is wanted"),
        (said("03", ONE_MORE), r#"SHIPPED (none), but by its newest body {"A": 3} is wanted; {"A": 2} left"#),
        (said("03", TAKEN_BACK), r#"{} is wanted; {"A": 2} left"#),
        (said("03", CANCELLED), "it is cancelled"),
        // However old the body that says so.
        (said("00", CANCELLED), "it is cancelled"),
        (
            "UPDATE orders.orders SET status = 'CANCELLED', cancelled_by = 'shopify'".to_owned(),
            "it is not cancelled",
        ),
        (
            format!(
                "{OPEN} {further} UPDATE orders.orders SET condition = 'IGNORED', condition_reason = 'NOTHING_TO_SHIP'"
            ),
            r#"(IGNORED), but by its newest body {"A": 2} is wanted"#,
        ),
        (
            format!(
                "{OPEN} {further} UPDATE orders.orders SET status = 'PENDING', condition = 'AWAITING_PAYMENT'"
            ),
            "it is paid",
        ),
        (format!("{OPEN} {further}"), r#"{"A": 2} is wanted; {} left and {} is kept"#),
    ]
}

/// What breaks no rule.
fn keeps() -> Vec<String> {
    vec![
        // Older than what is known, or decided by the shop as two of one moment disagree.
        said("01", ONE_MORE),
        said("02", ONE_MORE),
        // A person is to look.
        format!("{} {SHOWN}", said("03", ONE_MORE)),
        format!("{} {SHOWN}", said("03", CANCELLED)),
        // The shop's own order was read later.
        format!(
            "{} UPDATE orders.orders SET content_updated_at = '2026-01-01T00:00:04Z'",
            said("03", ONE_MORE)
        ),
        format!("{OPEN} {} {KEPT}", said("03", TWO_WANTED)),
    ]
}

#[test]
fn each_rule_of_rest_finds_what_breaks_it_and_nothing_in_an_order_that_follows_the_shop() {
    world::run(async {
        let pool = world::database().await;
        let found = async |sql: &str| {
            let mut tx = pool.begin().await.unwrap();
            sqlx::raw_sql(CLEAN).execute(&mut *tx).await.unwrap();
            let sql = sqlx::AssertSqlSafe(sql.to_owned());
            sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{error}"));
            let found = look(&mut tx).await;
            tx.rollback().await.unwrap();
            found
        };
        assert_eq!(found("").await, Vec::<String>::new());
        for sql in keeps() {
            assert_eq!(found(&sql).await, Vec::<String>::new(), "{sql}");
        }
        for (sql, said) in breaks() {
            let found = found(&sql).await;
            assert!(found.iter().any(|finding| finding.contains(said)), "{sql}\nfound {found:?}");
        }
    });
}
