//! Learning which items the shop has, and which locations.

use serde::Deserialize;
use serde_json::json;

use crate::admin::error::ShopifyError;
use crate::admin::pages::{Connection, UNREADABLE, number};
use crate::admin::{AdminClient, operations};
use crate::gid::{InventoryItemId, LocationId};

/// Some of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Those of this page.
    pub members: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A variant's item. Several may have one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The SKU, where the variant has one.
    pub sku: Option<String>,
    /// The item.
    pub item: InventoryItemId,
    /// Whether the shop counts it.
    pub tracked: bool,
    /// Whether the variant is a bundle, whose stock is that of its components.
    pub is_bundle: bool,
}

/// A location of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopLocation {
    /// The location.
    pub id: LocationId,
    /// What the shop calls it.
    pub name: String,
    /// Whether it is in use.
    pub is_active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantNode {
    sku: Option<String>,
    requires_components: bool,
    inventory_item: ItemNode,
}

#[derive(Deserialize)]
struct ItemNode {
    id: String,
    tracked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocationNode {
    id: String,
    name: String,
    is_active: bool,
}

impl VariantNode {
    fn read(self) -> Result<Item, ShopifyError> {
        Ok(Item {
            item: InventoryItemId(number("InventoryItem", &self.inventory_item.id)?),
            sku: self.sku.filter(|sku| !sku.is_empty()),
            tracked: self.inventory_item.tracked,
            is_bundle: self.requires_components,
        })
    }
}

impl LocationNode {
    fn read(self) -> Result<ShopLocation, ShopifyError> {
        let id = LocationId(number("Location", &self.id)?);
        Ok(ShopLocation { id, name: self.name, is_active: self.is_active })
    }
}

impl AdminClient {
    /// A page of the shop's items, 250 for 24 points; `after` is the `next` of the page before.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn items(&self, after: Option<&str>) -> Result<Page<Item>, ShopifyError> {
        let page = self.transport.call(operations::ITEMS, json!({ "after": after })).await?;
        let page: Connection<VariantNode> = page.ok_or(UNREADABLE)?;
        let next = page.next()?;
        let members = page.nodes.into_iter().map(VariantNode::read).collect::<Result<_, _>>()?;
        Ok(Page { members, next })
    }

    /// All locations of the shop, those that are closed too.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn locations(&self) -> Result<Vec<ShopLocation>, ShopifyError> {
        let page = |found: Option<Connection<LocationNode>>| found.ok_or(UNREADABLE);
        let mut first = page(self.transport.call(operations::LOCATIONS, json!({})).await?)?;
        let nodes = self.transport.all_pages(&mut first, operations::LOCATIONS, json!({}), page).await?;
        nodes.into_iter().map(LocationNode::read).collect()
    }
}
