//! The demo: everything on one machine, a first order, and what to look at.
//!
//! **Invariant:** however it ends (Ctrl-C, a signal, a failure, the order's arrival), it leaves
//! nothing running. What a killed demo could not end, the next one does.

mod folder;
mod follower;
mod guide;
mod orders;
mod process;
mod recipes;
mod screen;
mod servers;
mod settings;

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep};

use follower::{Follower, SHOP_NOTIFIED};
use guide::Guide;
use orders::{Doors, Order, Placed};
use screen::Screen;
use servers::Servers;
use settings::{SHOP, Settings};

/// How long the first order may take.
const FULFILLED_WITHIN: Duration = Duration::from_secs(90);

/// The exit code of a process that was asked to end before it was done.
const INTERRUPTED: u8 = 130;

/// Runs the demo; `once` ends it after the first fulfilled order.
///
/// # Errors
/// When something does not start, or the order does not arrive; with what to do next.
pub async fn run(once: bool) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let screen = Screen::new();
    let settings = Settings::from_environment()?;
    let doors = Doors::new(&settings)?;
    let mut servers = Servers::prepare(settings, screen)?;
    let mut is_up = false;
    let outcome = tokio::select! {
        outcome = play(&mut servers, &doors, screen, once, &mut is_up) => outcome,
        () = signals.any() => Ok(()),
    };
    if !once || !is_up {
        screen.line("");
        screen.line("Ending everything …");
    }
    servers.stop().await;
    outcome.map(|()| if is_up { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

/// Starts everything, follows one order and, unless `once`, all later ones until it is dropped.
async fn play(
    servers: &mut Servers,
    doors: &Doors,
    screen: Screen,
    once: bool,
    is_up: &mut bool,
) -> anyhow::Result<()> {
    servers.start(doors).await?;
    let guide = Guide::new(servers.settings());
    doors.stock_up().await?;
    let placed = doors.place_order().await?;
    screen.headline(&format!("Order {} of {SHOP}: 2 × Earl Grey, 100 g", placed.name));
    let first = follow_first(servers, doors, screen, &guide, &placed).await?;
    guide::show_way(screen);
    if !once {
        guide.show(screen, first.order(), &servers.worker_pid_file());
    }
    screen.headline("Waybill is up");
    *is_up = true;
    if once {
        screen.line("That was all; `make demo` alone stays up and says what to look at.");
        return Ok(());
    }
    screen.line("Ctrl-C ends everything; data and histories are kept for the next time.");
    follow_all(servers, doors, screen, &guide, first).await
}

/// Tells the first order's way until Shopify was notified.
async fn follow_first(
    servers: &mut Servers,
    doors: &Doors,
    screen: Screen,
    guide: &Guide,
    placed: &Placed,
) -> anyhow::Result<Follower> {
    let deadline = Instant::now() + FULFILLED_WITHIN;
    let mut follower: Option<Follower> = None;
    loop {
        servers.tend()?;
        if follower.is_none() {
            let found = doors.find(&placed.shopify_order_id).await?;
            follower = found.map(|order| Follower::new(order, Some(placed.at)));
        }
        if let Some(mut found) = follower.take() {
            let entries = found.new_entries(doors).await?;
            found.print(screen, guide, &entries);
            if entries.iter().any(|happening| happening.event == SHOP_NOTIFIED) {
                return Ok(found);
            }
            follower = Some(found);
        }
        if Instant::now() > deadline {
            bail!(
                "the order did not come through within {} s.\n{}\
                 Look at its last step above and at the logs; `make demo` starts again where this one left off.",
                FULFILLED_WITHIN.as_secs(),
                servers.last_words()
            );
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Tells the rest of the first order's way, and that of every order that comes in from now on.
async fn follow_all(
    servers: &mut Servers,
    doors: &Doors,
    screen: Screen,
    guide: &Guide,
    first: Follower,
) -> anyhow::Result<()> {
    let first_id = first.order().order_id.clone();
    let known: HashSet<String> = doors.orders().await?.into_iter().map(|order| order.order_id).collect();
    let mut followers = HashMap::from([(first_id.clone(), first)]);
    let mut on_screen = String::new();
    loop {
        sleep(Duration::from_millis(250)).await;
        servers.tend()?;
        // An API that was killed does not answer; it is started again, and nothing is missed.
        let Ok(listed) = doors.orders().await else { continue };
        for order in listed.into_iter().rev() {
            if known.contains(&order.order_id) && order.order_id != first_id {
                continue;
            }
            let follower =
                followers.entry(order.order_id.clone()).or_insert_with(|| Follower::new(order, None));
            if follower.is_over() {
                continue;
            }
            let Ok(entries) = follower.new_entries(doors).await else { continue };
            if entries.is_empty() {
                continue;
            }
            announce(screen, follower.order(), &mut on_screen);
            follower.print(screen, guide, &entries);
        }
    }
}

/// Says whose steps follow, where the lines above are another order's.
fn announce(screen: Screen, order: &Order, on_screen: &mut String) {
    if *on_screen != order.order_id {
        screen.headline(&format!("Order {} of {SHOP}", order.name));
        on_screen.clone_from(&order.order_id);
    }
}

/// What asks the demo to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
