//! A database of its own for every test.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::OnceCell;

use super::processes::database_url;

/// A fresh database with the newest schema, in the cluster at `TEST_DATABASE_URL`. Whoever started
/// the cluster throws it away in the end.
pub async fn database() -> PgPool {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let template = TEMPLATE.get_or_init(make_template).await;
    let name = format!("{template}_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    create(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let pool = PgPoolOptions::new().max_connections(80);
    pool.connect_with(server().database(&name)).await.expect("the new database answers")
}

/// The URL of a fresh database with nothing in it.
pub async fn empty_database_url() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("empty_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    create(&format!("CREATE DATABASE {name}")).await;
    database_url(&name)
}

/// Databases are copied from it, which is faster than migrating each.
async fn make_template() -> String {
    let template = format!("it_{}", std::process::id());
    create(&format!("CREATE DATABASE {template}")).await;
    let mut conn =
        PgConnection::connect_with(&server().database(&template)).await.expect("the template answers");
    migrations::MIGRATOR.run(&mut conn).await.expect("the migrations run");
    // PostgreSQL copies no database that somebody is connected to.
    conn.close().await.expect("the template is left");
    template
}

async fn create(statement: &str) {
    let mut conn = PgConnection::connect_with(&server()).await.expect("TEST_DATABASE_URL answers");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.expect("a database is made");
    conn.close().await.expect("the server is left");
}

fn server() -> PgConnectOptions {
    let url =
        std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names a server; `make test` starts one");
    PgConnectOptions::from_str(&url).expect("TEST_DATABASE_URL is a postgres:// URL")
}
