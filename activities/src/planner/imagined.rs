//! A situation made up for tests: an order of a shop with two warehouses, `main` and `far`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    AddressSaid, ApprovalRules, FinancialStatus, FulfilmentPolicy, GateFacts, GateRules, LineId, LinePieces,
    OrderId, RequestReference, StockOutRule, WantedLine, WarehouseId, WarehouseSystem,
};
use orders::{
    brief::Brief,
    fulfilment_request::{FulfilmentRequest, FulfilmentRequestStatus, RequestedLine},
    parcel_lines::Parcel,
};
use serde_json::json;
use shopify::admin::FulfilmentOrder;
use workflows::contract::Rules;

use super::situation::Situation;
use crate::shops::ShopRules;

/// The locations that are the two warehouses.
pub(super) const MAIN: i64 = 1;
pub(super) const FAR: i64 = 2;

pub(super) fn line_id(id: &str) -> LineId {
    LineId::parse(id).unwrap()
}

pub(super) fn warehouse(id: &str) -> WarehouseId {
    WarehouseId::parse(id).unwrap()
}

pub(super) fn moment(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

/// A line of which so many pieces are wanted in all, and so many have left. Its SKU is `SKU-` and its id.
pub(super) fn wanted(id: &str, pieces: u32, left: u32) -> WantedLine {
    WantedLine { line_id: line_id(id), sku: Some(format!("SKU-{id}")), pieces, left }
}

fn line_pieces(lines: &[(&str, u32)]) -> Vec<LinePieces> {
    lines.iter().map(|(id, quantity)| LinePieces { line_id: line_id(id), quantity: *quantity }).collect()
}

pub(super) fn reference(at: &str, round: u32) -> RequestReference {
    RequestReference::parse(&format!("ORD-20261126-0A0B0C0D-{at}-{round}")).unwrap()
}

/// What a warehouse was handed over and took.
pub(super) fn request(at: &str, round: u32, lines: &[(&str, u32)]) -> FulfilmentRequest {
    let line = |(id, quantity): &(&str, u32)| RequestedLine {
        line_id: (*id).to_owned(),
        sku: format!("SKU-{id}"),
        quantity: *quantity,
    };
    FulfilmentRequest {
        reference: reference(at, round),
        order_id: OrderId::parse("one").unwrap(),
        warehouse: warehouse(at),
        system: WarehouseSystem::first(),
        status: FulfilmentRequestStatus::Accepted,
        lines: lines.iter().map(line).collect(),
        pieces: lines.iter().map(|(_, quantity)| quantity).sum(),
        ship_to_digest: None,
        was_called: true,
        recall_refused: false,
        recall_wanted: false,
    }
}

/// A parcel that left under that hand-over, and of which the shop was not notified yet.
pub(super) fn parcel(at: &str, round: u32, lines: &[(&str, u32)]) -> Parcel {
    Parcel {
        reference: reference(at, round),
        parcel_id: "P".to_owned(),
        warehouse: at.to_owned(),
        booked_at: Some(moment(0)),
        shop_notified_at: None,
        tracking_number: None,
        fulfilment_ids: Vec::new(),
        lines: line_pieces(lines),
        besides: Vec::new(),
    }
}

/// An open fulfilment order at a location.
pub(super) fn fulfilment_order(location: i64, lines: &[(&str, u32)]) -> FulfilmentOrder {
    let line = |(id, quantity): &(&str, u32)| json!({"id": id, "lineItemId": id.parse::<i64>().unwrap(), "totalQuantity": quantity, "remainingQuantity": quantity});
    let lines: Vec<_> = lines.iter().map(line).collect();
    serde_json::from_value(json!({"id": "gid", "number": 1, "status": "OPEN", "requestStatus": "UNSUBMITTED",
        "locationId": location, "locationName": "here", "isHeld": false, "lines": lines}))
    .unwrap()
}

pub(super) fn held(location: i64, until: Option<i64>, lines: &[(&str, u32)]) -> FulfilmentOrder {
    FulfilmentOrder { is_held: true, fulfil_at: until.map(moment), ..fulfilment_order(location, lines) }
}

/// The situation of an order whose shop has said so and whose fulfilment orders were just looked at.
pub(super) fn situation(wanted: Vec<WantedLine>, fulfilment_orders: Vec<FulfilmentOrder>) -> Situation {
    let to_ship = wanted.iter().map(WantedLine::to_ship).sum();
    let gate = GateFacts {
        financial_status: FinancialStatus::Paid,
        was_payable: true,
        test: false,
        cancelled: false,
        was_open: true,
        to_ship,
        currency_is_readable: true,
        skus_are_readable: true,
    };
    let locations = [(MAIN, warehouse("main")), (FAR, warehouse("far"))];
    Situation {
        brief: Brief {
            gate,
            wanted,
            of_others: Vec::new(),
            ship_to_digest: None,
            address: AddressSaid::Given,
            in_doubt: false,
            doubtful_by: None,
        },
        parcels: Vec::new(),
        requests: Vec::new(),
        fulfilment_orders,
        look_is_fresh: true,
        shop: ShopRules {
            locations: locations.into(),
            services: Vec::new(),
            books_others: false,
            approval: ApprovalRules::default(),
        },
        has_no_address: false,
        is_of_a_shop: true,
        assigned: None,
        is_edited: false,
    }
}

pub(super) fn rules() -> Rules {
    Rules {
        stock_out: StockOutRule::WaitWhole,
        gate: GateRules::of(&FulfilmentPolicy::default()),
        look: true,
        follow_locations: true,
        takes_as_seen: false,
        rest_is_cancelled: false,
        left_as_they_are: Vec::new(),
        approval: ApprovalRules::default(),
        risk_is_late: false,
    }
}

pub(super) fn nothing_notified() -> BTreeMap<LineId, u32> {
    BTreeMap::new()
}
