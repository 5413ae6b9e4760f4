//! The form in which an order is placed, and what it means once it is checked.

use std::time::Duration;

use domain::{Currency, Money, OrderId, OrderNumber, Quantity, Sku, UserId};
use process::settings::CustomerLimits;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    limits::MOST_ITEMS,
    members::{Member, Members},
    problem::Problem,
};

/// The longest an order may be held.
const LONGEST_HOLD: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The currency meant where none is named: the one items are priced in.
pub(super) const USUAL_CURRENCY: &str = "EUR";
/// Decimal places of an amount.
const MOST_DECIMAL_PLACES: u32 = 4;

/// Who may place an order for somebody else.
const MAY_PLACE_FOR_OTHERS: &str = "admin, operator";

const ORDER_ID: [&str; 2] = ["orderId", "order_id"];
const USER_ID: [&str; 2] = ["userId", "user_id"];
const CUSTOMER_NAME: [&str; 2] = ["customerName", "customer_name"];
const CUSTOMER_EMAIL: [&str; 2] = ["customerEmail", "customer_email"];
const ITEM_ID: [&str; 5] = ["itemId", "item_id", "productId", "product_id", "sku"];
const PRICE: [&str; 3] = ["price", "unit_price", "unitPrice"];
const PRODUCT_NAME: [&str; 2] = ["productName", "product_name"];

/// An order as it is asked for: as it is, or wrapped in `order`. Members may be written in snake case
/// too, and members that are not known are passed over.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PlaceOrder, example = json!({
    "customerName": "Yash Vyas", "customerEmail": "yash@example.com",
    "items": [{"itemId": "TEA-EARL-GREY-100", "quantity": 2}]
}))]
pub(super) enum PlaceForm {
    /// As it is.
    #[schema(title = "FlatOrder")]
    Flat(OrderForm),
    /// Wrapped.
    #[schema(title = "WrappedOrder")]
    Wrapped {
        /// The order.
        order: OrderForm,
    },
}

/// An order that may be placed. Who orders is named by `userId`, or by `customerName` and
/// `customerEmail`; both may be given.
#[derive(derive_more::Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderForm)]
#[debug("OrderForm(redacted)")]
pub(super) struct OrderForm {
    /// The caller's own id for it. The same order sent again under it is the order that is there.
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "order-1")]
    pub(super) order_id: Option<OrderId>,
    /// A user that is registered. Name and e-mail address are the user's unless they are given.
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[A-Za-z0-9._:|@-]+$", example = "user11")]
    pub(super) user_id: Option<UserId>,
    /// Whom the parcel is addressed to.
    #[schema(min_length = 1, max_length = 255, example = "Yash Vyas")]
    pub(super) customer_name: Option<String>,
    /// Where mail about the order goes.
    #[schema(min_length = 3, max_length = 255, example = "yash@example.com")]
    pub(super) customer_email: Option<String>,
    /// The lines. Those of one item add up.
    #[schema(min_items = 1, max_items = 500)]
    pub(super) items: Vec<WantedLine>,
    /// How long it stays `PENDING`, so that the customer may still withdraw; `0s` for not at all. The
    /// configuration's hold window if left out. At most 30 days.
    #[schema(value_type = Option<String>, example = "10m")]
    pub(super) hold: Option<Duration>,
    /// The currency of all prices.
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{3}$", example = "EUR", default = "EUR")]
    pub(super) currency: Currency,
    /// As what the caller wrote `orderId`.
    #[serde(skip)]
    pub(super) order_id_place: &'static str,
    /// As what the caller wrote `userId`.
    #[serde(skip)]
    pub(super) user_id_place: &'static str,
}

/// A line of it. What is not given is the item's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderFormItem)]
pub(super) struct WantedLine {
    /// The item's id; `productId` and `sku` mean the same.
    #[serde(rename = "itemId")]
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "item1")]
    pub(super) sku: Sku,
    /// The name to be kept with the order.
    #[schema(min_length = 1, max_length = 255, example = "Laptop 15 Pro")]
    pub(super) product_name: Option<String>,
    /// Pieces.
    #[schema(value_type = u32, minimum = 1, maximum = 1_000_000, example = 2)]
    pub(super) quantity: Quantity,
    /// The price of one piece, as a text or as a number; its digits are kept. A customer names the
    /// item's own price or none.
    #[serde(rename = "price", serialize_with = "without_zeros_at_the_end")]
    #[schema(value_type = Option<String>, pattern = r"^\d{1,12}(\.\d+)?$", example = "999.99")]
    pub(super) unit_price: Option<Decimal>,
    /// Where the price stands in the body.
    #[serde(skip)]
    pub(super) price_place: String,
}

impl PlaceForm {
    /// Reads a body and checks every member. A customer places for itself alone, whoever it names.
    ///
    /// # Errors
    /// [`Problem::Invalid`] names the member as the caller wrote it, and what is allowed there;
    /// [`Problem::Forbidden`] if a customer places for somebody else.
    pub(super) fn read(body: &RawValue, caller: &Caller, limits: CustomerLimits) -> Result<Self, Problem> {
        let members = Members::of_body(body)?;
        let read = |members: &Members<'_>| {
            let order = OrderForm::read(members, caller)?;
            if caller.confined_to().is_some() {
                order.keeps_to(limits)?;
            }
            Ok::<_, Problem>(order)
        };
        Ok(match members.get(&["order"])? {
            Some(order) => Self::Wrapped { order: read(&order.whole()?)? },
            None => Self::Flat(read(&members)?),
        })
    }

    /// The order itself.
    pub(super) fn into_order(self) -> OrderForm {
        let (Self::Flat(order) | Self::Wrapped { order }) = self;
        order
    }
}

impl OrderForm {
    fn read(members: &Members<'_>, caller: &Caller) -> Result<Self, Problem> {
        let order_id = members.get(&ORDER_ID)?;
        let named = members.get(&USER_ID)?;
        let (order_id_place, user_id_place) = (spelling(ORDER_ID, &order_id), spelling(USER_ID, &named));
        let user_id = user(named, caller)?;
        let name = members.get(&CUSTOMER_NAME)?;
        let email = members.get(&CUSTOMER_EMAIL)?;
        if user_id.is_none() && (name.is_none() || email.is_none()) {
            return Err(match (name, email) {
                (None, None) => members.missing(&USER_ID),
                (None, _) => members.missing(&CUSTOMER_NAME),
                _ => members.missing(&CUSTOMER_EMAIL),
            });
        }
        let currency = match members.get(&["currency"])? {
            Some(member) => member.parse(Currency::parse)?,
            None => Problem::of_field("currency", Currency::parse(USUAL_CURRENCY))?,
        };
        let items = members.needed(&["items"])?.list(MOST_ITEMS, "1 to 500 items")?;
        Ok(Self {
            order_id: order_id.map(|member| own_id(&member)).transpose()?,
            user_id,
            customer_name: name.map(|member| member.name()).transpose()?,
            customer_email: email.map(|member| member.email()).transpose()?,
            items: items.iter().map(|item| WantedLine::read(item, &currency)).collect::<Result<_, _>>()?,
            hold: members.get(&["hold"])?.map(|member| hold(&member)).transpose()?,
            currency,
            order_id_place,
            user_id_place,
        })
    }

    /// Whether a customer may ask for that much by itself.
    fn keeps_to(&self, CustomerLimits { longest_hold, most_pieces }: CustomerLimits) -> Result<(), Problem> {
        if self.hold.is_some_and(|hold| hold > longest_hold) {
            let allowed = format!("at most {} for a customer", humantime::format_duration(longest_hold));
            return Err(Problem::invalid("hold", &allowed));
        }
        let pieces: u64 = self.items.iter().map(|line| u64::from(line.quantity.get())).sum();
        if pieces > most_pieces {
            let allowed = format!("at most {most_pieces} pieces of all lines together for a customer");
            return Err(Problem::invalid("items", &allowed));
        }
        Ok(())
    }
}

impl WantedLine {
    fn read(item: &Member<'_>, currency: &Currency) -> Result<Self, Problem> {
        let members = item.object()?;
        let product_name = members.get(&PRODUCT_NAME)?;
        let price = members.get(&PRICE)?;
        Ok(Self {
            sku: members.needed(&ITEM_ID)?.parse(Sku::parse)?,
            product_name: product_name.map(|member| member.name()).transpose()?,
            quantity: members.needed(&["quantity"])?.whole_number(Quantity::new)?,
            price_place: price
                .as_ref()
                .map_or_else(|| format!("{}.{}", item.place(), PRICE[0]), |member| member.place().to_owned()),
            unit_price: price.map(|member| unit_price(&member, currency)).transpose()?,
        })
    }
}

/// For whom it is: whom the caller names, or the customer itself.
fn user(named: Option<Member<'_>>, caller: &Caller) -> Result<Option<UserId>, Problem> {
    let named = named.map(|member| member.parse(UserId::parse)).transpose()?;
    let Some(subject) = caller.confined_to() else { return Ok(named) };
    if named.is_some_and(|user| user.as_str() != subject) {
        return Err(Problem::Forbidden(MAY_PLACE_FOR_OTHERS.into()));
    }
    Problem::of_field(USER_ID[0], UserId::parse(subject)).map(Some)
}

/// Which of the names the caller wrote; the first where it wrote none.
fn spelling([first, second]: [&'static str; 2], member: &Option<Member<'_>>) -> &'static str {
    if member.as_ref().is_some_and(|member| member.place() == second) { second } else { first }
}

/// The caller's own id. One that looks like an order number is refused: ids and numbers are looked up
/// in one place, and each must mean one order.
fn own_id(member: &Member<'_>) -> Result<OrderId, Problem> {
    let text = member.text()?;
    if OrderNumber::parse(&text).is_ok() {
        return Err(member.refuse("an id of your own, not one in the form of an order number"));
    }
    member.parse(OrderId::parse)
}

fn unit_price(member: &Member<'_>, currency: &Currency) -> Result<Decimal, Problem> {
    let price = Money::new(member.amount()?, currency.clone());
    Ok(kept(Problem::of_field(member.place(), price)?.amount()))
}

/// The amount with the decimal places it came with, unless they are zeros beyond the fourth.
fn kept(amount: Decimal) -> Decimal {
    if amount.scale() > MOST_DECIMAL_PLACES { amount.normalize() } else { amount }
}

fn hold(member: &Member<'_>) -> Result<Duration, Problem> {
    humantime::parse_duration(&member.text()?)
        .ok()
        .filter(|hold| *hold <= LONGEST_HOLD)
        .ok_or_else(|| member.refuse("a time of at most 30 days, for example 10m or 1h 30m; 0s for none"))
}

/// `29.9` and `29.90` are the same price, so they make the same order.
fn without_zeros_at_the_end<S: Serializer>(
    price: &Option<Decimal>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    price.map(|price| price.normalize()).serialize(serializer)
}

#[cfg(test)]
mod tests;
