//! The shop's stock: items, locations, and a level of each item at each location that stocks it.
//!
//! **Invariant:** a level's on hand is what is available, committed and unavailable, added up. What an order commits
//! is read off its fulfilment orders after each change of it, never counted along the way.

mod activating;
mod hands;
mod levels;
mod resolving;
mod search;
mod setting;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

pub(super) use activating::activate;
pub(super) use hands::Hand;
pub(super) use levels::Level;
pub(super) use resolving::{level, node, resolve};
pub(super) use setting::set;
pub(super) use standing::Shelved;

use super::fulfilment_orders::Place;
use super::orders::{Ids, ShopOrder, gid, id_in};
use super::routing::FIRST_LOCATION;
use crate::control::Control;
use crate::ledger::Kind;
use standing::Standing;

/// An item of the shop's stock, and the variant that it is the stock of.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) id: i64,
    pub(super) sku: String,
    /// Whether the shop counts it.
    pub(super) tracked: bool,
    pub(super) variant: i64,
    pub(super) product: i64,
    /// Whether the variant is a bundle, whose stock is that of its components.
    pub(super) bundle: bool,
    /// Deleted: nobody finds it any more.
    pub(super) missing: bool,
    /// Whether a search finds it; the index of the real shop lags.
    pub(super) indexed: bool,
}

/// A location of the shop.
pub(super) struct Location {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) active: bool,
}

/// An item at a location.
pub(super) type LevelKey = (i64, i64);

/// The stock of one shop.
#[derive(Default)]
pub(super) struct Stock {
    pub(super) items: BTreeMap<i64, Item>,
    by_sku: HashMap<String, Vec<i64>>,
    pub(super) locations: BTreeMap<i64, Location>,
    pub(super) levels: BTreeMap<LevelKey, Level>,
}

/// A level of which something else is available now.
pub(super) struct Changed {
    pub(super) shop: String,
    pub(super) sku: String,
    /// As `inventory_levels/update` carries it.
    pub(super) body: Value,
}

/// The mutation, its input and the payload that was answered, under a key of one shop.
type Answered = HashMap<(String, String), (&'static str, Value, Value)>;

/// The stock of all shops.
pub(super) struct Inventory {
    control: Arc<Control>,
    ids: Ids,
    shops: HashMap<String, Stock>,
    /// What each order has committed and what has left of it, as far as the levels know.
    standing: HashMap<i64, Standing>,
    answered: Answered,
    /// What was not said by webhook yet.
    unsaid: Vec<Changed>,
}

impl Inventory {
    pub(super) fn of(control: Arc<Control>, ids: Ids) -> Self {
        Self {
            control,
            ids,
            shops: HashMap::new(),
            standing: HashMap::new(),
            answered: Answered::new(),
            unsaid: Vec::new(),
        }
    }

    /// What is to be said by webhook of the levels that changed.
    pub(super) fn unsaid(&mut self) -> Vec<Changed> {
        std::mem::take(&mut self.unsaid)
    }

    /// The stock of a shop, which has one location from the start.
    pub(super) fn stock(&mut self, shop: &str) -> &mut Stock {
        self.shops.entry(shop.to_owned()).or_insert_with(|| {
            let mut stock = Stock::default();
            stock.locate(FIRST_LOCATION);
            stock
        })
    }

    /// The SKUs of the items that are named in these texts.
    pub(super) fn skus(&self, shop: &str, texts: &[&str]) -> Vec<String> {
        let Some(stock) = self.shops.get(shop) else { return Vec::new() };
        let item = |text: &&str| stock.items.get(&id_in("InventoryItem", &json!(text))?);
        texts.iter().filter_map(item).map(|item| item.sku.clone()).collect()
    }

    /// Makes the levels follow what an order commits and what has left of it now.
    pub(super) fn settle(&mut self, order: &ShopOrder) {
        let ids = self.ids.clone();
        let stock = self.stock(&order.shop);
        let now = order.standing(|line| stock.item_of_line(&ids, line));
        // What had left before the shop's stock was kept here is no matter of it.
        let before = self.standing.get(&order.id).cloned().unwrap_or_else(|| now.of_old());
        let differences = now.since(&before);
        self.standing.insert(order.id, now);
        let mut changes = Vec::new();
        for (key, difference) in differences {
            let stock = self.stock(&order.shop);
            if !stock.items.get(&key.0).is_some_and(|item| item.tracked) {
                continue;
            }
            let level = stock.level_mut(key);
            let was = level.clone();
            level.committed += difference.committed;
            level.available -= difference.committed + difference.gone;
            level.touch();
            changes.push(self.changed(&order.shop, key, &was));
        }
        if !changes.is_empty() {
            let details = json!({ "effect": "inventoryFollowed", "changes": changes });
            self.control.ledger.record("inventory", Kind::Effect, order.subject(), details);
        }
    }

    /// What all orders of a shop have committed of an item, by location.
    fn committed(&self, item: i64) -> BTreeMap<i64, i64> {
        let mut committed = BTreeMap::new();
        for (key, pieces) in self.standing.values().flat_map(Standing::pieces) {
            if key.0 == item && pieces.committed != 0 {
                *committed.entry(key.1).or_default() += pieces.committed;
            }
        }
        committed
    }

    /// What the ledger says of a level that was like this before; the webhook is kept if there is one.
    fn changed(&mut self, shop: &str, key: LevelKey, was: &Level) -> Value {
        let stock = self.stock(shop);
        let (Some(item), Some(level)) = (stock.items.get(&key.0), stock.levels.get(&key)) else {
            return Value::Null;
        };
        let change = json!({
            "inventoryItemId": gid("InventoryItem", key.0),
            "sku": item.sku,
            "locationId": gid("Location", key.1),
            "before": was.shown(),
            "after": level.shown(),
        });
        if level.available != was.available || level.active != was.active {
            let changed = Changed {
                shop: shop.to_owned(),
                sku: item.sku.clone(),
                body: json!({
                    "inventory_item_id": key.0,
                    "location_id": key.1,
                    "available": item.tracked.then_some(level.available),
                    "updated_at": level.updated_at,
                    "admin_graphql_api_id": level_gid(key),
                }),
            };
            self.unsaid.push(changed);
        }
        change
    }

    /// Records that somebody changed levels of a shop.
    fn record(&self, shop: &str, operation: &str, effect: &str, mut details: Value) {
        details["effect"] = json!(effect);
        self.control.ledger.record(operation, Kind::Effect, subject(shop), details);
    }

    /// What was answered under this key before: the same again, or a refusal of other input.
    fn answered(&self, shop: &str, key: &str, operation: &str, input: &Value) -> Option<Value> {
        let (known, its_input, payload) = self.answered.get(&(shop.to_owned(), key.to_owned()))?;
        if *known == operation && its_input == input {
            return Some(payload.clone());
        }
        let message = "The same idempotency key cannot be used with different operation parameters.";
        Some(refused(&[user_error(json!(null), message, Some("IDEMPOTENCY_KEY_PARAMETER_MISMATCH"))]))
    }
}

impl Stock {
    /// The location with this id, which is known from then on.
    pub(super) fn locate(&mut self, id: i64) -> &mut Location {
        self.locations.entry(id).or_insert_with(|| Location { id, name: Place::own(id).name, active: true })
    }

    /// The item with this id that was not deleted.
    pub(super) fn item(&self, id: i64) -> Option<&Item> {
        self.items.get(&id).filter(|item| !item.missing)
    }

    /// The level of an item at a location, stocked there from then on.
    fn level_mut(&mut self, key: LevelKey) -> &mut Level {
        self.locate(key.1);
        let level = self.levels.entry(key).or_default();
        level.active = true;
        level
    }

    /// The first item of a SKU.
    pub(super) fn by_sku(&self, sku: &str) -> Option<i64> {
        self.by_sku.get(sku)?.iter().copied().find(|id| self.item(*id).is_some())
    }

    /// Makes an item that the shop does not count yet.
    pub(super) fn add_item(&mut self, ids: &Ids, sku: &str) -> &mut Item {
        let id = ids.next();
        self.by_sku.entry(sku.to_owned()).or_default().push(id);
        self.items.entry(id).or_insert_with(|| Item {
            id,
            sku: sku.to_owned(),
            tracked: false,
            variant: ids.next(),
            product: ids.next(),
            bundle: false,
            missing: false,
            indexed: true,
        })
    }

    /// The item that a line of an order takes from; one that is not known is not counted.
    fn item_of_line(&mut self, ids: &Ids, line: &Value) -> Option<i64> {
        let sku = line["sku"].as_str().filter(|sku| !sku.is_empty())?;
        let known = self.by_sku.get(sku).into_iter().flatten();
        let of_variant =
            known.filter_map(|id| self.item(*id)).find(|item| line["variant_id"] == item.variant);
        let found = of_variant.map(|item| item.id).or_else(|| self.by_sku(sku));
        Some(found.unwrap_or_else(|| self.add_item(ids, sku).id))
    }
}

/// Who a ledger entry about a shop's stock is about.
pub(super) fn subject(shop: &str) -> Map<String, Value> {
    [("shop".to_owned(), json!(shop))].into_iter().collect()
}

/// The global id of a level.
fn level_gid((item, location): LevelKey) -> String {
    format!("{}?inventory_item_id={item}", gid("InventoryLevel", location))
}

fn user_error(field: Value, message: &str, code: Option<&str>) -> Value {
    json!({ "field": field, "message": message, "code": code })
}

/// The payload of a mutation that was refused for these reasons.
fn refused(errors: &[Value]) -> Value {
    json!({ "inventoryAdjustmentGroup": null, "inventoryLevel": null, "userErrors": errors })
}
