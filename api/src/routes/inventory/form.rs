//! What callers send about stock, and what of it is taken.

use domain::{Quantity, Sku, WarehouseId};
use inventory::NewItem;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    field::{self, Amount},
    problem::Problem,
};

const MOST_OPENING_STOCK: i64 = 1_000_000_000;
/// What a booking says of itself that was given no reason.
const NO_REASON: &str = "booked through the API";

/// An item to be stocked.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewItem, example = json!({
    "itemId": "TEA-EARL-GREY-100", "itemName": "Earl Grey, 100 g", "availableQty": 500, "unitPrice": "12.50"
}))]
pub(super) struct NewItemForm {
    /// Its stock keeping unit, under which it is ordered and found.
    #[serde(alias = "item_id")]
    #[schema(min_length = 1, max_length = 255)]
    item_id: Option<String>,
    /// The same under another name: one of the two is needed, and both have to say the same.
    #[schema(min_length = 1, max_length = 255)]
    sku: Option<String>,
    /// What people call it.
    #[serde(alias = "item_name")]
    #[schema(min_length = 1, max_length = 255)]
    item_name: String,
    /// Pieces that lie there.
    #[serde(alias = "available_qty")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    available_qty: i64,
    /// The price of one piece in EUR, as a decimal string or a number; orders that name none take it.
    #[serde(alias = "unit_price")]
    #[schema(value_type = Option<String>, pattern = r"^[0-9]{1,15}(\.[0-9]{1,4})?$", example = "12.50")]
    unit_price: Option<Amount>,
    /// Where the pieces lie; `main` unless you say otherwise.
    #[serde(alias = "warehouse_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")]
    warehouse_id: Option<String>,
}

impl NewItemForm {
    /// # Errors
    /// [`Problem::Invalid`] names the first member that is not what it may be.
    pub(super) fn check(&self) -> Result<NewItem, Problem> {
        let sku = match (&self.item_id, &self.sku) {
            (Some(item_id), Some(sku)) if item_id != sku => {
                return Err(Problem::invalid("sku", "the same as itemId, as an item has one name here"));
            }
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) => return Err(Problem::invalid("itemId", "is needed")),
        };
        Ok(NewItem {
            sku: item_id(sku)?,
            name: field::text("itemName", &self.item_name)?,
            warehouse: warehouse(self.warehouse_id.as_deref())?,
            quantity: opening_stock(self.available_qty)?,
            unit_price: self.unit_price.map(|price| price.0),
        })
    }
}

/// Pieces that are booked in or out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Booking, example = json!({"quantity": 24, "reason": "delivery note 4711"}))]
pub(super) struct BookingForm {
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// Where they lie; `main` unless you say otherwise.
    #[serde(alias = "warehouse_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")]
    warehouse_id: Option<String>,
    /// Why, as it is to stand in the ledger: a delivery note, a breakage, a count. `reference` is
    /// understood as well.
    #[serde(alias = "reference")]
    #[schema(min_length = 1, max_length = 255)]
    reason: Option<String>,
}

/// A booking that can be done.
pub(super) struct Booking {
    pub(super) sku: Sku,
    pub(super) warehouse: WarehouseId,
    pub(super) quantity: Quantity,
    pub(super) reason: String,
}

impl BookingForm {
    /// # Errors
    /// [`Problem::Invalid`] names the first part that is not what it may be.
    pub(super) fn check(&self, id: &str) -> Result<Booking, Problem> {
        Ok(Booking {
            sku: item_id(id)?,
            warehouse: warehouse(self.warehouse_id.as_deref())?,
            quantity: Problem::of_field("quantity", Quantity::new(self.quantity))?,
            reason: field::text("reason", self.reason.as_deref().unwrap_or(NO_REASON))?,
        })
    }
}

/// How many pieces are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CheckQuery {
    #[param(minimum = 1, maximum = 1_000_000, example = 1)]
    pub(super) quantity: i64,
}

/// Which page of the items is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only those whose id begins with this text, or whose name has it in it, in whichever letters.
    #[param(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
        example = "tea"
    )]
    pub(super) search: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    pub(super) cursor: Option<String>,
}

/// The item that a path or a body names.
///
/// # Errors
/// [`Problem::Invalid`] unless it is a SKU.
pub(super) fn item_id(text: &str) -> Result<Sku, Problem> {
    Problem::of_field("itemId", Sku::parse(text))
}

/// The warehouse that a body names, or the first.
///
/// # Errors
/// [`Problem::Invalid`] unless it may be one.
pub(super) fn warehouse(id: Option<&str>) -> Result<WarehouseId, Problem> {
    id.map_or_else(|| Ok(WarehouseId::main()), |id| Problem::of_field("warehouseId", WarehouseId::parse(id)))
}

fn opening_stock(pieces: i64) -> Result<u32, Problem> {
    u32::try_from(pieces)
        .ok()
        .filter(|pieces| i64::from(*pieces) <= MOST_OPENING_STOCK)
        .ok_or_else(|| Problem::invalid("availableQty", "a whole number from 0 to 1000000000"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn new_item(body: Value) -> Result<NewItem, String> {
        let form: NewItemForm = serde_json::from_value(body).map_err(|error| error.to_string())?;
        form.check().map_err(|problem| problem.to_string())
    }

    fn booking(body: Value) -> Result<Booking, String> {
        let form: BookingForm = serde_json::from_value(body).map_err(|error| error.to_string())?;
        form.check("TEA").map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_item_is_read_in_either_spelling() {
        for body in [
            json!({"itemId": "TEA", "itemName": "Tea", "availableQty": 3, "unitPrice": "1.75", "warehouseId": "north"}),
            json!({"item_id": "TEA", "item_name": "Tea", "available_qty": 3, "unit_price": 1.75, "warehouse_id": "north"}),
            json!({"sku": "TEA", "itemName": "Tea", "availableQty": 3, "unitPrice": "1.75", "warehouseId": "north"}),
            json!({"itemId": "TEA", "sku": "TEA", "itemName": "Tea", "availableQty": 3, "unitPrice": "1.75", "warehouseId": "north"}),
        ] {
            let item = new_item(body).unwrap();
            assert_eq!((item.sku.as_str(), item.name.as_str(), item.quantity), ("TEA", "Tea", 3));
            assert_eq!(item.warehouse.as_str(), "north");
            assert_eq!(item.unit_price.unwrap().to_string(), "1.75");
        }
    }

    #[test]
    fn an_item_has_one_name() {
        let refused = new_item(json!({"itemId": "TEA", "sku": "T-1", "itemName": "Tea", "availableQty": 3}));
        assert!(refused.unwrap_err().starts_with("sku: "));
        let refused = new_item(json!({"itemName": "Tea", "availableQty": 3}));
        assert!(refused.unwrap_err().starts_with("itemId: "));
    }

    #[test]
    fn an_item_starts_with_none_to_a_milliard_pieces() {
        let of = |pieces: i64| new_item(json!({"itemId": "TEA", "itemName": "Tea", "availableQty": pieces}));
        assert!(of(0).is_ok() && of(1_000_000_000).is_ok());
        for bad in [-1, 1_000_000_001, i64::MIN, i64::MAX] {
            assert!(of(bad).unwrap_err().starts_with("availableQty: "), "{bad}");
        }
    }

    #[test]
    fn a_booking_takes_its_reason_under_two_names_and_has_one_of_its_own() {
        for (body, reason) in [
            (json!({"quantity": 1, "reason": "broken"}), "broken"),
            (json!({"quantity": 1, "reference": "note 4711"}), "note 4711"),
            (json!({"quantity": 1}), NO_REASON),
        ] {
            let booking = booking(body).unwrap();
            assert_eq!((booking.reason.as_str(), booking.warehouse.as_str()), (reason, "main"));
        }
    }

    #[test]
    fn a_booking_that_cannot_be_done_names_the_member() {
        for (body, member) in [
            (json!({"quantity": 0}), "quantity: "),
            (json!({"quantity": 1_000_001}), "quantity: "),
            (json!({"quantity": 1, "warehouse_id": ""}), "warehouseId: "),
            (json!({"quantity": 1, "reason": "a\u{7}"}), "reason: "),
            (json!({"quantity": 1, "reason": "x".repeat(256)}), "reason: "),
        ] {
            let refused = booking(body).err().unwrap();
            assert!(refused.starts_with(member), "{refused}");
        }
    }
}
