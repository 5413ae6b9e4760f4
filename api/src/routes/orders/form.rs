//! The form in which an order is placed, and what it means once it is checked.

use std::{fmt, time::Duration};

use domain::{Currency, Money, Quantity, Sku};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{amount::Amount, field, problem::Problem};

/// The most lines of an order.
const MOST_ITEMS: usize = 500;
/// The longest an order may be held.
const LONGEST_HOLD: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The currency meant where none is named: the one items are priced in.
const USUAL_CURRENCY: &str = "EUR";
/// Decimal places of an amount.
const MOST_DECIMAL_PLACES: u32 = 4;

/// The form, in snake case or camel case.
#[derive(Deserialize)]
pub(super) struct OrderForm {
    #[serde(alias = "customerName")]
    customer_name: String,
    #[serde(alias = "customerEmail")]
    customer_email: String,
    items: Vec<ItemForm>,
    hold: Option<String>,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct ItemForm {
    #[serde(alias = "productId")]
    product_id: String,
    #[serde(alias = "productName")]
    product_name: Option<String>,
    quantity: i64,
    price: Option<Amount>,
}

/// An order that may be placed.
#[derive(Clone)]
pub(super) struct WantedOrder {
    pub(super) customer: Customer,
    pub(super) lines: Vec<WantedLine>,
    pub(super) hold: Option<Duration>,
    pub(super) currency: Currency,
}

/// Who ordered.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) name: String,
    pub(super) email: String,
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(redacted)")
    }
}

/// A line of it. What is not given is the item's.
#[derive(Clone)]
pub(super) struct WantedLine {
    pub(super) sku: Sku,
    pub(super) product_name: Option<String>,
    pub(super) quantity: Quantity,
    pub(super) unit_price: Option<Decimal>,
}

impl OrderForm {
    /// Checks every member.
    pub(super) fn check(self) -> Result<WantedOrder, Problem> {
        if !(1..=MOST_ITEMS).contains(&self.items.len()) {
            return Err(Problem::invalid("items", "1 to 500 items"));
        }
        let currency = self.currency.as_deref().unwrap_or(USUAL_CURRENCY);
        let currency = Problem::of_field("currency", Currency::parse(currency))?;
        let lines = self.items.into_iter().enumerate();
        Ok(WantedOrder {
            customer: Customer {
                name: field::text("customer_name", &self.customer_name)?,
                email: field::email("customer_email", &self.customer_email)?,
            },
            lines: lines.map(|(index, item)| item.check(index, &currency)).collect::<Result<_, _>>()?,
            hold: self.hold.as_deref().map(hold).transpose()?,
            currency,
        })
    }
}

impl ItemForm {
    fn check(self, index: usize, currency: &Currency) -> Result<WantedLine, Problem> {
        let member = |name: &str| format!("items[{index}].{name}");
        let product_name =
            self.product_name.map(|name| field::text(&member("product_name"), &name)).transpose()?;
        let unit_price = self
            .price
            .map(|Amount(price)| Problem::of_field(member("price"), Money::new(price, currency.clone())))
            .transpose()?;
        Ok(WantedLine {
            sku: Problem::of_field(member("product_id"), Sku::parse(&self.product_id))?,
            product_name,
            quantity: Problem::of_field(member("quantity"), Quantity::new(self.quantity))?,
            unit_price: unit_price.map(|price| kept(price.amount())),
        })
    }
}

/// The amount with the decimal places it came with, unless they are zeros beyond the fourth.
fn kept(amount: Decimal) -> Decimal {
    if amount.scale() > MOST_DECIMAL_PLACES { amount.normalize() } else { amount }
}

fn hold(text: &str) -> Result<Duration, Problem> {
    humantime::parse_duration(text)
        .ok()
        .filter(|hold| !hold.is_zero() && *hold <= LONGEST_HOLD)
        .ok_or_else(|| Problem::invalid("hold", "a time of at most 30 days, for example 10m or 1h 30m"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn form() -> Value {
        json!({
            "customer_name": "Yash Vyas", "customer_email": "yash@example.com",
            "items": [{"product_id": "item1", "product_name": "Laptop", "quantity": 2, "price": 999.99}],
        })
    }

    fn check(form: &Value) -> Result<WantedOrder, Problem> {
        serde_json::from_str::<OrderForm>(&form.to_string()).unwrap().check()
    }

    #[test]
    fn snake_case_and_camel_case_are_the_same_form() {
        let camel = json!({
            "customerName": "Yash Vyas", "customerEmail": "yash@example.com", "hold": "10m", "currency": "USD",
            "items": [{"productId": "item1", "productName": "Laptop", "quantity": 2, "price": "999.99"}],
        });
        let (snake, camel) = (check(&form()).ok().unwrap(), check(&camel).ok().unwrap());
        assert_eq!(snake.lines[0].unit_price, camel.lines[0].unit_price);
        assert_eq!(snake.lines[0].product_name, camel.lines[0].product_name);
        assert_eq!((snake.hold, camel.hold), (None, Some(Duration::from_secs(600))));
        assert_eq!((snake.currency.as_str(), camel.currency.as_str()), ("EUR", "USD"));
    }

    #[test]
    fn a_refusal_names_the_member_and_what_is_allowed() {
        for (path, wrong, field) in [
            ("/items", json!([]), "items"),
            ("/items", json!(vec![form()["items"][0].clone(); 501]), "items"),
            ("/items/0/quantity", json!(0), "items[0].quantity"),
            ("/items/0/quantity", json!(99_999_999_999_i64), "items[0].quantity"),
            ("/items/0/product_id", json!(""), "items[0].product_id"),
            ("/items/0/product_name", json!("x".repeat(256)), "items[0].product_name"),
            ("/items/0/price", json!("-1"), "items[0].price"),
            ("/items/0/price", json!("0.00001"), "items[0].price"),
            ("/customer_name", json!(" "), "customer_name"),
            ("/customer_email", json!("yash"), "customer_email"),
        ] {
            let mut form = form();
            *form.pointer_mut(path).unwrap() = wrong;
            let problem = check(&form).err().unwrap();
            assert!(problem.to_string().starts_with(&format!("{field}: ")), "{path}: {problem}");
        }
        for (member, wrong) in [("hold", "0s"), ("hold", "31d"), ("hold", "soon"), ("currency", "euro")] {
            let mut form = form();
            form[member] = json!(wrong);
            let problem = check(&form).err().unwrap();
            assert!(problem.to_string().starts_with(&format!("{member}: ")), "{problem}");
        }
    }

    #[test]
    fn a_customer_never_shows_in_debug() {
        let customer = check(&form()).ok().unwrap().customer;
        assert!(!format!("{customer:?}").contains("ash"));
    }
}
