use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use process::settings::{Problems, Secrets};
use serde_json::json;
use tokio::task::yield_now;

use super::*;
use crate::access::settings::AccessSettings;
use signing::{Served, Signer};

mod kinds;
mod signing;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const HOUR: Duration = Duration::from_secs(3600);
const NEVER_AGAIN: Pace = Pace { not_before: HOUR, old_after: HOUR, gone_after: HOUR };
const AT_ONCE: Pace = Pace { not_before: Duration::ZERO, ..NEVER_AGAIN };

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    access: AccessSettings,
}

fn verifier(given: &[&str], secret: &str, pace: Pace) -> Verifier {
    let program = Program::try_parse_from(["waybill-api"].iter().chain(given)).unwrap();
    let mut problems = Problems::default();
    let config =
        program.access.resolve(None, None, &Secrets::from([("AUTH_HS256_SECRET", secret)]), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    Verifier::new(&config.authentication.unwrap(), pace).unwrap()
}

fn of_secret() -> Verifier {
    verifier(&[], SECRET, NEVER_AGAIN)
}

fn of_issuer(issuer: &Served, pace: Pace) -> Verifier {
    let names = ["--auth-issuer=waybill", "--auth-audience=waybill"];
    verifier(&["--auth-jwks-url", issuer.url.as_str(), names[0], names[1]], "", pace)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({"iss": "waybill", "aud": "waybill", "sub": "somebody", "roles": ["operator"], "exp": now() + 600})
}

/// Good claims with one member changed, or left out.
fn with(member: &str, value: impl Into<Option<Value>>) -> Value {
    let mut claims = claims();
    match value.into() {
        Some(value) => claims[member] = value,
        None => drop(claims.as_object_mut().unwrap().remove(member)),
    }
    claims
}

/// A token under a key and its id.
fn under(signer: &Signer, id: &str) -> String {
    signer.token(&json!({"alg": signer.algorithm(), "kid": id}), &claims())
}

async fn refused(verifier: &Verifier, token: &str) -> &'static str {
    match verifier.check(token).await {
        Err(TokenError::Bad(reason)) => reason,
        other => panic!("{other:?} for {token}"),
    }
}

async fn is_good(verifier: &Verifier, token: &str) -> bool {
    verifier.check(token).await.is_ok()
}

#[tokio::test]
async fn a_good_token_says_who_bears_it() {
    let verifier = of_secret();
    let names = json!(["operator", "admin", "somebody-elses-role", 7]);
    let token = Signer::secret(SECRET).token(&json!({"alg": "HS256"}), &with("roles", names));
    let bearer = verifier.check(&token).await.unwrap();
    assert_eq!(bearer, Bearer { subject: "somebody".into(), roles: vec![Role::Admin, Role::Operator] });
}

#[tokio::test]
async fn a_token_without_a_role_of_ours_has_none() {
    for names in [json!([]), json!(["root"]), json!("admin"), json!({"admin": true}), Value::Null] {
        let token = Signer::secret(SECRET).token(&json!({"alg": "HS256"}), &with("roles", names));
        assert_eq!(of_secret().check(&token).await.unwrap().roles, []);
    }
    let token = Signer::secret(SECRET).token(&json!({"alg": "HS256"}), &with("roles", None));
    assert_eq!(of_secret().check(&token).await.unwrap().roles, []);
}

#[tokio::test]
async fn claims_that_may_not_be_are_refused() {
    let (verifier, signer) = (of_secret(), Signer::secret(SECRET));
    let long = "x".repeat(129);
    for (claims, reason) in [
        (with("exp", json!(now() - 60)), "expired"),
        (with("exp", None), "without exp, iss, aud or sub"),
        (with("exp", json!("tomorrow")), "without exp, iss, aud or sub"),
        (with("nbf", json!(now() + 60)), "not good yet"),
        (with("nbf", json!("tomorrow")), "not a readable token"),
        (with("iss", json!("somebody")), "another issuer"),
        (with("iss", None), "without exp, iss, aud or sub"),
        (with("aud", json!("another")), "another audience"),
        (with("aud", json!(["another", "third"])), "another audience"),
        (with("aud", json!([])), "another audience"),
        (with("aud", None), "without exp, iss, aud or sub"),
        (with("sub", None), "not a readable token"),
        (with("sub", json!(7)), "not a readable token"),
        (with("sub", json!("")), "the subject is not 1 to 128 printable characters"),
        (with("sub", json!(long)), "the subject is not 1 to 128 printable characters"),
        (with("sub", json!("some\nbody")), "the subject is not 1 to 128 printable characters"),
        (json!([]), "not a readable token"),
    ] {
        let token = signer.token(&json!({"alg": "HS256"}), &claims);
        assert_eq!(refused(&verifier, &token).await, reason, "{claims}");
    }
}

#[tokio::test]
async fn an_id_token_is_for_its_client_and_no_access_token() {
    let (verifier, signer) = (of_secret(), Signer::secret(SECRET));
    let mut id =
        json!({"iss": "waybill", "aud": "console", "sub": "somebody", "exp": now() + 600, "nonce": "n"});
    let check = async |header: Value, claims: &Value| {
        verifier.check_id_token(&signer.token(&header, claims), "console").await
    };
    let usual = || json!({"alg": "HS256", "typ": "JWT"});
    assert_eq!(check(usual(), &id).await, Ok(Some("n".to_owned())));
    assert_eq!(check(json!({"alg": "HS256"}), &id).await, Ok(Some("n".to_owned())));
    let bad = |reason| Err(TokenError::Bad(reason));
    let access = json!({"alg": "HS256", "typ": "at+jwt"});
    assert_eq!(check(access, &id).await, bad("an access token where an ID token is needed"));
    id["azp"] = json!("another");
    assert_eq!(check(usual(), &id).await, bad("an ID token for another client"));
    id["azp"] = json!("console");
    assert!(check(usual(), &id).await.is_ok());
    assert_eq!(check(usual(), &with("aud", json!("another"))).await, bad("another audience"));
    assert_eq!(check(usual(), &with("aud", json!("console"))).await, Ok(None));
    let forged = Signer::secret("another secret of 32 bytes, or so").token(&usual(), &id);
    assert_eq!(verifier.check_id_token(&forged, "console").await, bad("the signature does not fit"));
}

#[tokio::test]
async fn clocks_may_be_apart_by_a_little() {
    let (verifier, signer) = (of_secret(), Signer::secret(SECRET));
    for claims in [with("exp", json!(now() - 10)), with("nbf", json!(now() + 10))] {
        assert!(is_good(&verifier, &signer.token(&json!({"alg": "HS256"}), &claims)).await, "{claims}");
    }
}

#[tokio::test]
async fn one_of_several_audiences_may_be_ours() {
    let token =
        Signer::secret(SECRET).token(&json!({"alg": "HS256"}), &with("aud", json!(["other", "waybill"])));
    assert!(is_good(&of_secret(), &token).await);
}

#[tokio::test]
async fn a_token_nobody_signed_is_refused() {
    let verifier = of_secret();
    let unsigned = |algorithm: &str| Signer::secret(SECRET).token(&json!({"alg": algorithm}), &claims());
    let none = unsigned("none");
    let (content, _) = none.rsplit_once('.').unwrap();
    assert_eq!(refused(&verifier, &format!("{content}.")).await, "not a signed token");
    for algorithm in ["None", "NONE", "HS999", ""] {
        assert_eq!(refused(&verifier, &unsigned(algorithm)).await, "not a signed token");
    }
    let good = unsigned("HS256");
    let (content, _) = good.rsplit_once('.').unwrap();
    assert_eq!(refused(&verifier, &format!("{content}.")).await, "the signature does not fit");
    for garbage in ["", ".", "..", "...", "a.b.c", "Ⅷ", &good[1..], content, &format!("{good}.x")] {
        assert!(!is_good(&verifier, garbage).await, "{garbage}");
    }
}

#[tokio::test]
async fn another_signature_or_algorithm_is_refused() {
    let verifier = of_secret();
    let other = Signer::secret("another secret of thirty-two or more");
    let forged = other.token(&json!({"alg": "HS256"}), &claims());
    assert_eq!(refused(&verifier, &forged).await, "the signature does not fit");
    for algorithm in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256"] {
        let token = Signer::secret(SECRET).token(&json!({"alg": algorithm}), &claims());
        assert_eq!(refused(&verifier, &token).await, "another algorithm", "{algorithm}");
    }
    let critical = json!({"alg": "HS256", "crit": ["exp"]});
    let token = Signer::secret(SECRET).token(&critical, &claims());
    assert_eq!(refused(&verifier, &token).await, "asks for an extension");
}

#[tokio::test]
async fn a_huge_token_is_refused_unread() {
    let token =
        Signer::secret(SECRET).token(&json!({"alg": "HS256"}), &with("more", json!("x".repeat(9000))));
    assert_eq!(refused(&of_secret(), &token).await, "too long");
}

#[tokio::test]
async fn an_issuers_keys_of_all_three_kinds_are_good() {
    let signers = [Signer::rsa(), Signer::ec(), Signer::ed()];
    let issuer = Served::start(signers.iter().map(|signer| signer.jwk(signer.algorithm())).collect()).await;
    let verifier = of_issuer(&issuer, NEVER_AGAIN);
    for signer in &signers {
        assert!(is_good(&verifier, &under(signer, signer.algorithm())).await, "{}", signer.algorithm());
        // Only one key is of its kind, so a token need not name it.
        let nameless = signer.token(&json!({"alg": signer.algorithm()}), &claims());
        assert!(is_good(&verifier, &nameless).await, "{}", signer.algorithm());
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_public_key_is_no_secret_and_no_key_of_another_kind() {
    let (rsa, ec, ed) = (Signer::rsa(), Signer::ec(), Signer::ed());
    let issuer = Served::start(vec![rsa.jwk("r"), ec.jwk("e"), Signer::secret(SECRET).jwk("s")]).await;
    let verifier = of_issuer(&issuer, NEVER_AGAIN);
    let Signer::Rsa(pair) = &rsa else { unreachable!("an RSA key") };
    use ring::signature::KeyPair;
    let public = Signer::secret(pair.public_key().as_ref());
    for id in ["r", "e", "s"] {
        let token = public.token(&json!({"alg": "HS256", "kid": id}), &claims());
        assert_eq!(refused(&verifier, &token).await, "another algorithm");
    }
    // A secret has no place in a set that everybody may read.
    assert_eq!(refused(&verifier, &under(&Signer::secret(SECRET), "s")).await, "another algorithm");
    for token in [
        ed.token(&json!({"alg": "EdDSA", "kid": "r"}), &claims()),
        ec.token(&json!({"alg": "ES256", "kid": "r"}), &claims()),
        rsa.token(&json!({"alg": "RS256", "kid": "e"}), &claims()),
    ] {
        assert_eq!(refused(&verifier, &token).await, "an unknown key");
    }
    let forged = Signer::ec().token(&json!({"alg": "ES256", "kid": "e"}), &claims());
    assert_eq!(refused(&verifier, &forged).await, "the signature does not fit");
    // A key that comes with the token is nobody's.
    let own = json!({"alg": "ES256", "kid": "x", "jwk": Signer::ec().jwk("x"), "jku": issuer.url.as_str()});
    assert_eq!(refused(&verifier, &Signer::ec().token(&own, &claims())).await, "an unknown key");
}

#[tokio::test]
async fn a_key_for_another_purpose_is_not_used() {
    let signer = Signer::rsa();
    for (member, value) in
        [("use", json!("enc")), ("alg", json!("RS512")), ("alg", json!("X")), ("key_ops", json!(["encrypt"]))]
    {
        let mut jwk = signer.jwk("r");
        jwk[member] = value;
        let issuer = Served::start(vec![jwk, json!({"kty": "new"}), json!(7), Signer::ec().jwk("e")]).await;
        let verifier = of_issuer(&issuer, NEVER_AGAIN);
        assert_eq!(refused(&verifier, &under(&signer, "r")).await, "an unknown key", "{member}");
    }
}

#[tokio::test]
async fn a_token_without_a_key_id_is_refused_where_two_keys_could_be_meant() {
    let (old, new) = (Signer::ec(), Signer::ec());
    let issuer = Served::start(vec![old.jwk("old"), new.jwk("new")]).await;
    let verifier = of_issuer(&issuer, NEVER_AGAIN);
    assert_eq!(refused(&verifier, &old.token(&json!({"alg": "ES256"}), &claims())).await, "an unknown key");
    assert!(is_good(&verifier, &under(&old, "old")).await);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_the_first_token_names_it() {
    let (old, new) = (Signer::ec(), Signer::ec());
    let issuer = Served::start(vec![old.jwk("old")]).await;
    let verifier = of_issuer(&issuer, AT_ONCE);
    for _ in 0..3 {
        assert!(is_good(&verifier, &under(&old, "old")).await);
    }
    assert_eq!(issuer.asked(), 1);
    issuer.rotate(vec![new.jwk("new")]);
    assert!(is_good(&verifier, &under(&new, "new")).await);
    assert_eq!(issuer.asked(), 2);
    assert_eq!(refused(&verifier, &under(&old, "old")).await, "an unknown key");
}

#[tokio::test]
async fn forged_key_ids_do_not_make_us_hammer_the_issuer() {
    let signer = Signer::ed();
    let issuer = Served::start(vec![signer.jwk("a")]).await;
    let verifier = of_issuer(&issuer, NEVER_AGAIN);
    let tokens: Vec<String> = (0..50).map(|number| under(&signer, &format!("forged-{number}"))).collect();
    let mut checks = tokens.iter().map(|token| Box::pin(verifier.check(token))).collect::<Vec<_>>();
    // All of them at once, and then one after the other.
    std::future::poll_fn(|context| {
        checks.retain_mut(|check| check.as_mut().poll(context).is_pending());
        if checks.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    for token in &tokens {
        assert_eq!(refused(&verifier, token).await, "an unknown key");
    }
    assert_eq!(issuer.asked(), 1);
    assert!(is_good(&verifier, &under(&signer, "a")).await);
}

#[tokio::test]
async fn whoever_hangs_up_does_not_make_us_ask_again() {
    let signer = Signer::ed();
    let issuer = Served::start(vec![signer.jwk("a")]).await;
    let verifier = of_issuer(&issuer, NEVER_AGAIN);
    let forged = under(&signer, "forged");
    for _ in 0..20 {
        let hung_up = tokio::time::timeout(Duration::ZERO, verifier.check(&forged)).await;
        assert!(hung_up.is_err() || issuer.asked() == 1);
    }
    assert_eq!(refused(&verifier, &forged).await, "an unknown key");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_dead_issuer_leaves_us_the_keys_at_hand() {
    let signer = Signer::rsa();
    let issuer = Served::start(vec![signer.jwk("a")]).await;
    let verifier = of_issuer(&issuer, AT_ONCE);
    assert!(is_good(&verifier, &under(&signer, "a")).await);
    issuer.fail();
    assert_eq!(refused(&verifier, &under(&signer, "b")).await, "an unknown key");
    assert_eq!(issuer.asked(), 2);
    assert!(is_good(&verifier, &under(&signer, "a")).await);
}

#[tokio::test]
async fn a_set_that_was_emptied_withdraws_its_keys() {
    let signer = Signer::ec();
    let issuer = Served::start(vec![signer.jwk("a")]).await;
    let verifier = of_issuer(&issuer, AT_ONCE);
    assert!(is_good(&verifier, &under(&signer, "a")).await);
    issuer.rotate(Vec::new());
    assert_eq!(refused(&verifier, &under(&signer, "b")).await, "an unknown key");
    assert_eq!(refused(&verifier, &under(&signer, "a")).await, "an unknown key");
}

#[tokio::test]
async fn a_set_that_is_too_large_is_not_kept_and_no_set_is_looked_for_elsewhere() {
    let signer = Signer::ec();
    let issuer = Served::start(vec![signer.jwk("a")]).await;
    let verifier = of_issuer(&issuer, AT_ONCE);
    assert!(is_good(&verifier, &under(&signer, "a")).await);
    let mut large = signer.jwk("b");
    large["x5c"] = json!("A".repeat(4 * 1024 * 1024));
    issuer.rotate(vec![large]);
    assert_eq!(refused(&verifier, &under(&signer, "b")).await, "an unknown key");
    assert!(is_good(&verifier, &under(&signer, "a")).await);

    let asked = issuer.asked();
    let elsewhere = Served::redirecting_to(&issuer).await;
    let verifier = of_issuer(&elsewhere, AT_ONCE);
    assert_eq!(verifier.check(&under(&signer, "a")).await, Err(TokenError::NoKeysYet));
    assert_eq!(issuer.asked(), asked);
}

#[tokio::test]
async fn keys_of_a_dead_issuer_have_a_greatest_age() {
    let signer = Signer::ec();
    let issuer = Served::start(vec![signer.jwk("a")]).await;
    let verifier = of_issuer(&issuer, Pace { gone_after: Duration::from_millis(300), ..AT_ONCE });
    assert!(is_good(&verifier, &under(&signer, "a")).await);
    issuer.fail();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(verifier.check(&under(&signer, "a")).await, Err(TokenError::NoKeysYet));
}

#[tokio::test]
async fn old_keys_are_fetched_anew_while_they_are_used() {
    let signer = Signer::rsa();
    let issuer = Served::start(vec![signer.jwk("a")]).await;
    let verifier = of_issuer(&issuer, Pace { old_after: Duration::ZERO, ..AT_ONCE });
    let deadline = Instant::now() + Duration::from_secs(10);
    while issuer.asked() < 3 {
        assert!(is_good(&verifier, &under(&signer, "a")).await);
        assert!(Instant::now() < deadline, "asked {} times", issuer.asked());
        yield_now().await;
    }
}

#[tokio::test]
async fn nobody_is_called_a_liar_before_the_first_keys_are_here() {
    let signer = Signer::rsa();
    let issuer = Served::start(Vec::new()).await;
    issuer.fail();
    let verifier = of_issuer(&issuer, AT_ONCE);
    assert_eq!(verifier.check(&under(&signer, "a")).await, Err(TokenError::NoKeysYet));
    issuer.rotate(vec![signer.jwk("a")]);
    assert!(is_good(&verifier, &under(&signer, "a")).await);
}
