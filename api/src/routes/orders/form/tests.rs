use serde_json::{Value, json};

use super::*;
use crate::caller::Role;

fn form() -> Value {
    json!({
        "customer_name": "Yash Vyas", "customer_email": "yash@example.com",
        "items": [{"product_id": "item1", "product_name": "Laptop", "quantity": 2, "price": 999.99}],
    })
}

fn wrapped() -> Value {
    json!({"order": {"orderId": "order-1", "userId": "user11", "status": "PENDING",
                     "items": [{"itemId": "item1", "quantity": 3}]}})
}

fn raw(json: &Value) -> Box<RawValue> {
    RawValue::from_string(json.to_string()).unwrap()
}

fn read_for(form: &Value, caller: &Caller) -> Result<OrderForm, Problem> {
    PlaceForm::read(&raw(form), caller, CustomerLimits::default()).map(PlaceForm::into_order)
}

fn read(form: &Value) -> Result<OrderForm, Problem> {
    read_for(form, &Caller::local())
}

fn refusal(form: &Value) -> String {
    read(form).err().unwrap().to_string()
}

fn same(one: &Value, other: &Value) -> bool {
    let text = |form: &Value| serde_json::to_string(&read(form).unwrap()).unwrap();
    text(one) == text(other)
}

#[test]
fn every_spelling_makes_the_same_order() {
    let item = |name: &str| {
        let mut order = form();
        order["items"][0].as_object_mut().unwrap().remove("product_id");
        order["items"][0][name] = json!("item1");
        order
    };
    for name in ["itemId", "item_id", "productId", "sku"] {
        assert!(same(&form(), &item(name)), "{name}");
    }
    let camel_case = json!({"order": {
        "customerName": " Yash Vyas ", "customerEmail": "yash@example.com", "currency": "EUR",
        "items": [{"productId": "item1", "productName": "Laptop", "quantity": 2, "price": "999.990"}],
    }});
    assert!(same(&form(), &camel_case));
    let snake_case = json!({"order_id": "order-1", "user_id": "user11",
                            "items": [{"item_id": "item1", "quantity": 3}]});
    assert!(same(&wrapped(), &snake_case));
    assert!(!same(&form(), &wrapped()));
}

#[test]
fn a_price_keeps_the_digits_it_was_written_with() {
    for (price, kept) in [(json!(999.99), "999.99"), (json!("29.90"), "29.90"), (json!("1.000000"), "1")] {
        let mut form = form();
        form["items"][0]["price"] = price;
        assert_eq!(read(&form).unwrap().items[0].unit_price.unwrap().to_string(), kept);
    }
}

#[test]
fn a_refusal_names_the_member_as_it_was_written_and_what_is_allowed() {
    let item = form()["items"][0].clone();
    for (path, wrong, field) in [
        ("/items", json!([]), "items"),
        ("/items", json!(vec![item; 501]), "items"),
        ("/items", json!("item1"), "items"),
        ("/items/0", json!("item1"), "items[0]"),
        ("/items/0/quantity", json!(0), "items[0].quantity"),
        ("/items/0/quantity", json!(1.5), "items[0].quantity"),
        ("/items/0/quantity", json!(99_999_999_999_i64), "items[0].quantity"),
        ("/items/0/product_id", json!(""), "items[0].product_id"),
        ("/items/0/product_id", json!(17), "items[0].product_id"),
        ("/items/0/product_id", json!(null), "items[0].item_id"),
        ("/items/0/product_name", json!("x".repeat(256)), "items[0].product_name"),
        ("/items/0/price", json!("-1"), "items[0].price"),
        ("/items/0/price", json!("0.00001"), "items[0].price"),
        ("/customer_name", json!(" "), "customer_name"),
        ("/customer_name", json!(null), "customer_name"),
        ("/customer_email", json!("yash"), "customer_email"),
        ("/customer_email", json!(null), "customer_email"),
    ] {
        let mut form = form();
        *form.pointer_mut(path).unwrap() = wrong;
        assert!(refusal(&form).starts_with(&format!("{field}: ")), "{path}: {}", refusal(&form));
    }
    for (member, wrong) in [
        ("orderId", "a@b"),
        ("order_id", "user"),
        ("orderId", "ORD-20261121-6BA0A415"),
        ("user_id", "a b"),
        ("hold", "31d"),
        ("hold", "soon"),
        ("currency", "euro"),
    ] {
        let mut form = form();
        form[member] = json!(wrong);
        assert!(refusal(&form).starts_with(&format!("{member}: ")), "{}", refusal(&form));
    }
    assert_eq!(refusal(&json!({"items": [{"itemId": "A", "quantity": 1}]})), "userId: is missing");
    for no_order in [json!([]), json!({"order": []})] {
        assert!(read(&no_order).is_err(), "{no_order}");
    }
}

#[test]
fn a_hold_is_a_duration_and_none_of_it_means_no_hold() {
    for (hold, kept) in [(json!("10m"), Some(600)), (json!("0s"), Some(0)), (json!(null), None)] {
        let mut form = form();
        form["hold"] = hold;
        assert_eq!(read(&form).unwrap().hold, kept.map(Duration::from_secs));
    }
}

#[test]
fn a_customer_places_for_itself_whoever_it_names() {
    let customer = |subject: &str| Caller::with_token(subject.into(), vec![Role::Customer]);
    let placed = |form: &Value, subject: &str| read_for(form, &customer(subject));
    assert_eq!(placed(&form(), "user11").unwrap().user_id.unwrap().as_str(), "user11");
    assert!(placed(&wrapped(), "user11").is_ok());
    assert!(matches!(placed(&wrapped(), "user12"), Err(Problem::Forbidden(_))));
    assert!(placed(&form(), "not a subject").is_err());
    assert!(read(&form()).unwrap().user_id.is_none());
}

#[test]
fn an_order_never_shows_in_debug() {
    assert_eq!(format!("{:?}", read(&form()).unwrap()), "OrderForm(redacted)");
}
