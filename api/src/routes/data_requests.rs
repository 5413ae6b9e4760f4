//! What is known of customers who asked for it, for whoever answers them.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use orders::{
    audit::{self, Act, ActKind},
    privacy::{self, DataRequest, KnownMessage},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::PathPart,
    problem::Problem,
    state::{Api, Asked},
};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export))
}

/// A customer's wish to know what is known.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataRequest)]
struct RequestBody {
    /// The id of the message that brought it.
    #[schema(example = 17)]
    id: i64,
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    /// The orders it is about, by the shop's ids.
    shopify_order_ids: Vec<i64>,
    asked_at: DateTime<Utc>,
    /// When the answer was fetched first.
    fetched_at: Option<DateTime<Utc>>,
}

/// What is known of the customer of an order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KnownOfOrder)]
struct OrderBody {
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: String,
    shopify_order_id: i64,
    /// The customer and where the order went; null once it was forgotten.
    #[schema(value_type = Option<Object>)]
    customer: Option<Value>,
    /// What the shop said of the order, oldest first.
    messages: Vec<MessageBody>,
}

/// A message of the shop.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KnownMessage)]
struct MessageBody {
    #[schema(example = "orders/create")]
    topic: String,
    received_at: DateTime<Utc>,
    /// As it was sent.
    body: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataExport)]
struct ExportBody {
    request: RequestBody,
    orders: Vec<OrderBody>,
}

/// List customers' wishes to know what is known
///
/// The newest 500, newest first.
#[utoipa::path(
    get, path = "/api/data-requests", operation_id = "listDataRequests", tag = "privacy",
    responses((status = 200, description = "The wishes", body = Vec<RequestBody>)),
)]
async fn list(State(api): State<Api>) -> Result<Json<Vec<RequestBody>>, Problem> {
    let mut conn = api.pool.acquire().await?;
    let requests = privacy::data_requests(&mut conn).await?;
    Ok(Json(requests.into_iter().map(shown).collect()))
}

/// Show what is known of a customer who asked
#[utoipa::path(
    get, path = "/api/data-requests/{id}", operation_id = "exportData", tag = "privacy",
    params(("id" = i64, Path, description = "The wish", minimum = 1, example = 17)),
    responses(
        (status = 200, description = "All that is known", body = ExportBody),
        (status = 404, description = "No such wish"),
    ),
)]
async fn export(
    Asked { api, caller, .. }: Asked,
    PathPart(id): PathPart<i64>,
) -> Result<Json<ExportBody>, Problem> {
    let mut tx = api.pool.begin().await?;
    let (request, known) = privacy::known_for(&mut tx, id).await?.ok_or(Problem::NoSuchMessage(id))?;
    let act = Act {
        by: caller.acts_as(),
        kind: ActKind::CustomerDataFetched,
        target: &id.to_string(),
        order: None,
        reason: None,
        detail: Some(&request.shop),
    };
    audit::note(&mut tx, &act).await?;
    tx.commit().await?;
    let orders = known
        .into_iter()
        .map(|known| OrderBody {
            order_number: known.order_number,
            shopify_order_id: known.shopify_order_id,
            customer: known.customer,
            messages: known.messages.into_iter().map(message).collect(),
        })
        .collect();
    Ok(Json(ExportBody { request: shown(request), orders }))
}

fn message(known: KnownMessage) -> MessageBody {
    let KnownMessage { topic, received_at, body } = known;
    MessageBody { topic, received_at, body: String::from_utf8_lossy(&body).into_owned() }
}

fn shown(request: DataRequest) -> RequestBody {
    let DataRequest { inbox_id, shop, shopify_order_ids, asked_at, fetched_at } = request;
    RequestBody { id: inbox_id, shop, shopify_order_ids, asked_at, fetched_at }
}
