//! Stock: items, what is there of them, and booking pieces in and out.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, Uri},
};
use domain::{Quantity, Sku};
use orders::audit::{self, Act, ActKind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{JsonBody, PathPart, QueryPart},
    field,
    page::{self, Page},
    problem::Problem,
    state::{Api, Asked},
};

mod booking;
mod counting;
mod form;
mod movements;
mod view;

use form::{CheckQuery, ListQuery, NewItemForm, item_id};
use view::ItemBody;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, add_item))
        .routes(routes!(look_at))
        .routes(routes!(check))
        .merge(booking::router())
        .merge(counting::router())
        .merge(movements::router())
}

/// An item is stocked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ItemAdded)]
struct AddedBody {
    #[schema(example = "Inventory item added")]
    message: &'static str,
    #[schema(value_type = String, example = "TEA-EARL-GREY-100")]
    item_id: Sku,
}

/// Whether there is enough of an item.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StockCheck)]
struct CheckBody {
    #[schema(value_type = String, example = "TEA-EARL-GREY-100")]
    item_id: Sku,
    /// Pieces asked for.
    #[schema(value_type = u32, example = 1)]
    requested: Quantity,
    /// Pieces a newcomer could get.
    #[schema(example = 476)]
    available: u64,
    in_stock: bool,
}

/// The items, by their ids
///
/// All of them, or those that are searched for.
#[utoipa::path(
    get, path = "/api/inventory", tag = "inventory", operation_id = "listItems",
    params(ListQuery),
    responses((
        status = 200, description = "A page of items", body = Vec<ItemBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Page<ItemBody>, Problem> {
    let limit = page::limit(query.limit)?;
    let after: Option<Sku> = page::after(query.cursor.as_deref())?;
    let text = query.search.map(|text| field::text("search", &text)).transpose()?;
    let mut conn = api.pool.acquire().await?;
    let items = match text {
        Some(text) => inventory::items_like(&mut conn, &text, after.as_ref(), limit + 1).await?,
        None => inventory::items(&mut conn, after.as_ref(), limit + 1).await?,
    };
    Ok(Page::new(items, limit, &uri, |last| last.item.sku.clone()).map(ItemBody::from))
}

/// Stock a new item
#[utoipa::path(
    post, path = "/api/inventory", tag = "inventory", operation_id = "addItem",
    request_body = NewItemForm,
    responses(
        (status = 201, description = "It is stocked", body = AddedBody),
        (status = 409, description = "An item with this id is there already; it was not changed"),
    )
)]
async fn add_item(
    Asked { api, caller, correlation_id }: Asked,
    JsonBody(form): JsonBody<NewItemForm>,
) -> Result<(StatusCode, Json<AddedBody>), Problem> {
    let item = form.check()?;
    let mut tx = api.pool.begin().await?;
    inventory::create_item(&mut tx, &item, correlation_id.as_str()).await?;
    let act = Act {
        by: caller.acts_as(),
        kind: ActKind::ItemAdded,
        target: item.sku.as_str(),
        order: None,
        reason: None,
        detail: Some(&format!("{} in {}", item.quantity, item.warehouse)),
    };
    audit::note(&mut tx, &act).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(AddedBody { message: "Inventory item added", item_id: item.sku })))
}

/// An item and what is there of it, in all and per warehouse
#[utoipa::path(
    get, path = "/api/inventory/{id}", tag = "inventory", operation_id = "showItem",
    params(("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100")),
    responses(
        (status = 200, description = "The item", body = ItemBody),
        (status = 404, description = "No such item"),
    )
)]
async fn look_at(
    Asked { api, correlation_id, .. }: Asked,
    PathPart(id): PathPart<String>,
) -> Result<Json<ItemBody>, Problem> {
    let sku = item_id(&id)?;
    Ok(Json(api.stock.item(&sku, correlation_id.as_str()).await?.into()))
}

/// Whether there is enough of an item for somebody who comes now
#[utoipa::path(
    get, path = "/api/inventory/{id}/check", tag = "inventory", operation_id = "checkStock",
    params(
        ("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100"),
        CheckQuery
    ),
    responses(
        (status = 200, description = "Whether there is, and how much there is", body = CheckBody),
        (status = 404, description = "No such item"),
    )
)]
async fn check(
    Asked { api, correlation_id, .. }: Asked,
    PathPart(id): PathPart<String>,
    QueryPart(query): QueryPart<CheckQuery>,
) -> Result<Json<CheckBody>, Problem> {
    let sku = item_id(&id)?;
    let requested = Problem::of_field("quantity", Quantity::new(query.quantity))?;
    let available = api.stock.item(&sku, correlation_id.as_str()).await?.availability.available;
    let in_stock = available >= u64::from(requested.get());
    Ok(Json(CheckBody { item_id: sku, requested, available, in_stock }))
}
