//! The lanes: one SDK worker per task queue, each with its own slots and pollers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use activities::{OrderRecords, Planner, ShopCalls, ShopRules, Shops, WarehouseCalls};
use anyhow::{Context, anyhow};
use process::{
    settings::{Shared, Shop},
    temporal::Temporal,
};
use inventory_service::Stock;
use shopify::admin::{AdminClient, AdminSettings, StaticToken};
use sqlx::PgPool;
use temporalio_sdk::{
    Runtime, Worker, WorkerOptions,
    runtime::{
        PollerBehavior,
        worker_tuner::{FixedSizeSlotSupplier, SlotSupplier, TunerHolder, WorkerTuner},
    },
};
use warehouse::client::{WarehouseClient, WarehouseSettings};
use workflows::{OrderFulfilment, OverdueInquiry, RestockReturn, names};

use crate::config::Config;

/// Workflow tasks worked on at once; they only think.
const WORKFLOW_SLOTS: usize = 100;
/// Local activities at once; each holds a database connection.
const RECORD_SLOTS: usize = 24;
/// Calls to the outside at once, per lane.
const CALL_SLOTS: usize = 32;
/// How long calls under way may take to end when the worker shuts down.
const GRACE: Duration = Duration::from_secs(10);

/// The three lanes, ready to run.
pub struct Lanes {
    /// Workflows and steps in our own database.
    pub orders: Worker,
    /// Calls to the warehouse.
    pub warehouse: Worker,
    /// Calls to the shops.
    pub shopify: Worker,
}

impl Lanes {
    /// Registers everything.
    ///
    /// # Errors
    /// If a client or a worker cannot be set up.
    pub fn new(
        runtime: &Runtime,
        temporal: &Temporal,
        pool: &PgPool,
        shared: &Shared,
        config: &Config,
        stock: Stock,
    ) -> anyhow::Result<Self> {
        let rules = |shop: &Shop| ShopRules {
            locations: shop.locations.clone(),
            services: shop.fulfillment_services.clone(),
        };
        let shops = shared.shops.iter().map(|shop| (shop.domain.clone(), rules(shop))).collect();
        let planner = Planner::new(pool.clone(), Shops::new(shops), stock);
        let orders = WorkerOptions::new(names::LANE_ORDERS)
            .register_activities(OrderRecords::new(planner.clone()))
            .register_workflow::<OrderFulfilment>()?
            .register_workflow::<OverdueInquiry>()?
            .register_workflow::<RestockReturn>()?
            .max_cached_workflows(config.worker_cached_workflows)
            .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(8))
            .nonsticky_to_sticky_poll_ratio(0.4)
            .tuner(slots(RECORD_SLOTS))
            .graceful_shutdown_period(GRACE)
            .build();

        let settings = WarehouseSettings::new(shared.warehouse.url.clone(), shared.warehouse.token.clone());
        let client = WarehouseClient::new(settings).context("WMS_URL")?;
        let mut warehouse = call_lane(names::LANE_WAREHOUSE);
        warehouse.register_activities(WarehouseCalls::new(
            pool.clone(),
            client,
            config.worker_ask_again_after,
        ));

        let mut shopify = call_lane(names::LANE_SHOPIFY);
        shopify.register_activities(ShopCalls::new(planner, admin_clients(shared)?));

        let worker = |options| {
            Worker::new(runtime, temporal.client.clone(), options).map_err(|error| anyhow!("{error}"))
        };
        Ok(Self { orders: worker(orders)?, warehouse: worker(warehouse)?, shopify: worker(shopify)? })
    }
}

/// A lane of calls to the outside: activities alone.
fn call_lane(queue: &str) -> WorkerOptions {
    WorkerOptions::new(queue)
        .tuner(slots(1))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(4))
        .graceful_shutdown_period(GRACE)
        .build()
}

fn slots(records: usize) -> WorkerTuner {
    let fixed = |slots| SlotSupplier::from(FixedSizeSlotSupplier::new(slots));
    TunerHolder::builder()
        .workflow_task_slot_supplier(fixed(WORKFLOW_SLOTS))
        .activity_task_slot_supplier(fixed(CALL_SLOTS))
        .local_activity_task_slot_supplier(fixed(records))
        .nexus_task_slot_supplier(fixed(1))
        .build()
        .into()
}

fn admin_clients(shared: &Shared) -> anyhow::Result<HashMap<domain::ShopDomain, AdminClient>> {
    shared
        .shops
        .iter()
        .map(|shop| {
            let token = Arc::new(StaticToken::from(shop.admin_token.clone()));
            let settings = AdminSettings::new(shop.domain.clone(), shop.admin_url.clone(), token);
            let client =
                AdminClient::new(settings).with_context(|| format!("the Admin API of {}", shop.domain))?;
            Ok((shop.domain.clone(), client))
        })
        .collect()
}
