//! Answers: written where they are made, checked where they arrive.

use chrono::DateTime;
use domain::{Currency, LineId, Money, OrderId, ParseError, Quantity, Sku, WarehouseId};
use inventory::{
    Allocation, AllocationId, AllocationStatus, Availability, Item, Reservation, ReservationStatus,
    ReserveOutcome, Shortage, StockedItem, WaitingLine, WarehouseAvailability,
};

use crate::error::StockError;
use crate::proto;

fn checked<T>(value: Result<T, ParseError>) -> Result<T, StockError> {
    value.map_err(StockError::unexpected)
}

fn quantity(pieces: u32) -> Result<Quantity, StockError> {
    checked(Quantity::new(i64::from(pieces)))
}

pub(crate) fn item_answer(StockedItem { item, availability: stock }: &StockedItem) -> proto::Item {
    let money = |price: &Money| proto::Money {
        amount: price.amount().to_string(),
        currency: price.currency().as_str().to_owned(),
    };
    let per_warehouse = stock.per_warehouse.iter().map(|at| proto::WarehouseFigures {
        warehouse_id: at.warehouse.to_string(),
        figures: Some(figures(at.on_hand, at.reserved, at.queued, at.available)),
    });
    proto::Item {
        sku: item.sku.to_string(),
        name: item.name.clone(),
        unit_price: item.unit_price.as_ref().map(money),
        created_at_us: item.created_at.timestamp_micros(),
        figures: Some(figures(stock.on_hand, stock.reserved, stock.queued, stock.available)),
        per_warehouse: per_warehouse.collect(),
    }
}

fn figures(on_hand: u64, reserved: u64, queued: u64, available: u64) -> proto::Figures {
    proto::Figures { on_hand, reserved, queued, available }
}

pub(crate) fn item_of(answer: proto::Item) -> Result<StockedItem, StockError> {
    let sku = checked(Sku::parse(&answer.sku))?;
    let total = answer.figures.unwrap_or_default();
    let mut per_warehouse = Vec::with_capacity(answer.per_warehouse.len());
    for at in answer.per_warehouse {
        let proto::Figures { on_hand, reserved, queued, available } = at.figures.unwrap_or_default();
        let warehouse = checked(WarehouseId::parse(&at.warehouse_id))?;
        per_warehouse.push(WarehouseAvailability { warehouse, on_hand, reserved, queued, available });
    }
    let price = |price: proto::Money| {
        let amount = price.amount.parse().map_err(StockError::unexpected)?;
        checked(Currency::parse(&price.currency).and_then(|currency| Money::new(amount, currency)))
    };
    Ok(StockedItem {
        item: Item {
            sku: sku.clone(),
            name: answer.name,
            unit_price: answer.unit_price.map(price).transpose()?,
            created_at: DateTime::from_timestamp_micros(answer.created_at_us).unwrap_or_default(),
        },
        availability: Availability {
            sku,
            on_hand: total.on_hand,
            reserved: total.reserved,
            queued: total.queued,
            available: total.available,
            per_warehouse,
        },
    })
}

pub(crate) fn reserve_answer(outcome: &ReserveOutcome) -> proto::ReserveResponse {
    use proto::reserve_response::Outcome;
    let outcome = match outcome {
        ReserveOutcome::Reserved(made) => {
            Outcome::Reserved(proto::Reserved { reservation: Some(reservation_answer(made)) })
        }
        ReserveOutcome::UnknownSku(lines) => Outcome::UnknownSkus(proto::UnknownSkus {
            line_ids: lines.iter().map(ToString::to_string).collect(),
        }),
        ReserveOutcome::Short(short) => {
            Outcome::Shortages(proto::Shortages { shortages: short.iter().map(shortage_answer).collect() })
        }
    };
    proto::ReserveResponse { outcome: Some(outcome) }
}

fn shortage_answer(Shortage { sku, requested, available }: &Shortage) -> proto::Shortage {
    proto::Shortage { sku: sku.to_string(), requested: *requested, available: *available }
}

pub(crate) fn outcome_of(answer: proto::ReserveResponse) -> Result<ReserveOutcome, StockError> {
    use proto::reserve_response::Outcome;
    let line = |id: &String| checked(LineId::parse(id));
    let shortage = |short: proto::Shortage| {
        let proto::Shortage { sku, requested, available } = short;
        Ok(Shortage { sku: checked(Sku::parse(&sku))?, requested, available })
    };
    match answer.outcome {
        Some(Outcome::Reserved(proto::Reserved { reservation: Some(made) })) => {
            Ok(ReserveOutcome::Reserved(reservation_of(made)?))
        }
        Some(Outcome::UnknownSkus(unknown)) => {
            Ok(ReserveOutcome::UnknownSku(unknown.line_ids.iter().map(line).collect::<Result<_, _>>()?))
        }
        Some(Outcome::Shortages(short)) => {
            let short = short.shortages.into_iter().map(shortage);
            Ok(ReserveOutcome::Short(short.collect::<Result<_, StockError>>()?))
        }
        Some(Outcome::Reserved(_)) | None => Err(StockError::unexpected("no outcome")),
    }
}

pub(crate) fn reservation_answer(made: &Reservation) -> proto::Reservation {
    let waiting = |line: &WaitingLine| proto::WaitingLine {
        line_id: line.line_id.to_string(),
        sku: line.sku.to_string(),
        warehouse_id: line.warehouse.to_string(),
        quantity: line.quantity.get(),
    };
    proto::Reservation {
        order_id: made.order_id.to_string(),
        epoch: made.epoch.number(),
        status: status_answer(made.status).into(),
        allocations: made.allocations.iter().map(allocation_answer).collect(),
        waiting: made.waiting.iter().map(waiting).collect(),
        version: made.version,
    }
}

/// What it changed is told by the service alone, so the reservation read here changed nothing.
pub(crate) fn reservation_of(answer: proto::Reservation) -> Result<Reservation, StockError> {
    let waiting = |line: &proto::WaitingLine| {
        Ok(WaitingLine {
            line_id: checked(LineId::parse(&line.line_id))?,
            sku: checked(Sku::parse(&line.sku))?,
            warehouse: checked(WarehouseId::parse(&line.warehouse_id))?,
            quantity: quantity(line.quantity)?,
        })
    };
    Ok(Reservation {
        order_id: checked(OrderId::parse(&answer.order_id))?,
        epoch: answer.epoch.into(),
        version: answer.version,
        status: status_of(answer.status())?,
        allocations: answer.allocations.iter().map(allocation_of).collect::<Result<_, _>>()?,
        waiting: answer.waiting.iter().map(waiting).collect::<Result<_, StockError>>()?,
        changed: Vec::new(),
        served: Vec::new(),
    })
}

fn allocation_answer(held: &Allocation) -> proto::Allocation {
    let status = match held.status {
        AllocationStatus::Pending => proto::AllocationStatus::Pending,
        AllocationStatus::Confirmed => proto::AllocationStatus::Confirmed,
        AllocationStatus::Fulfilled => proto::AllocationStatus::Fulfilled,
        AllocationStatus::Cancelled => proto::AllocationStatus::Cancelled,
    };
    proto::Allocation {
        allocation_id: held.allocation_id.to_string(),
        line_id: held.line_id.to_string(),
        sku: held.sku.to_string(),
        warehouse_id: held.warehouse.to_string(),
        quantity: held.quantity.get(),
        fulfilled_quantity: held.fulfilled_quantity,
        status: status.into(),
        cause: held.cause.clone(),
    }
}

fn allocation_of(answer: &proto::Allocation) -> Result<Allocation, StockError> {
    let status = match answer.status() {
        proto::AllocationStatus::Pending => AllocationStatus::Pending,
        proto::AllocationStatus::Confirmed => AllocationStatus::Confirmed,
        proto::AllocationStatus::Fulfilled => AllocationStatus::Fulfilled,
        proto::AllocationStatus::Cancelled => AllocationStatus::Cancelled,
        proto::AllocationStatus::Unspecified => return Err(StockError::unexpected("an allocation's status")),
    };
    Ok(Allocation {
        allocation_id: checked(AllocationId::parse(&answer.allocation_id))?,
        line_id: checked(LineId::parse(&answer.line_id))?,
        sku: checked(Sku::parse(&answer.sku))?,
        warehouse: checked(WarehouseId::parse(&answer.warehouse_id))?,
        quantity: quantity(answer.quantity)?,
        fulfilled_quantity: answer.fulfilled_quantity,
        status,
        cause: answer.cause.clone(),
    })
}

pub(crate) fn status_answer(status: ReservationStatus) -> proto::ReservationStatus {
    match status {
        ReservationStatus::Complete => proto::ReservationStatus::Complete,
        ReservationStatus::Waiting => proto::ReservationStatus::Waiting,
        ReservationStatus::Released => proto::ReservationStatus::Released,
        ReservationStatus::Fulfilled => proto::ReservationStatus::Fulfilled,
    }
}

pub(crate) fn status_of(status: proto::ReservationStatus) -> Result<ReservationStatus, StockError> {
    match status {
        proto::ReservationStatus::Complete => Ok(ReservationStatus::Complete),
        proto::ReservationStatus::Waiting => Ok(ReservationStatus::Waiting),
        proto::ReservationStatus::Released => Ok(ReservationStatus::Released),
        proto::ReservationStatus::Fulfilled => Ok(ReservationStatus::Fulfilled),
        proto::ReservationStatus::Unspecified => Err(StockError::unexpected("a reservation's status")),
    }
}
