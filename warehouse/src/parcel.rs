//! What calls and callbacks speak of: lines, where a parcel stands, where it goes.

pub use domain::ParcelStatus;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Pieces of one SKU in a hand-over or a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParcelPieces {
    /// The stock keeping unit.
    pub sku: String,
    /// How many pieces.
    pub quantity: u32,
}

/// Where a parcel goes. It reads the address kept with an order and is sent in camelCase.
#[derive(derive_more::Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[debug("ShipTo(redacted)")]
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
    /// Province, state or region, by name.
    pub province: Option<String>,
    /// The same by its code. Known to tell addresses apart; the warehouse is not sent it.
    #[serde(skip_serializing)]
    pub province_code: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// Two-letter ISO 3166-1 code of the country.
    #[serde(rename(serialize = "countryCode"), alias = "countryCode")]
    pub country_code: Option<String>,
    /// The country by name. Known to tell addresses apart; the warehouse is not sent it.
    #[serde(skip_serializing)]
    pub country: Option<String>,
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

    /// SHA-256 of where it goes, the same for every way of writing the same address: letters' case and
    /// white space do not count, a code comes before a name, and the telephone number is left out.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let either = |code: &Option<String>, name: &Option<String>| match normalised(code) {
            code if code.is_empty() => normalised(name),
            code => code,
        };
        let parts = [
            normalised(&self.name),
            normalised(&self.company),
            normalised(&self.address1),
            normalised(&self.address2),
            normalised(&self.city),
            either(&self.province_code, &self.province),
            normalised(&self.zip),
            either(&self.country_code, &self.country),
        ];
        Sha256::digest(parts.join("\u{1f}")).into()
    }
}

/// In lower case, one space between two words.
fn normalised(text: &Option<String>) -> String {
    let lower = text.as_deref().unwrap_or_default().to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
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
    fn what_only_tells_addresses_apart_is_kept_and_not_sent() {
        let stored = json!({"shipping_address": {"province": "Kentucky", "province_code": "KY",
            "country": "United States", "country_code": "US"}});
        let ship_to = ShipTo::from_stored_customer(&stored).unwrap();
        assert_eq!(
            (ship_to.province_code.as_deref(), ship_to.country.as_deref()),
            (Some("KY"), Some("United States"))
        );
        let sent = serde_json::to_value(&ship_to).unwrap();
        let members: Vec<&str> = sent.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            members,
            ["address1", "address2", "city", "company", "countryCode", "name", "phone", "province", "zip"]
        );
    }

    fn address() -> ShipTo {
        let text = |text: &str| Some(text.to_owned());
        ShipTo {
            name: text("Ada Byron"),
            address1: text("12 St. James's Square"),
            city: text("Zürich"),
            province: text("Kanton Zürich"),
            province_code: text("ZH"),
            zip: text("8001"),
            country_code: text("CH"),
            country: text("Schweiz"),
            phone: text("1"),
            ..ShipTo::default()
        }
    }

    #[test]
    fn one_address_has_one_fingerprint_however_it_is_written() {
        let text = |text: &str| Some(text.to_owned());
        for same in [
            ShipTo { name: text("  ADA \u{a0} byron\n"), city: text("ZÜRICH"), ..address() },
            ShipTo { phone: None, company: text(" "), province: text("Zurich"), country: None, ..address() },
            ShipTo {
                province_code: None,
                province: text("zh"),
                country_code: text(""),
                country: text("ch"),
                ..address()
            },
        ] {
            assert_eq!(same.fingerprint(), address().fingerprint());
        }
        for other in [
            ShipTo { zip: text("8002"), ..address() },
            ShipTo { province_code: None, ..address() },
            ShipTo { name: None, company: text("Ada Byron"), ..address() },
            ShipTo { address1: text("12 St. James's"), address2: text("Square"), ..address() },
        ] {
            assert_ne!(other.fingerprint(), address().fingerprint());
        }
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
    fn a_status_is_read_in_any_letters_and_with_its_prefix() {
        for text in ["shipped", "Shipped", " shipment.shipped "] {
            assert_eq!(ParcelStatus::from(text.to_owned()), ParcelStatus::Shipped);
        }
    }

    #[test]
    fn a_status_of_next_year_is_kept() {
        let status = ParcelStatus::from("teleported".to_owned());
        assert_eq!(status, ParcelStatus::Unknown("teleported".into()));
        assert_eq!(status.as_str(), "teleported");
    }
}
