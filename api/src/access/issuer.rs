//! The issuer's keys, fetched from its JWKS URL and kept.
//!
//! **Invariant:** tokens alone cannot make us hammer the issuer: it is asked once at a time, and not
//! again before some seconds are over. Keys that were fetched are kept until others are, for a day at most.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{anyhow, ensure};
use jsonwebtoken::Algorithm;
use parking_lot::RwLock;
use reqwest::{Client, redirect::Policy};
use tokio::{sync::Mutex, task::JoinHandle};
use tracing::{info, warn};
use url::Url;

use super::keys::{self, Key};

const CONNECT_TIME_LIMIT: Duration = Duration::from_secs(3);
const READ_TIME_LIMIT: Duration = Duration::from_secs(5);
const MOST_SET_BYTES: usize = 256 * 1024;

/// How often the issuer is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Not again before this is over.
    pub(super) not_before: Duration,
    /// Keys older than this are fetched anew.
    pub(super) old_after: Duration,
    /// Keys older than this are good for nothing, whether or not the issuer answers.
    pub(super) gone_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            not_before: Duration::from_secs(10),
            old_after: Duration::from_secs(600),
            gone_after: Duration::from_secs(24 * 3600),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none of that id and kind.
    Unknown,
    /// The issuer has not been reached yet.
    NoneFetched,
}

pub(super) struct Issuer {
    url: Url,
    http: Client,
    pace: Pace,
    known: RwLock<Known>,
    /// Held by whoever asks the issuer.
    asking: Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Option<Arc<[Key]>>,
    fetched_at: Option<Instant>,
    asked_at: Option<Instant>,
}

impl Issuer {
    /// An issuer that serves its keys at `url`.
    ///
    /// # Errors
    /// When there is no TLS on this machine.
    pub(super) fn new(url: Url, pace: Pace) -> Result<Self, reqwest::Error> {
        // An error says that there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIME_LIMIT)
            .read_timeout(READ_TIME_LIMIT)
            .timeout(CONNECT_TIME_LIMIT + READ_TIME_LIMIT)
            // A set is served where the settings say, or not at all.
            .redirect(Policy::none());
        if url.scheme() == "http" {
            // No certificate is ever asked for: the machine need not have any.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build()?;
        Ok(Self { url, http, pace, known: RwLock::default(), asking: Mutex::new(()) })
    }

    /// The key a token's header asks for. A key that is not known is looked for at the issuer.
    pub(super) async fn key(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<Key, NoKey> {
        if let Some(key) = self.known_key(id, algorithm) {
            // The keys at hand are good enough for this token.
            drop(self.is_old().then(|| self.ask()));
            return Ok(key);
        }
        // A failure would be a panic, after which there are no more keys than before.
        let _ = self.ask().await;
        self.known_key(id, algorithm)
            .ok_or_else(|| if self.keys().is_some() { NoKey::Unknown } else { NoKey::NoneFetched })
    }

    /// Asks the issuer, unless somebody does or did shortly before. Whoever hangs up does not end it.
    pub(super) fn ask(self: &Arc<Self>) -> JoinHandle<()> {
        let (issuer, called_at) = (Arc::clone(self), Instant::now());
        tokio::spawn(async move {
            let _asking = issuer.asking.lock().await;
            let just_asked = |known: &Known| {
                known.asked_at.is_some_and(|at| at >= called_at || at.elapsed() < issuer.pace.not_before)
            };
            if !issuer.read(just_asked) {
                issuer.fetch_and_keep().await;
            }
        })
    }

    async fn fetch_and_keep(&self) {
        let fetched = self.fetch().await;
        let mut known = self.known.write();
        known.asked_at = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                if keys.is_empty() {
                    warn!("the issuer has no key for RS256, ES256 or EdDSA: no token is good");
                }
                info!(keys = keys.len(), "keys of the issuer fetched");
                known.keys = Some(keys.into());
                known.fetched_at = known.asked_at;
            }
            Err(problem) => {
                warn!(%problem, "keys of the issuer could not be fetched; those at hand are kept")
            }
        }
    }

    fn known_key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Key> {
        keys::find(&self.keys()?, id, algorithm).cloned()
    }

    /// The keys at hand, unless they are too old.
    fn keys(&self) -> Option<Arc<[Key]>> {
        self.read(|known| {
            let is_good = known.fetched_at.is_some_and(|at| at.elapsed() < self.pace.gone_after);
            known.keys.clone().filter(|_| is_good)
        })
    }

    fn is_old(&self) -> bool {
        self.read(|known| {
            let is_over = |at: Option<Instant>, time| at.is_none_or(|at| at.elapsed() >= time);
            is_over(known.fetched_at, self.pace.old_after) && is_over(known.asked_at, self.pace.not_before)
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read())
    }

    async fn fetch(&self) -> anyhow::Result<Vec<Key>> {
        let mut response = self.http.get(self.url.clone()).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await? {
            body.extend_from_slice(&part);
            ensure!(body.len() <= MOST_SET_BYTES, "the key set is larger than {MOST_SET_BYTES} bytes");
        }
        // A set without keys withdraws those there were.
        keys::of_set(&body).map_err(|error| anyhow!("the answer is no key set: {error}"))
    }
}
