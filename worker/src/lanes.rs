//! The lanes as values: each is one downstream with its task queue, its activities, and what it may do at once. A worker
//! runs those that its settings name, each as an SDK worker of its own.

use std::{collections::HashMap, time::Duration};

use activities::{
    Callee, LaneCalls, OrderRecords, PausedLanes, Planner, ShopCalls, ShopRules, Shops, WarehouseCalls,
    WarehouseSystems,
};
use anyhow::{Context, anyhow};
use domain::{LaneName, ShopDomain, WarehouseSystem};
use process::{
    settings::{LaneSettings, Shared, Shop, System},
    shutdown::Shutdown,
    temporal::Temporal,
};
use shop_tokens::TokenStore;
use shopify::admin::AdminClient;
use sqlx::PgPool;
use stock::Stock;
use temporalio_sdk::{
    Runtime, Worker, WorkerOptions,
    runtime::{
        AutoscalingOptions, PollerBehavior,
        worker_tuner::{FixedSizeSlotSupplier, SlotSupplier, TunerHolder, WorkerTuner},
    },
};
use tokio::task::JoinSet;
use warehouse::client::{WarehouseClient, WarehouseSettings};
use workflows::{BulkAnswer, OrderFulfilment, OverdueInquiry, RestockReturn};

use crate::config::Config;

/// Workflow tasks worked on at once; they only think.
const WORKFLOW_SLOTS: usize = 100;
/// Local activities at once; each holds a database connection.
const RECORD_SLOTS: usize = 24;
/// How long calls under way may take to end when the worker shuts down.
const GRACE: Duration = Duration::from_secs(10);

/// How often the token of an installed app is looked at that no call asks for: it is refreshed long before its 90 days
/// are over, and sealed under the newest key.
const KEEP_TOKENS_EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// One downstream.
pub struct Lane {
    /// The name of its task queue.
    pub name: LaneName,
    /// What it may do at once.
    settings: LaneSettings,
    serves: Serves,
}

/// Whom a lane calls.
enum Serves {
    /// Our own database: workflows and their local activities.
    Orders,
    /// A warehouse system.
    Warehouse(System),
    /// Every shop that this process has a token for: an order keeps the lane that its shop had when it came.
    Shops,
}

/// The lanes of the configuration that this worker runs.
pub fn of(config: &Config) -> Vec<Lane> {
    let shared = &config.shared;
    let orders = Lane { name: LaneName::orders(), settings: LaneSettings::default(), serves: Serves::Orders };
    let calls = shared.lanes.iter().map(|(name, settings)| {
        let system = shared.systems.iter().find(|system| system.lane() == *name);
        let serves = system.map_or(Serves::Shops, |system| Serves::Warehouse(system.clone()));
        Lane { name: name.clone(), settings: *settings, serves }
    });
    [orders].into_iter().chain(calls).filter(|lane| config.runs.include(lane.name.as_str())).collect()
}

/// What lanes are made with.
pub struct Workshop<'a> {
    pub runtime: &'a Runtime,
    pub temporal: &'a Temporal,
    pub pool: &'a PgPool,
    pub config: &'a Config,
    planner: Planner,
    shops: HashMap<ShopDomain, AdminClient>,
    warehouses: HashMap<WarehouseSystem, WarehouseClient>,
    calls: LaneCalls,
}

impl<'a> Workshop<'a> {
    /// With the shops' clients, and those of the warehouses, for as long as the process lives.
    ///
    /// # Errors
    /// If a client cannot be set up.
    pub fn new(
        runtime: &'a Runtime,
        temporal: &'a Temporal,
        pool: &'a PgPool,
        config: &'a Config,
        stock: Stock,
        shops: HashMap<ShopDomain, AdminClient>,
        paused: PausedLanes,
    ) -> anyhow::Result<Self> {
        let planner = planner(&config.shared, pool, stock);
        let warehouses = warehouse_clients(config)?;
        let callees = shops.values().cloned().map(Callee::Shop);
        let callees = callees.chain(warehouses.values().cloned().map(Callee::Warehouse));
        let calls = LaneCalls::new(pool.clone(), callees, paused, config.probe_waits);
        Ok(Self { runtime, temporal, pool, config, planner, shops, warehouses, calls })
    }

    /// Keeps the tokens of installed apps from falling into disuse, until the process is told to end.
    pub fn keep_tokens(&self, duties: &mut JoinSet<()>, shutdown: &Shutdown) {
        let installed =
            |shop: &&Shop| shop.access.as_ref().is_some_and(|access| access.installed().is_some());
        let shops = self.config.shared.shops.iter().filter(installed);
        let clients: Vec<AdminClient> =
            shops.filter_map(|shop| self.shops.get(&shop.domain).cloned()).collect();
        if clients.is_empty() {
            return;
        }
        let keep = async move {
            loop {
                for client in &clients {
                    // What is wrong is logged where it is renewed.
                    client.keep_token().await;
                }
                tokio::time::sleep(KEEP_TOKENS_EVERY).await;
            }
        };
        let asked = shutdown.asked();
        duties.spawn(async move {
            tokio::select! {
                () = asked => {}
                () = keep => {}
            }
        });
    }

    /// What the lanes' calls share.
    pub fn calls(&self) -> LaneCalls {
        self.calls.clone()
    }

    /// The SDK worker of a lane, ready to run.
    ///
    /// # Errors
    /// If a client or the worker cannot be set up.
    pub fn worker(&self, lane: &Lane) -> anyhow::Result<Worker> {
        let options = match &lane.serves {
            Serves::Orders => self.orders()?,
            Serves::Warehouse(system) => {
                let mut options = call_lane(lane);
                let client =
                    self.warehouses.get(&system.name).context("a warehouse system without a client")?;
                options.register_activities(WarehouseCalls::new(
                    self.pool.clone(),
                    client.clone(),
                    self.calls(),
                    self.config.ask_again_after,
                ));
                options
            }
            Serves::Shops => {
                let mut options = call_lane(lane);
                options.register_activities(ShopCalls::new(
                    self.planner.clone(),
                    self.shops.clone(),
                    self.calls(),
                ));
                options
            }
        };
        Worker::new(self.runtime, self.temporal.client.clone(), options)
            .map_err(|error| anyhow!("lane {}: {error}", lane.name))
    }

    fn orders(&self) -> anyhow::Result<WorkerOptions> {
        Ok(WorkerOptions::new(LaneName::orders().as_str())
            .register_activities(OrderRecords::new(self.planner.clone()))
            .register_workflow::<OrderFulfilment>()?
            .register_workflow::<OverdueInquiry>()?
            .register_workflow::<RestockReturn>()?
            .register_workflow::<BulkAnswer>()?
            .max_cached_workflows(self.config.cached_workflows)
            .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(8))
            .nonsticky_to_sticky_poll_ratio(0.4)
            .tuner(slots(RECORD_SLOTS, LaneSettings::default().slots))
            .graceful_shutdown_period(GRACE)
            .build())
    }
}

/// A lane of calls to the outside: activities alone. Polls that wait are few while there is little to do.
fn call_lane(lane: &Lane) -> WorkerOptions {
    let LaneSettings { slots: calls, pollers, calls_per_minute } = lane.settings;
    let polls = AutoscalingOptions::builder().minimum(1).maximum(pollers).initial(pollers.min(2)).build();
    WorkerOptions::new(lane.name.as_str())
        .tuner(slots(1, calls))
        .activity_task_poller_behavior(PollerBehavior::Autoscaling(polls))
        .maybe_max_task_queue_activities_per_second(calls_per_minute.map(|calls| calls / 60.0))
        .graceful_shutdown_period(GRACE)
        .build()
}

fn slots(records: usize, calls: usize) -> WorkerTuner {
    let fixed = |slots| SlotSupplier::from(FixedSizeSlotSupplier::new(slots));
    TunerHolder::builder()
        .workflow_task_slot_supplier(fixed(WORKFLOW_SLOTS))
        .activity_task_slot_supplier(fixed(calls))
        .local_activity_task_slot_supplier(fixed(records))
        .nexus_task_slot_supplier(fixed(1))
        .build()
        .into()
}

fn planner(shared: &Shared, pool: &PgPool, stock: Stock) -> Planner {
    let rules = |shop: &Shop| ShopRules {
        locations: shop.locations.clone(),
        services: shop.fulfillment_services.clone(),
        books_others: shop.channel_sync.is_some(),
        approval: shop.policy.approval.clone(),
    };
    let shops = shared.shops.iter().map(|shop| (shop.domain.clone(), rules(shop))).collect();
    let ships_for = |system: &System| {
        let name = system.name.clone();
        system.warehouses.clone().into_iter().map(move |warehouse| (warehouse, name.clone()))
    };
    let systems = shared.systems.iter().flat_map(ships_for).collect();
    let (shops, systems) = (Shops::new(shops), WarehouseSystems::new(systems));
    Planner::new(pool.clone(), shops, systems, shared.promises.clone(), stock)
}

/// Of the systems whose lane this worker runs; of the others it has no token.
fn warehouse_clients(config: &Config) -> anyhow::Result<HashMap<WarehouseSystem, WarehouseClient>> {
    let called = config.shared.systems.iter().filter(|system| config.runs.include(system.lane().as_str()));
    called.map(|system| Ok((system.name.clone(), warehouse_client(system)?))).collect()
}

fn warehouse_client(system: &System) -> anyhow::Result<WarehouseClient> {
    let token =
        system.token.clone().with_context(|| format!("warehouse system {}: no token", system.name))?;
    let settings = WarehouseSettings {
        system: system.name.clone(),
        dialect: system.dialect,
        ..WarehouseSettings::new(system.url.clone(), token)
    };
    WarehouseClient::new(settings).with_context(|| format!("warehouse system {}", system.name))
}

/// A client for each shop that this process has credentials for. All that is asked of a shop goes by clones of one, which
/// share its token and what is known of the shop's rate.
///
/// # Errors
/// If one cannot be set up.
pub(crate) fn admin_clients(
    shared: &Shared,
    pool: &PgPool,
) -> anyhow::Result<HashMap<ShopDomain, AdminClient>> {
    let store = TokenStore::new(pool.clone(), shared.keys.clone());
    let called = shared.shops.iter().filter_map(|shop| Some((shop, shop.access.as_ref()?)));
    called
        .map(|(shop, access)| {
            let client = access.client(&shop.domain, &shop.admin_url, &store);
            let client = client.with_context(|| format!("the Admin API of {}", shop.domain))?;
            Ok((shop.domain.clone(), client))
        })
        .collect()
}
