//! An operator's wish to do the stuck step of an order again.

use dispatch::SWEEP_AFTER;
use domain::OrderId;
use orders::inbox::{self, Message, NewMessage, Source};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::problem::Problem;

/// Keeps the wish under an id of its own; a statement of its own is a transaction of its own.
pub(super) async fn leave_message(
    conn: &mut PgConnection,
    order_id: &OrderId,
) -> Result<Option<Message>, Problem> {
    let body = json!({"orderId": order_id, "actor": "operator"}).to_string();
    let message = NewMessage {
        source: Source::Api,
        shop: "",
        message_id: &format!("retry/{}", Uuid::now_v7()),
        topic: "retry",
        subject: None,
        headers: json!({}),
        body: body.as_bytes(),
        sweep_after: SWEEP_AFTER,
    };
    Ok(inbox::insert(conn, &message).await?)
}
