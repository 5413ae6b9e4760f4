//! The events of an order as people see them, and whether anything about events changed.

use chrono::{DateTime, Utc};
use domain::OrderId;
use sqlx::{FromRow, PgConnection};

use crate::Stream;

/// An event, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Told {
    /// Its id, as receivers know it.
    pub event_id: String,
    /// What it says.
    pub event_type: String,
    /// Its place in its stream.
    pub sequence: i64,
    /// When it became true.
    pub occurred_at: DateTime<Utc>,
    /// `WAITING` for a sink, given up by one (`DEAD`), `PUBLISHED` to all of them, or `KEPT` where there is none.
    pub state: String,
}

/// The newest `most` events of an order, newest first.
///
/// # Errors
/// The database's.
pub async fn of_order(conn: &mut PgConnection, order: &OrderId, most: i64) -> Result<Vec<Told>, sqlx::Error> {
    sqlx::query_as(
        "SELECT event_id::text AS event_id, event_type, sequence, occurred_at,
                CASE WHEN d.dead THEN 'DEAD' WHEN d.dead IS NOT NULL THEN 'WAITING'
                     WHEN EXISTS (SELECT FROM integration.sinks) THEN 'PUBLISHED' ELSE 'KEPT' END AS state
         FROM (SELECT * FROM integration.outbox WHERE stream = $1 ORDER BY sequence DESC LIMIT $2) AS o
         CROSS JOIN LATERAL (SELECT bool_or(dead_at IS NOT NULL) AS dead FROM integration.deliveries d
                             WHERE d.sink IN (SELECT sink FROM integration.sinks) AND d.outbox_id = o.outbox_id) AS d
         ORDER BY sequence DESC",
    )
    .bind(Stream::Order(order.clone()).to_string())
    .bind(most)
    .fetch_all(conn)
    .await
}

/// A text that is another one once an event died, or a person decided of one; of one order, if it is named, once
/// anything became of one of its events.
///
/// # Errors
/// The database's.
pub async fn version(conn: &mut PgConnection, order: Option<&OrderId>) -> Result<String, sqlx::Error> {
    let Some(order) = order else {
        return sqlx::query_scalar(
            "SELECT md5(concat_ws('/',
                ARRAY(SELECT concat_ws(' ', outbox_id, sink) FROM integration.deliveries WHERE dead_at IS NOT NULL
                      ORDER BY outbox_id DESC, sink DESC LIMIT 32),
                ARRAY(SELECT incoming_id FROM integration.incoming WHERE state = 'DEAD'
                      ORDER BY dead_at DESC, incoming_id DESC LIMIT 32)))",
        )
        .fetch_one(conn)
        .await;
    };
    sqlx::query_scalar(
        "SELECT md5(concat_ws('/', (SELECT sequence FROM integration.streams WHERE stream = $1),
            -- Of the days that events are usually published in: more of them would take longer than all the rest.
            ARRAY(SELECT (SELECT string_agg(concat_ws(' ', d.sink, d.outbox_id, d.dead_at), ',' ORDER BY d.sink)
                          FROM integration.deliveries d
                          WHERE d.sink = ANY (ARRAY(SELECT sink FROM integration.sinks)) AND d.outbox_id = o.outbox_id)
                  FROM integration.outbox o WHERE stream = $1 AND occurred_at BETWEEN now() - interval '1 day' AND now() + interval '1 minute'
                  ORDER BY sequence DESC LIMIT 32)))",
    )
    .bind(Stream::Order(order.clone()).to_string())
    .fetch_one(conn)
    .await
}
