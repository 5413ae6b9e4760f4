//! The statements of one request, from the server's own log.

use anyhow::{Context, ensure};
use sqlx::{AssertSqlSafe, Either, Executor, PgConnection, SqlSafeStr, Statement as _, TypeInfo};

use crate::server_log::{LINE_PREFIX, Statement, statements};

/// As what the API shows itself to PostgreSQL.
pub const API: &str = "waybill-api";
/// As what pgbench does.
pub const PGBENCH: &str = "pgbench";
/// Where scripts/postgres.sh lets the server write its log, seen from the server's data.
const LOG: &str = "server.log";

/// Lets the server log every statement with its parameters, or no longer.
///
/// # Errors
/// If the database does not do it.
pub async fn log_statements(database: &mut PgConnection, on: bool) -> anyhow::Result<()> {
    // Ours would only be in the way.
    database.execute("SET log_statement = 'none'").await?;
    if on {
        database.execute("ALTER SYSTEM SET log_statement = 'all'").await?;
        let prefix = format!("ALTER SYSTEM SET log_line_prefix = '{LINE_PREFIX}'");
        database.execute(AssertSqlSafe(prefix)).await?;
    } else {
        database.execute("ALTER SYSTEM RESET log_statement").await?;
        database.execute("ALTER SYSTEM RESET log_line_prefix").await?;
    }
    database.execute("SELECT pg_reload_conf()").await?;
    Ok(())
}

/// How long the server's log is now, in bytes.
///
/// # Errors
/// If the database does not tell.
pub async fn log_end(database: &mut PgConnection) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("SELECT size FROM pg_stat_file($1)").bind(LOG).fetch_one(database).await?)
}

/// A transaction.
pub struct Transaction {
    /// Its id.
    pub id: u32,
    /// All of its statements, `BEGIN` and `COMMIT` among them.
    pub statements: Vec<Statement>,
}

/// The first transaction that an application made since the log was so long. What the API runs after
/// that transaction is not part of the request: it dispatches the message that was left.
///
/// # Errors
/// If there is none, or the application ran something else before.
pub async fn transaction_since(
    database: &mut PgConnection,
    log_end: i64,
    application: &str,
) -> anyhow::Result<Transaction> {
    let log: String = sqlx::query_scalar("SELECT pg_read_file($1, $2, 16777216)")
        .bind(LOG)
        .bind(log_end)
        .fetch_one(database)
        .await?;
    let mut all = statements(&log, application)?;
    let end = all.iter().position(|statement| statement.sql == "COMMIT");
    let end = end.with_context(|| format!("the server logged no transaction of {application}"))?;
    all.truncate(end + 1);
    ensure!(all[0].sql == "BEGIN", "{application} ran a statement outside its transaction:\n{}", all[0].sql);
    ensure!(
        all.iter().all(|statement| statement.process == all[0].process),
        "{application} used more than one connection"
    );
    Ok(Transaction { id: all[end].transaction, statements: all })
}

/// The types of each statement's parameters, as the server knows them.
///
/// # Errors
/// If it does not know a statement.
pub async fn parameter_types(
    database: &mut PgConnection,
    statements: &[Statement],
) -> anyhow::Result<Vec<Vec<String>>> {
    let mut all = Vec::with_capacity(statements.len());
    for statement in statements {
        if statement.parameters.is_empty() {
            all.push(Vec::new());
            continue;
        }
        let sql = AssertSqlSafe(statement.sql.clone()).into_sql_str();
        let prepared = (&mut *database).prepare(sql).await?;
        let Some(Either::Left(types)) = prepared.parameters() else {
            return Err(anyhow::anyhow!("the types of parameters are not known"))
                .context(statement.sql.clone());
        };
        all.push(types.iter().map(|of_type| of_type.name().to_owned()).collect());
    }
    Ok(all)
}
