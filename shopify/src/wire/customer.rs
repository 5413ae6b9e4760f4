//! Who ordered and where the parcel goes: the personal part of an order.
//!
//! **Invariant:** neither type shows what it holds in `Debug`.

use serde::{Deserialize, Serialize};

use super::members::Members;

/// Who ordered. Kept as JSON in PostgreSQL and nowhere else.
#[derive(derive_more::Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[debug("Customer(redacted)")]
pub struct Customer {
    /// The name a parcel or a mail is addressed to.
    pub name: Option<String>,
    /// The e-mail address given with the order.
    pub email: Option<String>,
    /// The telephone number given with the order.
    pub phone: Option<String>,
    /// Where the order goes; orders that do not ship have none.
    pub shipping_address: Option<Address>,
}

/// Where a parcel goes.
#[derive(derive_more::Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[debug("Address(redacted)")]
pub struct Address {
    /// Whose address it is.
    pub name: Option<String>,
    /// The company there.
    pub company: Option<String>,
    /// Street and number.
    pub address1: Option<String>,
    /// Flat, floor, building.
    pub address2: Option<String>,
    /// City or town.
    pub city: Option<String>,
    /// Province, state or region, by name.
    pub province: Option<String>,
    /// The same by its code, for example `KY`.
    pub province_code: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// Two-letter ISO 3166-1 code of the country.
    pub country_code: Option<String>,
    /// The country by name.
    pub country: Option<String>,
    /// Whom the carrier may call.
    pub phone: Option<String>,
}

impl Customer {
    /// Reads what an order's body says of its customer. Nothing here keeps an order from being read:
    /// a value of an unexpected kind counts as absent.
    pub(super) fn read(order: &Members<'_>) -> Self {
        let account = order.object("customer");
        let from_account = |name: &str| account.as_ref().and_then(|account| account.text(name));
        let shipping_address = order.object("shipping_address").map(|address| Address::read(&address));
        let addressed_to = |read: fn(&Address) -> Option<String>| shipping_address.as_ref().and_then(read);
        Self {
            name: addressed_to(|address| address.name.clone())
                .or_else(|| account.as_ref().and_then(full_name)),
            email: order
                .text("email")
                .or_else(|| order.text("contact_email"))
                .or_else(|| from_account("email")),
            phone: order
                .text("phone")
                .or_else(|| addressed_to(|address| address.phone.clone()))
                .or_else(|| from_account("phone")),
            shipping_address,
        }
    }
}

impl Address {
    fn read(address: &Members<'_>) -> Self {
        Self {
            name: address.text("name").or_else(|| full_name(address)),
            company: address.text("company"),
            address1: address.text("address1"),
            address2: address.text("address2"),
            city: address.text("city"),
            province: address.text("province"),
            province_code: address.text("province_code"),
            zip: address.text("zip"),
            country_code: address.text("country_code"),
            country: address.text("country"),
            phone: address.text("phone"),
        }
    }
}

fn full_name(person: &Members<'_>) -> Option<String> {
    let parts: Vec<String> =
        ["first_name", "last_name"].into_iter().filter_map(|name| person.text(name)).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
