//! What a worker does beside its lanes.

use std::collections::HashMap;

use channel_sync::ChannelShop;
use domain::ShopDomain;
use process::shutdown::Shutdown;
use shopify::admin::AdminClient;
use tokio::task::JoinSet;
use tracing::error;

use crate::{config::Config, sweepers};

/// Work that no task queue hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// What was left in the inbox, runs that are gone, what expires or grows old, and the gauges operators watch.
    Sweepers,
    /// Events to brokers, and how long they are kept.
    Events,
    /// Events of other systems: of their orders where the stock is, and of that stock where it is not.
    Consumers,
    /// Stock levels to the shops.
    ChannelSync,
}

impl Duty {
    /// Every duty.
    pub const ALL: [Self; 4] = [Self::Sweepers, Self::Events, Self::Consumers, Self::ChannelSync];

    /// The name in `WORKER_RUNS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sweepers => "sweepers",
            Self::Events => "events",
            Self::Consumers => "consumers",
            Self::ChannelSync => "channel-sync",
        }
    }
}

/// Starts the duties that this worker has. They end with the set, or when the process is asked to end.
///
/// # Errors
/// What is wrong with the settings of a broker.
pub fn start(
    config: &Config,
    with: &sweepers::With,
    shops: &HashMap<ShopDomain, AdminClient>,
    shutdown: &Shutdown,
) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for duty in Duty::ALL.into_iter().filter(|duty| config.runs.include(duty.name())) {
        match duty {
            Duty::Sweepers => sweepers::start(&mut tasks, config, with, shutdown),
            Duty::Events => {
                sweepers::keep_days(&mut tasks, config, with, shutdown);
                let (private_webhooks, plain_http) =
                    (config.shared.private_webhooks, config.shared.plain_http);
                let allowed = events::Allowed { private_webhooks, plain_http };
                events::start(&mut tasks, &config.brokers, allowed, &with.pool, || shutdown.asked())?;
            }
            Duty::Consumers => {
                consumers::start(&mut tasks, &config.consuming, &with.pool, || shutdown.asked())?;
            }
            Duty::ChannelSync => sync_channels(&mut tasks, config, with, shops, shutdown),
        }
    }
    Ok(tasks)
}

fn sync_channels(
    tasks: &mut JoinSet<()>,
    config: &Config,
    with: &sweepers::With,
    clients: &HashMap<ShopDomain, AdminClient>,
    shutdown: &Shutdown,
) {
    let wanted: Vec<ChannelShop> = config.shared.shops.iter().filter_map(ChannelShop::of).collect();
    if wanted.is_empty() {
        return;
    }
    if !with.stock.is_here() {
        error!(
            "stock levels are not sent to the shops: INVENTORY_SERVICE_URL says that our stock is elsewhere"
        );
        return;
    }
    let mut shops = Vec::with_capacity(wanted.len());
    for shop in wanted {
        match clients.get(&shop.domain) {
            Some(client) => shops.push((shop, client.after_others())),
            None => {
                error!(shop = %shop.domain, "stock levels are not sent to the shop: there is no token for it")
            }
        }
    }
    channel_sync::start(tasks, shops, &with.pool, || shutdown.asked());
}
