//! Changing an order by hand: where it goes, what a line is, which warehouse ships it.
//!
//! **Invariant:** an address stands with the order's customer alone; no timeline, history or log has it.

use axum::{Json, extract::State};
use dispatch::SWEEP_AFTER;
use domain::{LineId, OrderId, OrderStatus, Sku, WarehouseId};
use orders::{
    Order,
    command::{self, Command},
    edits::{self, Change, Known, Request, WantedEdit},
    record,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use warehouse::parcel::ShipTo;

use super::lookup::{OrderPath, named};
use crate::{
    extract::{JsonBody, PathPart},
    field,
    problem::Problem,
    state::{Api, Asked},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(edit))
}

/// What is to be changed of an order; at least one of `address`, `lines` and `warehouseId`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EditForm, example = json!({
    "requestId": "ticket-4711", "lines": [{"lineId": "1", "sku": "item2"}],
    "reason": "the label in the shop is wrong"
}))]
struct EditForm {
    /// The caller's own id of the request: sent again, it changes nothing more.
    #[schema(max_length = 255, example = "ticket-4711")]
    request_id: Option<String>,
    /// Where it goes instead; all of the address.
    address: Option<AddressForm>,
    /// Lines that are something else than the shop says.
    #[serde(default)]
    #[schema(max_items = 500)]
    lines: Vec<LineForm>,
    /// The warehouse that is to ship all that has not left.
    #[schema(example = "main")]
    warehouse_id: Option<String>,
    /// Why; it is kept with the caller's name, so name nobody else.
    #[schema(max_length = 255, example = "the label in the shop is wrong")]
    reason: String,
}

/// What is changed of an order before its parked step is done again; at least one of `address`, `lines` and
/// `warehouseId`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EditBeforeRetry, example = json!({"lines": [{"lineId": "1", "sku": "item2"}]}))]
pub(super) struct EditedForm {
    /// The caller's own id of the change: sent again, it changes nothing more.
    #[schema(max_length = 255, example = "ticket-4711")]
    request_id: Option<String>,
    /// Where it goes instead; all of the address.
    address: Option<AddressForm>,
    /// Lines that are something else than the shop says.
    #[serde(default)]
    #[schema(max_items = 500)]
    lines: Vec<LineForm>,
    /// The warehouse that is to ship all that has not left.
    #[schema(example = "main")]
    warehouse_id: Option<String>,
}

impl EditedForm {
    /// What is wanted, checked as far as the form says.
    pub(super) fn wanted(&self) -> Result<WantedEdit, Problem> {
        let request_id = request_id(self.request_id.as_deref())?;
        let changes = changes(self.address.as_ref(), &self.lines, self.warehouse_id.as_deref())?;
        Ok(WantedEdit::of(request_id, changes))
    }
}

/// An address.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EditedAddress)]
struct AddressForm {
    #[schema(max_length = 255, example = "Ada Byron")]
    name: Option<String>,
    #[schema(max_length = 255)]
    company: Option<String>,
    #[schema(max_length = 255, example = "12 St. James's Square")]
    address1: String,
    #[schema(max_length = 255)]
    address2: Option<String>,
    #[schema(max_length = 255, example = "London")]
    city: String,
    #[schema(max_length = 255)]
    province: Option<String>,
    #[schema(max_length = 255, example = "SW1Y 4JH")]
    zip: Option<String>,
    /// Two letters, as in ISO 3166-1.
    #[schema(pattern = "^[A-Za-z]{2}$", example = "GB")]
    country_code: String,
    #[schema(max_length = 255)]
    phone: Option<String>,
}

/// A line and what it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EditedLine)]
struct LineForm {
    #[schema(example = "1")]
    line_id: String,
    #[schema(example = "item2")]
    sku: String,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EditAnswer)]
struct EditBody {
    #[schema(example = "Order changed")]
    message: &'static str,
    #[schema(value_type = String, example = "0190a0b0-0000-7000-8000-000000000000")]
    order_id: OrderId,
    /// Where the order stands; its run looks at the change and goes on by it.
    #[schema(value_type = String, example = "CONFIRMED")]
    status: OrderStatus,
}

/// Change an order by hand
///
/// A parked step that this mends is tried again by itself; what a warehouse has already is recalled, as far as it can be
/// stopped, and handed over anew. What was changed outlives everything the shop says, until the shop says something
/// else of the same member than it said when it was changed.
#[utoipa::path(
    post, path = "/api/orders/{id}/edit", operation_id = "editOrder", tag = "operations",
    params(OrderPath),
    request_body = EditForm,
    responses(
        (status = 200, description = "It is changed", body = EditBody),
        (status = 404, description = "No such order, or no such item"),
        (status = 409, description = "It has shipped or is cancelled"),
    ),
)]
async fn edit(
    asked: Asked,
    State(api): State<Api>,
    PathPart(path): PathPart<OrderPath>,
    JsonBody(form): JsonBody<EditForm>,
) -> Result<Json<EditBody>, Problem> {
    let reason = field::text("reason", &form.reason)?;
    let request_id = request_id(form.request_id.as_deref())?;
    let changes = changes(form.address.as_ref(), &form.lines, form.warehouse_id.as_deref())?;
    let (mut conn, order) = named(&asked, path.id).await?;
    if is_made(&mut conn, &order, &request_id, &changes).await? {
        return Ok(changed(&asked, &order));
    }
    drop(conn);
    are_items(&api, &order, &changes).await?;
    let mut tx = api.pool.begin().await?;
    let order = record::lock(&mut tx, &order.order_id).await?;
    if is_made(&mut tx, &order, &request_id, &changes).await? {
        return Ok(changed(&asked, &order));
    }
    fits(&api, &mut tx, &order, &changes).await?;
    let request = Request { id: &request_id, by: asked.caller.name(), reason: &reason };
    if !edits::make(&mut tx, &order, &changes, request).await? {
        return Err(Problem::invalid("address", "none: its customer asked to be forgotten"));
    }
    let command = Command::Edited { actor: asked.caller.actor(), request_id: request_id.clone() };
    let message = command::keep(&mut tx, &order.order_id, &command, SWEEP_AFTER).await?;
    tx.commit().await?;
    api.queue.offer_all(message);
    Ok(changed(&asked, &order))
}

/// What the record keeps of an edit where nobody said why.
pub(super) const WITH_AN_ANSWER: &str = "with the answer to a parked step";

/// Whether an edit may be made now; the run that makes it looks again. The order as it is, and whether the edit was made
/// before.
pub(super) async fn may_be_made(
    asked: &Asked,
    order: &Order,
    edit: &WantedEdit,
) -> Result<(Order, bool), Problem> {
    let changes = edit.changes();
    are_items(&asked.api, order, &changes).await?;
    let mut conn = asked.api.pool.acquire().await?;
    let order = record::find(&mut conn, &order.order_id).await?;
    let order = order.ok_or_else(|| Problem::Internal("an order is gone".into()))?;
    let is_made = is_made(&mut conn, &order, &edit.request_id, &changes).await?;
    if !is_made {
        fits(&asked.api, &mut conn, &order, &changes).await?;
    }
    Ok((order, is_made))
}

/// Makes an edit of an order without a run: the one that begins goes by it.
pub(super) async fn make_for_the_next_run(
    asked: &Asked,
    order: &Order,
    edit: &WantedEdit,
    reason: &str,
) -> Result<(), Problem> {
    let changes = edit.changes();
    let mut tx = asked.api.pool.begin().await?;
    let order = record::lock(&mut tx, &order.order_id).await?;
    if is_made(&mut tx, &order, &edit.request_id, &changes).await? {
        return Ok(());
    }
    fits(&asked.api, &mut tx, &order, &changes).await?;
    let request = Request { id: &edit.request_id, by: asked.caller.name(), reason };
    if !edits::make(&mut tx, &order, &changes, request).await? {
        return Err(Problem::invalid("address", "none: its customer asked to be forgotten"));
    }
    Ok(tx.commit().await?)
}

fn request_id(given: Option<&str>) -> Result<String, Problem> {
    given.map_or_else(|| Ok(Uuid::now_v7().to_string()), |given| field::text("requestId", given))
}

async fn are_items(api: &Api, order: &Order, changes: &[Change]) -> Result<(), Problem> {
    for change in changes {
        if let Change::Sku { sku, .. } = change {
            api.stock.item(sku, &order.correlation_id).await?;
        }
    }
    Ok(())
}

/// Whether the changes are some that this order may have.
async fn fits(api: &Api, conn: &mut PgConnection, order: &Order, changes: &[Change]) -> Result<(), Problem> {
    if order.status >= OrderStatus::Shipped {
        return Err(Problem::CannotBeEdited(order.status));
    }
    for change in changes {
        match change {
            Change::Sku { line_id, .. } if !order.facts.lines.iter().any(|line| line.line_id == *line_id) => {
                return Err(Problem::invalid("lines", &format!("the order has no line {line_id}")));
            }
            Change::Warehouse(warehouse) if !is_warehouse(api, conn, warehouse).await? => {
                return Err(Problem::invalid("warehouseId", "a warehouse that there is, and that is active"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn changed(asked: &Asked, order: &Order) -> Json<EditBody> {
    Json(EditBody { message: "Order changed", order_id: asked.caller.id_of(order), status: order.status })
}

/// Whether the request changed the order already.
async fn is_made(
    conn: &mut PgConnection,
    order: &Order,
    request_id: &str,
    changes: &[Change],
) -> Result<bool, Problem> {
    match edits::known(conn, &order.order_id, request_id, changes).await? {
        Known::New => Ok(false),
        Known::Again => Ok(true),
        Known::Another => {
            Err(Problem::invalid("requestId", "new for every change; it stands for another one"))
        }
    }
}

/// Where stock is kept elsewhere, the warehouses that the settings name, and the first.
async fn is_warehouse(api: &Api, conn: &mut PgConnection, warehouse: &WarehouseId) -> Result<bool, Problem> {
    if api.stock.is_here() {
        return Ok(inventory::is_warehouse(conn, warehouse).await?);
    }
    let is_named = api.systems.iter().any(|system| system.warehouses.contains(warehouse));
    Ok(is_named || *warehouse == WarehouseId::main())
}

fn changes(
    address: Option<&AddressForm>,
    lines: &[LineForm],
    warehouse: Option<&str>,
) -> Result<Vec<Change>, Problem> {
    let mut changes = Vec::new();
    if let Some(address) = address {
        let address = stored(address)?;
        let customer = json!({"shipping_address": address});
        let ship_to = ShipTo::from_stored_customer(&customer)
            .ok_or_else(|| Problem::invalid("address", "an address"))?;
        changes.push(Change::Address { address, digest: ship_to.fingerprint() });
    }
    for line in lines {
        let line_id: LineId = Problem::of_field("lines", LineId::parse(&line.line_id))?;
        let sku = Problem::of_field("lines", Sku::parse(&line.sku))?;
        let is_twice =
            |known: &Change| matches!(known, Change::Sku { line_id: known, .. } if *known == line_id);
        if changes.iter().any(is_twice) {
            return Err(Problem::invalid("lines", "each line once"));
        }
        changes.push(Change::Sku { line_id, sku });
    }
    if let Some(warehouse) = warehouse {
        changes.push(Change::Warehouse(Problem::of_field("warehouseId", WarehouseId::parse(warehouse))?));
    }
    if changes.is_empty() {
        return Err(Problem::invalid("address", "at least one of address, lines and warehouseId"));
    }
    if changes.len() > crate::limits::MOST_ITEMS {
        return Err(Problem::invalid("lines", "500 at most"));
    }
    Ok(changes)
}

/// As a shop's own addresses are stored.
fn stored(form: &AddressForm) -> Result<Value, Problem> {
    if form.country_code.len() != 2 || !form.country_code.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Err(Problem::invalid("address.countryCode", "two letters, as in ISO 3166-1"));
    }
    let mut address = Map::new();
    let country = form.country_code.to_ascii_uppercase();
    let members = [
        ("name", "address.name", form.name.as_ref()),
        ("company", "address.company", form.company.as_ref()),
        ("address1", "address.address1", Some(&form.address1)),
        ("address2", "address.address2", form.address2.as_ref()),
        ("city", "address.city", Some(&form.city)),
        ("province", "address.province", form.province.as_ref()),
        ("zip", "address.zip", form.zip.as_ref()),
        ("country_code", "address.countryCode", Some(&country)),
        ("phone", "address.phone", form.phone.as_ref()),
    ];
    for (member, name, given) in members {
        if let Some(given) = given {
            address.insert(member.to_owned(), json!(field::text(name, given)?));
        }
    }
    Ok(Value::Object(address))
}
