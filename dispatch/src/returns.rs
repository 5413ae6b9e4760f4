//! What a shop and a warehouse say of returns: announced, taken back, come.

use std::time::Duration;

use domain::{ParkReason, Quantity, ReturnId, Sku, WarehouseId, is_ours_by_service};
use orders::{
    Order, attention,
    inbox::Message,
    record,
    refunds::{self, ReturnSource},
    returns::{
        self, AnnouncedItem, Announcement, Receipt, ReceivedPieces, Receiver, Return, ReturnError, Source,
    },
};
use process::settings::{Shop, System};
use shopify::wire::{self, ParsedReturn};
use stock::ReceiveError;
use warehouse::callback::{ReturnCallback, ReturnedPieces};

use crate::{DispatchError, Dispatched, Dispatcher, Outcome, shop_updates::not_known_yet};

impl Dispatcher {
    /// The shop approved a return. Its pieces are on hand when they are received, or at once where the policy says so.
    pub(crate) async fn return_approved(&self, message: &Message, shop: &Shop) -> Dispatched {
        let approved = match wire::parse_return(&message.body) {
            Ok(approved) => approved,
            Err(unreadable) => return self.unreadable_part(message, shop, unreadable).await,
        };
        let Some(order) = self.order_of_shop(shop, approved.shopify_order_id).await? else {
            return Ok(not_known_yet(message));
        };
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        for line in &approved.lines {
            let (source, id) = (ReturnSource::Return, line.return_line_id);
            let of = &order.order_id;
            if refunds::announce_return(&mut tx, of, source, id, &line.line_id, line.quantity).await? {
                let cause = format!("return line {id}");
                self.restock(&mut tx, &order, shop, &line.line_id, &cause, line.quantity).await?;
            }
        }
        let announcement = Announcement {
            source: Source::Shopify,
            external_id: Some(&external_id(shop, approved.return_id)),
            reason: approved.reason.as_deref(),
            items: Some(&items_of_ours(&order, shop, &approved)?),
        };
        returns::announce(&mut tx, &order.order_id, &announcement).await.map_err(trouble)?;
        tx.commit().await?;
        Ok(Outcome::done(order.order_id))
    }

    /// The shop took a return back: nothing of it is expected any more.
    pub(crate) async fn return_cancelled(&self, message: &Message, shop: &Shop) -> Dispatched {
        let (id, return_id) = match wire::parse_cancelled_return(&message.body) {
            Ok(cancelled) => cancelled,
            Err(unreadable) => return self.unreadable_part(message, shop, unreadable).await,
        };
        let Some(order) = self.order_of_shop(shop, id).await? else {
            return Ok(not_known_yet(message));
        };
        let mut tx = self.pool.begin().await?;
        returns::cancel(&mut tx, &order.order_id, &external_id(shop, return_id)).await?;
        tx.commit().await?;
        Ok(Outcome::done(order.order_id))
    }

    /// Pieces of a return came: all of what the callback says is booked, or nothing, and a person sees why.
    pub(crate) async fn return_came(&self, message: &Message, came: &ReturnCallback) -> Dispatched {
        let found = match ReturnId::parse(&came.return_id) {
            Ok(id) => returns::find(&mut *self.pool.acquire().await?, &id).await?,
            Err(_) => None,
        };
        let Some(found) = found else {
            let mut conn = self.pool.acquire().await?;
            let words = format!("{} came, a return that nobody here knows", came.return_id);
            let park_reason = ParkReason::new(ParkReason::RETURN_NOT_RECEIVED);
            attention::show_message(&mut conn, message.inbox_id, &park_reason, &words).await?;
            return Ok(Outcome::skipped("no return has this id", None));
        };
        let order_id = found.order_id.clone();
        let why = match self.receive(message, came, &found).await {
            Ok(()) => return Ok(Outcome::done(order_id)),
            Err(NotReceived::Misfit(why)) => why,
            Err(NotReceived::Trouble(trouble)) => return Err(trouble),
        };
        let words =
            format!("{} came with {}: {why}; nothing of it was booked", found.return_id, pieces_of(came));
        let mut conn = self.pool.acquire().await?;
        let park_reason = ParkReason::new(ParkReason::RETURN_NOT_RECEIVED);
        attention::show_besides(&mut conn, &order_id, &park_reason, &words).await?;
        Ok(Outcome::skipped("what came does not fit the return", Some(order_id)))
    }

    async fn receive(
        &self,
        message: &Message,
        came: &ReturnCallback,
        found: &Return,
    ) -> Result<(), NotReceived> {
        let warehouse = came.warehouse_id.as_deref().map(WarehouseId::parse).transpose();
        let warehouse = warehouse.map_err(|_| NotReceived::misfit("its warehouse is none"))?;
        let system = self.system_of(message).ok_or_else(|| NotReceived::misfit("its system is gone"))?;
        let pieces: Vec<ReceivedPieces> =
            came.lines.iter().map(received_pieces).collect::<Result<_, NotReceived>>()?;
        let lines = found.lines.iter().filter(|line| pieces.iter().any(|came| came.sku == line.sku));
        let mut places = lines.map(|line| warehouse.as_ref().unwrap_or(&line.warehouse));
        if let Some(place) = places.find(|place| !self.ships_for(system, place)) {
            let words = format!("{place} is no warehouse of the system that says so");
            return Err(NotReceived::Misfit(words));
        }
        let receipt = Receipt {
            receiver: Receiver::Warehouse,
            key: &format!("{}/{}", system.name, message.message_id),
            warehouse: warehouse.as_ref(),
            pieces: &pieces,
            stock_is_here: self.settings.stock.is_here(),
        };
        let mut tx = self.pool.begin().await?;
        let stock = &self.settings.stock;
        stock.receive_return(&mut tx, &found.return_id, &receipt, Duration::ZERO).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether a system ships for a warehouse: the first one for all that no other names.
    fn ships_for(&self, system: &System, warehouse: &WarehouseId) -> bool {
        let names = |system: &System| system.warehouses.contains(warehouse);
        if system.warehouses.is_empty() { !self.settings.systems.iter().any(names) } else { names(system) }
    }
}

/// Why nothing of a return was received.
enum NotReceived {
    /// What is said of it does not fit; in words for a person.
    Misfit(String),
    /// It may be tried again.
    Trouble(DispatchError),
}

impl NotReceived {
    fn misfit(words: &str) -> Self {
        Self::Misfit(words.to_owned())
    }
}

impl From<sqlx::Error> for NotReceived {
    fn from(error: sqlx::Error) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<ReceiveError> for NotReceived {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Return(ReturnError::Orders(error)) => Self::Trouble(error.into()),
            ReceiveError::Return(ReturnError::UnknownLine { line }) => {
                Self::Misfit(format!("the SKU of line {} is not of the return", line + 1))
            }
            ReceiveError::Return(ReturnError::TooMany { line, open }) => {
                Self::Misfit(format!("only {open} pieces of line {} are still to come", line + 1))
            }
            ReceiveError::Return(error @ (ReturnError::NotFound | ReturnError::Cancelled)) => {
                Self::Misfit(error.to_string())
            }
            ReceiveError::Stock(error) if error.names_what_is_unknown() => Self::Misfit(error.to_string()),
            ReceiveError::Stock(error) => Self::Trouble(error.into()),
        }
    }
}

/// Of a fact nothing is refused.
fn trouble(error: ReturnError) -> DispatchError {
    match error {
        ReturnError::Orders(error) => error.into(),
        error => DispatchError::Orders(orders::OrdersError::Unreadable(error.to_string())),
    }
}

/// The shop's id of a return, unique over all shops.
fn external_id(shop: &Shop, return_id: i64) -> String {
    format!("{}/{return_id}", shop.domain)
}

/// What of a return is of lines that are ours to ship: what others shipped goes back to them.
fn items_of_ours(
    order: &Order,
    shop: &Shop,
    approved: &ParsedReturn,
) -> Result<Vec<AnnouncedItem>, DispatchError> {
    let is_others = |line: &&wire::ReturnLine| {
        let known = order.facts.lines.iter().find(|known| known.line_id == line.line_id);
        known.is_some_and(|known| !is_ours_by_service(known, &shop.fulfillment_services))
    };
    let ours = approved.lines.iter().filter(|line| !is_others(line));
    let items = ours.map(|line| {
        Ok(AnnouncedItem {
            order_item_id: Some(line.line_id.clone()),
            sku: None,
            quantity: Quantity::new(i64::from(line.quantity))?,
        })
    });
    items.collect()
}

fn received_pieces(came: &ReturnedPieces) -> Result<ReceivedPieces, NotReceived> {
    let misfit = |_| NotReceived::Misfit(format!("{} is no SKU", came.sku));
    Ok(ReceivedPieces {
        sku: Sku::parse(&came.sku).map_err(misfit)?,
        quantity: Quantity::new(i64::from(came.quantity)).map_err(misfit)?,
        sellable: came.sellable,
    })
}

fn pieces_of(came: &ReturnCallback) -> String {
    let piece = |line: &ReturnedPieces| {
        let cannot = if line.sellable { "" } else { " that cannot be sold" };
        format!("{} × {}{cannot}", line.quantity, line.sku)
    };
    came.lines.iter().map(piece).collect::<Vec<_>>().join(", ")
}
