//! The independent auditor of the stock's books. It reads tables, not the room's own code.

use sqlx::{PgConnection, PgPool, Row};

/// Each rule with the query that finds what breaks it, as text.
const RULES: [(&str, &str); 9] = [
    (
        "stock is the sum of its movements",
        "SELECT format('%s', s) FROM inventory.stock s
         LEFT JOIN (SELECT sku, warehouse, sum(on_hand_change) AS on_hand, sum(reserved_change) AS reserved
                    FROM inventory.movements GROUP BY sku, warehouse) m USING (sku, warehouse)
         WHERE s.on_hand <> coalesce(m.on_hand, 0) OR s.reserved <> coalesce(m.reserved, 0)",
    ),
    (
        "never less than nothing is reserved, and never more than is on hand",
        "SELECT format('%s', s) FROM inventory.stock s WHERE reserved < 0 OR reserved > on_hand",
    ),
    (
        "reserved is what unfulfilled allocations hold",
        "SELECT format('%s', s) FROM inventory.stock s
         WHERE reserved <> (SELECT coalesce(sum(quantity - fulfilled_quantity), 0) FROM inventory.allocations a
                            WHERE a.sku = s.sku AND a.warehouse = s.warehouse
                              AND status IN ('PENDING', 'CONFIRMED'))",
    ),
    (
        "queued is what waits",
        "SELECT format('%s', s) FROM inventory.stock s
         WHERE queued <> (SELECT coalesce(sum(quantity), 0) FROM inventory.waiting w
                          WHERE w.sku = s.sku AND w.warehouse = s.warehouse)",
    ),
    (
        "nobody waits while something is free, but where nothing new is taken",
        "SELECT format('%s', s) FROM inventory.stock s JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         WHERE w.active AND queued > 0 AND on_hand > reserved",
    ),
    (
        "nothing is free while a counted piece is missing",
        "SELECT format('%s', s) FROM inventory.stock s
         WHERE missing > 0 AND (on_hand > reserved OR missing > on_hand)",
    ),
    (
        "a reservation waits as long as one of its lines does",
        "SELECT format('%s', r) FROM inventory.reservations r
         WHERE (status = 'WAITING') <> EXISTS (SELECT FROM inventory.waiting w
                                               WHERE w.order_id = r.order_id AND w.epoch = r.epoch)",
    ),
    (
        "only an open reservation holds anything, and one that is fulfilled has nothing left",
        "SELECT format('%s', r) FROM inventory.reservations r
         WHERE status IN ('RELEASED', 'FULFILLED')
           AND EXISTS (SELECT FROM inventory.allocations a WHERE a.order_id = r.order_id
                       AND a.epoch = r.epoch AND a.status IN ('PENDING', 'CONFIRMED'))",
    ),
    (
        "a reservation that is open holds something or waits for it",
        "SELECT format('%s', r) FROM inventory.reservations r
         WHERE status IN ('COMPLETE', 'WAITING')
           AND NOT EXISTS (SELECT FROM inventory.waiting w WHERE w.order_id = r.order_id AND w.epoch = r.epoch)
           AND NOT EXISTS (SELECT FROM inventory.allocations a WHERE a.order_id = r.order_id
                           AND a.epoch = r.epoch AND a.status IN ('PENDING', 'CONFIRMED'))",
    ),
];

/// Fails unless every rule holds on one snapshot of the database.
pub(crate) async fn audit(pool: &PgPool) {
    let mut snapshot = pool.begin().await.unwrap();
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(&mut *snapshot).await.unwrap();
    for (rule, query) in RULES {
        let broken: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut *snapshot).await.unwrap();
        assert!(broken.is_empty(), "{rule}: {broken:?}");
    }
    snapshot.commit().await.unwrap();
}

/// On hand, reserved and queued of a SKU in a warehouse.
pub(crate) async fn figures(pool: &PgPool, sku: &str, warehouse: &str) -> (i64, i64, i64) {
    let row = sqlx::query("SELECT * FROM inventory.stock WHERE sku = $1 AND warehouse = $2")
        .bind(sku)
        .bind(warehouse)
        .fetch_one(pool)
        .await
        .unwrap();
    (row.get("on_hand"), row.get("reserved"), row.get("queued"))
}

/// The pieces the order was allocated and not given back, and those it waits for.
pub(super) async fn granted_and_waiting(conn: &mut PgConnection, order: &str) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT coalesce(sum(quantity), 0)::bigint FROM inventory.allocations
                 WHERE order_id = $1 AND status <> 'CANCELLED'),
                (SELECT coalesce(sum(quantity), 0)::bigint FROM inventory.waiting WHERE order_id = $1)",
    )
    .bind(order)
    .fetch_one(conn)
    .await
    .unwrap()
}
