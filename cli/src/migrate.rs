//! Brings a database up to this version. Running it again changes nothing.

use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::PgPoolOptions;

use crate::secret;

/// How long a database that was just started may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Runs the migrations that the database of `DATABASE_URL` does not have yet.
///
/// # Errors
/// When no database is named, it cannot be reached, or a migration fails; nothing of that migration stays.
pub async fn run() -> anyhow::Result<()> {
    let database_url =
        secret::of("DATABASE_URL")?.context("DATABASE_URL: the PostgreSQL database is needed")?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_WITHIN)
        .connect(&database_url)
        .await
        .context("the database of DATABASE_URL cannot be reached")?;
    migrations::MIGRATOR.run(&pool).await.context("the database cannot be migrated")?;
    pool.close().await;
    Ok(())
}
