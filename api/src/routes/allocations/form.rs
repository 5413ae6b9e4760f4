//! What other services send about allocations, and what of it is taken.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId, Quantity, Sku, WarehouseId};
use inventory::{AllocateItem, AllocateRequest, Holder};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{field, problem::Problem};

/// An allocation that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewAllocation, example = json!({
    "orderId": "ord_123", "orderItemId": "item_1", "inventoryItemId": "TEA-EARL-GREY-100", "quantity": 2
}))]
pub(super) struct AllocationForm {
    /// The caller's order.
    #[serde(alias = "order_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    order_id: String,
    /// Until when it is held unless it is confirmed; 15 minutes unless you say otherwise.
    #[serde(alias = "expires_at")]
    #[schema(format = DateTime, example = "2099-05-24T23:59:59Z")]
    expires_at: Option<String>,
    /// The item of the order it is for. Asked for again, it is the same allocation.
    #[serde(alias = "order_item_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    order_item_id: String,
    /// What is held.
    #[serde(alias = "inventory_item_id")]
    #[schema(min_length = 1, max_length = 255)]
    inventory_item_id: String,
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// Where it is to be held; where it suits best unless you say so.
    #[serde(alias = "warehouse_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    warehouse_id: Option<String>,
}

/// Allocations that are wanted together.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewAllocations, example = json!({
    "orderId": "ord_123",
    "items": [{"orderItemId": "item_1", "inventoryItemId": "TEA-EARL-GREY-100", "quantity": 2}]
}))]
pub(super) struct BulkForm {
    /// The caller's order.
    #[serde(alias = "order_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    order_id: String,
    /// Until when they are held unless they are confirmed; 15 minutes unless you say otherwise.
    #[serde(alias = "expires_at")]
    #[schema(format = DateTime, example = "2099-05-24T23:59:59Z")]
    expires_at: Option<String>,
    /// What is wanted; no `orderItemId` twice.
    #[schema(min_items = 1, max_items = 500)]
    items: Vec<ItemForm>,
}

/// Pieces of an item for an item of an order.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewAllocationItem)]
pub(super) struct ItemForm {
    /// The item of the order they are for. Asked for again, it is the same allocation.
    #[serde(alias = "order_item_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    order_item_id: String,
    /// What is held.
    #[serde(alias = "inventory_item_id")]
    #[schema(min_length = 1, max_length = 255)]
    inventory_item_id: String,
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// Where it is to be held; where it suits best unless you say so.
    #[serde(alias = "warehouse_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    warehouse_id: Option<String>,
}

impl AllocationForm {
    /// # Errors
    /// [`Problem::Invalid`] names the first member that is not what it may be. Whose it is, is the caller's to say.
    pub(super) fn check(self) -> Result<AllocateRequest, Problem> {
        let item = ItemForm {
            order_item_id: self.order_item_id,
            inventory_item_id: self.inventory_item_id,
            quantity: self.quantity,
            warehouse_id: self.warehouse_id,
        };
        Ok(AllocateRequest {
            holder: Holder::OURS,
            order_id: order_id(&self.order_id)?,
            items: vec![item.check("")?],
            expires_at: expires_at(self.expires_at.as_deref())?,
        })
    }
}

impl BulkForm {
    /// # Errors
    /// [`Problem::Invalid`] names the first member that is not what it may be. Whose it is, is the caller's to say.
    pub(super) fn check(&self) -> Result<AllocateRequest, Problem> {
        field::bounded(&self.items)?;
        let mut items = Vec::with_capacity(self.items.len());
        let mut seen = BTreeSet::new();
        for (index, form) in self.items.iter().enumerate() {
            let item = form.check(&format!("items[{index}]."))?;
            if !seen.insert(item.order_item.clone()) {
                let member = format!("items[{index}].orderItemId");
                return Err(Problem::invalid(member, "each order item once; this one came before"));
            }
            items.push(item);
        }
        Ok(AllocateRequest {
            holder: Holder::OURS,
            order_id: order_id(&self.order_id)?,
            items,
            expires_at: expires_at(self.expires_at.as_deref())?,
        })
    }
}

impl ItemForm {
    /// `place` is where the item stands in the body.
    fn check(&self, place: &str) -> Result<AllocateItem, Problem> {
        let member = |name: &str| format!("{place}{name}");
        let warehouse = self.warehouse_id.as_deref().map(WarehouseId::parse).transpose();
        Ok(AllocateItem {
            order_item: Problem::of_field(member("orderItemId"), LineId::parse(&self.order_item_id))?,
            sku: Problem::of_field(member("inventoryItemId"), Sku::parse(&self.inventory_item_id))?,
            quantity: Problem::of_field(member("quantity"), Quantity::new(self.quantity))?,
            warehouse: Problem::of_field(member("warehouseId"), warehouse)?,
        })
    }
}

/// The order that a body or a path names.
///
/// # Errors
/// [`Problem::Invalid`] unless it is an order id.
pub(super) fn order_id(text: &str) -> Result<OrderId, Problem> {
    Problem::of_field("orderId", OrderId::parse(text))
}

fn expires_at(text: Option<&str>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| {
        Problem::invalid("expiresAt", "a time by RFC 3339 with its offset, for example 2099-05-24T23:59:59Z")
    })?;
    Ok(Some(at.to_utc()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn single(changes: Value) -> Result<AllocateRequest, String> {
        let mut body =
            json!({"orderId": "ord_1", "orderItemId": "i1", "inventoryItemId": "TEA", "quantity": 2});
        merge(&mut body, changes);
        let form: AllocationForm = serde_json::from_value(body).map_err(|error| error.to_string())?;
        form.check().map_err(|problem| problem.to_string())
    }

    fn merge(body: &mut Value, changes: Value) {
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
    }

    fn bulk(items: Value) -> Result<AllocateRequest, String> {
        let form: BulkForm = serde_json::from_value(json!({"orderId": "ord_1", "items": items}))
            .map_err(|error| error.to_string())?;
        form.check().map_err(|problem| problem.to_string())
    }

    fn item(order_item_id: &str) -> Value {
        json!({"orderItemId": order_item_id, "inventoryItemId": "TEA", "quantity": 1})
    }

    #[test]
    fn a_time_with_any_offset_is_taken_and_kept_in_utc() {
        let request = single(json!({"expiresAt": "2099-05-25T01:59:59+02:00"})).unwrap();
        assert_eq!(request.expires_at.unwrap().to_rfc3339(), "2099-05-24T23:59:59+00:00");
        assert_eq!(single(json!({})).unwrap().expires_at, None);
        for bad in ["", "tomorrow", "2099-05-24", "2099-05-24T23:59:59", "2099-13-01T00:00:00Z", "4083091199"]
        {
            assert!(single(json!({"expiresAt": bad})).unwrap_err().starts_with("expiresAt: "), "{bad}");
        }
    }

    #[test]
    fn a_member_that_is_not_what_it_may_be_is_named() {
        for (member, bad) in [
            ("orderId", json!("a@b")),
            ("orderItemId", json!("")),
            ("inventoryItemId", json!(" TEA")),
            ("quantity", json!(0)),
            ("quantity", json!(99_999_999_999_i64)),
            ("warehouseId", json!("")),
        ] {
            let refused = single(json!({ member: bad })).unwrap_err();
            assert!(refused.starts_with(&format!("{member}: ")), "{refused}");
        }
    }

    #[test]
    fn snake_case_is_understood() {
        let body = json!({
            "order_id": "ord_1", "order_item_id": "i1", "inventory_item_id": "TEA", "quantity": 2,
            "warehouse_id": "main", "expires_at": "2099-05-24T23:59:59Z",
        });
        let form: AllocationForm = serde_json::from_value(body).unwrap();
        let request = form.check().unwrap();
        assert_eq!(request.items[0].warehouse, Some(WarehouseId::main()));
        assert!(request.expires_at.is_some());
    }

    #[test]
    fn a_bulk_request_has_1_to_500_items_and_each_order_item_once() {
        let many = |number: usize| bulk((0..number).map(|n| item(&n.to_string())).collect());
        assert_eq!(many(500).unwrap().items.len(), 500);
        for number in [0, 501] {
            assert!(many(number).unwrap_err().starts_with("items: "), "{number}");
        }
        let twice = bulk(json!([item("a"), item("b"), item("a")]));
        assert!(twice.unwrap_err().starts_with("items[2].orderItemId: "));
        let wrong = bulk(json!([item("a"), {"orderItemId": "b", "inventoryItemId": "TEA", "quantity": 0}]));
        assert!(wrong.unwrap_err().starts_with("items[1].quantity: "));
    }
}
