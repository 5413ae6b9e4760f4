//! What a person of the shop does with its stock in the admin.

use serde_json::{Value, json};
use strum::IntoEnumIterator;

use super::levels::Unavailable;
use super::{Inventory, Item, Level, LevelKey};
use crate::shopify::orders::{gid, id_in};

/// What a person does with the stock of a shop; the words say why it cannot be done.
pub(in crate::shopify) type Hand = fn(&mut Inventory, &str, &Value) -> Result<Value, String>;

impl Inventory {
    /// Makes an item, or changes the one with this `id` or `sku`.
    pub(in crate::shopify) fn set_item(&mut self, shop: &str, body: &Value) -> Result<Value, String> {
        let ids = self.ids.clone();
        let sku = body["sku"].as_str();
        let stock = self.stock(shop);
        let known = match (id_in("InventoryItem", &body["id"]), sku) {
            (Some(id), _) => Some(stock.items.get(&id).map(|item| item.id).ok_or("no item has this id")?),
            (None, Some(sku)) if body["another"] != json!(true) => stock.by_sku(sku),
            _ => None,
        };
        let id = match (known, sku) {
            (Some(id), _) => id,
            (None, Some(sku)) => stock.add_item(&ids, sku).id,
            (None, None) => return Err("an item needs a sku, or the id of one that is there".to_owned()),
        };
        let Some(item) = stock.items.get_mut(&id) else { return Err("no item has this id".to_owned()) };
        let was_tracked = item.tracked;
        item.variant = id_in("ProductVariant", &body["variant"]).unwrap_or(item.variant);
        for (name, member) in [
            ("tracked", &mut item.tracked),
            ("bundle", &mut item.bundle),
            ("missing", &mut item.missing),
            ("indexed", &mut item.indexed),
        ] {
            *member = body[name].as_bool().unwrap_or(*member);
        }
        let item = item.clone();
        if item.tracked && !was_tracked {
            self.count_committed(shop, id);
        }
        let shown = shown_item(&item);
        self.record(shop, "setItem", "inventoryItemSet", shown.clone());
        Ok(shown)
    }

    /// What is counted from now on begins with what the orders have committed by then.
    fn count_committed(&mut self, shop: &str, item: i64) {
        let committed = self.committed(item);
        let stock = self.stock(shop);
        for (location, quantity) in committed {
            stock.level_mut((item, location)).committed = quantity;
        }
    }

    /// Makes a location, or gives one another name or state.
    pub(in crate::shopify) fn set_location(&mut self, shop: &str, body: &Value) -> Result<Value, String> {
        let id = id_in("Location", &body["id"]).ok_or("a location needs an id")?;
        let location = self.stock(shop).locate(id);
        location.active = body["active"].as_bool().unwrap_or(location.active);
        if let Some(name) = body["name"].as_str() {
            location.name = name.to_owned();
        }
        let shown = json!({ "id": id, "name": location.name, "active": location.active });
        self.record(shop, "setLocation", "locationSet", shown.clone());
        Ok(shown)
    }

    /// Sets what is named of a level: `available` or `on_hand`, the unavailable states, and whether it is `active`.
    pub(in crate::shopify) fn set_level(&mut self, shop: &str, body: &Value) -> Result<Value, String> {
        let key = self.named_level(shop, body)?;
        let given = |name: &str| body[name].as_i64();
        if given("available").is_some() && given("on_hand").is_some() {
            return Err("available and on_hand cannot both be set".to_owned());
        }
        self.change(shop, key, "setLevel", |level| {
            for state in Unavailable::iter() {
                let known = level.unavailable(state);
                *known = given(state.into()).unwrap_or(*known);
            }
            level.available = given("available").unwrap_or(level.available);
            if let Some(on_hand) = given("on_hand") {
                level.available += on_hand - level.on_hand();
            }
            level.active = body["active"].as_bool().unwrap_or(true);
        })
    }

    /// Reserves pieces for a draft order; fewer than none are given back, as when it becomes an order.
    pub(in crate::shopify) fn reserve(&mut self, shop: &str, body: &Value) -> Result<Value, String> {
        let key = self.named_level(shop, body)?;
        let quantity = body["quantity"].as_i64().ok_or("how many stands in quantity")?;
        let reserved = self
            .stock(shop)
            .levels
            .get_mut(&key)
            .map_or(0, |level| *level.unavailable(Unavailable::Reserved));
        if reserved + quantity < 0 {
            return Err(format!("only {reserved} pieces are reserved"));
        }
        self.change(shop, key, "reserve", |level| {
            *level.unavailable(Unavailable::Reserved) += quantity;
            level.available -= quantity;
        })
    }

    fn named_level(&mut self, shop: &str, body: &Value) -> Result<LevelKey, String> {
        let location = id_in("Location", &body["location"]).ok_or("where stands in location")?;
        let stock = self.stock(shop);
        let item = id_in("InventoryItem", &body["item"]).filter(|id| stock.items.contains_key(id));
        let item = item.or_else(|| stock.by_sku(body["sku"].as_str()?));
        Ok((item.ok_or("which item stands in item or sku, and the shop has it")?, location))
    }

    fn change(
        &mut self,
        shop: &str,
        key: LevelKey,
        operation: &str,
        apply: impl FnOnce(&mut Level),
    ) -> Result<Value, String> {
        let stock = self.stock(shop);
        let was = stock.levels.get(&key).cloned().unwrap_or_default();
        let level = stock.level_mut(key);
        apply(level);
        level.touch();
        let change = self.changed(shop, key, &was);
        self.record(shop, operation, "inventorySetByHand", json!({ "by": "shop", "changes": [change] }));
        Ok(change)
    }

    /// All that is known of a shop's stock.
    pub(in crate::shopify) fn shown(&mut self, shop: &str) -> Value {
        let stock = self.stock(shop);
        let level = |(key, level): (&LevelKey, &Level)| {
            let item = &stock.items[&key.0];
            let mut shown = level.shown();
            shown["item"] = json!(key.0);
            shown["location"] = json!(key.1);
            shown["sku"] = json!(item.sku);
            shown["tracked"] = json!(item.tracked);
            shown["updatedAt"] = json!(level.updated_at);
            shown
        };
        json!({
            "shop": shop,
            "items": stock.items.values().map(shown_item).collect::<Value>(),
            "locations": stock.locations.values()
                .map(|found| json!({ "id": found.id, "name": found.name, "active": found.active }))
                .collect::<Value>(),
            "levels": stock.levels.iter().map(level).collect::<Value>(),
        })
    }
}

fn shown_item(item: &Item) -> Value {
    json!({
        "id": item.id,
        "adminGraphqlApiId": gid("InventoryItem", item.id),
        "sku": item.sku,
        "tracked": item.tracked,
        "variant": item.variant,
        "product": item.product,
        "bundle": item.bundle,
        "missing": item.missing,
        "indexed": item.indexed,
    })
}
