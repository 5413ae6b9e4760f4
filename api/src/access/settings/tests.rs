use clap::Parser;

use super::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    access: AccessSettings,
}

const HERE: &str = "127.0.0.1:8080";
const OUTSIDE: &str = "192.0.2.1:8080";
const SECRET: &str = "AUTH_HS256_SECRET=0123456789abcdef0123456789abcdef";
const KEY_SET: &str = "--auth-jwks-url=https://issuer.example/keys";

fn settings(given: &[&str]) -> AccessSettings {
    Program::try_parse_from(["waybill-api"].iter().chain(given)).unwrap().access
}

/// Flags, and perhaps the secret as the environment has it.
fn resolved(listen: &str, given: &[&str]) -> Result<AccessConfig, String> {
    let (flags, variables): (Vec<&str>, Vec<&str>) = given.iter().partition(|given| given.starts_with('-'));
    let secret = variables.first().map_or("", |variable| &variable["AUTH_HS256_SECRET=".len()..]);
    let secrets = Secrets::from([("AUTH_HS256_SECRET", secret)]);
    let mut problems = Problems::default();
    let config = settings(&flags).resolve(Some(listen.parse().unwrap()), None, &secrets, &mut problems);
    if problems.is_empty() { Ok(config) } else { Err(problems.into_vec().join("\n")) }
}

#[test]
fn an_address_that_others_can_reach_needs_authentication_and_always_a_token() {
    for open in [OUTSIDE, "0.0.0.0:8080", "[::]:8080"] {
        let problem = resolved(open, &[]).unwrap_err();
        for named in [open, "API_LISTEN", "AUTH_JWKS_URL", "AUTH_HS256_SECRET"] {
            assert!(problem.contains(named), "{named} in {problem}");
        }
        let config = resolved(open, &[SECRET, "--api-require-token=false"]).unwrap();
        assert!(!config.tokenless, "{open}");
    }
}

#[test]
fn loopback_needs_nothing_and_asks_for_tokens_when_it_is_told_to() {
    for loopback in [HERE, "[::1]:8080", "127.0.0.9:1"] {
        let config = resolved(loopback, &[]).unwrap();
        assert!(config.tokenless && config.authentication.is_none(), "{loopback}");
    }
    assert!(resolved(HERE, &[SECRET]).unwrap().tokenless);
    assert!(!resolved(HERE, &[SECRET, "--api-require-token=true"]).unwrap().tokenless);
    assert!(resolved(HERE, &["--api-require-token=true"]).unwrap_err().starts_with("API_REQUIRE_TOKEN"));
    assert!(resolved(HERE, &["--api-require-token=yes"]).unwrap_err().starts_with("API_REQUIRE_TOKEN=yes"));
}

#[test]
fn a_secret_is_long_and_the_demos_stays_at_home() {
    assert!(resolved(HERE, &["AUTH_HS256_SECRET=short"]).unwrap_err().contains("32 bytes"));
    let published = format!("AUTH_HS256_SECRET={PUBLISHED_SECRET}");
    assert!(resolved(HERE, &[&published]).is_ok());
    let problem = resolved(OUTSIDE, &[&published]).unwrap_err();
    assert!(problem.starts_with("AUTH_HS256_SECRET: everybody knows"), "{problem}");
}

#[test]
fn keys_come_over_a_safe_way_with_issuer_and_audience() {
    let names = ["--auth-issuer=https://issuer.example/", "--auth-audience=waybill-api"];
    let config = resolved(OUTSIDE, &[KEY_SET, names[0], names[1]]).unwrap();
    let authentication = config.authentication.unwrap();
    assert_eq!(authentication.issuer, "https://issuer.example/");
    assert_eq!(authentication.audience, "waybill-api");
    let problems = resolved(OUTSIDE, &[KEY_SET]).unwrap_err();
    assert!(problems.contains("AUTH_ISSUER") && problems.contains("AUTH_AUDIENCE"), "{problems}");
    for loopback in ["http://127.0.0.1:9/keys", "http://[::1]/keys", "http://localhost:9/keys"] {
        let url = format!("--auth-jwks-url={loopback}");
        assert!(resolved(HERE, &[&url, names[0], names[1]]).is_ok(), "{loopback}");
    }
    for unsafe_url in
        ["http://issuer.example/keys", "ftp://localhost/keys", "https://a:b@issuer.example/keys", "keys"]
    {
        let url = format!("--auth-jwks-url={unsafe_url}");
        let problem = resolved(HERE, &[&url, names[0], names[1]]).unwrap_err();
        assert!(problem.starts_with("AUTH_JWKS_URL"), "{problem}");
        assert!(!problem.contains("a:b"), "{problem}");
    }
}

#[test]
fn tokens_are_checked_in_one_way_only() {
    let problem = resolved(HERE, &[KEY_SET, SECRET]).unwrap_err();
    assert!(problem.contains("not both"), "{problem}");
}

#[test]
fn limits_are_generous_on_loopback_alone() {
    let rate = |listen, given: &[&str]| resolved(listen, given).map(|config| config.requests_per_s.get());
    assert_eq!(rate(HERE, &[]), Ok(LOOPBACK_REQUESTS_PER_S));
    assert_eq!(rate(OUTSIDE, &[SECRET]), Ok(USUAL_REQUESTS_PER_S));
    assert_eq!(rate(HERE, &["--api-requests-per-second=7"]), Ok(7));
    for wrong in ["0", "-1", "many", "1000001"] {
        let given = format!("--api-requests-per-second={wrong}");
        assert!(rate(HERE, &[&given]).unwrap_err().starts_with("API_REQUESTS_PER_SECOND"), "{wrong}");
    }
}

#[test]
fn an_origin_is_written_as_a_browser_sends_it() {
    let config =
        resolved(HERE, &["--api-cors-origins=https://shop.example.com, http://localhost:3000"]).unwrap();
    assert_eq!(config.cors_origins, ["https://shop.example.com", "http://localhost:3000"]);
    assert!(resolved(HERE, &[]).unwrap().cors_origins.is_empty());
    for wrong in ["*", "null", "shop.example.com", "https://shop.example.com/", "https://Shop.example.com"] {
        let given = format!("--api-cors-origins={wrong}");
        assert!(resolved(HERE, &[&given]).unwrap_err().starts_with("API_CORS_ORIGINS"), "{wrong}");
    }
}

#[test]
fn proxies_are_networks_or_addresses() {
    assert!(resolved(HERE, &["--trusted-proxies=10.0.0.0/8, 192.0.2.1, fd00::/8"]).is_ok());
    for wrong in ["10.0.0.0/33", "proxy.example.com", "10.0.0"] {
        let given = format!("--trusted-proxies={wrong}");
        assert!(resolved(HERE, &[&given]).err().unwrap().starts_with("TRUSTED_PROXIES"), "{wrong}");
    }
}

#[test]
fn hosts_that_are_answered_stand_without_ports() {
    assert!(resolved(HERE, &["--api-allowed-hosts=waybill.example.com, [::1], 192.0.2.1"]).is_ok());
    for wrong in ["a b", "waybill.example.com:443", "https://waybill.example.com"] {
        let given = format!("--api-allowed-hosts={wrong}");
        assert!(resolved(HERE, &[&given]).unwrap_err().starts_with("API_ALLOWED_HOSTS"), "{wrong}");
    }
}

#[test]
fn a_list_that_names_nobody_is_refused_and_does_not_mean_everybody() {
    for name in ["trusted-proxies", "api-allowed-hosts"] {
        for empty in [",", " , ,"] {
            let given = format!("--{name}={empty}");
            let refused = resolved(HERE, &[&given]).err().unwrap_or_else(|| panic!("{given:?} is taken"));
            assert!(refused.contains("at least one"), "{refused}");
        }
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_the_secret_never() {
    let problems = resolved(
        OUTSIDE,
        &[
            "AUTH_HS256_SECRET=hush",
            "--api-require-token=2",
            "--api-requests-per-second=0",
            "--api-cors-origins=*",
        ],
    )
    .unwrap_err();
    for named in ["AUTH_HS256_SECRET", "API_REQUIRE_TOKEN", "API_REQUESTS_PER_SECOND", "API_CORS_ORIGINS"] {
        assert!(problems.contains(named), "{named} in {problems}");
    }
    assert!(!problems.contains("hush"));
    let shown = format!("{:?}", resolved(HERE, &[SECRET]).unwrap());
    assert!(!shown.contains("0123456789abcdef"), "{shown}");
}
