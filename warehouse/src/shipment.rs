//! What calls and callbacks speak of: lines, where a shipment stands, where it goes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Pieces of one SKU in a hand-over or a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentLine {
    /// The stock keeping unit.
    pub sku: String,
    /// How many pieces.
    pub quantity: u32,
}

/// Where a shipment stands; a callback's type is one of these with `shipment.` before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ShipmentStatus {
    /// The warehouse has it in its books.
    Accepted,
    /// Its pieces are taken from the shelves.
    Picked,
    /// Somebody at the warehouse holds it.
    OnHold,
    /// Something is wrong with it; people at the warehouse look at it.
    Exception,
    /// The carrier has it.
    Shipped,
    /// The customer has it.
    Delivered,
    /// It will not be shipped.
    Cancelled,
    /// Newer than this code.
    Unknown(String),
}

impl From<String> for ShipmentStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "accepted" => Self::Accepted,
            "picked" => Self::Picked,
            "on_hold" => Self::OnHold,
            "exception" => Self::Exception,
            "shipped" => Self::Shipped,
            "delivered" => Self::Delivered,
            "cancelled" => Self::Cancelled,
            _ => Self::Unknown(text),
        }
    }
}

impl From<ShipmentStatus> for String {
    fn from(status: ShipmentStatus) -> Self {
        status.as_str().to_owned()
    }
}

impl ShipmentStatus {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Accepted => "accepted",
            Self::Picked => "picked",
            Self::OnHold => "on_hold",
            Self::Exception => "exception",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Unknown(text) => text,
        }
    }
}

/// Where a shipment goes. It reads the address kept with an order and is sent in camelCase.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShipTo {
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
    /// Province, state or region.
    pub province: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// Two-letter ISO 3166-1 code of the country.
    #[serde(rename(serialize = "countryCode"), alias = "countryCode")]
    pub country_code: Option<String>,
    /// Whom the carrier may call.
    pub phone: Option<String>,
}

impl ShipTo {
    /// Takes the `shipping_address` of a customer as it is stored; `None` if there is none, or one
    /// that cannot be read.
    #[must_use]
    pub fn from_stored_customer(customer: &serde_json::Value) -> Option<Self> {
        let address = customer.get("shipping_address").filter(|address| address.is_object())?;
        Self::deserialize(address).ok()
    }
}

impl fmt::Debug for ShipTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShipTo(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_address_is_sent_in_camel_case() {
        let stored = json!({"name": "Ada", "shipping_address":
            {"name": "Ada", "city": "London", "country_code": "GB", "company": null}});
        let ship_to = ShipTo::from_stored_customer(&stored).unwrap();
        let sent = serde_json::to_value(&ship_to).unwrap();
        assert_eq!(sent["countryCode"], "GB");
        assert!(sent.get("country_code").is_none());
        assert_eq!(serde_json::from_value::<ShipTo>(sent).unwrap(), ship_to);
    }

    #[test]
    fn a_customer_without_an_address_has_none() {
        for stored in [json!(null), json!({}), json!({"shipping_address": null}), json!("Ada")] {
            assert_eq!(ShipTo::from_stored_customer(&stored), None);
        }
    }

    #[test]
    fn an_address_never_shows_in_debug() {
        let ship_to = ShipTo { city: Some("London".into()), ..ShipTo::default() };
        assert!(!format!("{ship_to:?}").contains("London"));
    }

    #[test]
    fn a_status_of_next_year_is_kept() {
        let status = ShipmentStatus::from("teleported".to_owned());
        assert_eq!(status, ShipmentStatus::Unknown("teleported".into()));
        assert_eq!(status.as_str(), "teleported");
    }
}
