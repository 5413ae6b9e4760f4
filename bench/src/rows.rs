//! Which tables were written to.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

/// A moment in the life of the database.
#[derive(Debug, Clone, Copy)]
pub struct Mark(i64);

/// How many rows of each table were made or changed.
pub type Written = BTreeMap<String, i64>;

/// Now.
///
/// # Errors
/// If the database does not tell.
pub async fn mark(database: &mut PgConnection) -> sqlx::Result<Mark> {
    Ok(Mark(sqlx::query_scalar("SELECT pg_current_xact_id()::text::bigint").fetch_one(database).await?))
}

/// What was written since then. A row is counted once, however often it was changed.
///
/// # Errors
/// If the database does not tell.
pub async fn written_since(database: &mut PgConnection, mark: Mark) -> sqlx::Result<Written> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut *database)
    .await?;
    let mut written = Written::new();
    for table in tables {
        // A cluster as young as ours has not begun to count its transactions anew.
        let sql = format!("SELECT count(*) FROM {table} WHERE xmin::text::bigint > $1");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(mark.0).fetch_one(&mut *database).await?;
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
