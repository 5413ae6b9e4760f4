//! Stock: items, what is there of them, and what comes in.

use axum::{
    Json,
    extract::{Extension, State},
    http::StatusCode,
    routing::{get, post},
};
use domain::{Quantity, Sku, WarehouseId};
use intake::settings::SWEEP_AFTER;
use inventory::{Availability, NewItem, Received};
use orders::inbox::{self, Message};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{
    amount::Amount,
    correlation::CorrelationId,
    events,
    extract::{JsonBody, PathPart, QueryPart},
    field,
    problem::{Problem, met_another_transaction},
    server::Api,
};

/// The most pieces an item may start with.
const MOST_OPENING_STOCK: i64 = 1_000_000_000;
/// How often a receipt is tried that met another transaction.
const MOST_ATTEMPTS: u32 = 3;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .route("/api/inventory", post(add_item))
        .route("/api/inventory/{id}/receive", post(receive))
        .route("/api/inventory/{id}/check", get(check))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewItemBody {
    item_id: String,
    item_name: String,
    available_qty: i64,
    unit_price: Option<Amount>,
    warehouse_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptBody {
    quantity: i64,
    warehouse_id: Option<String>,
}

#[derive(Deserialize)]
struct CheckQuery {
    quantity: i64,
}

/// An item's figures, in pieces.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StockBody {
    item_id: Sku,
    available_qty: u64,
    on_hand: u64,
    reserved: u64,
    queued: u64,
}

impl From<Availability> for StockBody {
    fn from(stock: Availability) -> Self {
        Self {
            item_id: stock.sku,
            available_qty: stock.available,
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            queued: stock.queued,
        }
    }
}

async fn add_item(
    State(api): State<Api>,
    JsonBody(body): JsonBody<NewItemBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let item = NewItem {
        sku: Problem::of_field("itemId", Sku::parse(&body.item_id))?,
        name: field::text("itemName", &body.item_name)?,
        warehouse: warehouse(body.warehouse_id.as_deref())?,
        quantity: opening_stock(body.available_qty)?,
        unit_price: body.unit_price.map(|price| price.0),
    };
    let mut tx = api.pool.begin().await?;
    inventory::create_item(&mut tx, &item).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(json!({"message": "Inventory item added", "itemId": item.sku}))))
}

async fn receive(
    State(api): State<Api>,
    Extension(correlation_id): Extension<CorrelationId>,
    PathPart(id): PathPart<String>,
    JsonBody(body): JsonBody<ReceiptBody>,
) -> Result<Json<StockBody>, Problem> {
    let receipt = Receipt {
        sku: Problem::of_field("itemId", Sku::parse(&id))?,
        warehouse: warehouse(body.warehouse_id.as_deref())?,
        quantity: Problem::of_field("quantity", Quantity::new(body.quantity))?,
        correlation_id,
    };
    let mut attempt = 1;
    let (stock, messages) = loop {
        match book_in(&api, &receipt).await {
            Err(problem) if attempt < MOST_ATTEMPTS && met_another_transaction(&problem) => attempt += 1,
            booked => break booked?,
        }
    };
    messages.into_iter().for_each(|message| api.queue.offer(message));
    Ok(Json(stock.into()))
}

async fn check(
    State(api): State<Api>,
    PathPart(id): PathPart<String>,
    QueryPart(query): QueryPart<CheckQuery>,
) -> Result<Json<Value>, Problem> {
    let sku = Problem::of_field("itemId", Sku::parse(&id))?;
    let requested = Problem::of_field("quantity", Quantity::new(query.quantity))?;
    let mut conn = api.pool.acquire().await?;
    let stock = inventory::availability(&mut conn, &sku).await?;
    Ok(Json(json!({
        "itemId": sku,
        "requested": requested,
        "available": stock.available,
        "inStock": stock.available >= u64::from(requested.get()),
    })))
}

struct Receipt {
    sku: Sku,
    warehouse: WarehouseId,
    quantity: Quantity,
    correlation_id: CorrelationId,
}

/// Books the pieces in, serves who waits, and tells them: one transaction.
async fn book_in(api: &Api, receipt: &Receipt) -> Result<(Availability, Vec<Message>), Problem> {
    let reference = Uuid::now_v7().to_string();
    let mut tx = api.pool.begin().await?;
    let Received { availability, served } =
        inventory::receive(&mut tx, &receipt.sku, &receipt.warehouse, receipt.quantity, Some(&reference))
            .await?;
    let mut messages = Vec::with_capacity(served.len());
    for order in &served {
        events::allocations(&mut tx, &order.allocated, receipt.correlation_id.as_str()).await?;
        messages.extend(inbox::insert_stock_available(&mut tx, &order.order_id, SWEEP_AFTER).await?);
    }
    tx.commit().await?;
    Ok((availability, messages))
}

fn warehouse(id: Option<&str>) -> Result<WarehouseId, Problem> {
    id.map_or_else(|| Ok(WarehouseId::main()), |id| Problem::of_field("warehouseId", WarehouseId::parse(id)))
}

fn opening_stock(pieces: i64) -> Result<u32, Problem> {
    u32::try_from(pieces)
        .ok()
        .filter(|pieces| i64::from(*pieces) <= MOST_OPENING_STOCK)
        .ok_or_else(|| Problem::invalid("availableQty", "a whole number from 0 to 1000000000"))
}
