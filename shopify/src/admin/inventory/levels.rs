//! Reading what a location has of items.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::MOST_LEVELS;
use crate::admin::error::ShopifyError;
use crate::admin::pages::{Connection, UNREADABLE, number};
use crate::admin::{AdminClient, operations};
use crate::gid::{InventoryItemId, LocationId};

/// How many items are asked for by their ids at once: taken to cost 6 points each, 166 would be the most within the
/// 1,000 points that a call may cost. Two halves of [`MOST_LEVELS`] fit.
const MOST_BY_ID: usize = MOST_LEVELS / 2;

/// What a location has of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The item.
    pub item: InventoryItemId,
    /// What there is to say of it there.
    pub state: LevelState,
}

/// What there is to say of an item at a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LevelState {
    /// The shop has no such item.
    Gone,
    /// The shop does not count the item.
    Untracked,
    /// The item is a bundle, whose stock is that of its components.
    Bundle,
    /// The location does not stock the item.
    NotStocked,
    /// The location stocks it.
    Stocked(Quantities),
}

/// The pieces of an item at a location, by state. On hand is all the others added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantities {
    /// Can be sold; below zero where more was.
    pub available: i64,
    /// Sold and not fulfilled.
    pub committed: i64,
    /// All that are there.
    pub on_hand: i64,
    /// Set aside, for example for draft orders.
    pub reserved: i64,
    /// Kept back against overselling.
    pub safety_stock: i64,
    /// Damaged.
    pub damaged: i64,
    /// Being looked at.
    pub quality_control: i64,
    /// When the shop last changed the level.
    pub updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: String,
    tracked: bool,
    #[serde(default)]
    variants: Option<Variants>,
    inventory_level: Option<LevelNode>,
}

#[derive(Deserialize)]
struct Variants {
    nodes: Vec<Variant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variant {
    requires_components: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LevelNode {
    updated_at: DateTime<Utc>,
    quantities: Vec<Quantity>,
}

#[derive(Deserialize)]
struct Quantity {
    name: String,
    quantity: i64,
}

impl LevelNode {
    pub(super) fn read(&self) -> Result<Quantities, ShopifyError> {
        // One that is missing is no zero: what is not sold would be sold again.
        let of = |name: &str| {
            let found = self.quantities.iter().find(|quantity| quantity.name == name);
            found.map(|quantity| quantity.quantity).ok_or(UNREADABLE)
        };
        Ok(Quantities {
            available: of("available")?,
            committed: of("committed")?,
            on_hand: of("on_hand")?,
            reserved: of("reserved")?,
            safety_stock: of("safety_stock")?,
            damaged: of("damaged")?,
            quality_control: of("quality_control")?,
            updated_at: self.updated_at,
        })
    }
}

impl Node {
    fn read(&self) -> Result<(InventoryItemId, LevelState), ShopifyError> {
        let is_bundle =
            self.variants.iter().flat_map(|found| &found.nodes).any(|found| found.requires_components);
        let state = match &self.inventory_level {
            _ if is_bundle => LevelState::Bundle,
            _ if !self.tracked => LevelState::Untracked,
            None => LevelState::NotStocked,
            Some(level) => LevelState::Stocked(level.read()?),
        };
        Ok((InventoryItemId(number("InventoryItem", &self.id)?), state))
    }
}

impl AdminClient {
    /// What a location has of these items, in their order: one search for each [`MOST_LEVELS`] of them, 68 points for
    /// 250 (2026-04), so 10,000 cost 2,720 of the 60,000 points that a standard plan has in ten minutes. An index
    /// lags, so what it does not find is asked for by its id, up to 125 a call and 750 points, before it is called gone.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn read_levels(
        &self,
        location: LocationId,
        items: &[InventoryItemId],
    ) -> Result<Vec<Level>, ShopifyError> {
        let mut levels = Vec::with_capacity(items.len());
        for items in items.chunks(MOST_LEVELS) {
            let mut found = self.search_levels(location, items).await?;
            let missing: Vec<_> = items.iter().filter(|item| !found.contains_key(item)).copied().collect();
            for missing in missing.chunks(MOST_BY_ID) {
                found.extend(self.levels_by_id(location, missing).await?);
            }
            levels.extend(items.iter().map(|item| Level {
                item: *item,
                state: found.get(item).cloned().unwrap_or(LevelState::Gone),
            }));
        }
        Ok(levels)
    }

    async fn search_levels(
        &self,
        location: LocationId,
        items: &[InventoryItemId],
    ) -> Result<HashMap<InventoryItemId, LevelState>, ShopifyError> {
        let search: Vec<String> = items.iter().map(|item| format!("id:{item}")).collect();
        let variables = json!({
            "location": location.gid(),
            "search": search.join(" OR "),
            "first": items.len(),
        });
        let page = self.transport.call(operations::READ_LEVELS, variables).await?;
        let Connection { nodes, .. } = page.ok_or(UNREADABLE)?;
        // Whatever a search finds beside what it was asked for is nobody's business here.
        let asked: HashSet<_> = items.iter().collect();
        let read = nodes.iter().map(Node::read).collect::<Result<Vec<_>, _>>()?;
        Ok(read.into_iter().filter(|(item, _)| asked.contains(item)).collect())
    }

    async fn levels_by_id(
        &self,
        location: LocationId,
        items: &[InventoryItemId],
    ) -> Result<Vec<(InventoryItemId, LevelState)>, ShopifyError> {
        let ids: Vec<String> = items.iter().map(|item| item.gid()).collect();
        let variables = json!({ "location": location.gid(), "items": ids });
        let nodes: Option<Vec<Option<Node>>> =
            self.transport.call(operations::READ_LEVELS_BY_ID, variables).await?;
        nodes.ok_or(UNREADABLE)?.iter().flatten().map(Node::read).collect()
    }
}
