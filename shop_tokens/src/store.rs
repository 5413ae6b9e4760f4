//! Tokens that were granted by installing the app, sealed, one row a shop.

use std::time::Duration;

use domain::ShopDomain;
use serde::{Deserialize, Serialize};
use shopify::admin::{AccessToken, Granted, RefreshToken};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, PgPool, Postgres, Transaction};
use tracing::warn;

use crate::keys::Keys;

/// SQLSTATE of a lock that somebody else holds.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Why tokens could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, or somebody held the row for too long.
    #[error("the tokens' table cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// The row was sealed under a key that is not among ours, or was changed.
    #[error("the token of the shop cannot be opened with the keys that are given")]
    NotOpened,
    /// There is no key to seal with.
    #[error("no key is given to keep tokens under")]
    NoKey,
    /// The shop granted a token that does not expire, or without a refresh token.
    #[error("what the shop granted has no refresh token")]
    NotRotating,
}

/// The tokens of all shops. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenStore {
    pool: PgPool,
    keys: Keys,
}

/// The tokens of one shop.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The access token.
    pub access: AccessToken,
    /// What the next one is had with.
    pub refresh: RefreshToken,
    /// How long the access token is still good for, by the database's clock.
    pub left: Duration,
    /// How long it was good for when it was issued.
    pub lifetime: Duration,
    /// How long the refresh token is still good for.
    pub refresh_left: Duration,
}

/// The right to refresh a shop's token. It ends when it is dropped, and with the process.
pub struct RefreshLock {
    tx: Transaction<'static, Postgres>,
    keys: Keys,
    shop: ShopDomain,
    /// What there is while the lock is held.
    pub kept: Kept,
}

#[derive(FromRow)]
struct Row {
    key_id: String,
    sealed: Vec<u8>,
    left_s: f64,
    lifetime_s: f64,
    refresh_left_s: f64,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    access: String,
    refresh: String,
}

const SELECT: &str = "SELECT key_id, sealed,
        extract(epoch FROM expires_at - now())::float8 AS left_s,
        extract(epoch FROM expires_at - issued_at)::float8 AS lifetime_s,
        extract(epoch FROM refresh_until - now())::float8 AS refresh_left_s
    FROM integration.shop_tokens WHERE shop = $1";

impl TokenStore {
    /// Keeps tokens in this database, under these keys.
    #[must_use]
    pub fn new(pool: PgPool, keys: Keys) -> Self {
        Self { pool, keys }
    }

    /// A shop's tokens, if somebody installed the app. What is sealed under an older key is sealed anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, shop: &ShopDomain) -> Result<Option<Kept>, StoreError> {
        let row: Option<Row> = sqlx::query_as(SELECT).bind(shop.as_str()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let kept = row.open(&self.keys, shop)?;
        if self.keys.first() != Some(row.key_id.as_str())
            && let Err(error) = self.seal_anew(shop, &row, &kept).await
        {
            // It is read again, and tried again then.
            warn!(%shop, %error, "a token could not be sealed anew");
        }
        Ok(Some(kept))
    }

    async fn seal_anew(&self, shop: &ShopDomain, row: &Row, kept: &Kept) -> Result<(), StoreError> {
        let (key_id, sealed) = seal(&self.keys, shop, &kept.access, &kept.refresh)?;
        // Unless somebody refreshed it meanwhile.
        sqlx::query(
            "UPDATE integration.shop_tokens SET key_id = $3, sealed = $4 WHERE shop = $1 AND sealed = $2",
        )
        .bind(shop.as_str())
        .bind(&row.sealed)
        .bind(key_id)
        .bind(sealed)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps what somebody of the shop granted, in place of what there was. It waits for a refresh that is under way.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept then.
    pub async fn keep(&self, shop: &ShopDomain, granted: &Granted) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::raw_sql("SET LOCAL lock_timeout = '12s'; SET LOCAL statement_timeout = '13s'")
            .execute(&mut *tx)
            .await?;
        write(&mut tx, &self.keys, shop, granted).await?;
        Ok(tx.commit().await?)
    }

    /// The right to refresh the token of a shop that has one; none while somebody else has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock(&self, shop: &ShopDomain) -> Result<Option<RefreshLock>, StoreError> {
        let mut tx = self.pool.begin().await?;
        // The shop may take longer to answer than anybody else may be idle in a transaction.
        sqlx::query("SET LOCAL idle_in_transaction_session_timeout = '30s'").execute(&mut *tx).await?;
        let locked = sqlx::query_as(AssertSqlSafe(format!("{SELECT} FOR UPDATE NOWAIT"))).bind(shop.as_str());
        let row: Row = match locked.fetch_optional(&mut *tx).await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(error) if is_held(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let kept = row.open(&self.keys, shop)?;
        Ok(Some(RefreshLock { tx, keys: self.keys.clone(), shop: shop.clone(), kept }))
    }
}

impl RefreshLock {
    /// Keeps what the refresh token was answered with, and gives the right back.
    ///
    /// # Errors
    /// [`StoreError`]; what was there is there still, and may be refreshed again.
    pub async fn keep(mut self, granted: &Granted) -> Result<(), StoreError> {
        write(&mut self.tx, &self.keys, &self.shop, granted).await?;
        Ok(self.tx.commit().await?)
    }
}

impl Row {
    fn open(&self, keys: &Keys, shop: &ShopDomain) -> Result<Kept, StoreError> {
        let plain = keys.open(&self.key_id, shop.as_str(), &self.sealed).ok_or(StoreError::NotOpened)?;
        let Sealed { access, refresh } = serde_json::from_slice(&plain).map_err(|_| StoreError::NotOpened)?;
        // What is over has nothing left.
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Ok(Kept {
            access: AccessToken::new(access),
            refresh: RefreshToken::new(refresh),
            left: time(self.left_s),
            lifetime: time(self.lifetime_s),
            refresh_left: time(self.refresh_left_s),
        })
    }
}

async fn write(
    conn: &mut PgConnection,
    keys: &Keys,
    shop: &ShopDomain,
    granted: &Granted,
) -> Result<(), StoreError> {
    let rotating = granted.rotating.as_ref().ok_or(StoreError::NotRotating)?;
    let (key_id, sealed) = seal(keys, shop, &granted.access, &rotating.refresh)?;
    sqlx::query(
        "INSERT INTO integration.shop_tokens (shop, key_id, sealed, issued_at, expires_at, refresh_until)
         VALUES ($1, $2, $3, now(), now() + make_interval(secs => $4), now() + make_interval(secs => $5))
         ON CONFLICT (shop) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed,
             issued_at = excluded.issued_at, expires_at = excluded.expires_at,
             refresh_until = excluded.refresh_until",
    )
    .bind(shop.as_str())
    .bind(key_id)
    .bind(sealed)
    .bind(granted.lifetime.as_secs_f64())
    .bind(rotating.lifetime.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(())
}

fn seal<'a>(
    keys: &'a Keys,
    shop: &ShopDomain,
    access: &AccessToken,
    refresh: &RefreshToken,
) -> Result<(&'a str, Vec<u8>), StoreError> {
    let tokens = Sealed { access: access.reveal().to_owned(), refresh: refresh.reveal().to_owned() };
    let plain = serde_json::to_vec(&tokens).map_err(|_| StoreError::NoKey)?;
    keys.seal(shop.as_str(), &plain).ok_or(StoreError::NoKey)
}

fn is_held(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}
