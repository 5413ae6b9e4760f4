//! The demo's orders: a first one placed and followed, then what to look at, then every order that comes in.
//!
//! **Invariant:** nothing is started here. `scripts/demo.sh` starts everything, runs this, and ends everything.

#[cfg(feature = "brokers")]
mod brokers;
mod follower;
mod guide;
mod orders;
mod screen;
mod settings;

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use follower::{Follower, SHOP_NOTIFIED};
use guide::Guide;
use orders::{Doors, Order, Placed};
use settings::{SHOP, Settings};

use crate::output::Output;

/// How long the first order may take.
const FULFILLED_WITHIN: Duration = Duration::from_secs(90);

/// The exit code of a process that was asked to end before it was done.
const INTERRUPTED: u8 = 130;

/// Follows the first order, and unless `once` all later ones until it is asked to end.
///
/// # Errors
/// When the servers do not answer, or the order does not arrive; with what to do next.
pub async fn run(once: bool, with_brokers: bool) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let settings = Settings::from_environment()?;
    let mut is_up = false;
    tokio::select! {
        outcome = play(&settings, once, with_brokers, &mut is_up) => outcome?,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(if is_up { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

async fn play(settings: &Settings, once: bool, with_brokers: bool, is_up: &mut bool) -> anyhow::Result<()> {
    let (screen, doors, guide) = (Output::new(false), Doors::new(settings)?, Guide::new(settings));
    let ears = if with_brokers { Some(listen().await?) } else { None };
    doors.stock_up().await?;
    let placed = doors.place_order().await?;
    screen.headline(&format!("Order {} of {SHOP}: 2 × Earl Grey, 100 g", placed.name));
    let first = follow_first(&doors, screen, &guide, &placed).await?;
    guide::show_way(screen);
    if let Some(mut ears) = ears {
        screen.headline("Its events, as they arrived in both brokers");
        ears.show(screen, &first.order().order_id).await?;
    }
    if !once {
        guide.show(screen, first.order());
    }
    screen.headline("Waybill is up");
    *is_up = true;
    if once {
        screen.line("That was all; `make demo` alone stays up and says what to look at.");
        return Ok(());
    }
    screen.line("Ctrl-C ends everything; data and histories are kept for the next time.");
    follow_all(&doors, screen, &guide, first).await
}

#[cfg(feature = "brokers")]
async fn listen() -> anyhow::Result<brokers::Ears> {
    brokers::Ears::open().await
}

/// Somebody asked a program for the brokers that was built without them.
#[cfg(not(feature = "brokers"))]
async fn listen() -> anyhow::Result<NoEars> {
    bail!("this program was built without the brokers; `make demo ARGS=--with-brokers` builds it with them")
}

#[cfg(not(feature = "brokers"))]
enum NoEars {}

#[cfg(not(feature = "brokers"))]
impl NoEars {
    async fn show(&mut self, _screen: Output, _order: &str) -> anyhow::Result<()> {
        match *self {}
    }
}

/// Tells the first order's way until Shopify was notified.
async fn follow_first(
    doors: &Doors,
    screen: Output,
    guide: &Guide<'_>,
    placed: &Placed,
) -> anyhow::Result<Follower> {
    let deadline = Instant::now() + FULFILLED_WITHIN;
    let mut follower: Option<Follower> = None;
    loop {
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
                "the order did not come through within {} s.\n\
                 Look at its last step above and at the logs; `make demo` starts again where this one left off.",
                FULFILLED_WITHIN.as_secs()
            );
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Tells the rest of the first order's way, and that of every order that comes in from now on.
async fn follow_all(doors: &Doors, screen: Output, guide: &Guide<'_>, first: Follower) -> anyhow::Result<()> {
    let first_id = first.order().order_id.clone();
    let known: HashSet<String> = doors.orders().await?.into_iter().map(|order| order.order_id).collect();
    let mut followers = HashMap::from([(first_id.clone(), first)]);
    let mut on_screen = String::new();
    loop {
        sleep(Duration::from_millis(250)).await;
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
fn announce(screen: Output, order: &Order, on_screen: &mut String) {
    if *on_screen != order.order_id {
        screen.headline(&format!("Order {} of {SHOP}", order.name));
        on_screen.clone_from(&order.order_id);
    }
}
