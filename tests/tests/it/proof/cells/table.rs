//! The table of cells: where an order stands × what is done with it → what the pages for people promise.
//!
//! The promises are read off `docs/cancellation.md` and `docs/edits.md` themselves; here stands which row and which
//! column a cell belongs to, and what the pages say beside their tables.

use domain::Step;

const CANCELLATION: &str = include_str!("../../../../../docs/cancellation.md");
const EDITS: &str = include_str!("../../../../../docs/edits.md");

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// In the hold window.
    HeldByWindow,
    /// At the gate, not paid.
    AwaitingPayment,
    /// Its reservation is being made.
    Reserving,
    /// Waits for stock.
    Backordered,
    /// Reserved; the shop is being asked for its fulfilment orders.
    Looking,
    /// Reserved; the shop holds it.
    HeldByShop,
    /// The warehouse is asked to take it, and has not answered.
    HandingOver,
    /// The warehouse has taken it and stops it when asked.
    Accepted,
    /// The warehouse has picked it and does not stop it any more.
    Picked,
    /// One line has left, the other is at another warehouse, which stops it when asked.
    PartShipped,
    /// Some of it has left, the rest waits for stock.
    PartShippedRestWaits,
    /// It has left, and the shop cannot be told.
    ShippedUntold,
    /// It was delivered, and the shop cannot be told.
    DeliveredUntold,
    /// It has left, the shop was told, and nothing runs any more.
    Told,
    /// It was delivered, and nothing runs any more.
    Delivered,
    /// It was cancelled.
    Cancelled,
    /// A step of it waits for a person.
    Parked(Step),
}

/// How an order is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// An operator, by the signal.
    Signal,
    /// An operator, through the API.
    Api,
    /// An operator, by cancelling the run.
    Run,
    /// A front end in the customer's name.
    Customer,
    /// The shop.
    Shop,
    /// A rule of the policy.
    Policy,
}

/// What is done with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is cancelled.
    Cancel(Cancel),
    /// The shop has another address.
    Address,
    /// The shop wants one piece more of a line.
    QuantityUp,
    /// The shop wants one piece less of a line.
    QuantityDown,
    /// The shop adds a line.
    LineAdded,
    /// The shop removes a line.
    LineRemoved,
    /// The shop voids the payment.
    MoneyGone,
    /// The shop holds what is open.
    HoldPlaced,
    /// A person says what a line is.
    SkuMapped,
    /// A person chooses the warehouse.
    WarehouseChosen,
    /// A person corrects the address.
    AddressByHand,
}

/// What is promised; the words are those of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Stock is given back, the shop is told, the order is `CANCELLED`.
    AtOnce,
    /// The warehouse is asked to stop it; then as [`Self::AtOnce`].
    Recall,
    /// The warehouse is asked to stop it and cannot: it leaves.
    TooLateToRecall,
    /// What has left stays shipped, the rest is recalled and given back.
    ReleaseTheRest,
    /// Nothing happens.
    Refuse,
    /// A success: nothing is left to do.
    AlreadyCancelled,
    /// A person is asked to see to it.
    OpenAttention,
    /// The reservation and the hand-over follow.
    Follow,
    /// What was added leaves in a parcel of its own.
    FurtherParcel,
    /// What no longer fits is recalled and handed over anew.
    RecallAndFollow,
    /// It is not handed over.
    Wait,
    /// It is recalled, and not handed over anew.
    RecallAndWait,
    /// A row says what differs.
    Show,
    /// Nothing is to be done.
    Nothing,
    /// It is being cancelled, and is.
    IsBeingCancelled,
    /// Its rest is being cancelled, and is.
    RestIsBeingCancelled,
    /// The edit is refused with the status.
    EditRefused,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Where it stands.
    pub stand: Stand,
    /// What is done.
    pub act: Act,
}

impl Stand {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            Self::HeldByWindow,
            Self::AwaitingPayment,
            Self::Reserving,
            Self::Backordered,
            Self::Looking,
            Self::HeldByShop,
            Self::HandingOver,
            Self::Accepted,
            Self::Picked,
            Self::PartShipped,
            Self::PartShippedRestWaits,
            Self::ShippedUntold,
            Self::DeliveredUntold,
            Self::Told,
            Self::Delivered,
            Self::Cancelled,
        ];
        // Nothing is done at `follow`; parked at `tell_shop` is `ShippedUntold`.
        let parks = |step: &Step| !matches!(step, Step::Follow | Step::TellShop);
        all.extend(Step::ALL.into_iter().filter(parks).map(Self::Parked));
        all
    }

    /// The row of the pages' tables.
    pub fn stage(self) -> &'static str {
        match self {
            Self::HeldByWindow | Self::AwaitingPayment | Self::Reserving | Self::Backordered => "pending",
            Self::Looking | Self::HeldByShop => "confirmed",
            Self::HandingOver | Self::Accepted | Self::Picked => "processing",
            Self::PartShipped | Self::PartShippedRestWaits => "partially shipped",
            Self::ShippedUntold | Self::Told => "shipped",
            Self::DeliveredUntold | Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Parked(Step::Gate | Step::ReadOrder | Step::Reserve) => "pending",
            Self::Parked(Step::LookInShop) => "confirmed",
            Self::Parked(Step::RefundInShop) => "partially shipped",
            Self::Parked(Step::TellShop) => "shipped",
            Self::Parked(
                Step::HandOver
                | Step::RecordParcel
                | Step::Recall
                | Step::Release
                | Step::CancelInShop
                | Step::RecordCancelled
                | Step::Follow,
            ) => "processing",
        }
    }

    /// Whether somebody cancels it already.
    pub fn is_being_cancelled(self) -> bool {
        match self {
            Self::Parked(step) => matches!(
                step,
                Step::Recall
                    | Step::Release
                    | Step::CancelInShop
                    | Step::RefundInShop
                    | Step::RecordCancelled
            ),
            _ => false,
        }
    }

    /// Whether the warehouse stops nothing of it.
    pub fn is_too_late(self) -> bool {
        matches!(self, Self::Picked | Self::Parked(Step::RecordParcel))
    }

    /// Whether there is a run to talk to.
    pub fn runs(self) -> bool {
        !matches!(self, Self::Told | Self::Delivered | Self::Cancelled)
    }

    /// Whether everybody is tried who may cancel: at one of those of its stage at which a run listens.
    fn speaks_for_its_stage(self) -> bool {
        matches!(
            self,
            Self::AwaitingPayment
                | Self::HeldByShop
                | Self::Accepted
                | Self::Picked
                | Self::PartShipped
                | Self::ShippedUntold
                | Self::DeliveredUntold
        )
    }

    fn acts(self) -> Vec<Act> {
        use Act::{
            Address, AddressByHand, HoldPlaced, LineAdded, LineRemoved, MoneyGone, QuantityDown, QuantityUp,
            SkuMapped, WarehouseChosen,
        };
        let mut cancels = vec![Cancel::Api, Cancel::Shop];
        // Who talks to a run finds none where nothing runs.
        if self.runs() {
            cancels.push(Cancel::Signal);
        }
        if self.speaks_for_its_stage() {
            cancels.extend([Cancel::Run, Cancel::Customer, Cancel::Policy]);
        }
        let mut acts: Vec<Act> = cancels.into_iter().map(Act::Cancel).collect();
        match self {
            Self::Parked(_) => acts.extend([Address, QuantityDown]),
            // What waits for stock is at no warehouse.
            Self::PartShippedRestWaits => acts.push(QuantityDown),
            _ => acts.extend([
                Address,
                QuantityUp,
                QuantityDown,
                LineAdded,
                LineRemoved,
                MoneyGone,
                HoldPlaced,
                SkuMapped,
                WarehouseChosen,
                AddressByHand,
            ]),
        }
        acts
    }
}

impl Cell {
    /// Every cell.
    pub fn all() -> Vec<Self> {
        let of = |stand: Stand| stand.acts().into_iter().map(move |act| Self { stand, act });
        Stand::all().into_iter().flat_map(of).collect()
    }

    /// The page and the column; none for what a person edits by hand, of which there is no table.
    fn column(self) -> Option<(&'static str, &'static str)> {
        Some(match self.act {
            Act::Cancel(Cancel::Signal | Cancel::Api | Cancel::Run) => (CANCELLATION, "operator"),
            Act::Cancel(Cancel::Customer) => (CANCELLATION, "customer"),
            Act::Cancel(Cancel::Shop) => (CANCELLATION, "shopify"),
            Act::Cancel(Cancel::Policy) => (CANCELLATION, "policy"),
            Act::Address => (EDITS, "another address"),
            Act::QuantityUp | Act::LineAdded => (EDITS, "more pieces"),
            Act::QuantityDown | Act::LineRemoved => (EDITS, "fewer pieces"),
            Act::MoneyGone => (EDITS, "money gone"),
            Act::HoldPlaced => (EDITS, "hold placed"),
            Act::SkuMapped | Act::WarehouseChosen | Act::AddressByHand => return None,
        })
    }

    /// What is promised.
    pub fn promise(self) -> Promise {
        if self.stand.is_being_cancelled() {
            return match self.stand {
                Stand::Parked(Step::RefundInShop) => Promise::RestIsBeingCancelled,
                _ => Promise::IsBeingCancelled,
            };
        }
        let stage = self.stand.stage();
        let Some((page, column)) = self.column() else {
            return match stage {
                "pending" | "confirmed" => Promise::Follow,
                "processing" | "partially shipped" if self.stand.is_too_late() => Promise::Show,
                "processing" | "partially shipped" => Promise::RecallAndFollow,
                _ => Promise::EditRefused,
            };
        };
        let promised = match promised(page, stage, column) {
            "at once" => Promise::AtOnce,
            "recall" => Promise::Recall,
            "release the rest" => Promise::ReleaseTheRest,
            "refuse" => Promise::Refuse,
            "already cancelled" => Promise::AlreadyCancelled,
            "open attention" => Promise::OpenAttention,
            "follow" => Promise::Follow,
            "further parcel" => Promise::FurtherParcel,
            "recall and follow" => Promise::RecallAndFollow,
            "wait" => Promise::Wait,
            "recall and wait" => Promise::RecallAndWait,
            "show" => Promise::Show,
            "nothing" => Promise::Nothing,
            other => panic!("{stage} × {column}: nobody knows what `{other}` means"),
        };
        match promised {
            Promise::Recall if self.stand.is_too_late() => Promise::TooLateToRecall,
            // What could not be stopped leaves, and a row says what differs.
            Promise::RecallAndFollow | Promise::RecallAndWait if self.stand.is_too_late() => Promise::Show,
            promised => promised,
        }
    }

    /// Whether the shop itself does not let its people do it.
    pub fn is_refused_by_the_shop(self) -> bool {
        match self.act {
            // Nothing is open that could be held.
            Act::HoldPlaced => {
                matches!(self.stand, Stand::HeldByShop | Stand::Told | Stand::Delivered | Stand::Cancelled)
            }
            // Nothing is open that could be taken off.
            Act::QuantityDown | Act::LineRemoved => {
                matches!(self.stand, Stand::Cancelled | Stand::Parked(Step::RecordCancelled))
            }
            _ => false,
        }
    }
}

/// The cell of a page's table with this column.
fn promised<'a>(page: &'a str, stage: &str, column: &str) -> &'a str {
    let cells = |line: &'a str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<&str>>();
    let mut lines =
        page.lines().skip_while(|line| !(line.starts_with("| stage |") && cells(line).contains(&column)));
    let head = cells(lines.next().unwrap_or_else(|| panic!("no table has the column {column}")));
    let at = head.iter().position(|name| *name == column).expect("it is there");
    let rows = lines.take_while(|line| line.starts_with('|')).map(cells);
    let row = rows.into_iter().find(|row| row[0] == stage);
    row.unwrap_or_else(|| panic!("no row {stage} in the table with the column {column}"))[at]
}

#[test]
fn every_cell_of_the_pages_tables_is_walked() {
    let walked: Vec<(&str, &str)> =
        Cell::all().into_iter().filter_map(|cell| Some((cell.stand.stage(), cell.column()?.1))).collect();
    let is_walked = |stage: &str, column: &str| walked.contains(&(stage, column));
    let columns = ["customer", "operator", "shopify", "policy"].into_iter().chain([
        "fewer pieces",
        "more pieces",
        "another address",
        "money gone",
        "hold placed",
    ]);
    let stages =
        ["pending", "confirmed", "processing", "partially shipped", "shipped", "delivered", "cancelled"];
    let missed: Vec<String> = columns
        .flat_map(|column| stages.into_iter().map(move |stage| (stage, column)))
        .filter(|(stage, column)| !is_walked(stage, column))
        .map(|(stage, column)| format!("{stage} × {column}"))
        .collect();
    // No run is there that could take a customer's or a policy's cancel; the API's answer is that of `Cancel::Api`.
    assert_eq!(missed, ["cancelled × customer", "cancelled × policy"]);
}
