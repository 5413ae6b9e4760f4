//! Requests: checked where they arrive, written where they are sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId, Quantity, Sku, WarehouseId};
use inventory::{DemandLine, FulfilRequest, Holder, Pinned, PlacedLine, ReserveMode, ReserveRequest};

use crate::error::Invalid;
use crate::proto;

/// The most SKUs or lines of a request.
const MOST_LINES: usize = 2_000;
/// The longest a reservation may be provisional.
const LONGEST_PROVISIONAL_S: u32 = 3600;
/// The most entries of a page.
const MOST_OF_A_PAGE: u32 = 1000;
/// The most characters of a cause or of a parcel's id.
const MOST_CHARACTERS: usize = 200;

pub(crate) fn order_id(text: &str) -> Result<OrderId, Invalid> {
    Invalid::of("order_id", OrderId::parse(text))
}

pub(crate) fn cause(text: &str) -> Result<&str, Invalid> {
    bounded("cause", text)
}

fn bounded<'a>(field: &str, text: &'a str) -> Result<&'a str, Invalid> {
    let fits = !text.trim().is_empty()
        && text.chars().count() <= MOST_CHARACTERS
        && !text.chars().any(char::is_control);
    if fits {
        Ok(text)
    } else {
        Err(Invalid::new(field, "1 to 200 characters, none of them a control character"))
    }
}

fn quantity(field: String, pieces: u32) -> Result<Quantity, Invalid> {
    Invalid::of(field, Quantity::new(i64::from(pieces)))
}

fn count(field: &str, count: usize) -> Result<(), Invalid> {
    if (1..=MOST_LINES).contains(&count) { Ok(()) } else { Err(Invalid::new(field, "1 to 2000 entries")) }
}

/// The SKUs a caller asks about.
pub(crate) fn skus(request: &proto::CheckStockRequest) -> Result<Vec<Sku>, Invalid> {
    count("skus", request.skus.len())?;
    let sku = |(index, sku): (usize, &String)| Invalid::of(format!("skus[{index}]"), Sku::parse(sku));
    request.skus.iter().enumerate().map(sku).collect()
}

/// A reservation that is asked for.
pub(crate) struct Wanted {
    pub(crate) request: ReserveRequest,
    pub(crate) provisional_for: Option<Duration>,
}

/// Whose it is, the caller says: the epoch is the bare number.
pub(crate) fn wanted(request: proto::ReserveRequest) -> Result<Wanted, Invalid> {
    count("lines", request.lines.len() + request.placed.len())?;
    let mode = match request.mode() {
        proto::ReserveMode::AllOrNothing => ReserveMode::AllOrNothing,
        proto::ReserveMode::WaitForTheRest => ReserveMode::WaitForTheRest,
        proto::ReserveMode::ShipWhatIsThere => ReserveMode::ShipWhatIsThere,
        proto::ReserveMode::Unspecified => return Err(Invalid::new("mode", "one of the modes is needed")),
    };
    let provisional_for = match request.provisional_for_s {
        None => None,
        Some(seconds @ 1..=LONGEST_PROVISIONAL_S) => Some(Duration::from_secs(u64::from(seconds))),
        Some(_) => return Err(Invalid::new("provisional_for_s", "1 to 3600 seconds")),
    };
    let preferred = request.preferred_warehouse_id.as_deref();
    let preferred = preferred.map(|id| Invalid::of("preferred_warehouse_id", WarehouseId::parse(id)));
    let line = |(index, line): (usize, &proto::DemandLine)| demand_line(&format!("lines[{index}]"), line);
    let placed = |(index, placed): (usize, &proto::PlacedLine)| {
        let field = format!("placed[{index}]");
        let warehouse = WarehouseId::parse(&placed.warehouse_id);
        Ok(PlacedLine {
            warehouse: Invalid::of(format!("{field}.warehouse_id"), warehouse)?,
            line: demand_line(&format!("{field}.line"), &placed.line.clone().unwrap_or_default())?,
        })
    };
    let pinned = |(index, pinned): (usize, &proto::PinnedPieces)| {
        let field = |name: &str| format!("pinned[{index}].{name}");
        Ok(Pinned {
            line_id: Invalid::of(field("line_id"), LineId::parse(&pinned.line_id))?,
            warehouse: Invalid::of(field("warehouse_id"), WarehouseId::parse(&pinned.warehouse_id))?,
            pieces: pinned.pieces,
        })
    };
    let request = ReserveRequest {
        order_id: order_id(&request.order_id)?,
        epoch: request.epoch.into(),
        lines: request.lines.iter().enumerate().map(line).collect::<Result<_, Invalid>>()?,
        placed: request.placed.iter().enumerate().map(placed).collect::<Result<_, Invalid>>()?,
        pinned: request.pinned.iter().enumerate().map(pinned).collect::<Result<_, Invalid>>()?,
        mode,
        preferred_warehouse: preferred.transpose()?,
        version: request.version,
    };
    Ok(Wanted { request, provisional_for })
}

fn demand_line(field: &str, line: &proto::DemandLine) -> Result<DemandLine, Invalid> {
    Ok(DemandLine {
        line_id: Invalid::of(format!("{field}.line_id"), LineId::parse(&line.line_id))?,
        sku: Invalid::of(format!("{field}.sku"), Sku::parse(&line.sku))?,
        quantity: quantity(format!("{field}.quantity"), line.quantity)?,
    })
}

pub(crate) fn reserve_request(
    request: &ReserveRequest,
    provisional_for: Option<Duration>,
) -> proto::ReserveRequest {
    let mode = match request.mode {
        ReserveMode::AllOrNothing => proto::ReserveMode::AllOrNothing,
        ReserveMode::WaitForTheRest => proto::ReserveMode::WaitForTheRest,
        ReserveMode::ShipWhatIsThere => proto::ReserveMode::ShipWhatIsThere,
    };
    let line = |line: &DemandLine| proto::DemandLine {
        line_id: line.line_id.to_string(),
        sku: line.sku.to_string(),
        quantity: line.quantity.get(),
    };
    let placed = |placed: &PlacedLine| proto::PlacedLine {
        warehouse_id: placed.warehouse.to_string(),
        line: Some(line(&placed.line)),
    };
    let pinned = |pinned: &Pinned| proto::PinnedPieces {
        line_id: pinned.line_id.to_string(),
        warehouse_id: pinned.warehouse.to_string(),
        pieces: pinned.pieces,
    };
    proto::ReserveRequest {
        order_id: request.order_id.to_string(),
        epoch: request.epoch.number(),
        lines: request.lines.iter().map(line).collect(),
        mode: mode.into(),
        preferred_warehouse_id: request.preferred_warehouse.as_ref().map(ToString::to_string),
        // What is longer than the wire can say is as good as for ever.
        provisional_for_s: provisional_for.map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX)),
        placed: request.placed.iter().map(placed).collect(),
        pinned: request.pinned.iter().map(pinned).collect(),
        version: request.version,
    }
}

/// A parcel that has left.
pub(crate) fn left(request: &proto::FulfilRequest, holder: Holder) -> Result<FulfilRequest, Invalid> {
    count("lines", request.lines.len())?;
    let line = |(index, line): (usize, &proto::FulfilledLine)| {
        let sku = Invalid::of(format!("lines[{index}].sku"), Sku::parse(&line.sku))?;
        Ok((sku, quantity(format!("lines[{index}].quantity"), line.quantity)?))
    };
    Ok(FulfilRequest {
        order_id: order_id(&request.order_id)?,
        epoch: holder.epoch(request.epoch),
        warehouse: Invalid::of("warehouse_id", WarehouseId::parse(&request.warehouse_id))?,
        parcel_id: bounded("parcel_id", &request.parcel_id)?.to_owned(),
        lines: request.lines.iter().enumerate().map(line).collect::<Result<_, Invalid>>()?,
    })
}

pub(crate) fn fulfil_request(request: &FulfilRequest) -> proto::FulfilRequest {
    let line = |(sku, quantity): &(Sku, Quantity)| proto::FulfilledLine {
        sku: sku.to_string(),
        quantity: quantity.get(),
    };
    proto::FulfilRequest {
        order_id: request.order_id.to_string(),
        epoch: request.epoch.number(),
        warehouse_id: request.warehouse.to_string(),
        parcel_id: request.parcel_id.clone(),
        lines: request.lines.iter().map(line).collect(),
    }
}

/// A page of the movements that served orders.
pub(crate) fn page(request: &proto::ListServedRequest) -> Result<(DateTime<Utc>, i64), Invalid> {
    if !(1..=MOST_OF_A_PAGE).contains(&request.limit) {
        return Err(Invalid::new("limit", "1 to 1000"));
    }
    let since = DateTime::from_timestamp_micros(request.since_us)
        .filter(|since| (1970..10_000).contains(&chrono::Datelike::year(since)))
        .ok_or_else(|| Invalid::new("since_us", "microseconds since 1970"))?;
    Ok((since, i64::from(request.limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> proto::ReserveRequest {
        proto::ReserveRequest {
            order_id: "order-1".into(),
            epoch: 1,
            lines: vec![proto::DemandLine { line_id: "1".into(), sku: "SHIRT".into(), quantity: 2 }],
            mode: proto::ReserveMode::AllOrNothing.into(),
            preferred_warehouse_id: Some("main".into()),
            provisional_for_s: Some(120),
            placed: vec![proto::PlacedLine {
                warehouse_id: "west".into(),
                line: Some(proto::DemandLine { line_id: "2".into(), sku: "MUG".into(), quantity: 1 }),
            }],
            pinned: vec![proto::PinnedPieces { line_id: "1".into(), warehouse_id: "main".into(), pieces: 1 }],
            version: 3,
        }
    }

    #[test]
    fn a_request_survives_the_wire_whole() {
        let Wanted { request, provisional_for } = wanted(asked()).ok().unwrap();
        assert_eq!(reserve_request(&request, provisional_for), asked());
        let left_now = proto::FulfilRequest {
            order_id: "order-1".into(),
            epoch: 2,
            warehouse_id: "main".into(),
            parcel_id: "REF/1".into(),
            lines: vec![proto::FulfilledLine { sku: "SHIRT".into(), quantity: 2 }],
        };
        assert_eq!(fulfil_request(&left(&left_now, Holder::OURS).ok().unwrap()), left_now);
    }

    #[test]
    fn a_refusal_names_the_field() {
        let changed = |change: fn(&mut proto::ReserveRequest)| {
            let mut request = asked();
            change(&mut request);
            wanted(request).err().unwrap().field
        };
        assert_eq!(changed(|request| request.order_id = "a b".into()), "order_id");
        assert_eq!(changed(|request| (request.lines.clear(), request.placed.clear()).0), "lines");
        assert_eq!(changed(|request| request.lines[0].quantity = 0), "lines[0].quantity");
        assert_eq!(changed(|request| request.lines[0].sku.clear()), "lines[0].sku");
        assert_eq!(changed(|request| request.mode = 0), "mode");
        assert_eq!(changed(|request| request.mode = 77), "mode");
        assert_eq!(changed(|request| request.provisional_for_s = Some(3601)), "provisional_for_s");
        assert_eq!(cause(" ").err().unwrap().field, "cause");
        let page_of =
            |since_us, limit| page(&proto::ListServedRequest { since_us, limit, ..Default::default() });
        assert_eq!(page_of(0, 1001).err().unwrap().field, "limit");
        assert_eq!(page_of(i64::MAX, 1).err().unwrap().field, "since_us");
    }
}
