//! ID tokens of the console's sign-in, checked with the keys of access tokens.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use console::{IdTokenRefused, IdTokens};
use tracing::warn;

use super::token::{TokenError, Verifier};
use crate::paced_log::PacedLog;

/// Those of the issuer.
pub(super) struct OfIssuer(pub(super) Arc<Verifier>);

#[async_trait]
impl IdTokens for OfIssuer {
    async fn nonce(&self, token: &str, client_id: &str) -> Result<Option<String>, IdTokenRefused> {
        self.0.check_id_token(token, client_id).await.map_err(|error| match error {
            TokenError::Bad(reason) => {
                static PACED: LazyLock<PacedLog> = LazyLock::new(PacedLog::new);
                if let Some(left_out) = PACED.turn() {
                    warn!(reason, left_out, "ID token refused");
                }
                IdTokenRefused::Bad
            }
            TokenError::NoKeysYet => IdTokenRefused::NoKeysYet,
        })
    }
}
