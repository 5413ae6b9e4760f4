use chrono::{TimeZone, Utc};
use serde_json::json;

use super::*;

mod any_body;
mod pieces;

fn minimal() -> Value {
    json!({"id": 820_982_911_946_154_508_i64, "line_items": [{"id": 7, "quantity": 2}]})
}

fn read(value: &Value) -> Result<ParsedOrder, UnreadableOrder> {
    parse_order(value.to_string().as_bytes())
}

fn refused_member(value: &Value) -> String {
    read(value).unwrap_err().member
}

#[test]
fn an_order_needs_an_id_and_its_lines_and_nothing_else() {
    let order = read(&minimal()).unwrap();
    assert_eq!(order.shopify_order_id, ShopifyOrderId(820_982_911_946_154_508));
    assert_eq!(order.facts.name, "#820982911946154508");
    assert_eq!(order.facts.total_amount, Decimal::ZERO);
    assert!(!order.facts.test);
    let line = &order.facts.lines[0];
    assert_eq!((line.quantity, line.fulfillable_quantity, line.requires_shipping), (2, 2, true));
    assert_eq!(line.sku, None);
    assert_eq!(order.customer, Customer::default());
}

#[test]
fn null_is_the_same_as_absent() {
    let mut body = minimal();
    for member in [
        "name",
        "currency",
        "total_price",
        "financial_status",
        "test",
        "cancelled_at",
        "updated_at",
        "location_id",
        "customer",
        "email",
        "phone",
        "fulfillments",
        "refunds",
    ] {
        body[member] = Value::Null;
    }
    for member in [
        "sku",
        "variant_id",
        "price",
        "requires_shipping",
        "fulfillable_quantity",
        "current_quantity",
        "fulfillment_status",
        "fulfillment_service",
        "name",
    ] {
        body["line_items"][0][member] = Value::Null;
    }
    assert_eq!(read(&body), read(&minimal()));
}

#[test]
fn every_member_we_act_on_is_read() {
    let order = read(&json!({
        "id": 1, "name": "#1001", "currency": "EUR", "total_price": "59.80", "financial_status": "paid",
        "test": true, "cancelled_at": "2026-11-21T09:00:00+01:00", "updated_at": "2026-11-21T09:00:01+01:00",
        "location_id": 655_441_491, "email": "a@example.com", "a_field_of_next_year": {"x": 1},
        "customer": {"first_name": "Ada", "last_name": "Byron", "phone": "1"},
        "shipping_address": {"first_name": "Ada", "last_name": "King", "zip": 40003, "country_code": "GB"},
        "line_items": [{"id": 9, "sku": " S-1 ", "quantity": 2, "fulfillable_quantity": 1, "price": 29.9,
            "name": "Shirt", "requires_shipping": false}],
    }))
    .unwrap();
    let facts = order.facts;
    assert_eq!(facts.total_amount.to_string(), "59.80");
    assert_eq!(facts.financial_status, FinancialStatus::Paid);
    assert_eq!(facts.cancelled_at, Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).single());
    assert_eq!(facts.updated_at, Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 1).single());
    assert_eq!((facts.test, facts.location_id), (true, Some(655_441_491)));
    let line = &facts.lines[0];
    assert_eq!(line.sku.as_deref(), Some("S-1"));
    assert_eq!(line.unit_price, "29.9".parse().unwrap());
    assert_eq!((line.fulfillable_quantity, line.requires_shipping), (1, false));
    let address = order.customer.shipping_address.unwrap();
    assert_eq!(address.name.as_deref(), Some("Ada King"));
    assert_eq!(address.zip.as_deref(), Some("40003"));
    assert_eq!(order.customer.email.as_deref(), Some("a@example.com"));
    assert_eq!(order.customer.phone.as_deref(), Some("1"));
}

#[test]
fn what_the_gate_parks_is_kept_as_it_came() {
    let mut body = minimal();
    body["currency"] = json!("euro?");
    body["financial_status"] = json!("sort_of_paid");
    body["line_items"][0]["sku"] = json!(format!("a\nb{}", "c".repeat(400)));
    let facts = read(&body).unwrap().facts;
    assert_eq!(facts.currency, "euro?");
    assert_eq!(facts.financial_status, FinancialStatus::Unknown("sort_of_paid".into()));
    let sku = facts.lines[0].sku.clone().unwrap();
    assert!(sku.starts_with("a\nb") && domain::Sku::parse(&sku).is_err());
}

#[test]
fn no_text_keeps_a_nul_which_postgresql_could_not_store() {
    let mut body = minimal();
    body["name"] = json!("#1\u{0}");
    body["email"] = json!("a\u{0}@example.com");
    body["line_items"][0]["sku"] = json!("S\u{0}1");
    let order = read(&body).unwrap();
    let stored = serde_json::to_string(&(order.facts, order.customer)).unwrap();
    assert!(!stored.contains("\\u0000"), "{stored}");
}

#[test]
fn a_refusal_names_the_member_and_the_order_where_it_can_be_read() {
    for (path, wrong) in [
        ("/id", json!("not a number")),
        ("/id", json!(-1)),
        ("/id", json!(1.5)),
        ("/id", json!(8.2e17)),
        ("/id", json!("gid://shopify/LineItem/5")),
        ("/line_items", json!({})),
        ("/line_items", json!(null)),
        ("/line_items/0", json!("a line")),
        ("/line_items/0/id", json!(0)),
        ("/line_items/0/id", json!("gid://shopify/Order/5")),
        ("/line_items/0/quantity", json!(-1)),
        ("/line_items/0/quantity", json!(1.5)),
        ("/line_items/0/quantity", json!("two")),
        ("/line_items/0/quantity", json!("")),
        ("/line_items/0/quantity", json!(null)),
        ("/line_items/0/quantity", json!(1_000_001)),
    ] {
        let mut body = minimal();
        *body.pointer_mut(path).unwrap() = wrong;
        let member = path[1..].replace("/0", "[0]").replace('/', ".");
        let unreadable = read(&body).unwrap_err();
        assert_eq!(unreadable.member, member);
        let order = (path != "/id").then_some(ShopifyOrderId(820_982_911_946_154_508));
        assert_eq!(unreadable.order_id, order, "{path}");
    }
}

#[test]
fn what_is_needed_may_be_written_otherwise() {
    for id in [json!("820982911946154508"), json!(" 820982911946154508.0 ")] {
        for line in
            [json!(7.0), json!("7"), json!("gid://shopify/LineItem/7"), json!("gid://shopify/LineItem/7?x=1")]
        {
            for quantity in [json!(2.0), json!("2"), json!(" 2 "), json!("2.0")] {
                let body = json!({"id": id, "line_items": [{"id": line, "quantity": quantity}]});
                assert_eq!(read(&body), read(&minimal()), "{body}");
            }
        }
    }
    let by_gid = json!({"id": null, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
        "line_items": [{"admin_graphql_api_id": "gid://shopify/LineItem/7", "quantity": 2}]});
    assert_eq!(read(&by_gid), read(&minimal()));
}

#[test]
fn nothing_that_is_not_needed_loses_an_order() {
    let silly = [json!(["x"]), json!({"x": 1}), json!(""), json!(" "), json!(true), json!(-7.5), json!("?!")];
    for member in [
        "total_price",
        "test",
        "location_id",
        "name",
        "currency",
        "financial_status",
        "updated_at",
        "created_at",
        "customer",
        "email",
        "phone",
        "shipping_address",
        "fulfillments",
        "refunds",
    ] {
        for wrong in &silly {
            let mut body = minimal();
            body[member] = wrong.clone();
            assert!(read(&body).is_ok(), "{body}");
        }
    }
    for member in [
        "sku",
        "name",
        "title",
        "price",
        "requires_shipping",
        "fulfillable_quantity",
        "current_quantity",
        "fulfillment_status",
        "fulfillment_service",
    ] {
        for wrong in &silly {
            let mut body = minimal();
            body["line_items"][0][member] = wrong.clone();
            let line = read(&body).unwrap().facts.lines.remove(0);
            let named = matches!(member, "sku" | "name" | "title" | "fulfillment_service");
            assert!(named || (line.quantity, line.fulfillable_quantity) == (2, 2), "{body}");
        }
    }
}

#[test]
fn numbers_texts_and_flags_may_stand_for_each_other() {
    let order = read(&json!({
        "id": 1, "name": 1001, "total_price": 59.8, "test": "TRUE", "location_id": "gid://shopify/Location/5",
        "financial_status": " PAID ", "currency": " EUR ",
        "line_items": [{"id": 9, "sku": 4711, "quantity": "3", "fulfillable_quantity": "1.0", "price": " 29.90 ",
            "current_quantity": 2.0, "requires_shipping": 0}],
    }))
    .unwrap();
    let facts = order.facts;
    assert_eq!((facts.name.as_str(), facts.currency.as_str(), facts.test), ("1001", "EUR", true));
    assert_eq!((facts.total_amount.to_string().as_str(), facts.location_id), ("59.8", Some(5)));
    assert_eq!(facts.financial_status, FinancialStatus::Paid);
    let line = &facts.lines[0];
    assert_eq!(line.sku.as_deref(), Some("4711"));
    assert_eq!((line.quantity, line.fulfillable_quantity, line.current_quantity), (3, 1, Some(2)));
    assert_eq!((line.unit_price.to_string().as_str(), line.requires_shipping), ("29.90", false));
}

#[test]
fn an_amount_that_money_cannot_hold_is_rounded_or_nothing() {
    for (written, read_as) in [
        (json!("1.00005"), "1.0001"),
        (json!("1e2"), "100"),
        (json!("-1"), "0"),
        (json!("1e40"), "0"),
        (json!("999999999999.99999"), "0"),
        (json!("many"), "0"),
    ] {
        let mut body = minimal();
        body["total_price"] = written;
        assert_eq!(read(&body).unwrap().facts.total_amount.to_string(), read_as);
    }
}

#[test]
fn a_cancellation_whose_moment_cannot_be_read_is_one_all_the_same() {
    let (updated, created) = ("2026-11-25T12:00:00", "2026-11-24 12:00:00Z");
    let at = |text: &str| domain::leniently::moment(text);
    for wrong in [json!("yesterday"), json!(true), json!(17), json!({"at": 1})] {
        let mut body = minimal();
        body["cancelled_at"] = wrong;
        assert_eq!(read(&body).unwrap().facts.cancelled_at, Some(DateTime::UNIX_EPOCH));
        body["created_at"] = json!(created);
        assert_eq!(read(&body).unwrap().facts.cancelled_at, at(created));
        body["updated_at"] = json!(updated);
        assert_eq!(read(&body).unwrap().facts.cancelled_at, at(updated));
    }
    for none in [json!(null), json!(""), json!(false), json!([]), json!({})] {
        let mut body = minimal();
        body["cancelled_at"] = none;
        assert_eq!(read(&body).unwrap().facts.cancelled_at, None);
    }
    let mut body = minimal();
    body["cancelled_at"] = json!(updated);
    assert_eq!(read(&body).unwrap().facts.cancelled_at, at(updated));
}

#[test]
fn an_address_is_given_null_or_not_spoken_of() {
    let said = |address: Option<Value>| {
        let mut body = minimal();
        if let Some(address) = address {
            body["shipping_address"] = address;
        }
        read(&body).unwrap().facts.address
    };
    assert_eq!(said(Some(json!({"city": "London"}))), AddressSaid::Given);
    assert_eq!(said(Some(json!(null))), AddressSaid::Null);
    assert_eq!(said(Some(json!(""))), AddressSaid::Null);
    assert_eq!(said(Some(json!(["London"]))), AddressSaid::Absent);
    assert_eq!(said(None), AddressSaid::Absent);
}

#[test]
fn half_a_surrogate_and_a_byte_order_mark_lose_no_order() {
    let body = "\u{feff}{\"id\": 1, \"note\": \"cut \\ud83d\", \"line_items\": [{\"id\": 7, \"quantity\": 2,
        \"name\": \"\\ud83d\\ude00\"}]}";
    assert_eq!(parse_order(body.as_bytes()).unwrap().facts.lines[0].product_name, "😀");
}

#[test]
fn two_lines_never_share_an_id() {
    let body = json!({"id": 1, "line_items": [{"id": 7, "quantity": 1}, {"id": 7, "quantity": 1}]});
    assert_eq!(refused_member(&body), "line_items[1].id");
}

#[test]
fn absurd_sizes_are_refused() {
    let line = |id: i64| json!({"id": id, "quantity": 1});
    let most: Vec<Value> = (1..=2_000).map(line).collect();
    assert_eq!(read(&json!({"id": 1, "line_items": most})).unwrap().facts.lines.len(), 2_000);
    let more: Vec<Value> = (1..=2_001).map(line).collect();
    assert_eq!(refused_member(&json!({"id": 1, "line_items": more})), "line_items");
    assert_eq!(parse_order(&vec![b' '; MOST_BYTES + 1]).unwrap_err().member, "body");
    assert_eq!(parse_order("[".repeat(100_000).as_bytes()).unwrap_err().member, "body");
}

#[test]
fn what_is_no_object_is_refused_as_a_whole() {
    for body in ["", "null", "[]", "1", "{", "\u{feff}"] {
        assert_eq!(parse_order(body.as_bytes()).unwrap_err().member, "body", "{body}");
    }
    assert_eq!(parse_order(&[0xff, 0xfe]).unwrap_err().member, "body");
}

#[test]
fn nothing_personal_shows_in_debug_or_in_a_refusal() {
    let mut body = minimal();
    body["email"] = json!("ada@example.com");
    body["shipping_address"] = json!({"name": "Ada", "city": "London"});
    let shown = format!("{:?}", read(&body).unwrap());
    assert!(!shown.contains("ada@") && !shown.contains("London"), "{shown}");
    body["line_items"][0]["quantity"] = json!({"first": "Ada"});
    let error = read(&body).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Ada"));
}

#[test]
fn a_customer_survives_storage() {
    let customer = Customer {
        name: Some("Ada".into()),
        shipping_address: Some(Address { zip: Some("N1".into()), ..Address::default() }),
        ..Customer::default()
    };
    let stored = serde_json::to_value(&customer).unwrap();
    assert_eq!(stored["shipping_address"]["zip"], "N1");
    assert_eq!(serde_json::from_value::<Customer>(stored).unwrap(), customer);
}

#[test]
fn the_corpus_of_the_fuzz_targets_is_read_to_its_end() {
    let corpus =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/webhook_body")).unwrap();
    let mut orders = 0;
    for entry in corpus {
        let body = std::fs::read(entry.unwrap().path()).unwrap();
        orders += usize::from(parse_order(&body).is_ok());
        let _ = (
            parse_refund(&body).is_ok(),
            parse_return(&body).is_ok(),
            parse_cancelled_return(&body).is_ok(),
            parse_fulfilment(&body),
        );
        let _ = (parse_order_mention(&body), parse_fulfilment_order_mention(&body));
        let _ = (parse_reverse_fulfilment_order_mention(&body), parse_orders_to_redact(&body));
        let _ = parse_orders_requested(&body);
    }
    assert!(orders >= 3, "{orders} are orders that can be read");
}

#[test]
fn shipping_methods_are_names_and_codes_of_lines_that_stand() {
    let methods = |lines: Value| {
        let mut body = minimal();
        body["shipping_lines"] = lines;
        read(&body).unwrap().facts.shipping_methods
    };
    assert_eq!(read(&minimal()).unwrap().facts.shipping_methods, None, "nothing is said of them");
    assert_eq!(methods(json!("Express")), None);
    assert_eq!(methods(json!([])), Some(Vec::new()));
    let lines = json!([
        {"title": " Express ", "code": "EXP"}, {"title": "Express", "code": null}, "Overnight",
        {"title": "Standard", "is_removed": true},
    ]);
    assert_eq!(methods(lines), Some(vec!["EXP".to_owned(), "Express".to_owned()]));
}
