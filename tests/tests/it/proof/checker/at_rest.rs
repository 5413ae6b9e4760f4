//! What must hold once everything that was said has been dealt with: the order does what the newest
//! acknowledged body says, and whatever left is booked.

mod broken;
mod newest;

use std::time::{Duration, Instant};

use sqlx::PgConnection;

/// How long what was said a moment ago may take.
const LAG: Duration = Duration::from_secs(8);
/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(250);

/// A parcel that left and that nobody booked.
const UNBOOKED: &str = "
SELECT format('parcel %s of order %s left under %s and was never booked', s.parcel_id, o.order_number, s.reference)
FROM orders.parcels s JOIN orders.orders o USING (order_id)
WHERE s.status IN ('shipped', 'delivered') AND s.booked_at IS NULL
  AND NOT EXISTS (SELECT FROM orders.attention a WHERE a.order_id = o.order_id AND a.resolved_at IS NULL)";

/// What is wrong, looked for until nothing is or it has had its time.
pub(super) async fn check(conn: &mut PgConnection) -> Vec<String> {
    let deadline = Instant::now() + LAG;
    loop {
        let findings = look(conn).await;
        if findings.is_empty() || Instant::now() > deadline {
            return findings;
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn look(conn: &mut PgConnection) -> Vec<String> {
    let mut findings: Vec<String> =
        sqlx::query_scalar(UNBOOKED).fetch_all(&mut *conn).await.expect("the parcels are read");
    findings.extend(newest::check(conn).await);
    findings
}
