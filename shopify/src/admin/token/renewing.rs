//! A token that ends: renewed ahead of that, once for all who use it, and again where the shop refuses it.
//!
//! **Invariant:** at most one renewal is under way; whoever comes meanwhile uses the token as long as it is good, or
//! waits for that renewal.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ShopDomain;
use metrics::counter;
use parking_lot::Mutex;
use tracing::{info, warn};

use super::{AccessToken, Instead, TokenFuture, TokenProvider};
use crate::admin::error::ShopifyError;

/// Renewals of a process by `shop` and `outcome`: `renewed`, or the code of the failure.
pub const RENEWALS: &str = "waybill_shop_token_renewals_total";
/// The longest that a token is renewed ahead of its end.
const MOST_AHEAD: Duration = Duration::from_secs(5 * 60);
/// The last part of a token's time in which nobody uses it, at most: a call takes a while to get there.
const MOST_UNUSED: Duration = Duration::from_secs(10);
/// How long nobody tries again after a renewal failed.
const WAIT_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// A token that came in place of a refused one, and is refused within this, is not the trouble.
const ONE_REPLACEMENT_WITHIN: Duration = Duration::from_secs(10);

/// A token that was renewed.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// The token.
    pub token: AccessToken,
    /// How long it is still good for.
    pub left: Duration,
    /// How long it was good for when it was issued.
    pub lifetime: Duration,
}

/// A renewed token, or why there is none.
pub type RenewedFuture<'a> = Pin<Box<dyn Future<Output = Result<Renewed, ShopifyError>> + Send + 'a>>;

/// Where renewed tokens come from.
pub trait TokenSource: Send + Sync {
    /// A token that is good, and not the one that the shop refused.
    fn renew<'a>(&'a self, refused: Option<&'a AccessToken>) -> RenewedFuture<'a>;
}

impl<Source: TokenSource + ?Sized> TokenSource for Arc<Source> {
    fn renew<'a>(&'a self, refused: Option<&'a AccessToken>) -> RenewedFuture<'a> {
        (**self).renew(refused)
    }
}

/// How long before its end a token of this lifetime is renewed: five minutes, or a quarter of a shorter one.
#[must_use]
pub fn renewed_ahead(lifetime: Duration) -> Duration {
    (lifetime / 4).min(MOST_AHEAD)
}

/// Keeps a token and renews it.
pub struct RenewingToken<Source> {
    shop: ShopDomain,
    source: Source,
    kept: Mutex<Option<Kept>>,
    /// Whose turn it is to renew, and how the last attempt failed.
    turn: tokio::sync::Mutex<Option<Failed>>,
}

#[derive(Clone)]
struct Kept {
    token: AccessToken,
    renew_at: Instant,
    ends_at: Instant,
    /// When it came, if it came in place of one that was refused.
    replaced_at: Option<Instant>,
}

struct Failed {
    until: Instant,
    error: ShopifyError,
}

/// What there is now.
enum Now {
    Good(AccessToken),
    /// Good for a while still.
    Due(AccessToken),
    Nothing,
}

type Turn<'a> = tokio::sync::MutexGuard<'a, Option<Failed>>;

impl<Source: TokenSource> RenewingToken<Source> {
    /// Tokens of this shop; the first is asked for when it is needed.
    pub fn new(shop: ShopDomain, source: Source) -> Self {
        Self { shop, source, kept: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    fn now(&self) -> Now {
        let now = Instant::now();
        match &*self.kept.lock() {
            Some(kept) if now < kept.renew_at => Now::Good(kept.token.clone()),
            Some(kept) if now < kept.ends_at => Now::Due(kept.token.clone()),
            _ => Now::Nothing,
        }
    }

    async fn current(&self) -> Result<AccessToken, ShopifyError> {
        match self.now() {
            Now::Good(token) => Ok(token),
            Now::Due(token) => match self.turn.try_lock() {
                // What is wrong is said when there is no token any more, and logged now.
                Ok(turn) => Ok(self.renew(turn, None).await.unwrap_or(token)),
                Err(_) => Ok(token),
            },
            Now::Nothing => {
                let turn = self.turn.lock().await;
                match self.now() {
                    Now::Good(token) | Now::Due(token) => Ok(token),
                    Now::Nothing => self.renew(turn, None).await,
                }
            }
        }
    }

    async fn another_than(&self, refused: &AccessToken) -> Instead {
        let turn = self.turn.lock().await;
        let kept = self.kept.lock().clone();
        match kept {
            // Somebody was faster.
            Some(kept) if kept.token != *refused => return Ok(Some(kept.token)),
            Some(Kept { replaced_at: Some(at), .. }) if at.elapsed() < ONE_REPLACEMENT_WITHIN => {
                return Ok(None);
            }
            _ => {}
        }
        self.renew(turn, Some(refused)).await.map(Some)
    }

    async fn renew(
        &self,
        mut turn: Turn<'_>,
        refused: Option<&AccessToken>,
    ) -> Result<AccessToken, ShopifyError> {
        if let Some(failed) = turn.as_ref().filter(|failed| Instant::now() < failed.until) {
            return Err(failed.error.clone());
        }
        let outcome = self.source.renew(refused).await;
        let told = outcome.as_ref().map_or_else(calls::CallFailure::code, |_| "renewed");
        counter!(RENEWALS, "shop" => self.shop.to_string(), "outcome" => told).increment(1);
        match outcome {
            Ok(renewed) => {
                info!(shop = %self.shop, left_s = renewed.left.as_secs(), "a token is renewed");
                *turn = None;
                let now = Instant::now();
                // One that is due already is looked for again in a moment, and not with each call.
                let until_due = renewed.left.saturating_sub(renewed_ahead(renewed.lifetime));
                *self.kept.lock() = Some(Kept {
                    token: renewed.token.clone(),
                    renew_at: now + until_due.max(Duration::from_secs(1)),
                    ends_at: now + renewed.left.saturating_sub((renewed.lifetime / 20).min(MOST_UNUSED)),
                    replaced_at: refused.map(|_| now),
                });
                Ok(renewed.token)
            }
            Err(error) => {
                warn!(shop = %self.shop, code = calls::CallFailure::code(&error), "a token could not be renewed");
                let asked = calls::CallFailure::retry_after(&error).unwrap_or_default();
                let until = Instant::now() + asked.max(WAIT_AFTER_FAILURE);
                *turn = Some(Failed { until, error: error.clone() });
                Err(error)
            }
        }
    }
}

impl<Source: TokenSource> TokenProvider for RenewingToken<Source> {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(self.current())
    }

    fn instead_of<'a>(
        &'a self,
        refused: &'a AccessToken,
    ) -> Pin<Box<dyn Future<Output = Instead> + Send + 'a>> {
        Box::pin(self.another_than(refused))
    }
}

#[cfg(test)]
mod tests;
