//! Amounts of money in hundredths, as bodies and as the Admin API write them.

use serde_json::{Value, json};

/// The hundredths in an amount, which is text or a number; nothing where there is none.
pub(super) fn cents(amount: &Value) -> i64 {
    let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    text.trim().parse::<f64>().map_or(0, |amount| (amount * 100.0).round() as i64)
}

/// An amount as a body writes it: two decimals.
pub(super) fn written(cents: i64) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
}

/// An amount in a body, in the shop's currency and in the customer's.
pub(super) fn set(cents: i64, currency: &Value) -> Value {
    let amount = json!({ "amount": written(cents), "currency_code": currency });
    json!({ "shop_money": amount, "presentment_money": amount })
}

/// A `MoneyBag` of the Admin API, which writes no more decimals than it needs.
pub(super) fn bag(cents: i64, currency: &Value) -> Value {
    let text = written(cents);
    let amount = text.strip_suffix('0').unwrap_or(&text);
    let money = json!({ "amount": amount, "currencyCode": currency });
    json!({ "shopMoney": money, "presentmentMoney": money })
}
