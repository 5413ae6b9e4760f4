//! Items, levels, locations and variants as the Admin API shows them. They lead to each other without end, so only
//! what is asked for is shown.

use serde_json::{Map, Value, json};

use super::search::finds;
use super::{Item, Level, LevelKey, Location, Stock, level_gid};
use crate::shopify::document::Selected;
use crate::shopify::moments;
use crate::shopify::orders::{gid, id_in, number};
use crate::shopify::selection::{page, project};

/// What a root field shows of the stock; nothing where it is about something else.
///
/// # Errors
/// A search that is not understood.
pub(in crate::shopify) fn resolve(stock: &Stock, root: &Selected) -> Result<Option<Value>, String> {
    let shown = Shown { stock };
    let id = |kind| id_in(kind, root.arguments.get("id")?);
    Ok(Some(match root.name.as_str() {
        "inventoryItem" => id("InventoryItem").map_or(Value::Null, |id| shown.item(root, id)),
        "inventoryItems" => shown.items(root)?,
        "productVariants" => {
            let variants: Vec<i64> =
                stock.items.values().filter(|item| !item.missing).map(|item| item.id).collect();
            page(root, &variants, |field, id| shown.variant(field, *id))
        }
        "location" => id("Location").map_or(Value::Null, |id| shown.location(root, id)),
        "locations" => {
            let inactive = root.arguments.get("includeInactive") == Some(&json!(true));
            let mut found: Vec<&Location> =
                stock.locations.values().filter(|location| location.active || inactive).collect();
            found.sort_by(|one, other| one.name.cmp(&other.name));
            page(root, &found, |field, location| shown.location(field, location.id))
        }
        "node" => return Ok(root.arguments.get("id").and_then(|id| shown.node(root, id))),
        _ => return Ok(None),
    }))
}

/// What `nodes` shows under one id.
pub(in crate::shopify) fn node(stock: &Stock, root: &Selected, id: &Value) -> Option<Value> {
    Shown { stock }.node(root, id)
}

/// A level that is there, as it is asked for.
pub(in crate::shopify) fn level(stock: &Stock, field: &Selected, key: LevelKey) -> Value {
    Shown { stock }.level(field, key, true)
}

struct Shown<'a> {
    stock: &'a Stock,
}

impl Shown<'_> {
    fn node(&self, field: &Selected, id: &Value) -> Option<Value> {
        let text = id.as_str()?;
        if let Some(id) = number("InventoryItem", text) {
            Some(self.item(field, id))
        } else if let Some(id) = number("Location", text) {
            Some(self.location(field, id))
        } else if let Some(id) = number("ProductVariant", text) {
            let item = self.stock.items.values().find(|item| item.variant == id);
            Some(item.map_or(Value::Null, |item| self.variant(field, item.id)))
        } else {
            let (location, item) = text.split_once("?inventory_item_id=")?;
            let key = (item.parse().ok()?, number("InventoryLevel", location)?);
            Some(self.level(field, key, true))
        }
    }

    fn items(&self, field: &Selected) -> Result<Value, String> {
        let all = self.stock.items.values().filter(|item| !item.missing);
        let found: Vec<i64> = match field.arguments.get("query").and_then(Value::as_str) {
            Some(search) if !search.trim().is_empty() => {
                let finds = finds(search)?;
                all.filter(|item| finds(item)).map(|item| item.id).collect()
            }
            _ => all.map(|item| item.id).collect(),
        };
        Ok(page(field, &found, |field, id| self.item(field, *id)))
    }

    fn item(&self, field: &Selected, id: i64) -> Value {
        let Some(item) = self.stock.item(id) else { return Value::Null };
        object(field, "InventoryItem", |member| match member.name.as_str() {
            "id" => json!(gid("InventoryItem", id)),
            "legacyResourceId" => json!(id.to_string()),
            "sku" => json!(item.sku),
            "tracked" => json!(item.tracked),
            "inventoryLevel" => location_in(member).map_or(Value::Null, |location| {
                self.level(member, (id, location), includes_inactive(member))
            }),
            "inventoryLevels" => {
                let keys = self.stock.levels.range((id, i64::MIN)..=(id, i64::MAX)).map(|(key, _)| *key);
                self.levels(member, keys)
            }
            "variant" => self.variant(member, id),
            "variants" => page(member, &[id], |field, id| self.variant(field, *id)),
            _ => Value::Null,
        })
    }

    fn variant(&self, field: &Selected, item: i64) -> Value {
        let Some(Item { sku, variant, product, bundle, .. }) = self.stock.item(item) else {
            return Value::Null;
        };
        object(field, "ProductVariant", |member| match member.name.as_str() {
            "id" => json!(gid("ProductVariant", *variant)),
            "sku" => json!(sku),
            "requiresComponents" => json!(bundle),
            "inventoryItem" => self.item(member, item),
            "product" => project(member, &json!({ "id": gid("Product", *product) })),
            _ => Value::Null,
        })
    }

    fn location(&self, field: &Selected, id: i64) -> Value {
        let Some(Location { name, active, .. }) = self.stock.locations.get(&id) else { return Value::Null };
        object(field, "Location", |member| match member.name.as_str() {
            "id" => json!(gid("Location", id)),
            "name" => json!(name),
            "isActive" => json!(active),
            "inventoryLevel" => {
                let item = member.arguments.get("inventoryItemId");
                item.and_then(|item| id_in("InventoryItem", item))
                    .map_or(Value::Null, |item| self.level(member, (item, id), includes_inactive(member)))
            }
            "inventoryLevels" => {
                self.levels(member, self.stock.levels.keys().filter(|key| key.1 == id).copied())
            }
            _ => Value::Null,
        })
    }

    fn levels(&self, field: &Selected, keys: impl Iterator<Item = LevelKey>) -> Value {
        let inactive = includes_inactive(field);
        let is_shown = |key: &LevelKey| self.shown_level(*key, inactive).is_some();
        let keys: Vec<LevelKey> = keys.filter(is_shown).collect();
        page(field, &keys, |field, key| self.level(field, *key, inactive))
    }

    fn shown_level(&self, key: LevelKey, inactive: bool) -> Option<&Level> {
        self.stock.item(key.0)?;
        self.stock.levels.get(&key).filter(|level| level.active || inactive)
    }

    fn level(&self, field: &Selected, key: LevelKey, inactive: bool) -> Value {
        let Some(level) = self.shown_level(key, inactive) else { return Value::Null };
        let updated_at = moments::answered(&json!(level.updated_at));
        object(field, "InventoryLevel", |member| match member.name.as_str() {
            "id" => json!(level_gid(key)),
            "isActive" => json!(level.active),
            "updatedAt" => updated_at.clone(),
            "quantities" => {
                let names = member.arguments.get("names").and_then(Value::as_array).into_iter().flatten();
                let quantity = |name: &Value| {
                    let quantity = level.quantity(name.as_str()?)?;
                    // Shopify keeps the moment of what is available alone.
                    let updated_at = (name == "available").then(|| updated_at.clone());
                    let shown = json!({ "name": name, "quantity": quantity, "updatedAt": updated_at });
                    Some(project(member, &shown))
                };
                names.filter_map(quantity).collect()
            }
            "item" => self.item(member, key.0),
            "location" => self.location(member, key.1),
            _ => Value::Null,
        })
    }
}

/// The members of an object that are asked for.
fn object(field: &Selected, kind: &str, member: impl Fn(&Selected) -> Value) -> Value {
    let wanted = field.children.iter().filter(|child| child.on.as_ref().is_none_or(|on| on.as_str() == kind));
    let shown = wanted.map(|child| match child.name.as_str() {
        "__typename" => (child.key.clone(), json!(kind)),
        _ => (child.key.clone(), member(child)),
    });
    Value::Object(shown.collect::<Map<_, _>>())
}

fn location_in(field: &Selected) -> Option<i64> {
    id_in("Location", field.arguments.get("locationId")?)
}

fn includes_inactive(field: &Selected) -> bool {
    field.arguments.get("includeInactive") == Some(&json!(true))
}
