//! A message as it came, read: what it needs is read leniently, what nobody needs is passed over.

use std::collections::BTreeMap;

use domain::{LineId, OrderId, Quantity, Sku, WarehouseId, leniently};
use outbox::incoming::Incoming;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::stock_event::{self, StockEvent, StockKind};

/// The most items of an event; as many as an order may have.
const MOST_ITEMS: usize = 500;
/// The most characters of an id or a name that are kept.
const MOST_CHARACTERS: usize = 255;

/// A message of a broker's.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// `kafka` or `amqp`.
    pub(crate) broker: &'static str,
    /// Headers that are texts, by their names as they came.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What an event of another order system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString)]
pub(crate) enum Kind {
    #[strum(to_string = "OrderCreated", serialize = "ORDER_CREATED", serialize = "ORDER_PLACED")]
    Created,
    #[strum(to_string = "OrderConfirmed", serialize = "ORDER_CONFIRMED")]
    Confirmed,
    #[strum(to_string = "OrderCancelled", serialize = "ORDER_CANCELLED")]
    Cancelled,
    #[strum(to_string = "OrderReturnInitiated", serialize = "ORDER_RETURN_INITIATED")]
    ReturnInitiated,
}

/// A message, read as far as it can be.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// What is kept of it whatever it says.
    pub(crate) incoming: Incoming,
    /// What it says, or why nobody can act on it.
    pub(crate) event: Result<Said, String>,
    /// Its source by the CloudEvents attribute, which may differ from the envelope's.
    attribute_source: Option<String>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq, derive_more::From)]
pub(crate) enum Said {
    /// Of an order of another system.
    OfOrder(OrderEvent),
    /// Of the stock of an order of ours.
    OfStock(StockEvent),
}

/// An order's event of another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderEvent {
    pub(crate) kind: Kind,
    pub(crate) order_id: OrderId,
    /// Whether its stock is to be held.
    pub(crate) pre_allocates: bool,
    pub(crate) items: Vec<EventItem>,
    pub(crate) reason: Option<String>,
}

/// One item of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventItem {
    pub(crate) order_item: LineId,
    pub(crate) sku: Sku,
    pub(crate) quantity: Quantity,
    pub(crate) warehouse: Option<WarehouseId>,
}

impl Message {
    /// A CloudEvents attribute, however this broker's clients spell its name.
    fn attribute(&self, name: &str) -> Option<&str> {
        ["ce_", "ce-", "cloudEvents_", "cloudEvents:"]
            .iter()
            .find_map(|prefix| self.headers.get(&format!("{prefix}{name}")))
            .map(String::as_str)
    }

    /// Reads it. What has no id of its own is known by its bytes.
    pub(crate) fn read(self) -> Read {
        let envelope = envelope_of(&self.body);
        let said = |member: &Value, attribute: &str| {
            text(member).or_else(|| text(&Value::from(self.attribute(attribute)?)))
        };
        let source = said(&envelope["metadata"]["source"], "source");
        let attribute_source = self.attribute("source").map(ToOwned::to_owned);
        let event_id = said(&envelope["eventId"], "id");
        let event_type = said(&envelope["eventType"], "type");
        let payload = &envelope["payload"];
        let order_id = text(&payload["orderId"]).or_else(|| text(&envelope["aggregateId"]));
        let kind = event_type.as_deref().and_then(AnyKind::named);
        let event = event_of(&envelope, event_type.as_deref(), order_id.as_deref());
        let incoming = Incoming {
            source: source.unwrap_or_else(|| self.broker.to_owned()),
            event_id: event_id
                .unwrap_or_else(|| format!("sha256:{}", hex::encode(Sha256::digest(&self.body)))),
            broker: self.broker.to_owned(),
            event_type: kind.map(|kind| kind.to_string()).or(event_type).unwrap_or_default(),
            order_id,
            body: self.body,
        };
        Read { incoming, event, attribute_source }
    }
}

impl Read {
    /// Whether it is an event of ours, which comes back by a queue of our own.
    pub(crate) fn is_from(&self, source: &str) -> bool {
        self.incoming.source == source || self.attribute_source.as_deref() == Some(source)
    }

    /// What was kept because nobody could act on it, read again. Its type may have stood in a header.
    pub(crate) fn again(kept: Incoming) -> Self {
        let envelope = envelope_of(&kept.body);
        let event = event_of(&envelope, Some(&kept.event_type), kept.order_id.as_deref());
        Self { incoming: kept, event, attribute_source: None }
    }
}

fn envelope_of(body: &[u8]) -> Value {
    serde_json::from_str(&leniently::sound_json(body)).unwrap_or_default()
}

/// A type of event that is known.
#[derive(Clone, Copy, derive_more::Display)]
enum AnyKind {
    OfOrder(Kind),
    OfStock(StockKind),
}

impl AnyKind {
    /// By either broker's spelling.
    fn named(name: &str) -> Option<Self> {
        name.parse().map(Self::OfOrder).or_else(|_| name.parse().map(Self::OfStock)).ok()
    }
}

fn event_of(envelope: &Value, event_type: Option<&str>, order_id: Option<&str>) -> Result<Said, String> {
    if !envelope.is_object() {
        return Err("UNREADABLE: the body is no JSON object".to_owned());
    }
    // Who says none means the one there is.
    if let Some(version) = text(&envelope["eventVersion"]).filter(|version| !is_known(version)) {
        return Err(format!("UNKNOWN_VERSION: eventVersion {version} is none of 1.x.y"));
    }
    let name = event_type.ok_or("UNKNOWN_TYPE: eventType is missing")?;
    let kind = AnyKind::named(name).ok_or_else(|| format!("UNKNOWN_TYPE: eventType {name}"))?;
    let order_id = order_id.ok_or("INVALID: payload.orderId is missing")?;
    let order_id = OrderId::parse(order_id).map_err(|error| format!("INVALID: payload.orderId: {error}"))?;
    let payload = &envelope["payload"];
    Ok(match kind {
        AnyKind::OfOrder(kind) => order_event(kind, order_id, payload)?.into(),
        AnyKind::OfStock(kind) => stock_event::read(kind, order_id, payload)?.into(),
    })
}

fn order_event(kind: Kind, order_id: OrderId, payload: &Value) -> Result<OrderEvent, String> {
    let items = match &payload["items"] {
        Value::Null => Vec::new(),
        Value::Array(items) if items.len() <= MOST_ITEMS => {
            items.iter().enumerate().map(|(at, item)| item_of(at, item)).collect::<Result<_, _>>()?
        }
        Value::Array(_) => return Err(format!("INVALID: payload.items: {MOST_ITEMS} at most")),
        _ => return Err("INVALID: payload.items is no list".to_owned()),
    };
    let pre_allocates = match &payload["requiresPreAllocation"] {
        Value::Bool(yes) => *yes,
        other => text(other).and_then(|text| leniently::flag(&text)).unwrap_or(false),
    };
    Ok(OrderEvent { kind, order_id, pre_allocates, items, reason: text(&payload["reason"]) })
}

/// An item, of the event or of the orders' own system.
pub(crate) fn item_of(at: usize, item: &Value) -> Result<EventItem, String> {
    let place = |member: &str, problem: &str| format!("INVALID: items[{at}].{member}{problem}");
    let order_item = text(&item["orderItemId"]).or_else(|| text(&item["id"]));
    let order_item = order_item.ok_or_else(|| place("orderItemId", " is missing"))?;
    let sku = text(&item["sku"]).or_else(|| text(&item["inventoryItemId"]));
    let sku = sku.ok_or_else(|| place("sku", " is missing"))?;
    let quantity = leniently::whole_value(&item["quantity"]);
    let quantity = quantity.ok_or_else(|| place("quantity", " is no whole number"))?;
    let wrong = |member: &'static str| move |error| place(member, &format!(": {error}"));
    Ok(EventItem {
        order_item: LineId::parse(&order_item).map_err(wrong("orderItemId"))?,
        sku: Sku::parse(&sku).map_err(wrong("sku"))?,
        quantity: Quantity::new(quantity).map_err(wrong("quantity"))?,
        warehouse: match text(&item["warehouseId"]) {
            Some(named) => Some(WarehouseId::parse(&named).map_err(wrong("warehouseId"))?),
            None => None,
        },
    })
}

fn is_known(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let are_numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    parts[0] == "1" && parts.len() <= 3 && are_numbers
}

/// A text that is not empty, or a number as one. What no database keeps in a text is none of it.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let kept: String = text.chars().filter(|c| *c != '\0').take(MOST_CHARACTERS).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests;
