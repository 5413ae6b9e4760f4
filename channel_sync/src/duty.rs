//! Rounds for every shop, by whichever worker holds its lease.

use std::{collections::BTreeMap, time::Duration};

use domain::{ShopDomain, WarehouseId};
use process::settings::{ChannelSync, Shop};
use shopify::{
    admin::{AdminClient, Quantities, ShopifyError},
    gid::LocationId,
};
use sqlx::PgPool;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    books, gauges, learn,
    levels::Place,
    round::{self, RoundError},
};

/// The pause between two looks for dirty levels, and after trouble.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const AFTER_TROUBLE: Duration = Duration::from_secs(10);
/// For how long a worker has a shop to itself without a word. Two at once do no harm: each sets only what is as it read it.
const LEASE: Duration = Duration::from_secs(15);
/// How often the shop's items are learned anew, and levels made for what was stocked since.
const LEARN_EVERY: Duration = Duration::from_secs(86_400);
const MAKE_LEVELS_EVERY: Duration = Duration::from_secs(60);
/// The pause between two looks at what is known of the shop's orders, and at what operators watch.
const LOOK_FOR_NEWS_EVERY: Duration = Duration::from_secs(5);
const SHOW_GAUGES_EVERY: Duration = Duration::from_secs(5);

/// A shop whose levels are kept right.
#[derive(Debug, Clone)]
pub struct ChannelShop {
    /// Its domain.
    pub domain: ShopDomain,
    /// Which of its locations is which warehouse. Of several that are one warehouse only the lowest, or its pieces would be
    /// sold several times.
    pub locations: BTreeMap<LocationId, WarehouseId>,
    /// How.
    pub rules: ChannelSync,
}

impl ChannelShop {
    /// The shop, if the settings want its levels kept right.
    #[must_use]
    pub fn of(shop: &Shop) -> Option<Self> {
        let rules = shop.channel_sync.clone()?;
        let mut by_warehouse: BTreeMap<&WarehouseId, i64> = BTreeMap::new();
        for (location, warehouse) in &shop.locations {
            let lowest = by_warehouse.entry(warehouse).or_insert(*location);
            *lowest = (*lowest).min(*location);
        }
        let locations = by_warehouse
            .into_iter()
            .map(|(warehouse, location)| (LocationId(location), warehouse.clone()))
            .collect();
        Some(Self { domain: shop.domain.clone(), locations, rules })
    }

    pub(crate) fn buffer(&self, sku: &str) -> u64 {
        self.rules.buffers.get(sku).copied().unwrap_or(self.rules.buffer)
    }

    /// A level as it is compared with our books.
    pub(crate) fn seen(&self, quantities: &Quantities) -> domain::channel::Seen {
        let apart = |counts: bool, pieces: i64| if counts { pieces.max(0) } else { 0 };
        domain::channel::Seen {
            on_hand: quantities.on_hand,
            committed: quantities.committed,
            apart: apart(self.rules.damaged_apart, quantities.damaged)
                .saturating_add(apart(self.rules.quality_control_apart, quantities.quality_control)),
        }
    }
}

/// Keeps the levels of these shops right, each in a task of its own, until the set ends or `asked` to end.
pub fn start<F>(
    tasks: &mut JoinSet<()>,
    shops: Vec<(ChannelShop, AdminClient)>,
    pool: &PgPool,
    asked: impl Fn() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let worker = Uuid::now_v7();
    if !shops.is_empty() {
        let (pool, asked) = (pool.clone(), asked());
        let domains: Vec<ShopDomain> = shops.iter().map(|(shop, _)| shop.domain.clone()).collect();
        tasks.spawn(async move {
            tokio::select! {
                () = asked => {}
                () = show_gauges(&pool, &domains) => {}
            }
        });
    }
    for (shop, client) in shops {
        let (pool, asked) = (pool.clone(), asked());
        tasks.spawn(async move {
            tokio::select! {
                () = asked => {}
                () = follow(&pool, &client, &shop, worker) => {}
            }
        });
    }
}

async fn show_gauges(pool: &PgPool, shops: &[ShopDomain]) {
    loop {
        if let Err(error) = gauges::show(pool, shops).await {
            warn!(%error, "how the shops' levels are cannot be shown");
        }
        sleep(SHOW_GAUGES_EVERY).await;
    }
}

/// When something was last done; it is due at first.
#[derive(Default)]
struct Last(Option<Instant>);

impl Last {
    fn is_due(&self, every: Duration) -> bool {
        self.0.is_none_or(|at| at.elapsed() >= every)
    }

    fn is_now(&mut self) {
        self.0 = Some(Instant::now());
    }
}

/// What is done now and then for a shop.
#[derive(Default)]
struct Calendar {
    levels_made: Last,
    looked_for_news: Last,
}

async fn follow(pool: &PgPool, client: &AdminClient, shop: &ChannelShop, worker: Uuid) {
    let mut calendar = Calendar::default();
    loop {
        let pause = match look(pool, client, shop, worker, &mut calendar).await {
            Ok(true) => continue,
            Ok(false) => LOOK_EVERY,
            Err(error) => {
                warn!(shop = %shop.domain, %error, "the shop's levels wait");
                AFTER_TROUBLE
            }
        };
        sleep(pause).await;
    }
}

/// True if there may be more to do at once.
async fn look(
    pool: &PgPool,
    client: &AdminClient,
    shop: &ChannelShop,
    worker: Uuid,
    calendar: &mut Calendar,
) -> anyhow::Result<bool> {
    let Some(learn_wanted) = hold(pool, shop, worker).await? else { return Ok(false) };
    let mut is_time = calendar.levels_made.is_due(MAKE_LEVELS_EVERY);
    if learn_wanted {
        let items = learn::learn(pool, client, &shop.domain).await?;
        info!(shop = %shop.domain, items, "the shop's items are known");
        is_time = true;
    }
    if is_time {
        learn::make_levels(&mut *pool.acquire().await?, shop).await?;
        calendar.levels_made.is_now();
    }
    if learn_wanted {
        learn::note_learned(&mut *pool.acquire().await?, &shop.domain).await?;
    }
    let is_time_for_news = calendar.looked_for_news.is_due(LOOK_FOR_NEWS_EVERY);
    if is_time_for_news {
        calendar.looked_for_news.is_now();
    }
    let mut more = false;
    for (location, warehouse) in &shop.locations {
        let place = Place { shop: &shop.domain, location: *location, warehouse };
        if is_time_for_news {
            books::look_for_news(&mut *pool.acquire().await?, &place).await?;
        }
        more |= match round::go(pool, client, shop, &place).await {
            Ok(more) => more,
            // Orders' calls need the shop's rate.
            Err(RoundError::Shop(ShopifyError::Throttled { .. })) => false,
            Err(RoundError::Shop(error)) => {
                warn!(shop = %shop.domain, location = location.0, %error, "levels wait for the shop");
                false
            }
            Err(error) => return Err(error.into()),
        };
    }
    Ok(more)
}

/// Takes the shop's lease, or keeps it. Whether its items are to be learned; none while another worker has it.
async fn hold(pool: &PgPool, shop: &ChannelShop, worker: Uuid) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO channel.shops AS known (shop, held_by, held_until)
         VALUES ($1, $2, now() + $3 * interval '1 second')
         ON CONFLICT ON CONSTRAINT shops_pk DO UPDATE SET held_by = $2, held_until = EXCLUDED.held_until
             WHERE known.held_by = $2 OR known.held_until < now()
         RETURNING learn_wanted OR learned_at IS NULL OR learned_at < now() - $4 * interval '1 second'",
    )
    .bind(shop.domain.as_str())
    .bind(worker)
    .bind(LEASE.as_secs_f64())
    .bind(LEARN_EVERY.as_secs_f64())
    .fetch_optional(pool)
    .await
}
