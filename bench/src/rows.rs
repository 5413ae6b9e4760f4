//! How many rows each table has, and what a request writes of each.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use sqlx::{AssertSqlSafe, PgConnection};

/// A number of rows of each table.
pub type Rows = BTreeMap<String, i64>;

/// How many rows each table has.
///
/// # Errors
/// If the database does not tell.
pub async fn count(database: &mut PgConnection) -> sqlx::Result<Rows> {
    count_since(database, 0).await
}

/// A moment; what is written from then on is told by it.
///
/// # Errors
/// If the database does not tell.
pub async fn moment(database: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        .fetch_one(database)
        .await
}

/// How many rows of each table were made or changed since a moment. A row is counted once, however often it was
/// changed, so that it does not matter whether the message of a request has been dispatched meanwhile.
///
/// # Errors
/// If the database does not tell.
pub async fn count_since(database: &mut PgConnection, moment: i64) -> sqlx::Result<Rows> {
    // Partitions are counted with their table.
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind IN ('r', 'p') AND NOT relispartition
           AND nspname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut *database)
    .await?;
    let mut rows = Rows::new();
    for table in tables {
        // A cluster as young as ours has not begun to count its transactions anew.
        let sql = format!("SELECT count(*) FROM {table} WHERE xmin::text::bigint >= $1");
        let found: i64 =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(moment).fetch_one(&mut *database).await?;
        rows.insert(table, found);
    }
    rows.retain(|_, found| *found > 0);
    Ok(rows)
}

/// What each of so many requests added, table by table.
///
/// # Errors
/// If a table grew by another number than so many times the same.
pub fn added_by_each(requests: u64, before: &Rows, after: &Rows) -> anyhow::Result<Rows> {
    let requests = i64::try_from(requests.max(1))?;
    let mut each = Rows::new();
    for (table, now) in after {
        let added = now - before.get(table).unwrap_or(&0);
        ensure!(added % requests == 0, "{table} has {added} rows more after {requests} requests");
        each.insert(table.clone(), added / requests);
    }
    each.retain(|_, added| *added != 0);
    Ok(each)
}

/// Says where two counts differ: what the API writes, and what the script does.
///
/// # Errors
/// If they do, with every table.
pub fn compare(by_api: &Rows, by_script: &Rows) -> anyhow::Result<()> {
    let tables: BTreeSet<&String> = by_api.keys().chain(by_script.keys()).collect();
    let of = |rows: &Rows, table: &String| rows.get(table).copied().unwrap_or(0);
    let different: Vec<String> = tables
        .into_iter()
        .map(|table| (table, of(by_api, table), of(by_script, table)))
        .filter(|(_, api, script)| api != script)
        .map(|(table, api, script)| format!("{table}: {api} by the API, {script} by the script"))
        .collect();
    ensure!(different.is_empty(), "rows of one request:\n  {}", different.join("\n  "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(counted: &[(&str, i64)]) -> Rows {
        counted.iter().map(|&(table, rows)| (table.to_owned(), rows)).collect()
    }

    #[test]
    fn a_request_adds_the_same_each_time_or_something_is_wrong() {
        let before = rows(&[("a", 5), ("b", 1)]);
        let each = added_by_each(10, &before, &rows(&[("a", 25), ("b", 1), ("c", 10)])).unwrap();
        assert_eq!(each, rows(&[("a", 2), ("c", 1)]));
        let error = added_by_each(10, &before, &rows(&[("a", 24)])).unwrap_err();
        assert!(error.to_string().contains("a has 19 rows more"), "{error}");
    }

    #[test]
    fn every_table_that_differs_is_named() {
        let api = rows(&[("orders.orders", 1), ("orders.events", 2), ("orders.lines", 1)]);
        assert!(compare(&api, &api).is_ok());
        let error =
            compare(&api, &rows(&[("orders.orders", 1), ("orders.events", 1)])).unwrap_err().to_string();
        assert!(error.contains("orders.events: 2 by the API, 1 by the script"), "{error}");
        assert!(error.contains("orders.lines: 1 by the API, 0 by the script"), "{error}");
        assert!(!error.contains("orders.orders"), "{error}");
    }
}
