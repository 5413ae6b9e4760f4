//! What is to be explained: an order that is there, or an imagined one.

use domain::{LineId, Quantity, Sku, WarehouseId};
use inventory::DemandLine;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{field, problem::Problem};

/// An order, by `orderId` or by the `items` it would have.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExplainRequest, example = json!({"items": [{"itemId": "TEA-EARL-GREY-100", "quantity": 2}]}))]
pub(super) struct ExplainForm {
    /// An order that is there, by its id, its number, or the id its caller gave it.
    #[serde(alias = "order_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: Option<String>,
    /// What an imagined order would ask for.
    #[schema(min_items = 1, max_items = 500)]
    items: Option<Vec<ItemForm>>,
    /// The warehouse that is preferred where all else is equal. An order that is there has its own.
    #[serde(alias = "warehouse_id")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")]
    warehouse_id: Option<String>,
}

/// Pieces of an item.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExplainItem)]
struct ItemForm {
    #[serde(alias = "item_id", alias = "sku")]
    #[schema(min_length = 1, max_length = 255, example = "TEA-EARL-GREY-100")]
    item_id: String,
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    quantity: i64,
}

/// What is asked about.
pub(super) enum Question {
    /// The order with this id or number.
    Order(String),
    /// An order that would ask for this; its lines are counted from 1.
    Imagined { lines: Vec<DemandLine>, preferred: Option<WarehouseId> },
}

impl ExplainForm {
    /// # Errors
    /// [`Problem::Invalid`] names the first member that is not what it may be.
    pub(super) fn check(self) -> Result<Question, Problem> {
        let preferred = self.warehouse_id.as_deref().map(WarehouseId::parse).transpose();
        let preferred = Problem::of_field("warehouseId", preferred)?;
        match (self.order_id, self.items) {
            (Some(_), Some(_)) => Err(Problem::invalid("items", "not together with orderId")),
            (None, None) => Err(Problem::invalid("orderId", "is needed, or items")),
            (Some(_), None) if preferred.is_some() => {
                Err(Problem::invalid("warehouseId", "only with items; an order that is there has its own"))
            }
            (Some(id), None) => Ok(Question::Order(id)),
            (None, Some(items)) => Ok(Question::Imagined { lines: lines(&items)?, preferred }),
        }
    }
}

fn lines(items: &[ItemForm]) -> Result<Vec<DemandLine>, Problem> {
    field::bounded(items)?;
    let line = |(index, item): (usize, &ItemForm)| {
        let member = |name: &str| format!("items[{index}].{name}");
        Ok(DemandLine {
            line_id: Problem::of_field(member("lineId"), LineId::parse(&(index + 1).to_string()))?,
            sku: Problem::of_field(member("itemId"), Sku::parse(&item.item_id))?,
            quantity: Problem::of_field(member("quantity"), Quantity::new(item.quantity))?,
        })
    };
    items.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(body: Value) -> Result<Question, String> {
        let form: ExplainForm = serde_json::from_value(body).map_err(|error| error.to_string())?;
        form.check().map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_order_is_there_or_imagined_and_never_both() {
        assert!(matches!(check(json!({"order_id": "ord_1"})), Ok(Question::Order(id)) if id == "ord_1"));
        let items = json!([{"itemId": "TEA", "quantity": 2}, {"sku": "TEA", "quantity": 1}]);
        let Ok(Question::Imagined { lines, preferred }) =
            check(json!({"items": items, "warehouse_id": "north"}))
        else {
            panic!("it is imagined");
        };
        let ids: Vec<&str> = lines.iter().map(|line| line.line_id.as_str()).collect();
        assert_eq!((ids, preferred.unwrap().as_str()), (vec!["1", "2"], "north"));
        for (body, member) in [
            (json!({}), "orderId: "),
            (json!({"orderId": "ord_1", "items": items}), "items: "),
            (json!({"orderId": "ord_1", "warehouseId": "main"}), "warehouseId: "),
            (json!({"items": []}), "items: "),
            (json!({"items": [{"itemId": "TEA", "quantity": 0}]}), "items[0].quantity: "),
            (json!({"items": [{"itemId": "", "quantity": 1}]}), "items[0].itemId: "),
        ] {
            let refused = check(body).err().unwrap();
            assert!(refused.starts_with(member), "{refused}");
        }
    }
}
