//! How a shop is called: a token, or an app's credentials.

use super::*;

const KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn with_app(grant: Option<&str>) -> SharedSettings {
    SharedSettings {
        shopify_client_id: Some("an-app".into()),
        shopify_grant: grant.map(str::to_owned),
        ..complete()
    }
}

fn given(more: &[(&'static str, &str)]) -> Secrets {
    let mut given = secrets();
    given.replace("SHOPIFY_ADMIN_TOKEN", "");
    more.iter().for_each(|(name, value)| given.replace(name, value));
    given
}

fn named(settings: &SharedSettings, secrets: &Secrets) -> Vec<String> {
    let problems = resolve(settings, secrets).err().unwrap_or_default();
    problems.iter().map(|problem| problem.split([':', '=']).next().unwrap().to_owned()).collect()
}

#[test]
fn an_app_asks_for_its_tokens_itself_or_is_installed() {
    let secret = ("SHOPIFY_CLIENT_SECRET", "secret-of-the-app");
    let access = |grant, more: &[(&'static str, &str)]| {
        let shared = resolve(&with_app(grant), &given(more)).ok().unwrap();
        shared.shops.get("a.myshopify.com").unwrap().access.clone().unwrap()
    };
    assert!(matches!(access(None, &[secret]), ShopAccess::ClientCredentials(_)));
    assert!(matches!(access(Some("client_credentials"), &[secret]), ShopAccess::ClientCredentials(_)));
    let ShopAccess::Installed(app) = access(Some("authorization_code"), &[secret, ("WAYBILL_KEYS", KEYS)])
    else {
        panic!("it is installed");
    };
    assert_eq!(app.client_id, "an-app");
    assert!(!format!("{app:?}").contains("secret-of"));
}

#[test]
fn what_is_wrong_with_an_app_is_named_and_never_shown() {
    let secret = ("SHOPIFY_CLIENT_SECRET", "secret-of-the-app");
    let token = ("SHOPIFY_ADMIN_TOKEN", "token-of-the-shops-api");
    let code = Some("authorization_code");
    for (settings, given, expected) in [
        (with_app(None), given(&[]), "SHOPIFY_CLIENT_SECRET"),
        (with_app(None), given(&[("SHOPIFY_CLIENT_SECRET", "hush")]), "SHOPIFY_CLIENT_SECRET"),
        (with_app(None), given(&[secret, token]), "SHOPIFY_ADMIN_TOKEN and SHOPIFY_CLIENT_ID"),
        (with_app(Some("hush")), given(&[secret]), "SHOPIFY_GRANT"),
        (with_app(code), given(&[secret]), "WAYBILL_KEYS"),
        (with_app(code), given(&[secret, ("WAYBILL_KEYS", "k1:aHVzaA==")]), "WAYBILL_KEYS"),
        (complete(), given(&[secret, token]), "SHOPIFY_CLIENT_ID"),
        (
            SharedSettings { shopify_grant: Some("client_credentials".into()), ..complete() },
            given(&[token]),
            "SHOPIFY_CLIENT_ID",
        ),
    ] {
        assert_eq!(named(&settings, &given), [expected]);
        let problems = resolve(&settings, &given).err().unwrap().join("\n");
        assert!(!problems.contains("aHVzaA") && !problems.contains("secret-of"), "{problems}");
    }
}

#[test]
fn whoever_only_takes_webhooks_needs_the_secret_of_an_app_that_is_installed_alone() {
    let needs = Needs { orders: true, webhooks: true, calls: Runs::nothing() };
    let problems = |grant| resolve_for(&with_app(grant), &given(&[]), &needs).err().unwrap_or_default();
    assert!(problems(None).is_empty());
    assert_eq!(problems(Some("authorization_code")), ["SHOPIFY_CLIENT_SECRET: is not set"]);
    let nothing = Needs { orders: true, webhooks: false, calls: Runs::nothing() };
    let secret = given(&[("SHOPIFY_CLIENT_SECRET", "secret-of-the-app")]);
    let resolved = resolve_for(&with_app(Some("authorization_code")), &secret, &nothing);
    assert!(resolved.is_ok(), "whoever neither calls nor installs needs no key");
}

#[test]
fn an_app_of_the_file_is_named_by_its_place() {
    let shop = "[[shops]]\ndomain = \"b.myshopify.com\"\nwebhook_secrets = [\"sixteen-bytes-or-more\"]\n\
                client_id = \"an-app\"\nclient_secret = \"sixteen-bytes-or-more\"\n";
    let (_folder, settings) = with_file(shop);
    assert!(resolve(&settings, &secrets()).is_ok());
    let (_folder, settings) = with_file(&format!("{shop}grant = \"hush\"\n"));
    let problems = resolve(&settings, &secrets()).err().unwrap().join("\n");
    assert!(problems.contains("shops[0].grant") && !problems.contains("hush"), "{problems}");
    let (_folder, settings) = with_file(&format!("{shop}admin_token = \"sixteen-bytes-or-more\"\n"));
    assert_eq!(named(&settings, &secrets()), ["shops[0].admin_token and shops[0].client_id"]);
}
