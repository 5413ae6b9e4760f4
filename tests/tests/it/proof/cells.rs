//! Every cell of the tables of cancellations and edits, at every step an order can stand at, against the real servers:
//! all orders at once in one world, each judged at rest by what the pages for people promise.
//!
//! `WAYBILL_CELLS` walks only the cells whose name has this text.

mod act;
mod arrange;
mod outcome;
mod table;
mod walk;
mod watch;

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use serde_json::Value;

use self::{outcome::Evidence, table::Cell, walk::Walk, watch::Watch};
use super::{
    PLACES, assert_clean,
    rest::{Rest, until_rest},
    stories::truth,
};
use crate::world::{self, Plan, World};

/// Orders that are led to their cell at the same time.
const AT_ONCE: usize = 48;
/// How long after the last act everything must have come to its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is not as promised, by cell.
async fn wrong(world: &World, walks: &[Walk<'_>], rest: &Rest) -> Vec<String> {
    let warehouse = world.ledger(world.wms("/_ledger")).await;
    let shop = world.ledger(world.shopify("/_ledger")).await;
    let mut wrong = Vec::new();
    for walk in walks {
        let Some(order) = rest.of(walk.order.id) else {
            wrong.push(format!("{}: the order is not known", walk.name()));
            continue;
        };
        let of_order = |entry: &&Value| {
            let reference = entry["reference"].as_str().unwrap_or_default();
            reference.strip_prefix(order.order_number.as_str()).is_some_and(|rest| rest.starts_with('-'))
        };
        let id = walk.order.id.to_string();
        let in_shop = |entry: &&Value| entry["order"].as_str().is_some_and(|order| order.ends_with(&id));
        let seen = Evidence {
            order,
            warehouse: warehouse.iter().filter(of_order).collect(),
            shop: shop.iter().filter(in_shop).collect(),
        };
        let found = walk.wrong(&seen);
        if !found.is_empty() {
            wrong.push(format!("{}: {}\n    {order:?}", walk.name(), found.join("; ")));
        }
    }
    wrong
}

#[test]
fn every_cell_of_the_tables_is_as_the_pages_promise() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan { with_faults: true, ..Plan::default() }).await;
        sqlx::query("INSERT INTO inventory.warehouses VALUES ('far', 900) ON CONFLICT DO NOTHING")
            .execute(&world.pool)
            .await
            .expect("there is a second warehouse");
        let watch = Watch::of(&world);
        let started = Instant::now();
        let only = std::env::var("WAYBILL_CELLS").unwrap_or_default();
        let cells = Cell::all().into_iter().enumerate();
        let walks: Vec<Walk<'_>> = cells
            .map(|(number, cell)| Walk::new(&world, &watch, number, cell))
            .filter(|walk| walk.name().contains(&only))
            .collect();
        let walked: Vec<Walk<'_>> =
            stream::iter(walks).map(Walk::walk).buffer_unordered(AT_ONCE).collect().await;
        println!("{} cells are walked after {:?}", walked.len(), started.elapsed());
        let skus: Vec<String> = walked.iter().flat_map(|walk| walk.skus.clone()).collect();
        let deadline = Instant::now() + PATIENCE;
        // What is to be stopped is stopped before the warehouse ships what it has.
        let mut rest = until_rest(&world, |_| true).await;
        let mut not_as_promised;
        loop {
            for reference in truth::in_house(&world, &skus).await {
                truth::ship(&world, &reference).await;
            }
            not_as_promised = wrong(&world, &walked, &rest).await;
            if not_as_promised.is_empty() || Instant::now() > deadline {
                break;
            }
            rest = until_rest(&world, |_| true).await;
        }
        println!("and at rest after {:?}", started.elapsed());
        assert!(
            not_as_promised.is_empty(),
            "{} of {} cells are not as promised:\n  {}",
            not_as_promised.len(),
            walked.len(),
            not_as_promised.join("\n  ")
        );
        assert_clean(&world).await;
    });
}
