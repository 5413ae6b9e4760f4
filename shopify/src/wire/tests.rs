use chrono::{TimeZone, Utc};
use proptest::prelude::*;
use serde_json::json;

use super::*;

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
        "shipping_address",
        "email",
        "phone",
    ] {
        body[member] = Value::Null;
    }
    for member in ["sku", "variant_id", "price", "requires_shipping", "fulfillable_quantity", "name"] {
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
fn a_refusal_names_the_member() {
    for (path, wrong) in [
        ("/id", json!("not a number")),
        ("/id", json!(-1)),
        ("/id", json!(1.5)),
        ("/line_items", json!({})),
        ("/line_items/0/id", json!(0)),
        ("/line_items/0/quantity", json!(-1)),
        ("/line_items/0/quantity", json!("2")),
        ("/line_items/0/quantity", json!(1_000_001)),
    ] {
        let mut body = minimal();
        *body.pointer_mut(path).unwrap() = wrong;
        let member = path[1..].replace("/0/", "[0].");
        assert_eq!(refused_member(&body), member);
    }
    for (member, wrong) in [
        ("total_price", json!("many")),
        ("total_price", json!("-1")),
        ("total_price", json!("1e40")),
        ("cancelled_at", json!("yesterday")),
        ("cancelled_at", json!("2026-11-21 09:00")),
        ("test", json!("no")),
        ("location_id", json!("main")),
        ("name", json!(["#1"])),
    ] {
        let mut body = minimal();
        body[member] = wrong;
        assert_eq!(refused_member(&body), member);
    }
}

#[test]
fn two_lines_never_share_an_id() {
    let body = json!({"id": 1, "line_items": [{"id": 7, "quantity": 1}, {"id": 7, "quantity": 1}]});
    assert_eq!(refused_member(&body), "line_items[1].id");
}

#[test]
fn more_is_never_fulfillable_than_was_ordered() {
    let body = json!({"id": 1, "line_items": [{"id": 7, "quantity": 1, "fulfillable_quantity": 2}]});
    assert_eq!(refused_member(&body), "line_items[0].fulfillable_quantity");
}

#[test]
fn absurd_sizes_are_refused() {
    let line = |id: i64| json!({"id": id, "quantity": 1});
    let most: Vec<Value> = (1..=500).map(line).collect();
    assert_eq!(read(&json!({"id": 1, "line_items": most})).unwrap().facts.lines.len(), 500);
    let more: Vec<Value> = (1..=501).map(line).collect();
    assert_eq!(refused_member(&json!({"id": 1, "line_items": more})), "line_items");
    assert_eq!(parse_order(&vec![b' '; MOST_BYTES + 1]).unwrap_err().member, "body");
    assert_eq!(parse_order("[".repeat(100_000).as_bytes()).unwrap_err().member, "body");
}

#[test]
fn what_is_no_object_is_refused_as_a_whole() {
    for body in ["", "null", "[]", "1", "{", "\u{feff}{}", "{\"id\":1e999,\"line_items\":[]}"] {
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
    body["name"] = json!({"first": "Ada"});
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

/// Any JSON value, with the names of an order's members often among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9eE.+-]{0,40}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof![
        proptest::sample::select(vec![
            "id",
            "line_items",
            "quantity",
            "fulfillable_quantity",
            "price",
            "total_price",
            "sku",
            "name",
            "customer",
            "shipping_address",
            "cancelled_at",
            "updated_at",
            "currency",
            "location_id",
            "zip",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(4, 64, 12, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_parser_panic(value in any_json()) {
        let _ = read(&value);
    }

    #[test]
    fn no_member_of_an_order_makes_the_parser_panic(value in any_json(), at in 0_usize..10) {
        let names = ["id", "name", "currency", "total_price", "cancelled_at", "updated_at", "customer",
            "shipping_address", "line_items", "location_id"];
        let mut body = minimal();
        body[names[at]] = value.clone();
        let _ = read(&body);
        let mut body = minimal();
        for name in ["sku", "quantity", "price", "fulfillable_quantity"] {
            body["line_items"][0][name] = value.clone();
        }
        let _ = read(&body);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = parse_order(&bytes);
    }
}
