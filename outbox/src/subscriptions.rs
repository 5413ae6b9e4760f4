//! Who gets events by signed webhooks. Each subscription is a sink of its own.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// A subscription as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Subscription {
    pub subscription_id: Uuid,
    pub url: String,
    /// Which events it gets.
    pub event_types: Vec<String>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

/// Where a subscriber's webhooks go, and the secrets they are signed by: whsec_ and base64.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct Subscriber {
    pub subscription_id: Uuid,
    pub url: String,
    pub secret: String,
    /// The one before, while it is still signed by.
    pub former_secret: Option<String>,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscriber({})", self.subscription_id)
    }
}

impl Subscriber {
    /// The name of its sink.
    #[must_use]
    pub fn sink(&self) -> String {
        sink(self.subscription_id)
    }
}

fn sink(subscription_id: Uuid) -> String {
    format!("webhook:{subscription_id}")
}

/// Adds one. It gets what is written from then on.
///
/// # Errors
/// The database's.
pub async fn subscribe(
    conn: &mut PgConnection,
    url: &str,
    event_types: &[String],
    secret: &str,
    created_by: &str,
) -> Result<Subscription, sqlx::Error> {
    let subscription_id = Uuid::now_v7();
    sqlx::query_as(
        "WITH sink AS (INSERT INTO integration.sinks (sink, event_types) VALUES ($6, $3))
         INSERT INTO integration.webhook_subscriptions (subscription_id, url, secret, created_by)
         VALUES ($1, $2, $4, $5)
         RETURNING subscription_id, url, $3 AS event_types, created_by, created_at",
    )
    .bind(subscription_id)
    .bind(url)
    .bind(event_types)
    .bind(secret)
    .bind(created_by)
    .bind(sink(subscription_id))
    .fetch_one(conn)
    .await
}

/// All of them, the oldest first.
///
/// # Errors
/// The database's.
pub async fn subscriptions(conn: &mut PgConnection) -> Result<Vec<Subscription>, sqlx::Error> {
    sqlx::query_as(
        "SELECT subscription_id, url, event_types, created_by, created_at
         FROM integration.webhook_subscriptions w JOIN integration.sinks s ON s.sink = 'webhook:' || w.subscription_id
         ORDER BY created_at, subscription_id",
    )
    .fetch_all(conn)
    .await
}

/// Where events are to go, with the secrets.
///
/// # Errors
/// The database's.
pub async fn subscribers(conn: &mut PgConnection) -> Result<Vec<Subscriber>, sqlx::Error> {
    sqlx::query_as(
        "SELECT subscription_id, url, secret, CASE WHEN former_until > now() THEN former_secret END AS former_secret
         FROM integration.webhook_subscriptions ORDER BY subscription_id",
    )
    .fetch_all(conn)
    .await
}

/// Gives one a new secret; for so long it is signed by the one before too. Whether there is such a one.
///
/// # Errors
/// The database's.
pub async fn rotate_secret(
    conn: &mut PgConnection,
    subscription_id: Uuid,
    secret: &str,
    overlap: Duration,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE integration.webhook_subscriptions
         SET former_secret = secret, former_until = now() + $3 * interval '1 second', secret = $2
         WHERE subscription_id = $1",
    )
    .bind(subscription_id)
    .bind(secret)
    .bind(overlap.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends one, in a transaction of the caller's: what it has not got it gets no more. Whether there was such a one.
///
/// # Errors
/// The database's.
pub async fn unsubscribe(conn: &mut PgConnection, subscription_id: Uuid) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query("DELETE FROM integration.webhook_subscriptions WHERE subscription_id = $1")
        .bind(subscription_id)
        .execute(&mut *conn)
        .await?;
    // Its deliveries, and those that whoever is writing now adds, are taken away in steps.
    sqlx::query(
        "INSERT INTO integration.removed_sinks (sink) SELECT $1 FROM integration.sinks WHERE sink = $1",
    )
    .bind(sink(subscription_id))
    .execute(&mut *conn)
    .await?;
    for table in ["sinks", "lane_leases", "relays"] {
        let sql = format!("DELETE FROM integration.{table} WHERE sink = $1");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(sink(subscription_id)).execute(&mut *conn).await?;
    }
    Ok(gone.rows_affected() > 0)
}
