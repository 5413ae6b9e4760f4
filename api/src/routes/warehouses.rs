//! The warehouses: what they are called, whether they take new reservations, and what the settings say of them.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use database::retried;
use dispatch::SWEEP_AFTER;
use domain::{WarehouseId, WarehouseSystem};
use inventory::{Warehouse, WarehouseChange};
use orders::{
    audit::{self, Act, ActKind},
    command,
};
use serde::{Deserialize, Serialize};
use stock::StepError as _;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{JsonBody, PathPart},
    field,
    problem::Problem,
    state::{Api, Asked},
};

const PRIORITIES: std::ops::RangeInclusive<i32> = -1_000_000..=1_000_000;
/// The priority of a warehouse that is added without one: after the first.
const USUAL_PRIORITY: i32 = 100;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(change))
}

/// A warehouse.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Warehouse)]
struct WarehouseBody {
    #[schema(example = "main")]
    warehouse_id: String,
    /// What people call it; null if nobody said.
    #[schema(example = "Hamburg")]
    name: Option<String>,
    /// Whether it takes new reservations.
    active: bool,
    /// The lower, the sooner it is taken from.
    #[schema(example = 0)]
    priority: i32,
    /// The warehouse system that ships for it, as the settings say.
    #[schema(example = "wms")]
    system: String,
    /// The shops' locations that are this warehouse, as the settings say.
    locations: Vec<LocationBody>,
    /// Since when it is known; null where the settings alone name it, and no stock can lie there yet.
    created_at: Option<DateTime<Utc>>,
}

/// A location of a shop.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WarehouseLocation)]
struct LocationBody {
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    #[schema(example = 655_441_491)]
    location_id: i64,
}

/// A warehouse that is to be added.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWarehouse, example = json!({"warehouseId": "north", "name": "Hamburg", "reason": "opens on Monday"}))]
struct NewWarehouseForm {
    /// As orders, settings and stock are to name it.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "north")]
    warehouse_id: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 255, example = "Hamburg")]
    name: String,
    /// The lower, the sooner it is taken from; 100 unless you say otherwise.
    #[schema(minimum = -1_000_000, maximum = 1_000_000, example = 100)]
    priority: Option<i32>,
    /// Why; it is kept with the caller's name.
    #[schema(min_length = 1, max_length = 255, example = "opens on Monday")]
    reason: String,
}

/// What of a warehouse is to be changed: at least one of `name`, `active` and `priority`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WarehouseChange, example = json!({"active": false, "reason": "it is rebuilt until May"}))]
struct ChangeForm {
    #[schema(min_length = 1, max_length = 255, example = "Hamburg")]
    name: Option<String>,
    /// Whether it takes new reservations. One that does not keeps what it holds, and serves nobody who waits.
    active: Option<bool>,
    /// The lower, the sooner it is taken from.
    #[schema(minimum = -1_000_000, maximum = 1_000_000, example = 100)]
    priority: Option<i32>,
    /// Why; it is kept with the caller's name.
    #[schema(min_length = 1, max_length = 255, example = "it is rebuilt until May")]
    reason: String,
}

impl ChangeForm {
    fn change(&self) -> Result<WarehouseChange, Problem> {
        let name = self.name.as_deref().map(|name| field::text("name", name)).transpose()?;
        let priority = self.priority.map(priority).transpose()?;
        if name.is_none() && self.active.is_none() && priority.is_none() {
            return Err(Problem::invalid("name", "at least one of name, active and priority"));
        }
        Ok(WarehouseChange { name, active: self.active, priority })
    }
}

/// What the settings say of warehouses.
struct Settled {
    systems: BTreeMap<WarehouseId, WarehouseSystem>,
    locations: BTreeMap<WarehouseId, Vec<(String, i64)>>,
}

impl Settled {
    fn of(api: &Api) -> Self {
        let mut settled = Self { systems: BTreeMap::new(), locations: BTreeMap::new() };
        for system in api.systems.iter() {
            for warehouse in &system.warehouses {
                settled.systems.insert(warehouse.clone(), system.name.clone());
            }
        }
        for shop in api.shops.iter() {
            for (location, warehouse) in &shop.locations {
                let at = settled.locations.entry(warehouse.clone()).or_default();
                at.push((shop.domain.to_string(), *location));
            }
        }
        settled.locations.values_mut().for_each(|locations| locations.sort());
        settled
    }

    fn body(&self, id: &WarehouseId, known: Option<Warehouse>) -> WarehouseBody {
        let locations = self.locations.get(id).into_iter().flatten();
        let location = |(shop, id): &(String, i64)| LocationBody { shop: shop.clone(), location_id: *id };
        let (name, active, priority, created_at) = match known {
            Some(known) => (known.name, known.active, known.priority, Some(known.created_at)),
            None => (None, false, USUAL_PRIORITY, None),
        };
        WarehouseBody {
            warehouse_id: id.to_string(),
            name,
            active,
            priority,
            system: self.systems.get(id).cloned().unwrap_or_default().to_string(),
            locations: locations.map(location).collect(),
            created_at,
        }
    }
}

/// The warehouses, the one taken from first at the top
///
/// With what the settings say of them: which system ships for one, and which locations of shops are one. Those that the
/// settings alone name come last.
#[utoipa::path(
    get, path = "/api/warehouses", tag = "inventory", operation_id = "listWarehouses",
    responses((status = 200, description = "All of them", body = Vec<WarehouseBody>))
)]
async fn list(State(api): State<Api>) -> Result<Json<Vec<WarehouseBody>>, Problem> {
    let known = inventory::warehouses(&mut *api.pool.acquire().await?).await?;
    let settled = Settled::of(&api);
    let mut named: Vec<&WarehouseId> = settled.systems.keys().chain(settled.locations.keys()).collect();
    named.sort();
    named.dedup();
    named.retain(|named| !known.iter().any(|known| known.warehouse_id == **named));
    let named = named.into_iter().map(|id| settled.body(id, None)).collect::<Vec<_>>();
    let shown = known.into_iter().map(|known| settled.body(&known.warehouse_id.clone(), Some(known)));
    Ok(Json(shown.chain(named).collect()))
}

/// Add a warehouse
///
/// Stock may lie there from then on. Which system ships for it, and which locations of shops are it, stands in the
/// settings; the first system ships for one that they do not name.
#[utoipa::path(
    post, path = "/api/warehouses", tag = "inventory", operation_id = "addWarehouse",
    request_body = NewWarehouseForm,
    responses(
        (status = 201, description = "It is added", body = WarehouseBody),
        (status = 409, description = "There is one with this id already; it was not changed"),
    )
)]
async fn add(
    Asked { api, caller, .. }: Asked,
    JsonBody(form): JsonBody<NewWarehouseForm>,
) -> Result<(StatusCode, Json<WarehouseBody>), Problem> {
    let warehouse = Problem::of_field("warehouseId", WarehouseId::parse(&form.warehouse_id))?;
    let name = field::text("name", &form.name)?;
    let reason = field::text("reason", &form.reason)?;
    let rank = form.priority.map(priority).transpose()?.unwrap_or(USUAL_PRIORITY);
    let mut tx = api.pool.begin().await?;
    let added = inventory::add_warehouse(&mut tx, &warehouse, &name, rank).await?;
    let added = added.ok_or_else(|| Problem::WarehouseExists(warehouse.clone()))?;
    let act = Act {
        by: caller.acts_as(),
        kind: ActKind::WarehouseAdded,
        target: warehouse.as_str(),
        order: None,
        reason: Some(&reason),
        detail: Some(&name),
    };
    audit::note(&mut tx, &act).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Settled::of(&api).body(&warehouse, Some(added)))))
}

/// Change a warehouse
///
/// One that is made inactive takes no new reservations from then on, and serves nobody who waits; what is held there
/// stays held, is handed over and leaves. One that is made active serves those who wait there first.
#[utoipa::path(
    patch, path = "/api/warehouses/{id}", tag = "inventory", operation_id = "changeWarehouse",
    params(("id" = String, Path, description = "The warehouse", pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")),
    request_body = ChangeForm,
    responses(
        (status = 200, description = "It is changed", body = WarehouseBody),
        (status = 404, description = "No such warehouse"),
    )
)]
async fn change(
    Asked { api, caller, correlation_id }: Asked,
    PathPart(id): PathPart<String>,
    JsonBody(form): JsonBody<ChangeForm>,
) -> Result<Json<WarehouseBody>, Problem> {
    let warehouse = Problem::of_field("id", WarehouseId::parse(&id))?;
    let change = form.change()?;
    let reason = field::text("reason", &form.reason)?;
    let said = [
        change.name.as_ref().map(|name| format!("name: {name}")),
        change.active.map(|active| format!("active: {active}")),
        change.priority.map(|priority| format!("priority: {priority}")),
    ];
    let detail = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let act = Act {
        by: caller.acts_as(),
        kind: ActKind::WarehouseChanged,
        target: warehouse.as_str(),
        order: None,
        reason: Some(&reason),
        detail: Some(&detail),
    };
    let (changed, messages) = retried(Problem::met_another_transaction, async || {
        let mut tx = api.pool.begin().await?;
        let changed =
            inventory::change_warehouse(&mut tx, &warehouse, &change, correlation_id.as_str()).await;
        let (changed, served) = changed.map_err(|error| match error {
            inventory::InventoryError::UnknownWarehouse { warehouse } => Problem::NoSuchWarehouse(warehouse),
            error => error.into(),
        })?;
        let messages = command::keep_served(&mut tx, inventory::ours(&served), SWEEP_AFTER).await?;
        audit::note(&mut tx, &act).await?;
        tx.commit().await?;
        Ok::<_, Problem>((changed, messages))
    })
    .await?;
    api.queue.offer_all(messages);
    Ok(Json(Settled::of(&api).body(&warehouse, Some(changed))))
}

fn priority(asked: i32) -> Result<i32, Problem> {
    let fits = PRIORITIES.contains(&asked).then_some(asked);
    fits.ok_or_else(|| Problem::invalid("priority", "a whole number from -1000000 to 1000000"))
}
