//! Brings a database up to this version. Running it again changes nothing.

use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::PgPoolOptions;

/// How long a database that was just started may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Runs the migrations that `database_url` does not have yet.
///
/// # Errors
/// When the database cannot be reached, or a migration fails; nothing of that migration stays.
pub async fn run(database_url: &str) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_WITHIN)
        .connect(database_url)
        .await
        .context("the database of DATABASE_URL cannot be reached")?;
    migrations::MIGRATOR.run(&pool).await.context("the database cannot be migrated")?;
    pool.close().await;
    Ok(())
}
