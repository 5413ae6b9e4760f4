//! Returns: announcing one, looking at them, and receiving what came.
//!
//! **Invariant:** a receipt, what it puts on hand and the idempotency key it came with are committed together.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use database::retried;
use dispatch::SWEEP_AFTER;
use domain::{OrderId, ReturnId};
use orders::{
    Order,
    audit::{self, Act, ActKind},
    record,
    returns::{self, Announcement, Filter, Receipt, Receiver, ReturnState, Source},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use stock::StepError as _;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::orders::lookup::{OrderPath, named};
use crate::{
    extract::{JsonBody, PathPart, QueryPart},
    idempotency::{self, Begun},
    page::{self, Page},
    problem::Problem,
    state::{Api, Asked},
    word::Word,
};

mod form;
mod view;

use form::{AnnounceForm, ReceiveForm};
use view::ReturnBody;

type StateName = Word<ReturnState>;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(announce))
        .routes(routes!(list))
        .routes(routes!(look_at))
        .routes(routes!(receive))
}

/// Which return a path names.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ReturnPath {
    /// The return's id
    #[param(pattern = "^ret_[0-9a-f]{32}$", example = "ret_0190a0b0000070008000000000000001")]
    id: String,
}

/// Which returns are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state.
    #[param(value_type = Option<StateName>, example = "ANNOUNCED")]
    state: Option<String>,
    /// Only those of the order with this id or order number.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Announce that pieces of an order come back
///
/// No more than left and are not announced yet. Nothing is on hand until they are received. Sent twice, it is another
/// return, unless it has an `Idempotency-Key`, which is kept for 24 hours.
#[utoipa::path(
    post, path = "/api/orders/{id}/returns", operation_id = "announceReturn", tag = "returns",
    params(
        OrderPath,
        ("Idempotency-Key" = Option<String>, Header, description = "New for every return", min_length = 1,
         max_length = 255, pattern = "^[ -~]+$", example = "6f1f6c1e-4c3a-4a52-9d0a-8f0a2f9f2a11"),
    ),
    request_body = AnnounceForm,
    responses(
        (status = 201, description = "It is expected", body = ReturnBody),
        (status = 404, description = "No such order"),
        (status = 409, description = "More than left and is not announced yet, or the key came with another body"),
    ),
)]
async fn announce(
    asked: Asked,
    headers: HeaderMap,
    PathPart(path): PathPart<OrderPath>,
    JsonBody(body): JsonBody<Box<RawValue>>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let form = AnnounceForm::read(&body)?;
    let (conn, order) = named(&asked, path.id).await?;
    drop(conn);
    let fingerprint = idempotency::fingerprint(&("return", &order.order_id, &form))?;
    let items = form.announced();
    let announcement = Announcement {
        source: Source::Api,
        external_id: None,
        reason: form.reason.as_deref(),
        items: Some(&items),
    };
    let answer = retried(Problem::met_another_transaction, async || {
        let mut tx = asked.api.pool.begin().await?;
        let begun = idempotency::begin(&mut tx, &asked.caller, key.as_deref(), &fingerprint).await?;
        let keyed = match begun {
            Begun::New(keyed) => keyed,
            Begun::Answered(answer) => return Ok(answer),
        };
        let announced = returns::announce(&mut tx, &order.order_id, &announcement).await;
        let announced = announced.map_err(|error| form.refusal(error))?;
        let announced = announced.ok_or_else(|| Problem::invalid("items", "at least one piece"))?;
        let act = Act {
            by: asked.caller.acts_as(),
            kind: ActKind::ReturnAnnounced,
            target: announced.return_id.as_str(),
            order: Some(&order.order_id),
            reason: None,
            detail: None,
        };
        audit::note(&mut tx, &act).await?;
        let body = ReturnBody::new(announced, asked.caller.id_of(&order));
        let answer = keyed.keep(&mut tx, StatusCode::CREATED, &body).await?;
        tx.commit().await?;
        Ok::<_, Problem>(answer)
    })
    .await?;
    idempotency::answered(answer)
}

/// Returns, the newest first
#[utoipa::path(
    get, path = "/api/returns", operation_id = "listReturns", tag = "returns", params(ListQuery),
    responses((
        status = 200, description = "A page of returns", body = Vec<ReturnBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Page<ReturnBody>, Problem> {
    let limit = page::limit(query.limit)?;
    // An order number is a well-formed order id too.
    let order = query.order_id.as_deref().map(|id| Problem::of_field("orderId", OrderId::parse(id)));
    let filter = Filter {
        state: query.state.map(|state| Problem::of_field("state", state.parse())).transpose()?,
        order: order.transpose()?.map(String::from),
        before: page::after(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let found = returns::list(&mut *api.pool.acquire().await?, &filter).await?;
    let page = Page::new(found, limit, &uri, |last| last.return_id.clone());
    Ok(page.map(|found| {
        let order_id = found.order_id.clone();
        ReturnBody::new(found, order_id)
    }))
}

/// Show a return
#[utoipa::path(
    get, path = "/api/returns/{id}", operation_id = "getReturn", tag = "returns", params(ReturnPath),
    responses(
        (status = 200, description = "The return", body = ReturnBody),
        (status = 404, description = "No such return"),
    ),
)]
async fn look_at(asked: Asked, PathPart(path): PathPart<ReturnPath>) -> Result<Json<ReturnBody>, Problem> {
    let mut conn = asked.api.pool.acquire().await?;
    let return_id = id_of(&path)?;
    let unknown = || Problem::NoSuchReturn(path.id.clone());
    let found = returns::find(&mut conn, &return_id).await?.ok_or_else(unknown)?;
    let order: Option<Order> = record::find(&mut conn, &found.order_id).await?;
    // The returns of others are not there for a customer.
    let may_see = |order: &Order| asked.caller.confined_to().is_none_or(|subject| order.is_of(subject));
    let order = order.filter(may_see).ok_or_else(unknown)?;
    Ok(Json(ReturnBody::new(found, asked.caller.id_of(&order))))
}

/// Receive what came of a return
///
/// All of it or nothing, and no more than is still to come. What can be sold is on hand then, at the warehouse it left
/// from unless another is named, and orders that wait for it are served first; what cannot be sold is recorded. Pieces
/// that a refund, a return or a disposition of the shop has put on hand already are not put there again. Sent twice, it
/// is received twice, unless it has an `Idempotency-Key`.
#[utoipa::path(
    post, path = "/api/returns/{id}/receive", operation_id = "receiveReturn", tag = "returns",
    params(
        ReturnPath,
        ("Idempotency-Key" = Option<String>, Header, description = "New for every receipt", min_length = 1,
         max_length = 255, pattern = "^[ -~]+$", example = "6f1f6c1e-4c3a-4a52-9d0a-8f0a2f9f2a11"),
    ),
    request_body = ReceiveForm,
    responses(
        (status = 200, description = "The return as it is now", body = ReturnBody),
        (status = 404, description = "No such return"),
        (status = 409, description = "More than is still to come, or it was taken back, or the key came with another body; nothing was received"),
    ),
)]
async fn receive(
    asked: Asked,
    headers: HeaderMap,
    PathPart(path): PathPart<ReturnPath>,
    JsonBody(body): JsonBody<Box<RawValue>>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let form = ReceiveForm::read(&body)?;
    let return_id = id_of(&path)?;
    let fingerprint = idempotency::fingerprint(&("receipt", &return_id, &form))?;
    let pieces = form.received();
    let receipt_key = match &key {
        Some(key) => format!("{}/{key}", asked.caller.key()),
        None => Uuid::now_v7().to_string(),
    };
    let receipt = Receipt {
        receiver: Receiver::Hand,
        key: &receipt_key,
        warehouse: form.warehouse_id.as_ref(),
        pieces: &pieces,
        stock_is_here: asked.api.stock.is_here(),
    };
    let (answer, messages) = retried(Problem::met_another_transaction, async || {
        let mut tx = asked.api.pool.begin().await?;
        let begun = idempotency::begin(&mut tx, &asked.caller, key.as_deref(), &fingerprint).await?;
        let keyed = match begun {
            Begun::New(keyed) => keyed,
            Begun::Answered(answer) => return Ok((answer, Vec::new())),
        };
        let received = asked.api.stock.receive_return(&mut tx, &return_id, &receipt, SWEEP_AFTER).await;
        let (found, messages) = received.map_err(|error| form.refusal(error, &return_id))?;
        let order_id = found.order_id.clone();
        let act = Act {
            by: asked.caller.acts_as(),
            kind: ActKind::ReturnReceived,
            target: return_id.as_str(),
            order: Some(&order_id),
            reason: None,
            detail: None,
        };
        audit::note(&mut tx, &act).await?;
        let answer = keyed.keep(&mut tx, StatusCode::OK, &ReturnBody::new(found, order_id)).await?;
        tx.commit().await?;
        Ok::<_, Problem>((answer, messages))
    })
    .await?;
    asked.api.queue.offer_all(messages);
    idempotency::answered(answer)
}

/// What is no id of ours is no return's.
fn id_of(path: &ReturnPath) -> Result<ReturnId, Problem> {
    ReturnId::parse(&path.id).map_err(|_| Problem::NoSuchReturn(path.id.chars().take(64).collect()))
}
