//! A level, as `inventory_levels/update` says it.

use super::{document, members::Members};

/// What a shop says of an item at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelSaid {
    /// The location's number.
    pub location: i64,
    /// The item's number.
    pub item: i64,
    /// What can be sold; none where the shop does not count the item.
    pub available: Option<i64>,
}

/// Reads a body of `inventory_levels/update`; none if it names no level. The item's number stands in the global id, too,
/// and there with all its digits (sample of API 2024-10).
#[must_use]
pub fn parse_level(body: &[u8]) -> Option<LevelSaid> {
    let value = document(body).ok()?;
    let body = Members::of(&value, String::new())?;
    let gid = body.text("admin_graphql_api_id").unwrap_or_default();
    let exact = gid.split_once("?inventory_item_id=").and_then(|(_, item)| item.parse().ok());
    Some(LevelSaid {
        location: body.optional_id("location_id", "Location")?,
        item: exact.or_else(|| body.optional_id("inventory_item_id", "InventoryItem"))?,
        available: body.get("available").and_then(serde_json::Value::as_i64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_item_is_read_to_its_last_digit() {
        let body = br#"{"inventory_item_id": 271878346596884000, "location_id": 24826418, "available": null,
            "admin_graphql_api_id": "gid://shopify/InventoryLevel/24826418?inventory_item_id=271878346596884015"}"#;
        let said = LevelSaid { location: 24_826_418, item: 271_878_346_596_884_015, available: None };
        assert_eq!(parse_level(body), Some(said));
        let plain = br#"{"inventory_item_id": 5, "location_id": 6, "available": -2, "more": {}}"#;
        assert_eq!(parse_level(plain), Some(LevelSaid { location: 6, item: 5, available: Some(-2) }));
        for nothing in [&b"{}"[..], b"[]", b"", br#"{"inventory_item_id": "x", "location_id": 6}"#] {
            assert_eq!(parse_level(nothing), None);
        }
    }
}
