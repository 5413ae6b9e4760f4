//! The file that the programs of a world are configured by.

use super::*;

/// A test's own part of the configuration.
pub(super) fn filled_in(file: &str, shopify_url: &str) -> String {
    let file = file.replace("SHOPIFY_URL", shopify_url);
    let file = file.replace("SHOPIFY_ADMIN_TOKEN", ADMIN_TOKEN).replace("SHOPIFY_WEBHOOK_SECRET", SECRET);
    file.replace("SIM_SECOND_WMS_TOKEN", local("SIM_SECOND_WMS_TOKEN"))
        .replace("SIM_SECOND_WMS_WEBHOOK_SECRET", local("SIM_SECOND_WMS_WEBHOOK_SECRET"))
}

/// The whole file, with the policy of orders without a shop.
pub(super) fn with_shops(more: &str, shopify_url: &str) -> String {
    const POLICY: &str = "[policy]\n";
    let quick = format!(
        "{POLICY}call_timeout = \"8s\"\nrecord_timeout = \"1s\"\nblame_after = \"0s\"\n\
         approval = {{ total_above = {{ CHF = \"100\" }} }}\n"
    );
    let (more, policy) = match more.contains(POLICY) {
        true => (more.replace(POLICY, &quick), String::new()),
        false => (more.to_owned(), quick),
    };
    more + &shops(shopify_url) + &policy
}

/// The shops of every world.
/// They share a lane, but for the first: a test needs few of them.
fn shops(shopify_url: &str) -> String {
    let shop = |domain: &str, policy: &str| {
        let lane = if domain == SHOP { "" } else { "lane = \"shopify-shared\"\n" };
        format!(
            "[[shops]]\n{lane}domain = \"{domain}\"\nadmin_url = \"{shopify_url}\"\nadmin_token = \"{ADMIN_TOKEN}\"\n\
             webhook_secrets = [\"{SECRET}\", \"{OLD_SECRET}\"]\npolicy = {{ {QUICK}{policy} }}\n\n"
        )
    };
    let mut file = String::new();
    file += &shop(SHOP, r#", hand_over_overdue = "3s""#);
    file += &shop(SPLITTING_SHOP, r#", stock_out = "ship_what_is_there""#);
    file += &shop(HASTY_SHOP, r#", payment_deadline = "1s", backorder_deadline = "1s""#);
    file += &shop(
        STRICT_SHOP,
        r#", payment_deadline = "1s", when_unpaid = "cancel", backorder_deadline = "1s", when_out_of_stock = "cancel", cancel_until = "pending""#,
    );
    file += &shop(HOLDING_SHOP, r#", hold_window = "3s""#);
    file += &shop(LONG_HOLDING_SHOP, r#", hold_window = "10m""#);
    file += &shop(
        CAUTIOUS_SHOP,
        r#", stock_out = "ship_what_is_there", edits_after_hand_over = "park", refund_on_cancel = false, look_again_after = "1s", fulfilment_orders_within = "2s""#,
    );
    for (domain, policy) in
        [(PATIENT_SHOP, ""), (PATIENT_SPLITTING_SHOP, r#", stock_out = "ship_what_is_there""#)]
    {
        file += &shop(domain, policy)
            .replace("attempts = 3", "attempts = 50")
            .replace("call_timeout = \"8s\"", "call_timeout = \"3s\"");
    }
    file += &shop(
        APPROVING_SHOP,
        r#", approval = { total_above = { EUR = "100" }, countries = ["CH"], tags = ["check"] }"#,
    );
    file += &shop(RISK_SHOP, r#", approval = { risk = "medium" }"#);
    file += &shop(HASTY_RISK_SHOP, r#", approval = { risk = "medium" }, risk_wait = "1s""#);
    file += &shop(DISPOSING_SHOP, r#", restock_returns = "when_disposed""#);
    file += &shop(TRUSTING_SHOP, r#", restock_returns = "at_once""#);
    file += &shop(UNSEEN_SHOP, ", look_before_hand_over = false");
    let services = format!("fulfillment_services = [\"{OUR_SERVICE}\"]\npolicy =");
    file += &shop(SERVED_SHOP, "").replace("policy =", &services);
    for (domain, policy) in [(MAPPED_SHOP, ""), (FREE_SHOP, ", follow_shop_locations = false")] {
        let locations = "locations = { 655441491 = \"main\", 655441492 = \"far\" }\npolicy =";
        file += &shop(domain, policy).replace("policy =", locations);
    }
    file
}
