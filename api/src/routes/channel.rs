//! Stock levels on their way to the shops: how they are, why some are left alone, and what somebody changed in a shop.

use axum::{Json, extract::State, http::StatusCode, http::Uri};
use channel_sync::{DriftFilter, LevelFilter, ShownDrift, ShownLevel, ShownShop, SkippedFilter};
use chrono::{DateTime, Utc};
use domain::{ShopDomain, channel::Skipped};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{PathPart, QueryPart},
    page::{self, Key, Page},
    problem::Problem,
    state::Api,
    word::Word,
};

type SkippedName = Word<Skipped>;

/// The word for all reasons.
const ANY: &str = "ANY";

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_shops))
        .routes(routes!(sync))
        .routes(routes!(list_levels))
        .routes(routes!(list_drifts))
}

/// A shop that is told what is on hand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChannelShop)]
struct ShopBody {
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    /// When its items were learned; null before the first time.
    learned_at: Option<DateTime<Utc>>,
    /// Whether they are to be learned now.
    learning: bool,
    /// Items the shop has.
    #[schema(minimum = 0, example = 1200)]
    items: i64,
    /// Of these, those with a SKU that we stock.
    #[schema(minimum = 0, example = 1180)]
    known_items: i64,
    /// Levels: an item at a location that is a warehouse of ours.
    #[schema(minimum = 0, example = 1180)]
    levels: i64,
    /// Levels that are to be looked at.
    #[schema(minimum = 0, example = 3)]
    dirty: i64,
    /// Levels that are left alone, by reason.
    skipped: Vec<SkippedBody>,
    /// Levels that somebody changed in the last 24 hours who is neither we nor an order.
    #[schema(minimum = 0, example = 0)]
    drifts: i64,
}

/// How many levels are left alone for a reason.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelSkipped)]
struct SkippedBody {
    #[schema(value_type = SkippedName, example = "SKU_TWICE")]
    reason: String,
    #[schema(minimum = 1, example = 2)]
    levels: i64,
}

impl From<ShownShop> for ShopBody {
    fn from(shop: ShownShop) -> Self {
        let skipped = |(reason, levels)| SkippedBody { reason, levels };
        Self {
            shop: shop.shop,
            learned_at: shop.learned_at,
            learning: shop.is_learning,
            items: shop.items,
            known_items: shop.known_items,
            levels: shop.levels,
            dirty: shop.dirty,
            skipped: shop.skipped.0.into_iter().map(skipped).collect(),
            drifts: shop.drifts,
        }
    }
}

/// What a location of a shop is to have of an item.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChannelLevel)]
struct LevelBody {
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    #[schema(example = 655_441_491)]
    location_id: i64,
    /// The shop's number of the item.
    #[schema(example = 49_148_385)]
    inventory_item_id: i64,
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: String,
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces that the shop was left with on hand; null before the first time.
    #[schema(example = 12)]
    on_hand: Option<i64>,
    /// Pieces it could sell then.
    #[schema(example = 10)]
    available: Option<i64>,
    /// When that was.
    settled_at: Option<DateTime<Utc>>,
    /// Whether it is to be looked at.
    dirty: bool,
    /// Failed attempts since it was right.
    #[schema(minimum = 0, example = 0)]
    attempts: i32,
    /// When it is looked at next, if it is dirty; null where something else has to change first.
    next_attempt_at: Option<DateTime<Utc>>,
    /// Why it is left alone; null if it is not.
    #[schema(value_type = Option<SkippedName>, example = "BUNDLE")]
    skipped: Option<String>,
    /// More about that.
    #[schema(example = "its stock is that of its components")]
    detail: Option<String>,
}

impl From<ShownLevel> for LevelBody {
    fn from(level: ShownLevel) -> Self {
        Self {
            shop: level.shop,
            location_id: level.location_id,
            inventory_item_id: level.item_id,
            sku: level.sku,
            warehouse_id: level.warehouse,
            on_hand: level.on_hand,
            available: level.available,
            settled_at: level.settled_at,
            dirty: level.is_dirty,
            attempts: level.attempts,
            next_attempt_at: level.next_attempt_at,
            skipped: level.skipped,
            detail: level.detail,
        }
    }
}

/// A level that somebody changed who is neither we nor an order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChannelDrift)]
struct DriftBody {
    #[schema(example = 17)]
    drift_id: i64,
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    #[schema(example = 655_441_491)]
    location_id: i64,
    /// The shop's number of the item.
    #[schema(example = 49_148_385)]
    inventory_item_id: i64,
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: String,
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces that the shop was left with on hand.
    #[schema(example = 12)]
    was: i64,
    /// Pieces it was found to have.
    #[schema(example = 15)]
    found: i64,
    /// Of the difference, what no order explains; below zero where pieces were missing.
    #[schema(example = 3)]
    pieces: i64,
    /// Whose figure counts: `ours`, and it is set back, or `theirs`, and it is booked as a count.
    #[schema(example = "ours")]
    policy: String,
    found_at: DateTime<Utc>,
    /// When it was set back or booked; null until then.
    ended_at: Option<DateTime<Utc>>,
}

impl From<ShownDrift> for DriftBody {
    fn from(drift: ShownDrift) -> Self {
        Self {
            drift_id: drift.drift_id,
            shop: drift.shop,
            location_id: drift.location_id,
            inventory_item_id: drift.item_id,
            sku: drift.sku,
            warehouse_id: drift.warehouse,
            was: drift.was,
            found: drift.found,
            pieces: drift.pieces,
            policy: drift.policy,
            found_at: drift.found_at,
            ended_at: drift.ended_at,
        }
    }
}

/// The most characters of a SKU that is asked for.
const MOST_SKU: usize = 255;

/// Which levels are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LevelQuery {
    /// Only those of this shop.
    #[param(max_length = 255, example = "anyx-demo.myshopify.com")]
    shop: Option<String>,
    /// Only those of this SKU.
    #[param(max_length = 255, example = "TEA-EARL-GREY-100")]
    sku: Option<String>,
    /// Only those that are left alone for this reason, or with `ANY` for whichever.
    #[param(max_length = 255, example = "SKU_TWICE")]
    skipped: Option<String>,
    /// Only those that are to be looked at, or only those that are not.
    #[param(value_type = Option<bool>, example = "true")]
    dirty: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Which drifts are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DriftQuery {
    /// Only those of this shop.
    #[param(max_length = 255, example = "anyx-demo.myshopify.com")]
    shop: Option<String>,
    /// Only those of this SKU.
    #[param(max_length = 255, example = "TEA-EARL-GREY-100")]
    sku: Option<String>,
    /// Only those that are not set back or booked yet, or only those that are.
    #[param(value_type = Option<bool>, example = "true")]
    open: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

fn shop_named(name: Option<&str>) -> Result<Option<ShopDomain>, Problem> {
    name.map(|name| Problem::of_field("shop", ShopDomain::parse(name))).transpose()
}

/// A text that the database can compare with.
fn sku_named(name: Option<String>) -> Result<Option<String>, Problem> {
    match name {
        Some(sku) if sku.contains('\0') || sku.chars().count() > MOST_SKU => {
            Err(Problem::invalid("sku", "a text of 255 characters at most, without NUL"))
        }
        sku => Ok(sku),
    }
}

fn yes_or_no(field: &str, said: Option<&str>) -> Result<Option<bool>, Problem> {
    let read = |said: &str| said.parse().map_err(|_| Problem::invalid(field, "true or false"));
    said.map(read).transpose()
}

/// The shops that are told what is on hand
#[utoipa::path(
    get, path = "/api/channel-shops", tag = "inventory", operation_id = "listChannelShops",
    responses((status = 200, description = "All of them", body = Vec<ShopBody>))
)]
async fn list_shops(State(api): State<Api>) -> Result<Json<Vec<ShopBody>>, Problem> {
    let wanted = api.shops.iter().filter(|shop| shop.channel_sync.is_some());
    let mut wanted: Vec<&ShopDomain> = wanted.map(|shop| &shop.domain).collect();
    wanted.sort();
    let found = channel_sync::shops(&mut *api.pool.acquire().await?, &wanted).await?;
    Ok(Json(found.into_iter().map(ShopBody::from).collect()))
}

/// Have a shop's items learned again
///
/// Which item is which SKU is learned once a day. `learnedAt` of the shop says when it was done.
#[utoipa::path(
    post, path = "/api/channel-shops/{shop}/sync", tag = "inventory", operation_id = "syncChannelShop",
    params(("shop" = String, Path, description = "The shop's domain", max_length = 255, example = "anyx-demo.myshopify.com")),
    responses(
        (status = 202, description = "It is asked for", body = ShopBody),
        (status = 404, description = "No such shop, or it is not told what is on hand"),
    )
)]
async fn sync(
    State(api): State<Api>,
    PathPart(shop): PathPart<String>,
) -> Result<(StatusCode, Json<ShopBody>), Problem> {
    let shop = Problem::of_field("shop", ShopDomain::parse(&shop))?;
    let is_synced = api.shops.iter().any(|known| known.domain == shop && known.channel_sync.is_some());
    if !is_synced {
        return Err(Problem::NoSuchChannelShop(shop));
    }
    let mut conn = api.pool.acquire().await?;
    channel_sync::want_items(&mut conn, &shop).await?;
    let found = channel_sync::shops(&mut conn, &[&shop]).await?.pop();
    let found = found.ok_or(Problem::NoSuchChannelShop(shop))?;
    Ok((StatusCode::ACCEPTED, Json(found.into())))
}

/// Levels, by shop, location and item
///
/// What each location of a shop that is a warehouse of ours is to have of each item that we stock.
#[utoipa::path(
    get, path = "/api/channel-levels", tag = "inventory", operation_id = "listChannelLevels", params(LevelQuery),
    responses((
        status = 200, description = "A page of levels", body = Vec<LevelBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list_levels(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<LevelQuery>,
) -> Result<Page<LevelBody>, Problem> {
    let limit = page::limit(query.limit)?;
    let skipped = |said: String| match said.as_str() {
        ANY => Ok(SkippedFilter::Any),
        reason => Problem::of_field("skipped", reason.parse()).map(SkippedFilter::For),
    };
    let after: Option<(Key, i64, i64)> = page::after(query.cursor.as_deref())?;
    let filter = LevelFilter {
        shop: shop_named(query.shop.as_deref())?,
        sku: sku_named(query.sku)?,
        skipped: query.skipped.map(skipped).transpose()?,
        dirty: yes_or_no("dirty", query.dirty.as_deref())?,
        after: after.map(|(Key(shop), location, item)| (shop, location, item)),
        limit: limit + 1,
    };
    let found = channel_sync::levels(&mut *api.pool.acquire().await?, &filter).await?;
    let page = Page::new(found, limit, &uri, |last| (last.shop.clone(), last.location_id, last.item_id));
    Ok(page.map(LevelBody::from))
}

/// What somebody changed in a shop, the newest first
///
/// Levels that were not as they were left, and that no order explains.
#[utoipa::path(
    get, path = "/api/channel-drifts", tag = "inventory", operation_id = "listChannelDrifts", params(DriftQuery),
    responses((
        status = 200, description = "A page of drifts", body = Vec<DriftBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list_drifts(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<DriftQuery>,
) -> Result<Page<DriftBody>, Problem> {
    let limit = page::limit(query.limit)?;
    let filter = DriftFilter {
        shop: shop_named(query.shop.as_deref())?,
        sku: sku_named(query.sku)?,
        open: yes_or_no("open", query.open.as_deref())?,
        before: page::after(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let found = channel_sync::drifts(&mut *api.pool.acquire().await?, &filter).await?;
    Ok(Page::new(found, limit, &uri, |last| last.drift_id).map(DriftBody::from))
}
