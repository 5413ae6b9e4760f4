use clap::Parser;

use super::*;
use crate::access::settings::AccessSettings;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    access: AccessSettings,
}

const ISSUER: [&str; 3] = [
    "--auth-jwks-url=https://issuer.example/keys",
    "--auth-issuer=https://issuer.example/realm",
    "--auth-audience=waybill",
];
const CLIENT: &str = "--console-oidc-client-id=console";
const URL: &str = "--console-url=https://waybill.example";

fn resolved(given: &[&str], secret: &str) -> Result<Option<OidcSettings>, String> {
    let settings = Program::try_parse_from(["waybill-api"].iter().chain(given)).unwrap().access;
    let secrets = Secrets::from([(CLIENT_SECRET, secret)]);
    let mut problems = Problems::default();
    let config = settings.resolve(Some("127.0.0.1:8080".parse().unwrap()), None, &secrets, &mut problems);
    if problems.is_empty() { Ok(config.sign_in) } else { Err(problems.into_vec().join("\n")) }
}

/// With all that is needed, and this.
fn whole(more: &[&str]) -> Result<OidcSettings, String> {
    let given: Vec<&str> = ISSUER.iter().chain(&[CLIENT, URL]).chain(more).copied().collect();
    resolved(&given, "").map(|settings| settings.expect("a sign-in"))
}

#[test]
fn a_client_and_the_consoles_address_are_enough_beside_an_issuer() {
    assert!(resolved(&ISSUER, "").unwrap().is_none(), "nobody asked for it");
    let settings = whole(&[]).unwrap();
    assert_eq!(settings.issuer_name, "https://issuer.example/realm");
    assert_eq!(settings.console_url.as_str(), "https://waybill.example/");
    assert_eq!((settings.audience.as_str(), settings.client_id.as_str()), ("waybill", "console"));
    assert_eq!(settings.scopes, ["openid"]);
    assert!(settings.client_secret.is_none() && settings.parameters.is_empty());
    let more = [
        "--console-oidc-scope=openid  api://waybill/.default",
        "--console-oidc-parameters=audience=way+bill&a=%26",
    ];
    let settings = whole(&more).unwrap();
    assert_eq!(settings.scopes, ["openid", "api://waybill/.default"]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(settings.parameters, [pair("audience", "way bill"), pair("a", "&")]);
}

#[test]
fn what_is_given_in_part_is_refused_and_what_is_missing_is_named() {
    let scope = "--console-oidc-scope=openid";
    let parameters = "--console-oidc-parameters=audience=waybill";
    for (name, given, secret) in [
        ("CONSOLE_URL", &[URL][..], ""),
        ("CONSOLE_OIDC_SCOPE", &[scope][..], ""),
        ("CONSOLE_OIDC_PARAMETERS", &[parameters][..], ""),
        (CLIENT_SECRET, &[][..], "hush"),
    ] {
        let given: Vec<&str> = ISSUER.iter().chain(given).copied().collect();
        let problem = resolved(&given, secret).unwrap_err();
        assert_eq!(problem, format!("CONSOLE_OIDC_CLIENT_ID: is needed with {name}"));
    }
    let problem = resolved(&[&ISSUER[..], &[CLIENT]].concat(), "").unwrap_err();
    assert_eq!(problem, "CONSOLE_URL: is needed with CONSOLE_OIDC_CLIENT_ID");
    let problem = resolved(&[CLIENT, URL], "").unwrap_err();
    assert!(problem.starts_with("CONSOLE_OIDC_CLIENT_ID: needs an issuer; set AUTH_JWKS_URL"), "{problem}");
    // What the issuer lacks is named by its own setting.
    let problem = resolved(&[ISSUER[0], ISSUER[2], CLIENT, URL], "").unwrap_err();
    assert!(problem.contains("AUTH_ISSUER: is needed"), "{problem}");
}

#[test]
fn people_and_codes_go_safe_ways_alone() {
    for good in [
        "https://waybill.example/console",
        "http://localhost:8080",
        "http://127.0.0.1:8080/console/",
        "http://[::1]/",
    ] {
        let url = format!("--console-url={good}");
        let settings = resolved(&[&ISSUER[..], &[CLIENT, url.as_str()]].concat(), "").unwrap().unwrap();
        assert_eq!(settings.console_url.path(), "/", "{good}");
    }
    for wrong in [
        "http://waybill.example",
        "waybill.example",
        "ftp://localhost",
        "https://a:b@waybill.example",
        "https://waybill.example/shop",
        "https://waybill.example?a=b",
        "https://waybill.example#a",
    ] {
        let url = format!("--console-url={wrong}");
        let problem = resolved(&[&ISSUER[..], &[CLIENT, url.as_str()]].concat(), "").unwrap_err();
        assert!(problem.starts_with("CONSOLE_URL: an https URL"), "{problem}");
        assert!(!problem.contains("a:b"), "{problem}");
    }
    for wrong in
        ["waybill", "http://issuer.example", "https://issuer.example?a=b", "https://a:b@issuer.example"]
    {
        let issuer = format!("--auth-issuer={wrong}");
        let problem = resolved(&[ISSUER[0], ISSUER[2], &issuer, CLIENT, URL], "").unwrap_err();
        assert!(problem.starts_with("AUTH_ISSUER: with CONSOLE_OIDC_CLIENT_ID"), "{problem}");
        // Without the sign-in any name will do, as ever.
        assert!(resolved(&[ISSUER[0], ISSUER[2], &issuer], "").is_ok(), "{wrong}");
    }
}

#[test]
fn what_the_sign_in_says_itself_is_not_to_be_said_by_a_setting() {
    for (wrong, named) in [
        ("state=x", "CONSOLE_OIDC_PARAMETERS: state"),
        ("audience=waybill&redirect_uri=https://evil.example", "CONSOLE_OIDC_PARAMETERS: redirect_uri"),
        ("audience", "CONSOLE_OIDC_PARAMETERS: a query"),
        ("=waybill", "CONSOLE_OIDC_PARAMETERS: a query"),
    ] {
        let problem = whole(&[&format!("--console-oidc-parameters={wrong}")]).unwrap_err();
        assert!(problem.starts_with(named), "{problem}");
    }
    for wrong in ["profile", "openid \"x\"", "openid é"] {
        let problem = whole(&[&format!("--console-oidc-scope={wrong}")]).unwrap_err();
        assert!(problem.starts_with("CONSOLE_OIDC_SCOPE: "), "{problem}");
    }
    let long = format!("--console-oidc-client-id={}", "x".repeat(MOST_CLIENT_ID_BYTES + 1));
    let problem = resolved(&[&ISSUER[..], &[long.as_str(), URL]].concat(), "").unwrap_err();
    assert!(problem.starts_with("CONSOLE_OIDC_CLIENT_ID: at most"), "{problem}");
}

#[test]
fn the_clients_secret_is_not_shown() {
    let settings = resolved(&[&ISSUER[..], &[CLIENT, URL]].concat(), "hush-hush").unwrap().unwrap();
    assert_eq!(settings.client_secret.as_ref().unwrap().secret(), "hush-hush");
    assert!(!format!("{settings:?}").contains("hush"));
}
