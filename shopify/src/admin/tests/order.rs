use domain::{AddressSaid, FinancialStatus};
use serde_json::json;

use super::stand::{fulfilment, fulfilments, page, serve};
use super::*;

const UPDATED: &str = "2026-11-21T09:00:00Z";

fn money(amount: &str) -> Value {
    json!({"shopMoney": {"amount": amount}})
}

fn line(id: i64, quantity: u32, current: u32, unfulfilled: u32) -> Value {
    json!({"id": format!("gid://shopify/LineItem/{id}"), "name": "Mug - blue", "sku": " MUG ",
        "quantity": quantity, "currentQuantity": current, "unfulfilledQuantity": unfulfilled,
        "requiresShipping": true, "originalUnitPriceSet": money("19.9")})
}

fn order(lines: Value) -> Value {
    json!({"name": "#1001", "updatedAt": UPDATED, "cancelledAt": null, "test": true,
        "currencyCode": "EUR", "totalPriceSet": money("59.8"), "displayFinancialStatus": "PARTIALLY_PAID",
        "email": "ada@example.com", "phone": null, "billingAddress": {"name": "Ada L."},
        "shippingAddress": {"name": "Ada", "company": "", "address1": "Way 1", "address2": null,
            "city": "Berlin", "province": "Berlin", "provinceCode": "BE", "zip": "10115", "countryCodeV2": "DE",
            "country": "Germany", "phone": "+49 1"},
        "lineItems": lines, "fulfillments": [], "refunds": []})
}

fn answer(order: Value) -> (u16, Value) {
    (200, json!({ "data": { "order": order } }))
}

#[tokio::test]
async fn an_order_is_read_as_its_webhook_would_be() {
    let mut now = order(page(json!([line(101, 3, 2, 1)]), None));
    now["fulfillments"] = json!([fulfilment(4, Some("PP1"), 101, 1)]);
    now["refunds"] = json!([{"id": "gid://shopify/Refund/9"}]);
    let (stand, client) = serve(&[answer(now)]).await;
    let read = client.read_order(ORDER).await.unwrap().unwrap();
    let (facts, line) = (&read.facts, &read.facts.lines[0]);
    assert_eq!(
        (read.shopify_order_id, facts.name.as_str(), facts.currency.as_str()),
        (ORDER, "#1001", "EUR")
    );
    assert_eq!(facts.total_amount.to_string(), "59.80");
    assert_eq!(facts.financial_status, FinancialStatus::PartiallyPaid);
    assert_eq!((facts.test, facts.address, facts.cancelled_at), (true, AddressSaid::Given, None));
    assert_eq!((line.line_id.as_str(), line.sku.as_deref()), ("101", Some("MUG")));
    assert_eq!((line.quantity, line.current_quantity, line.fulfillable_quantity), (3, Some(2), 1));
    assert!(line.says_fulfillable && line.requires_shipping);
    let left = &facts.fulfilments.as_ref().unwrap()[0];
    assert_eq!((left.id, left.stands, left.lines[0].quantity), (4, true, 1));
    assert_eq!(left.tracking_numbers, ["PP1"]);
    assert_eq!(facts.refund_ids, [9]);
    let address = read.customer.shipping_address.unwrap();
    assert_eq!((address.company, address.country_code.as_deref()), (None, Some("DE")));
    assert_eq!((address.province_code.as_deref(), address.country.as_deref()), (Some("BE"), Some("Germany")));
    assert_eq!(read.customer.name.as_deref(), Some("Ada"));
    assert_eq!(read.customer.phone.as_deref(), Some("+49 1"));
    assert_eq!(stand.operations(), ["ReadOrder"]);
}

#[tokio::test]
async fn an_order_without_an_address_says_so_and_is_named_by_the_bill() {
    let mut now = order(page(json!([]), None));
    now["shippingAddress"] = Value::Null;
    now["displayFinancialStatus"] = Value::Null;
    let (_, client) = serve(&[answer(now)]).await;
    let read = client.read_order(ORDER).await.unwrap().unwrap();
    assert_eq!(read.facts.address, AddressSaid::Null);
    assert_eq!(read.facts.financial_status, FinancialStatus::Unknown(String::new()));
    assert_eq!((read.customer.name.as_deref(), read.customer.phone), (Some("Ada L."), None));
}

#[tokio::test]
async fn an_order_the_shop_does_not_have_is_an_answer() {
    let (_, client) = serve(&[answer(Value::Null)]).await;
    assert_eq!(client.read_order(ORDER).await, Ok(None));
}

#[tokio::test]
async fn every_page_of_lines_is_read_if_the_order_stays_as_it_is() {
    let first = || answer(order(page(json!([line(101, 1, 1, 1)]), Some("cursor"))));
    let more = |updated: &str| {
        answer(json!({"updatedAt": updated, "lineItems": page(json!([line(102, 1, 1, 1)]), None)}))
    };
    let (stand, client) = serve(&[first(), more(UPDATED), first(), more("2026-11-21T09:00:01Z")]).await;
    assert_eq!(client.read_order(ORDER).await.unwrap().unwrap().facts.lines.len(), 2);
    assert_eq!(stand.variables(1)["after"], "cursor");
    assert_eq!(client.read_order(ORDER).await.unwrap_err().code(), "SHOPIFY_UNKNOWN_OUTCOME");
}

#[tokio::test]
async fn an_order_with_a_full_list_of_fulfilments_is_asked_for_all_of_them() {
    let mut now = order(page(json!([line(101, 1, 1, 1)]), None));
    let many = |count: i64| -> Vec<Value> { (1..=count).map(|id| fulfilment(id, None, 101, 1)).collect() };
    now["fulfillments"] = json!(many(50));
    let answers = [answer(now), fulfilments(json!(many(20))), fulfilments(json!(many(60)))];
    let (stand, client) = serve(&answers).await;
    let read = client.read_order(ORDER).await.unwrap().unwrap();
    assert_eq!(read.facts.fulfilments.unwrap().len(), 60);
    assert_eq!(stand.operations(), ["ReadOrder", "Fulfilments", "Fulfilments"]);
}

#[tokio::test]
async fn amounts_have_the_decimals_of_their_currency_as_in_webhooks() {
    for (currency, said, kept, price) in [
        ("EUR", "59.8", "59.80", "19.90"),
        ("JPY", "1000.0", "1000", "19.9"),
        ("KWD", "3.7", "3.700", "19.900"),
        ("EUR", "0.3335", "0.3335", "19.90"),
        ("XXQ", "5.0", "5.00", "19.90"),
    ] {
        let mut now = order(page(json!([line(101, 3, 2, 1)]), None));
        now["currencyCode"] = json!(currency);
        now["totalPriceSet"] = money(said);
        let (_stand, client) = serve(&[answer(now)]).await;
        let facts = client.read_order(ORDER).await.unwrap().unwrap().facts;
        assert_eq!(facts.total_amount.to_string(), kept, "{currency} {said}");
        assert_eq!(facts.lines[0].unit_price.to_string(), price, "{currency}");
    }
}
