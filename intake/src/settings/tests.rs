use super::*;

fn nothing() -> SharedSettings {
    SharedSettings {
        database_url: None,
        shopify_shop: None,
        shopify_admin_url: None,
        shopify_admin_token: None,
        shopify_webhook_secrets: None,
        wms_url: None,
        wms_token: None,
        wms_webhook_secrets: None,
        waybill_config: None,
        inventory_service_url: None,
        inventory_service_token: None,
    }
}

fn complete() -> SharedSettings {
    SharedSettings {
        database_url: Some("postgres://waybill@127.0.0.1/waybill".into()),
        shopify_shop: Some("a.myshopify.com".into()),
        shopify_admin_token: Some("token".into()),
        shopify_webhook_secrets: Some("a-new-client-secret, an-old-client-secret".into()),
        wms_url: Some("http://127.0.0.1:9091".into()),
        wms_token: Some("token".into()),
        wms_webhook_secrets: Some("whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=".into()),
        ..nothing()
    }
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let problems = nothing().resolve().err().unwrap().join("\n");
    for name in ["DATABASE_URL", "SHOPIFY_SHOP", "WMS_URL", "WMS_TOKEN", "WMS_WEBHOOK_SECRETS"] {
        assert!(problems.contains(name), "{name} in {problems}");
    }
}

#[test]
fn one_shop_needs_no_file_and_gets_both_its_secrets() {
    let shared = complete().resolve().ok().unwrap();
    let shop = shared.shops.get("a.myshopify.com").unwrap();
    assert_eq!(shop.webhook_secrets.len(), 2);
    assert_eq!(shop.admin_url.as_str(), "https://a.myshopify.com/");
    assert!(shared.shops.get("b.myshopify.com").is_none());
}

#[test]
fn a_file_lists_several_shops_with_policies_of_their_own() {
    let path = std::env::temp_dir().join(format!("waybill-settings-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        r#"
        [[shops]]
        domain = "b.myshopify.com"
        admin_token = "t"
        webhook_secrets = ["sixteen-bytes-or-more"]
        locations = { "655441491" = "north" }
        policy = { hold_window = "10m", stock_out = "ship_what_is_there" }
        "#,
    )
    .unwrap();
    let settings = SharedSettings { waybill_config: Some(path.clone()), ..complete() };
    let shared = settings.resolve().ok().unwrap();
    std::fs::remove_file(path).unwrap();
    let shop = shared.shops.get("b.myshopify.com").unwrap();
    assert_eq!(shop.policy.hold_window, Duration::from_secs(600));
    assert_eq!(shop.locations[&655_441_491].as_str(), "north");
    assert!(shared.shops.get("a.myshopify.com").is_some());
}

#[test]
fn the_page_on_settings_shows_every_member_of_a_policy_with_its_default() {
    let page = include_str!("../../../docs/configuration.md");
    let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let file: ConfigFile = toml::from_str(example).unwrap();
    assert_eq!(file.shops[0].policy, toml::Table::try_from(FulfilmentPolicy::default()).unwrap());
    let mut problems = Problems::default();
    for shop in file.shops {
        assert!(shop.check(&mut problems).is_some(), "{:?}", problems.0);
    }
    assert!(problems.0.is_empty(), "{:?}", problems.0);
}

#[test]
fn a_policy_with_a_misspelt_name_or_a_wrong_value_is_refused() {
    let mut problems = Problems::default();
    problems.policy("policy", "hold_windw = \"10m\"\npayment_deadline = \"soon\"".parse().unwrap());
    let problems = problems.0.join("\n");
    assert!(problems.contains("hold_windw is none of") && problems.contains("policy:"), "{problems}");
    assert_eq!(problems.lines().count(), 2, "{problems}");
}

#[test]
fn short_secrets_and_empty_lists_are_refused() {
    let shop = |list: &str| SharedSettings { shopify_webhook_secrets: Some(list.into()), ..complete() };
    for list in ["short", "a-new-client-secret,short", ", ,"] {
        let problems = shop(list).resolve().err().unwrap().join("\n");
        assert!(problems.contains("webhook_secrets: "), "{list}: {problems}");
        assert!(!problems.contains("short"), "{problems}");
    }
    let callbacks = |list: &str| SharedSettings { wms_webhook_secrets: Some(list.into()), ..complete() };
    for list in ["whsec_c2VjcmV0", ",", "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=,whsec_c2VjcmV0"] {
        let problems = callbacks(list).resolve().err().unwrap().join("\n");
        assert!(problems.contains("WMS_WEBHOOK_SECRETS: "), "{list}: {problems}");
        assert!(!problems.contains("c2Vj"), "{problems}");
    }
}

#[test]
fn an_error_in_the_file_names_the_key_and_never_the_value() {
    const SHOP: &str = "[[shops]]\ndomain = \"b.myshopify.com\"\n";
    for (file, named) in [
        (
            "[[shops]]\ndomain = \"b.myshopify.com\"\nadmin_token = 7770777\n".to_owned(),
            "shops[0].admin_token",
        ),
        (
            format!("{SHOP}admin_token = \"hush\"\nwebhook_secrets = \"hush-hush\"\n"),
            "shops[0].webhook_secrets",
        ),
        (format!("{SHOP}webhook_secrets = []\n"), "admin_token"),
        (format!("{SHOP}admin_tokne = \"hush\"\n"), "admin_tokne"),
        (format!("{SHOP}admin_token = \"hush\n"), "line 3"),
        ("[policy]\n= \"hush\"\n".to_owned(), "line 2"),
    ] {
        let problem = parsed(&file).err().unwrap();
        assert!(problem.contains(named), "{named} in {problem}");
        assert!(!problem.contains("hush") && !problem.contains("777"), "{problem}");
    }
    let mut problems = Problems::default();
    problems.policy("policy", "payment_deadline = \"hush\"".parse().unwrap());
    assert_eq!(problems.0, ["policy: payment_deadline: is not of the kind that is allowed there"]);
}

#[test]
fn the_inventory_service_is_named_by_its_url_and_a_wrong_one_is_a_problem() {
    assert!(complete().resolve().ok().unwrap().inventory_service.is_none());
    let with = |url: &str| SharedSettings {
        inventory_service_url: Some(url.into()),
        inventory_service_token: Some("token of the service".into()),
        ..complete()
    };
    let problems = with("grpc://127.0.0.1:1").resolve().err().unwrap();
    assert!(problems[0].starts_with("INVENTORY_SERVICE_URL: "), "{problems:?}");
    let problems = with("http://127.0.0.1:1").resolve().err().unwrap();
    assert!(problems[0].starts_with("INVENTORY_SERVICE_TOKEN: "), "{problems:?}");
    assert!(!format!("{:?}", with("http://127.0.0.1:1")).contains("token of"));
}

#[test]
fn secrets_do_not_show_in_debug() {
    let shown = format!("{:?}", complete());
    assert!(!shown.contains("token") && !shown.contains("whsec") && !shown.contains("waybill@"), "{shown}");
}
