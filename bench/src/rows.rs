//! Which tables were written to.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

/// How many rows of each table were made or changed.
pub type Written = BTreeMap<String, i64>;

/// What was written since a transaction began to write. A row is counted once, however often it was
/// changed, so that it does not matter whether the message of a request has been dispatched meanwhile.
///
/// # Errors
/// If the database does not tell.
pub async fn written_since(database: &mut PgConnection, transaction: u32) -> sqlx::Result<Written> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut *database)
    .await?;
    let mut written = Written::new();
    for table in tables {
        // A cluster as young as ours has not begun to count its transactions anew.
        let sql = format!("SELECT count(*) FROM {table} WHERE xmin::text::bigint >= $1");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(i64::from(transaction))
            .fetch_one(&mut *database)
            .await?;
        if rows > 0 {
            written.insert(table, rows);
        }
    }
    Ok(written)
}

/// How many rows a table has.
///
/// # Errors
/// If the database does not tell.
pub async fn count(database: &mut PgConnection, table: &str) -> sqlx::Result<u64> {
    let sql = format!("SELECT count(*) FROM {table}");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(database).await?;
    Ok(rows.unsigned_abs())
}
