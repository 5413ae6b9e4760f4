use super::*;

mod access;
mod promises;

fn nothing() -> SharedSettings {
    SharedSettings {
        shopify_shop: None,
        shopify_admin_url: None,
        shopify_client_id: None,
        shopify_grant: None,
        wms_url: None,
        waybill_config: None,
        inventory_service_url: None,
        inventory_service_ca: None,
        allow_plain_http: None,
        allow_private_webhooks: None,
    }
}

/// As a process that does everything.
fn resolve(settings: &SharedSettings, secrets: &Secrets) -> Result<Shared, Vec<String>> {
    resolve_for(settings, secrets, &Needs { orders: true, webhooks: true, calls: Runs::all() })
}

fn resolve_for(settings: &SharedSettings, secrets: &Secrets, needs: &Needs) -> Result<Shared, Vec<String>> {
    let mut problems = Problems::default();
    settings.resolve(secrets, needs, &mut problems).ok_or_else(|| problems.into_vec())
}

fn complete() -> SharedSettings {
    SharedSettings {
        shopify_shop: Some("a.myshopify.com".into()),
        wms_url: Some("http://127.0.0.1:9091".into()),
        ..nothing()
    }
}

fn secrets() -> Secrets {
    with_secrets("a-new-client-secret, an-old-client-secret", CALLBACKS, "token-of-the-service")
}

const CALLBACKS: &str = "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=";

fn with_secrets(webhooks: &str, callbacks: &str, service: &str) -> Secrets {
    Secrets::from([
        ("DATABASE_URL", "postgres://waybill@127.0.0.1/waybill"),
        ("SHOPIFY_ADMIN_TOKEN", "token-of-the-shops-api"),
        ("SHOPIFY_WEBHOOK_SECRETS", webhooks),
        ("WMS_TOKEN", "token-of-the-warehouse"),
        ("WMS_WEBHOOK_SECRETS", callbacks),
        ("INVENTORY_SERVICE_TOKEN", service),
    ])
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let problems = resolve(&nothing(), &Secrets::default()).err().unwrap().join("\n");
    for name in ["DATABASE_URL", "SHOPIFY_SHOP", "WMS_URL", "WMS_TOKEN", "WMS_WEBHOOK_SECRETS"] {
        assert!(problems.contains(name), "{name} in {problems}");
    }
}

#[test]
fn one_shop_needs_no_file_and_gets_both_its_secrets() {
    let shared = resolve(&complete(), &secrets()).ok().unwrap();
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
        admin_token = "sixteen-bytes-or-more"
        webhook_secrets = ["sixteen-bytes-or-more"]
        locations = { "655441491" = "north" }
        policy = { hold_window = "10m", stock_out = "ship_what_is_there" }
        "#,
    )
    .unwrap();
    let settings = SharedSettings { waybill_config: Some(path.clone()), ..complete() };
    let shared = resolve(&settings, &secrets()).ok().unwrap();
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
    let needs = Needs { orders: true, webhooks: true, calls: Runs::all() };
    let mut problems = Problems::default();
    for (index, shop) in file.shops.into_iter().enumerate() {
        assert!(shop.check(&Keys::Listed(index), &needs, &mut problems).is_some(), "{:?}", problems.found);
    }
    assert!(problems.found.is_empty(), "{:?}", problems.found);
}

#[test]
fn a_policy_with_a_misspelt_name_or_a_wrong_value_is_refused() {
    let mut problems = Problems::default();
    problems.policy("policy", "hold_windw = \"10m\"\npayment_deadline = \"soon\"".parse().unwrap());
    let problems = problems.found.join("\n");
    assert!(problems.contains("hold_windw is none of") && problems.contains("policy:"), "{problems}");
    assert_eq!(problems.lines().count(), 2, "{problems}");
}

#[test]
fn short_secrets_and_empty_lists_are_refused() {
    for list in ["short", "a-new-client-secret,short", ", ,"] {
        let problems = resolve(&complete(), &with_secrets(list, CALLBACKS, "")).err().unwrap().join("\n");
        assert!(problems.contains("SHOPIFY_WEBHOOK_SECRETS: "), "{list}: {problems}");
        assert!(!problems.contains("short"), "{problems}");
    }
    for list in ["whsec_c2VjcmV0", ",", "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=,whsec_c2VjcmV0"] {
        let secrets = with_secrets("a-new-client-secret", list, "");
        let problems = resolve(&complete(), &secrets).err().unwrap().join("\n");
        assert!(problems.contains("WMS_WEBHOOK_SECRETS: "), "{list}: {problems}");
        assert!(!problems.contains("c2Vj"), "{problems}");
    }
}

#[test]
fn a_vendors_token_a_key_and_a_path_that_can_be_guessed_are_refused() {
    for name in [
        "SHOPIFY_ADMIN_TOKEN",
        "SHOPIFY_WEBHOOK_PATH",
        "WMS_TOKEN",
        "INVENTORY_SERVICE_TOKEN",
        "TEMPORAL_API_KEY",
    ] {
        let mut given = secrets();
        let settings =
            SharedSettings { inventory_service_url: Some("http://127.0.0.1:1".into()), ..complete() };
        given.replace(name, "fifteen-bytes-x");
        let problems = resolve(&settings, &given).err().unwrap();
        assert!(problems.len() == 1 && problems[0].starts_with(&format!("{name}: ")), "{problems:?}");
        assert!(!problems[0].contains("fifteen"), "{problems:?}");
        given.replace(name, "sixteen-bytes-xy");
        assert!(resolve(&settings, &given).is_ok(), "{name}");
    }
}

#[test]
fn what_is_wrong_with_a_shop_of_the_list_is_named_by_its_key() {
    const GOOD: &str = "[[shops]]\ndomain = \"b.myshopify.com\"\nadmin_token = \"sixteen-bytes-or-more\"\n\
                        webhook_secrets = [\"sixteen-bytes-or-more\"]\n";
    let bad = "[[shops]]\ndomain = \"hush\"\nadmin_url = \"ftp://hush\"\nadmin_token = \"hush\"\n\
               webhook_secrets = [\"hush\"]\nwebhook_path = \"hush\"\nlocations = { \"x\" = \"main\" }\n\
               policy = { payment = \"hush\" }\n";
    let empty = GOOD.replace("admin_token = \"sixteen-bytes-or-more\"", "admin_token = \"\"");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waybill.toml");
    std::fs::write(&path, format!("{GOOD}{bad}{GOOD}{empty}")).unwrap();
    let settings = SharedSettings { waybill_config: Some(path), ..complete() };
    let problems = resolve(&settings, &secrets()).err().unwrap();
    let named: Vec<&str> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(
        named,
        [
            "shops[1].domain",
            "shops[1].admin_url",
            "shops[1].admin_token",
            "shops[1].webhook_secrets",
            "shops[1].webhook_path",
            "shops[1].locations",
            "shops[1].policy",
            "shops[2].domain",
            "shops[3].admin_token",
            "shops[3].domain",
        ]
    );
    assert!(!problems.join("\n").contains("hush"), "{problems:?}");
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
        ("[[shops]]\nadmin_token = \"hush\"\n".to_owned(), "domain"),
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
    assert_eq!(problems.found, ["policy: payment_deadline: is not of the kind that is allowed there"]);
}

#[test]
fn the_inventory_service_is_named_by_its_url_and_a_wrong_one_is_a_problem() {
    assert!(resolve(&complete(), &secrets()).ok().unwrap().inventory_service.is_none());
    let with = |url: &str| SharedSettings { inventory_service_url: Some(url.into()), ..complete() };
    let problems = resolve(&with("grpc://127.0.0.1:1"), &secrets()).err().unwrap();
    assert!(problems[0].starts_with("INVENTORY_SERVICE_URL: "), "{problems:?}");
    let spaced = with_secrets("a-new-client-secret", CALLBACKS, "token of the service");
    let problems = resolve(&with("http://127.0.0.1:1"), &spaced).err().unwrap();
    assert!(problems[0].starts_with("INVENTORY_SERVICE_TOKEN: "), "{problems:?}");
    let settings =
        SharedSettings { inventory_service_ca: Some("/not/there".into()), ..with("https://127.0.0.1:1") };
    let problems = resolve(&settings, &secrets()).err().unwrap();
    assert!(problems[0].starts_with("INVENTORY_SERVICE_CA: /not/there: "), "{problems:?}");
}

#[test]
fn other_machines_are_spoken_to_without_tls_only_where_somebody_says_so() {
    let with = |allowed: Option<&str>| SharedSettings {
        shopify_admin_url: Some("http://shop.internal".into()),
        wms_url: Some("http://192.0.2.1:80".into()),
        inventory_service_url: Some("http://[2001:db8::1]:81".into()),
        allow_plain_http: allowed.map(str::to_owned),
        ..complete()
    };
    for refused in [None, Some("false")] {
        let problems = resolve(&with(refused), &secrets()).err().unwrap().join("\n");
        for name in ["SHOPIFY_ADMIN_URL", "WMS_URL", "INVENTORY_SERVICE_URL"] {
            assert!(problems.contains(&format!("{name}: http to another machine")), "{name} in {problems}");
        }
    }
    assert!(resolve(&with(Some("true")), &secrets()).ok().unwrap().plain_http);
    assert!(resolve(&with(Some("yes")), &secrets()).err().unwrap()[0].starts_with("ALLOW_PLAIN_HTTP=yes: "));
    for here in ["http://localhost:1", "http://127.0.0.7:1", "http://[::1]:1", "https://wms.example.com"] {
        let settings = SharedSettings { wms_url: Some(here.into()), ..complete() };
        assert!(resolve(&settings, &secrets()).is_ok(), "{here}");
    }
}

fn with_file(text: &str) -> (tempfile::TempDir, SharedSettings) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waybill.toml");
    std::fs::write(&path, text).unwrap();
    (folder, SharedSettings { waybill_config: Some(path), ..complete() })
}

const SECOND_SYSTEM: &str = "[[warehouse_systems]]\nname = \"depot\"\ndialect = \"fulfilments\"\n\
    url = \"https://depot.example.com\"\ntoken = \"sixteen-bytes-or-more\"\n\
    webhook_secrets = [\"whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=\"]\nwarehouses = [\"north\"]\n";

#[test]
fn every_downstream_has_a_lane_and_small_shops_may_share_one() {
    let shop = |name: &str, lane: &str| {
        format!(
            "[[shops]]\ndomain = \"{name}.myshopify.com\"\nadmin_token = \"sixteen-bytes-or-more\"\n\
             webhook_secrets = [\"sixteen-bytes-or-more\"]\n{lane}\n"
        )
    };
    let small = "lane = \"shopify-small\"";
    let lanes = "[lanes.\"shopify-small\"]\ncalls_per_minute = 240.0\n[lanes.\"shopify-gone.example.com\"]\n";
    let text = [lanes, &shop("b", small), &shop("c", small), SECOND_SYSTEM].concat();
    let (_folder, settings) = with_file(&text);
    let shared = resolve(&settings, &secrets()).ok().unwrap();
    let names: Vec<&str> = shared.lanes.keys().map(LaneName::as_str).collect();
    assert_eq!(
        names,
        [
            "shopify-a.myshopify.com",
            "shopify-gone.example.com",
            "shopify-small",
            "warehouse",
            "warehouse-depot"
        ]
    );
    let small = shared.lanes[&LaneName::parse("shopify-small").unwrap()];
    assert_eq!((small.slots, small.calls_per_minute), (32, Some(240.0)));
    assert_eq!(shared.systems[1].warehouses[0].as_str(), "north");

    let crowd: String = (0..MOST_LANES).map(|index| shop(&format!("s{index}"), "")).collect();
    let (_folder, settings) = with_file(&crowd);
    let problems = resolve(&settings, &secrets()).err().unwrap();
    assert!(problems[0].starts_with("shops: 92 lanes, and a deployment has 90 at most"), "{problems:?}");
}

#[test]
fn what_is_wrong_with_a_lane_or_a_system_is_named_by_its_key() {
    let twice = SECOND_SYSTEM.replace("\"north\"", "\"far\", \"north\"");
    let wrong = "[lanes.orders]\n[lanes.\"shopify-x\"]\nslots = 0\ncalls_per_minute = -1.0\n";
    let (_folder, settings) =
        with_file(&[wrong, SECOND_SYSTEM, &twice, &SECOND_SYSTEM.replace("depot", "D")].concat());
    let problems = resolve(&settings, &secrets()).err().unwrap();
    let named: Vec<&str> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(
        named,
        [
            "warehouse_systems[2].name",
            "warehouse_systems[1].name",
            "warehouse_systems[1].warehouses",
            "lanes.\"orders\"",
            "lanes.\"shopify-x\"",
            "lanes.\"shopify-x\".calls_per_minute",
        ]
    );
}

#[test]
fn a_process_that_has_to_do_with_no_order_needs_no_shop_and_no_warehouse() {
    let database = Secrets::from([("DATABASE_URL", "postgres://waybill@127.0.0.1/waybill")]);
    let needs = |orders| Needs { orders, webhooks: false, calls: Runs::parse("events").unwrap() };
    assert!(resolve_for(&nothing(), &database, &needs(false)).is_ok());
    assert!(resolve_for(&nothing(), &database, &needs(true)).is_err());
}

#[test]
fn a_process_needs_the_secrets_of_what_it_runs_alone() {
    let (_folder, settings) = with_file(SECOND_SYSTEM);
    let database = || Secrets::from([("DATABASE_URL", "postgres://waybill@127.0.0.1/waybill")]);
    let needs = |webhooks, calls: &str| Needs { orders: true, webhooks, calls: Runs::parse(calls).unwrap() };
    assert!(resolve_for(&settings, &database(), &needs(false, "orders,sweepers,warehouse-*")).is_ok());
    for (needs, missing) in [
        (needs(false, "warehouse"), vec!["WMS_TOKEN"]),
        (needs(false, "shopify-*"), vec!["SHOPIFY_ADMIN_TOKEN"]),
        (
            Needs { orders: true, webhooks: true, calls: Runs::nothing() },
            vec!["SHOPIFY_WEBHOOK_SECRETS", "WMS_WEBHOOK_SECRETS"],
        ),
    ] {
        let problems = resolve_for(&settings, &database(), &needs).err().unwrap();
        let named: Vec<&str> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
        assert_eq!(named, missing, "{needs:?}");
    }
}
