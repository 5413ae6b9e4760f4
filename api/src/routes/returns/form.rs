//! What callers say of returns, and what of it is taken.

use domain::{LineId, Quantity, ReturnId, Sku, WarehouseId};
use orders::returns::{AnnouncedItem, ReceivedPieces, ReturnError};
use serde::Serialize;
use serde_json::value::RawValue;
use stock::ReceiveError;
use utoipa::ToSchema;

use crate::{
    limits::MOST_ITEMS,
    members::{Member, Members},
    problem::Problem,
};

/// The same list under either name: orders have items, and receipts lines.
const ITEMS: [&str; 2] = ["items", "lines"];
const LINES: [&str; 2] = ["lines", "items"];
const ORDER_ITEM_ID: [&str; 4] = ["orderItemId", "order_item_id", "lineId", "line_id"];
const SKU: [&str; 5] = ["sku", "itemId", "item_id", "productId", "product_id"];
const WAREHOUSE_ID: [&str; 2] = ["warehouseId", "warehouse_id"];
const MOST: &str = "1 to 500 lines";

/// Pieces of an order that are to come back.
#[derive(derive_more::Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AnnounceReturn, example = json!({
    "items": [{"sku": "item1", "quantity": 1}], "reason": "too small"
}))]
#[debug("AnnounceForm(redacted)")]
pub(super) struct AnnounceForm {
    /// What comes back.
    #[schema(min_items = 1, max_items = 500)]
    items: Vec<AnnouncedForm>,
    /// Why, in the caller's words. It is shown with the return and told to nobody.
    #[schema(min_length = 1, max_length = 255, example = "too small")]
    pub(super) reason: Option<String>,
}

/// Pieces of one line: by its `orderItemId`, or by `sku`, of which the lines are taken in their order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AnnounceReturnItem)]
struct AnnouncedForm {
    /// The order's line, as the order shows it in `lineId`.
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "1")]
    order_item_id: Option<LineId>,
    /// What.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255, example = "item1")]
    sku: Option<Sku>,
    /// Pieces.
    #[schema(value_type = u32, minimum = 1, maximum = 1_000_000, example = 1)]
    quantity: Quantity,
    #[serde(skip)]
    place: String,
}

/// What came of a return.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReceiveReturn, example = json!({"lines": [
    {"sku": "item1", "quantity": 1, "sellable": true}, {"sku": "item1", "quantity": 1, "sellable": false}
]}))]
pub(super) struct ReceiveForm {
    /// What came.
    #[schema(min_items = 1, max_items = 500)]
    lines: Vec<ReceivedForm>,
    /// Where the pieces are; where they left from unless you say otherwise.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")]
    pub(super) warehouse_id: Option<WarehouseId>,
}

/// Pieces that came.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReceiveReturnLine)]
struct ReceivedForm {
    /// What.
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "item1")]
    sku: Sku,
    /// Pieces.
    #[schema(value_type = u32, minimum = 1, maximum = 1_000_000, example = 1)]
    quantity: Quantity,
    /// Whether they can be sold: then they are on hand again.
    sellable: bool,
    #[serde(skip)]
    place: String,
}

impl AnnounceForm {
    /// # Errors
    /// [`Problem::Invalid`] names the member as the caller wrote it, and what is allowed there.
    pub(super) fn read(body: &RawValue) -> Result<Self, Problem> {
        let members = Members::of_body(body)?;
        let items = members.needed(&ITEMS)?.list(MOST_ITEMS, MOST)?;
        Ok(Self {
            items: items.iter().map(AnnouncedForm::read).collect::<Result<_, _>>()?,
            reason: members.get(&["reason"])?.map(|reason| reason.name()).transpose()?,
        })
    }

    pub(super) fn announced(&self) -> Vec<AnnouncedItem> {
        let item = |form: &AnnouncedForm| AnnouncedItem {
            order_item_id: form.order_item_id.clone(),
            sku: form.sku.clone(),
            quantity: form.quantity,
        };
        self.items.iter().map(item).collect()
    }

    /// Why nothing was announced, by the place in the caller's body.
    pub(super) fn refusal(&self, error: ReturnError) -> Problem {
        let place = |line: usize| self.items.get(line).map(|item| item.place.clone()).unwrap_or_default();
        match error {
            ReturnError::UnknownLine { line } => Problem::invalid(place(line), "the order has no such item"),
            ReturnError::TooMany { line, open } => Problem::TooManyReturned {
                field: format!("{}.quantity", place(line)),
                open,
                why: "as no more of it left and is not announced yet",
            },
            ReturnError::Cancelled => Problem::ReturnCancelled,
            ReturnError::NotFound => Problem::NoSuchReturn(String::new()),
            ReturnError::Orders(error) => error.into(),
        }
    }
}

impl AnnouncedForm {
    fn read(item: &Member<'_>) -> Result<Self, Problem> {
        let members = item.object()?;
        let order_item_id = members.get(&ORDER_ITEM_ID)?;
        let sku = members.get(&SKU)?;
        if order_item_id.is_none() && sku.is_none() {
            return Err(members.missing(&SKU));
        }
        Ok(Self {
            order_item_id: order_item_id.map(|member| member.parse(LineId::parse)).transpose()?,
            sku: sku.map(|member| member.parse(Sku::parse)).transpose()?,
            quantity: members.needed(&["quantity"])?.whole_number(Quantity::new)?,
            place: item.place().to_owned(),
        })
    }
}

impl ReceiveForm {
    /// # Errors
    /// As [`AnnounceForm::read`].
    pub(super) fn read(body: &RawValue) -> Result<Self, Problem> {
        let members = Members::of_body(body)?;
        let lines = members.needed(&LINES)?.list(MOST_ITEMS, MOST)?;
        let warehouse_id = members.get(&WAREHOUSE_ID)?;
        Ok(Self {
            lines: lines.iter().map(ReceivedForm::read).collect::<Result<_, _>>()?,
            warehouse_id: warehouse_id.map(|member| member.parse(WarehouseId::parse)).transpose()?,
        })
    }

    pub(super) fn received(&self) -> Vec<ReceivedPieces> {
        let pieces = |form: &ReceivedForm| ReceivedPieces {
            sku: form.sku.clone(),
            quantity: form.quantity,
            sellable: form.sellable,
        };
        self.lines.iter().map(pieces).collect()
    }

    /// Why nothing was received, by the place in the caller's body.
    pub(super) fn refusal(&self, error: ReceiveError, return_id: &ReturnId) -> Problem {
        let place = |line: usize| self.lines.get(line).map(|line| line.place.clone()).unwrap_or_default();
        match error {
            ReceiveError::Stock(error) => error.into(),
            ReceiveError::Return(ReturnError::Orders(error)) => error.into(),
            ReceiveError::Return(ReturnError::NotFound) => Problem::NoSuchReturn(return_id.to_string()),
            ReceiveError::Return(ReturnError::Cancelled) => Problem::ReturnCancelled,
            ReceiveError::Return(ReturnError::UnknownLine { line }) => {
                Problem::invalid(format!("{}.sku", place(line)), "it is not of this return")
            }
            ReceiveError::Return(ReturnError::TooMany { line, open }) => Problem::TooManyReturned {
                field: format!("{}.quantity", place(line)),
                open,
                why: "as no more of it is still to come",
            },
        }
    }
}

impl ReceivedForm {
    fn read(line: &Member<'_>) -> Result<Self, Problem> {
        let members = line.object()?;
        Ok(Self {
            sku: members.needed(&SKU)?.parse(Sku::parse)?,
            quantity: members.needed(&["quantity"])?.whole_number(Quantity::new)?,
            sellable: members.needed(&["sellable"])?.flag()?,
            place: line.place().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn refused<T>(read: Result<T, Problem>) -> String {
        read.err().unwrap().to_string()
    }

    #[test]
    fn a_line_is_named_by_its_id_or_its_sku() {
        let body = raw(r#"{"lines": [{"lineId": "1", "quantity": 1}, {"itemId": "TEA", "quantity": 2}]}"#);
        let [by_id, by_sku] = AnnounceForm::read(&body).unwrap().announced().try_into().unwrap();
        assert_eq!((by_id.order_item_id.unwrap().as_str(), by_id.sku), ("1", None));
        assert_eq!((by_sku.order_item_id, by_sku.sku.unwrap().as_str()), (None, "TEA"));
    }

    #[test]
    fn a_refusal_names_the_member_as_it_was_written() {
        for (body, said) in [
            ("{}", "items: is missing"),
            (r#"{"items": []}"#, "items: 1 to 500 lines"),
            (r#"{"items": [{"quantity": 1}]}"#, "items[0].sku: is missing"),
            (
                r#"{"items": [{"sku": "A", "quantity": 0}]}"#,
                "items[0].quantity: a whole number from 1 to 1000000",
            ),
            (
                r#"{"items": [{"sku": "A", "quantity": 1}], "reason": ""}"#,
                "reason: 1 to 255 printable characters",
            ),
        ] {
            assert_eq!(refused(AnnounceForm::read(&raw(body))), said, "{body}");
        }
        for (body, said) in [
            (r#"{"lines": [{"sku": "A", "quantity": 1}]}"#, "lines[0].sellable: is missing"),
            (
                r#"{"lines": [{"sku": "A", "quantity": 1, "sellable": "yes"}]}"#,
                "lines[0].sellable: true or false",
            ),
        ] {
            assert_eq!(refused(ReceiveForm::read(&raw(body))), said, "{body}");
        }
        let body = raw(r#"{"items": [{"sku": "A", "quantity": 1}]}"#);
        let form = AnnounceForm::read(&body).unwrap();
        let problem = form.refusal(ReturnError::TooMany { line: 0, open: 0 });
        assert!(problem.to_string().starts_with("items[0].quantity: at most 0, "), "{problem}");
    }
}
