//! Why nobody was signed in, in words.

use axum::http::StatusCode;

use super::settings::OidcSettings;
use crate::session::{MOST_TOKEN_BYTES, Unfit};

/// Why a sign-in at the issuer came to nothing.
#[derive(Debug)]
pub(super) enum Refused {
    /// This browser did not begin it, or too long ago.
    NotBegunHere,
    /// The answer names another issuer, or none where this one would.
    OtherIssuer,
    /// The issuer's code for it.
    Declined(String),
    Away,
    Busy,
    /// The code was used, or is too old.
    Code,
    /// What the issuer has against us.
    Client(String),
    /// What was not understood.
    Unreadable(&'static str),
    IdToken,
    AccessToken(Unfit),
}

/// What a page says of it.
pub(super) struct Words {
    pub(super) status: StatusCode,
    pub(super) sentence: String,
    /// What the issuer has to be configured for.
    pub(super) needed: Vec<String>,
    /// Whether another person might be let in.
    pub(super) as_another: bool,
}

impl Refused {
    pub(super) fn words(&self, settings: &OidcSettings) -> Words {
        let plain = |status, sentence: &str| Words {
            status,
            sentence: sentence.to_owned(),
            needed: Vec::new(),
            as_another: false,
        };
        match self {
            Self::NotBegunHere => plain(
                StatusCode::BAD_REQUEST,
                "This sign-in was not begun in this browser, is over already, or began more than ten minutes ago. \
                 Sign in again.",
            ),
            Self::OtherIssuer => {
                plain(StatusCode::BAD_REQUEST, "Another issuer answered, so nobody was signed in.")
            }
            Self::Declined(code) => Words {
                as_another: true,
                ..plain(StatusCode::FORBIDDEN, &format!("The issuer did not sign you in ({code})."))
            },
            Self::Away => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "The issuer does not answer right now. Try again in a moment.",
            ),
            Self::Busy => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "Many people sign in right now. Try again in a moment.",
            ),
            Self::Code => plain(
                StatusCode::BAD_REQUEST,
                "The issuer takes this sign-in no more: it was used already, or is too old. Sign in again.",
            ),
            Self::Client(code) => Words {
                needed: vec![
                    format!(
                        "a client with the id {} and the secret this API was given, if any",
                        settings.client_id
                    ),
                    format!("with the redirect address {}", settings.callback()),
                ],
                ..plain(
                    StatusCode::BAD_GATEWAY,
                    &format!("The issuer does not take this console for its client ({code})."),
                )
            },
            Self::Unreadable(what) => plain(
                StatusCode::BAD_GATEWAY,
                &format!("The issuer's answer cannot be used: {what}. Why stands in the log of the API."),
            ),
            Self::IdToken => plain(
                StatusCode::BAD_GATEWAY,
                "The issuer's ID token is not of this sign-in, so nobody was signed in. Sign in again.",
            ),
            Self::AccessToken(unfit) => of_access_token(unfit, settings),
        }
    }
}

fn of_access_token(unfit: &Unfit, settings: &OidcSettings) -> Words {
    let roles = "its roles: a list with admin, operator or viewer".to_owned();
    let token = vec![
        "an access token that is a JWT, signed with RS256, ES256 or EdDSA".to_owned(),
        format!("its iss: {}", settings.issuer_name),
        format!("its aud: {}, or a list with it", settings.audience),
        roles.clone(),
    ];
    let (status, sentence, needed) = match unfit {
        Unfit::Malformed => (
            StatusCode::BAD_GATEWAY,
            "The issuer signed you in, but its access token is opaque, so that nobody here can read it.".to_owned(),
            token,
        ),
        Unfit::NotValid => (
            StatusCode::BAD_GATEWAY,
            "The issuer signed you in, but its access token is refused here. Why stands in the log of the API \
             (token refused)."
                .to_owned(),
            token,
        ),
        Unfit::TooLong { bytes } => (
            StatusCode::BAD_GATEWAY,
            format!(
                "The issuer signed you in, but its access token has {bytes} bytes. It has to fit into a cookie, which \
                 has 4 kB: at most {MOST_TOKEN_BYTES} bytes."
            ),
            vec!["an access token that says less, for example no list of all groups".to_owned()],
        ),
        Unfit::Nobody => (
            StatusCode::FORBIDDEN,
            "The issuer signed you in, but you have no role here.".to_owned(),
            vec![format!("an access token with {roles}")],
        ),
        Unfit::Otherwise(refusal) => (refusal.status, refusal.sentence.clone(), Vec::new()),
    };
    Words { status, sentence, needed, as_another: matches!(unfit, Unfit::Nobody) }
}
