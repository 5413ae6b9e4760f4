use domain::{Channel, ShopifyOrderId};

use super::*;

const MAIN: &str = "[warehouses.main]\ntime_zone = \"Europe/Berlin\"\n";

fn shop(more: &str) -> String {
    format!(
        "[[shops]]\ndomain = \"b.myshopify.com\"\nadmin_token = \"sixteen-bytes-or-more\"\n\
         webhook_secrets = [\"sixteen-bytes-or-more\"]\n{more}"
    )
}

fn resolved(text: &str) -> Result<Shared, Vec<String>> {
    let (_folder, settings) = with_file(text);
    resolve(&settings, &secrets())
}

fn problems(text: &str) -> Vec<String> {
    resolved(text).err().unwrap_or_else(|| panic!("nothing is wrong with {text}"))
}

#[test]
fn without_settings_nothing_is_promised() {
    let shared = resolved(&shop("")).ok().unwrap();
    assert!(shared.promises.rules_of(&Channel::Api).is_none());
    let named = &shared.shops.get("b.myshopify.com").unwrap().domain;
    let of_the_shop = Channel::Shopify { shop: named.clone(), shopify_order_id: ShopifyOrderId(1) };
    assert!(shared.promises.rules_of(&of_the_shop).is_none());
}

#[test]
fn a_shop_promises_by_its_cut_offs_and_our_own_api_by_another() {
    let express = "[shops.promise]\ncut_off = \"14:00\"\nexpress_methods = [\"Express\"]\n";
    let text = format!("{MAIN}[promise]\ncut_off = \"24:00\"\n{}", shop(express));
    let shared = resolved(&text).ok().unwrap();
    assert!(shared.promises.rules_of(&Channel::Api).is_some());
    let named = &shared.shops.get("b.myshopify.com").unwrap().domain;
    let of_the_shop = Channel::Shopify { shop: named.clone(), shopify_order_id: ShopifyOrderId(1) };
    let rules = shared.promises.rules_of(&of_the_shop).unwrap();
    assert_eq!(rules.express_cut_off, rules.cut_off, "one cut-off is for all unless another is given");
    assert!(shared.promises.is_express(&of_the_shop, &["express".to_owned()]));
    assert!(!shared.promises.is_express(&Channel::Api, &["express".to_owned()]));
}

#[test]
fn everything_that_is_wrong_with_promises_is_named_at_once() {
    let wrong = "[warehouses.\"no warehouse\"]\n[warehouses.far]\ntime_zone = \"Europe/Atlantis\"\n\
                 working_days = [\"monday\", \"funday\"]\nholidays = [\"25.12.2026\"]\nlast_pickup = \"00:00\"\n\
                 [warehouses.never]\ntime_zone = \"UTC\"\nworking_days = []\n\
                 [promise]\ncut_off = \"25:00\"\n";
    let of_the_shop = "[shops.promise]\nexpress_cut_off = \"4 pm\"\n";
    let found = problems(&format!("{wrong}{}", shop(of_the_shop)));
    let named: Vec<&str> = found.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    for name in [
        "warehouses.\"no warehouse\"",
        "warehouses.\"far\".time_zone",
        "warehouses.\"far\".working_days",
        "warehouses.\"far\".holidays",
        "warehouses.\"far\".last_pickup",
        "warehouses.\"never\".working_days",
        "promise.cut_off",
        "shops[0].promise.cut_off",
        "shops[0].promise.express_cut_off",
        "shops[0].promise.express_methods",
    ] {
        assert!(named.contains(&name), "{name} in {found:?}");
    }
}

#[test]
fn whoever_promises_has_a_calendar_for_each_warehouse_it_ships_from() {
    let promise = "[shops.promise]\ncut_off = \"14:00\"\n";
    assert!(problems(&shop(promise))[0].starts_with("warehouses: "));
    let mapped = format!("locations = {{ \"1\" = \"main\", \"2\" = \"north\" }}\n{promise}");
    let found = problems(&format!("{MAIN}{}", shop(&mapped)));
    assert_eq!(
        found,
        ["warehouses.\"north\": b.myshopify.com ships from it and promises, so it needs a calendar"]
    );
}
