//! Ids as types: each is parsed once, at the door, and stays valid from then on.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why a value was refused: which field, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {allowed}")]
pub struct ParseError {
    /// The name of the value in the trade's terms, for example `sku`.
    pub field: &'static str,
    /// What is allowed, as a sentence a caller can act on.
    pub allowed: Cow<'static, str>,
}

impl ParseError {
    /// That the field may hold something else only.
    #[must_use]
    pub const fn new(field: &'static str, allowed: &'static str) -> Self {
        Self { field, allowed: Cow::Borrowed(allowed) }
    }

    /// That a text is none of these words.
    #[must_use]
    pub fn none_of(field: &'static str, words: &[&str]) -> Self {
        Self { field, allowed: Cow::Owned(format!("one of {}", words.join(", "))) }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $field:literal, $allowed:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[derive(derive_more::Display, derive_more::Into)]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`ParseError`] names the field and what it may hold.
            pub fn parse(text: &str) -> Result<Self, ParseError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(ParseError::new($field, $allowed))
                }
            }

            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseError;
            fn try_from(text: String) -> Result<Self, ParseError> {
                Self::parse(&text)
            }
        }
    };
}

/// Letters, digits, dot, underscore and hyphen; 1 to 64 of them.
fn is_plain_token(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Printable, not padded with white space, 1 to `most` characters, however many bytes they take.
pub(crate) fn is_printable(text: &str, most: usize) -> bool {
    // No more is counted than has to be.
    let characters = text.chars().take(most + 1).count();
    (1..=most).contains(&characters) && text.trim() == text && !text.chars().any(char::is_control)
}

text_id!(
    /// An order's id: a UUIDv7 of ours or the caller's own id.
    ///
    /// `user` is refused because `/api/orders/user/…` is a route.
    OrderId,
    "orderId",
    "1 to 64 letters, digits, '.', '_' or '-', and not 'user'",
    |text| is_plain_token(text) && text != "user"
);

text_id!(
    /// Who orders: an id of the caller's choice, or the subject of the caller's tokens as its issuer
    /// writes it (`auth0|5f7c`, `service:web`, `jane@example.com`).
    UserId,
    "userId",
    "1 to 64 letters, digits, '.', '_', '-', ':', '|' or '@'",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b'|' | b'@')
            })
    }
);

text_id!(
    /// The number people use for an order: `ORD-YYYYMMDD-XXXXXXXX` with eight upper-case hex digits.
    OrderNumber,
    "orderNumber",
    "ORD-YYYYMMDD-XXXXXXXX with eight hexadecimal digits in upper case",
    |text| {
        let mut parts = text.split('-');
        let (Some("ORD"), Some(day), Some(tail), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        day.len() == 8
            && day.bytes().all(|b| b.is_ascii_digit())
            && tail.len() == 8
            && tail.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    }
);

text_id!(
    /// A stock keeping unit.
    Sku,
    "sku",
    "1 to 255 printable characters without white space at either end",
    |text| is_printable(text, 255)
);

text_id!(
    /// A warehouse; `main` is the one meant where none is named.
    WarehouseId,
    "warehouseId",
    "1 to 64 letters, digits, '.', '_' or '-'",
    is_plain_token
);

text_id!(
    /// A warehouse system by the name it is configured under: one system may ship for several warehouses.
    WarehouseSystem,
    "system",
    "1 to 32 lower-case letters, digits or '-'",
    |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

text_id!(
    /// A lane, which is a task queue of its own: `orders`, `warehouse`, `warehouse-{system}`, `shopify-{shop}`.
    LaneName,
    "lane",
    "1 to 128 letters, digits, '.', '_' or '-'",
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
);

text_id!(
    /// A line of an order, unique within the order: Shopify's line id, or the position of an API order's line.
    LineId,
    "lineId",
    "1 to 64 letters, digits, '.', '_' or '-'",
    is_plain_token
);

text_id!(
    /// A shop's permanent domain, for example `anyx-demo.myshopify.com`.
    ShopDomain,
    "shop",
    "a host name in lower case, for example anyx-demo.myshopify.com",
    |text| {
        (4..=253).contains(&text.len())
            && text.contains('.')
            && text.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            })
    }
);

text_id!(
    /// The unique reference of one hand-over to a warehouse: `{order number}-{warehouse}-{epoch}`.
    RequestReference,
    "reference",
    "1 to 128 printable characters without white space at either end",
    |text| is_printable(text, 128)
);

text_id!(
    /// The id of an order's Temporal workflow.
    WorkflowId,
    "workflowId",
    "order/{shop}/{shopify order id} or order/api/{order id}",
    |text| text.starts_with("order/") && is_printable(text, 400)
);

text_id!(
    /// An allocation's id: `alloc_` and a UUIDv7 without hyphens.
    AllocationId,
    "allocationId",
    "alloc_ and 32 hexadecimal digits in lower case",
    |text| {
        let digits = text.strip_prefix("alloc_").unwrap_or_default();
        digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
);

text_id!(
    /// A return's id: `ret_` and a UUIDv7 without hyphens, so that the newest is the largest.
    ReturnId,
    "returnId",
    "ret_ and 32 hexadecimal digits in lower case",
    |text| {
        let digits = text.strip_prefix("ret_").unwrap_or_default();
        digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
);

impl ReturnId {
    /// The id that has this UUID in it, as a number.
    #[must_use]
    pub fn of(uuid: u128) -> Self {
        Self(format!("ret_{uuid:032x}"))
    }
}

impl AllocationId {
    /// The id that has this UUID in it, as a number.
    #[must_use]
    pub fn of(uuid: u128) -> Self {
        Self(format!("alloc_{uuid:032x}"))
    }
}

impl WarehouseId {
    /// The warehouse meant where none is named.
    #[must_use]
    pub fn main() -> Self {
        Self("main".to_owned())
    }
}

impl WarehouseSystem {
    /// The first one: the system that `WMS_URL` names.
    #[must_use]
    pub fn first() -> Self {
        Self("wms".to_owned())
    }

    /// Whether it is the first one.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.0 == "wms"
    }
}

impl Default for WarehouseSystem {
    fn default() -> Self {
        Self::first()
    }
}

impl LaneName {
    /// Workflows, and steps in our own database.
    #[must_use]
    pub fn orders() -> Self {
        Self("orders".to_owned())
    }

    /// Calls to a warehouse system.
    #[must_use]
    pub fn of_system(system: &WarehouseSystem) -> Self {
        if system.is_first() { Self("warehouse".to_owned()) } else { Self(format!("warehouse-{system}")) }
    }

    /// Calls to a shop that names no other lane. A domain longer than a lane's name may be shares the lane of those
    /// with the same beginning.
    #[must_use]
    pub fn of_shop(shop: &ShopDomain) -> Self {
        Self(format!("shopify-{shop}").chars().take(128).collect())
    }
}

impl OrderNumber {
    /// Builds the number of an order received on `day` (`YYYYMMDD`) from 32 random bits.
    ///
    /// # Errors
    /// [`ParseError`] if `day` is not eight digits.
    pub fn from_parts(day: &str, random: u32) -> Result<Self, ParseError> {
        Self::parse(&format!("ORD-{day}-{random:08X}"))
    }
}

impl RequestReference {
    /// The reference under which `order` is handed to `warehouse` for the given reservation epoch.
    #[must_use]
    pub fn of(order: &OrderNumber, warehouse: &WarehouseId, epoch: u32) -> Self {
        Self(format!("{order}-{warehouse}-{epoch}"))
    }
}

/// Shopify's id of an order. Real ids exceed 2^53, so it is never a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[derive(derive_more::Display)]
pub struct ShopifyOrderId(pub i64);

/// Where an order came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Channel {
    /// A Shopify shop.
    Shopify {
        /// The shop's permanent domain.
        shop: ShopDomain,
        /// The shop's id of the order.
        shopify_order_id: ShopifyOrderId,
    },
    /// Our own order API.
    Api,
}

impl Channel {
    /// The shop, if the order came from one.
    #[must_use]
    pub fn shop(&self) -> Option<&ShopDomain> {
        match self {
            Self::Shopify { shop, .. } => Some(shop),
            Self::Api => None,
        }
    }
}

impl WorkflowId {
    /// The one function that names an order's workflow.
    #[must_use]
    pub fn of(channel: &Channel, order: &OrderId) -> Self {
        match channel {
            Channel::Shopify { shop, shopify_order_id } => Self(format!("order/{shop}/{shopify_order_id}")),
            Channel::Api => Self(format!("order/api/{order}")),
        }
    }
}

#[cfg(test)]
mod tests;
