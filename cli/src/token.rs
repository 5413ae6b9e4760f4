//! `waybill token`: a bearer token for a role, for the demo and for set-ups with a shared secret.

use std::time::Duration;

use anyhow::{bail, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use clap::{Args, ValueEnum};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::secret;

/// The demo's secret. Everybody can read it here, so the API takes it on loopback alone.
pub const DEMO_SECRET: &str = "waybill-demo-secret-that-everybody-knows";
/// What the API asks of a secret.
const FEWEST_SECRET_BYTES: usize = 32;
const MOST_SUBJECT_CHARACTERS: usize = 128;
/// Longer than anybody leaves a demo running.
const LIFETIME_OF_THE_DEMOS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the token shall say.
#[derive(Args)]
pub struct Wanted {
    /// What its bearer may be; several are repeated.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    /// Who the bearer is; a customer sees the orders of this user alone. By default the role.
    #[arg(long)]
    subject: Option<String>,
    /// How long it is good for, for example 30m, 12h or 7days.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    expires_in: Duration,
    /// The issuer the API expects.
    #[arg(long, env = "AUTH_ISSUER", default_value = "waybill")]
    auth_issuer: String,
    /// The audience the API expects.
    #[arg(long, env = "AUTH_AUDIENCE", default_value = "waybill")]
    auth_audience: String,
}

/// What a bearer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
enum Role {
    /// Everything.
    Admin,
    /// The operators' endpoints.
    Operator,
    /// Looking at what operators look at.
    Viewer,
    /// Placing orders, and one's own.
    Customer,
    /// Allocations.
    OrderService,
    /// Reading orders on the integration endpoints.
    InventoryService,
}

/// Prints the token, alone on its line.
///
/// # Errors
/// When the API would not take such a token.
pub fn run(wanted: &Wanted) -> anyhow::Result<()> {
    let secret = secret::of("AUTH_HS256_SECRET")?;
    println!("{}", token(wanted, secret.as_deref().unwrap_or(DEMO_SECRET), Utc::now().timestamp())?);
    Ok(())
}

/// A token for the demo, which does what an administrator may; none where no secret is given, and so no token is asked for.
///
/// # Errors
/// When the API would not take a token under that secret.
pub fn for_the_demo() -> anyhow::Result<Option<String>> {
    let Some(secret) = secret::of("AUTH_HS256_SECRET")? else { return Ok(None) };
    let name = |variable: &str| std::env::var(variable).unwrap_or_else(|_| "waybill".to_owned());
    let wanted = Wanted {
        roles: vec![Role::Admin],
        subject: Some("demo".to_owned()),
        expires_in: LIFETIME_OF_THE_DEMOS,
        auth_issuer: name("AUTH_ISSUER"),
        auth_audience: name("AUTH_AUDIENCE"),
    };
    token(&wanted, &secret, Utc::now().timestamp()).map(Some)
}

/// The token, issued at `now` (seconds since 1970).
fn token(wanted: &Wanted, secret: &str, now: i64) -> anyhow::Result<String> {
    ensure!(
        secret.len() >= FEWEST_SECRET_BYTES,
        "AUTH_HS256_SECRET: at least {FEWEST_SECRET_BYTES} bytes are needed"
    );
    let names: Vec<&str> = wanted.roles.iter().map(<&str>::from).collect();
    let subject = wanted.subject.as_deref().unwrap_or(names[0]);
    if !(1..=MOST_SUBJECT_CHARACTERS).contains(&subject.chars().count()) {
        bail!("--subject: 1 to {MOST_SUBJECT_CHARACTERS} characters");
    }
    let lifetime_s = i64::try_from(wanted.expires_in.as_secs())?;
    ensure!(lifetime_s > 0, "--expires-in: at least one second");
    let claims = json!({
        "iss": wanted.auth_issuer,
        "aud": wanted.auth_audience,
        "sub": subject,
        "roles": names,
        "iat": now,
        "exp": now.saturating_add(lifetime_s),
    });
    signed(&claims, secret)
}

/// Claims under a signature, as RFC 7515 writes them.
fn signed(claims: &Value, secret: &str) -> anyhow::Result<String> {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let content = format!("{}.{}", part(&header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(content.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Ok(format!("{content}.{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            roles: vec![Role::OrderService],
            subject: None,
            expires_in: Duration::from_secs(60),
            auth_issuer: "waybill".into(),
            auth_audience: "waybill".into(),
        }
    }

    fn claims(token: &str) -> Value {
        let part = token.split('.').nth(1).expect("claims");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
    }

    #[test]
    fn a_token_names_role_issuer_audience_and_end() {
        let token = token(&wanted(), DEMO_SECRET, 1000).expect("a token");
        let expected = json!({
            "iss": "waybill", "aud": "waybill", "sub": "order-service", "roles": ["order-service"],
            "iat": 1000, "exp": 1060,
        });
        assert_eq!(claims(&token), expected);
    }

    #[test]
    fn a_token_the_api_would_not_take_is_not_made() {
        let short = "x".repeat(31);
        let nobody = Wanted { subject: Some(String::new()), ..wanted() };
        let over = Wanted { expires_in: Duration::ZERO, ..wanted() };
        for (wanted, secret, named) in [
            (wanted(), short.as_str(), "AUTH_HS256_SECRET"),
            (nobody, DEMO_SECRET, "--subject"),
            (over, DEMO_SECRET, "--expires-in"),
        ] {
            let error = token(&wanted, secret, 0).expect_err("refused").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
