//! Each call, and its repetition.

use std::time::Duration;

use inventory_service::proto::{
    CheckStockRequest, ConfirmRequest, DemandLine, FulfilRequest, FulfilledLine, GetReservationRequest,
    ListServedRequest, ReleaseRequest, Reservation, ReservationStatus, ReserveMode, ReserveRequest, Reserved,
    reserve_response::Outcome,
};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::{
    stock::{books::audit, request},
    world::{self, InventoryService, TOKEN_SECRET, claims, signed, until},
};

pub(super) fn reserve(order: &str, sku: &str, quantity: u32) -> ReserveRequest {
    ReserveRequest {
        order_id: order.into(),
        epoch: 1,
        lines: vec![DemandLine { line_id: "1".into(), sku: sku.into(), quantity }],
        mode: ReserveMode::AllOrNothing.into(),
        preferred_warehouse_id: None,
        provisional_for_s: None,
        version: 1,
        ..ReserveRequest::default()
    }
}

async fn reserved(service: &InventoryService, request: ReserveRequest) -> Reservation {
    match service.client().await.reserve(request).await.unwrap().into_inner().outcome {
        Some(Outcome::Reserved(Reserved { reservation: Some(made) })) => made,
        other => panic!("it is reserved: {other:?}"),
    }
}

async fn confirm(service: &InventoryService, order: &str) -> ReservationStatus {
    let request = ConfirmRequest { order_id: order.into(), epoch: 1 };
    service.client().await.confirm(request).await.unwrap().into_inner().status()
}

fn left(order: &str, sku: &str, quantity: u32) -> FulfilRequest {
    FulfilRequest {
        order_id: order.into(),
        epoch: 1,
        warehouse_id: "main".into(),
        parcel_id: "parcel-1".into(),
        lines: vec![FulfilledLine { sku: sku.into(), quantity }],
    }
}

#[test]
fn every_call_may_be_repeated_and_has_its_effect_once() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("TEA", 5).await;
        let mut client = service.client().await;

        let made = reserved(&service, reserve("once", "TEA", 3)).await;
        assert_eq!((made.status(), made.allocations.len()), (ReservationStatus::Complete, 1));
        assert_eq!(reserved(&service, reserve("once", "TEA", 2)).await, made, "whatever a repeat says");
        assert_eq!(service.figures("TEA").await, (5, 3));

        let asked = GetReservationRequest { order_id: "once".into(), epoch: None };
        assert_eq!(client.get_reservation(asked).await.unwrap().into_inner().reservation, Some(made));

        for already in [false, true] {
            let answer = client.fulfil(left("once", "TEA", 2)).await.unwrap().into_inner();
            assert_eq!((answer.already, answer.remaining), (already, 1));
        }
        assert_eq!(service.figures("TEA").await, (3, 1));

        for given_back in [1, 0] {
            let request = ReleaseRequest { order_id: "once".into(), epoch: 1, cause: "cancelled".into() };
            assert_eq!(client.release(request).await.unwrap().into_inner().given_back, given_back);
        }
        assert_eq!(service.figures("TEA").await, (3, 0));
        let told = service.events("once").await;
        assert_eq!(told.len(), 4, "created, confirmed, fulfilled in part, cancelled: {told:?}");
        audit(&service.pool).await;
    });
}

#[test]
fn stock_is_checked_with_names_prices_and_what_is_unknown() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("MATCHA", 7).await;
        let request = CheckStockRequest { skus: vec!["MATCHA".into(), "NOWHERE".into()] };
        let answer = service.client().await.check_stock(request).await.unwrap().into_inner();
        assert_eq!(answer.unknown_skus, ["NOWHERE"]);
        let [item] = &answer.items[..] else { panic!("one item: {answer:?}") };
        let price = item.unit_price.as_ref().unwrap();
        assert_eq!((price.amount.as_str(), price.currency.as_str()), ("29.90", "EUR"));
        assert_eq!(item.figures.unwrap().available, 7);
        assert_eq!(item.per_warehouse[0].warehouse_id, "main");
    });
}

#[test]
fn a_shortage_and_an_unknown_sku_are_answers_and_change_nothing() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("RARE", 2).await;
        let mut client = service.client().await;
        let outcome = client.reserve(reserve("short", "RARE", 3)).await.unwrap().into_inner().outcome;
        let Some(Outcome::Shortages(short)) = outcome else { panic!("short: {outcome:?}") };
        assert_eq!((short.shortages[0].requested, short.shortages[0].available), (3, 2));
        let outcome = client.reserve(reserve("short", "NOWHERE", 1)).await.unwrap().into_inner().outcome;
        let Some(Outcome::UnknownSkus(unknown)) = outcome else { panic!("unknown: {outcome:?}") };
        assert_eq!(unknown.line_ids, ["1"]);
        assert_eq!(service.figures("RARE").await, (2, 0));
        reserved(&service, reserve("short", "RARE", 2)).await;
    });
}

#[test]
fn an_error_has_its_code_and_names_the_field() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("FEW", 2).await;
        reserved(&service, reserve("few", "FEW", 1)).await;
        let mut client = service.client().await;

        let refused = client.reserve(reserve("few", "FEW", 0)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with("lines[0].quantity: "), "{}", refused.message());
        let refused = client.reserve(ReserveRequest { lines: vec![], ..reserve("few", "FEW", 1) }).await;
        assert!(refused.unwrap_err().message().starts_with("lines: "));

        let unknown = ConfirmRequest { order_id: "nobody".into(), epoch: 1 };
        assert_eq!(client.confirm(unknown).await.unwrap_err().code(), Code::NotFound);
        let unknown = GetReservationRequest { order_id: "nobody".into(), epoch: Some(1) };
        assert_eq!(client.get_reservation(unknown).await.unwrap_err().code(), Code::NotFound);

        let refused = client.fulfil(left("few", "FEW", 2)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(refused.metadata().get("x-reason").unwrap(), "MORE_THAN_ALLOCATED");
        assert_eq!(service.figures("FEW").await, (2, 1));
    });
}

#[test]
fn a_provisional_reservation_that_nobody_confirms_is_given_back_and_tells_so() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("HELD", 5).await;
        let provisional =
            |order: &str| ReserveRequest { provisional_for_s: Some(2), ..reserve(order, "HELD", 1) };
        for order in ["forgotten", "confirmed", "reserved-again", "asked-again"] {
            reserved(&service, provisional(order)).await;
        }
        assert_eq!(confirm(&service, "confirmed").await, ReservationStatus::Complete);
        reserved(&service, reserve("reserved-again", "HELD", 1)).await;
        reserved(&service, provisional("confirmed")).await;
        assert_eq!(service.figures("HELD").await, (5, 4));

        service.until_figures("HELD", (5, 2)).await;
        assert_eq!(confirm(&service, "forgotten").await, ReservationStatus::Released, "too late");
        let told = service.events("forgotten").await;
        assert_eq!(told, ["AllocationCreated", "AllocationConfirmed", "AllocationCancelled"]);
        for kept in ["confirmed", "reserved-again"] {
            assert_eq!(confirm(&service, kept).await, ReservationStatus::Complete, "{kept}");
        }
        let again = reserved(&service, reserve("forgotten", "HELD", 1)).await;
        assert_eq!(again.status(), ReservationStatus::Released, "this epoch is over");
        audit(&service.pool).await;
    });
}

#[test]
fn an_order_that_waits_is_served_by_a_release_and_listed_once() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("QUEUED", 1).await;
        reserved(&service, reserve("first", "QUEUED", 1)).await;
        let waits =
            ReserveRequest { mode: ReserveMode::WaitForTheRest.into(), ..reserve("second", "QUEUED", 1) };
        assert_eq!(reserved(&service, waits).await.status(), ReservationStatus::Waiting);

        let mut client = service.client().await;
        let mut request =
            Request::new(ReleaseRequest { order_id: "first".into(), epoch: 1, cause: "cancelled".into() });
        request.metadata_mut().insert("x-correlation-id", "ties-together".parse().unwrap());
        client.release(request).await.unwrap();

        let all = ListServedRequest { since_us: 0, after_movement_id: 0, limit: 10 };
        let [served] = &client.list_served(all).await.unwrap().into_inner().served[..] else {
            panic!("one order was served")
        };
        assert_eq!(served.order_id, "second");
        let rest =
            ListServedRequest { since_us: served.at_us, after_movement_id: served.movement_id, limit: 10 };
        assert!(client.list_served(rest).await.unwrap().into_inner().served.is_empty());
        let tied: Vec<String> = sqlx::query_scalar(
            "SELECT event_type FROM integration.outbox WHERE correlation_id = 'ties-together' ORDER BY event_type",
        )
        .fetch_all(&service.pool)
        .await
        .unwrap();
        assert_eq!(tied, ["AllocationCancelled", "AllocationConfirmed", "AllocationCreated"]);
        until("the message for an order of nobody here is settled", Duration::from_secs(30), async || {
            let open: i64 =
                sqlx::query_scalar("SELECT count(*) FROM integration.inbox WHERE settled_at IS NULL")
                    .fetch_one(&service.pool)
                    .await
                    .unwrap();
            (open == 0).then_some(())
        })
        .await;
    });
}

/// The same as somebody with a token.
fn by<Asked>((role, subject): (&str, &str), asked: Asked) -> Request<Asked> {
    let mut request = Request::new(asked);
    let token = signed(&claims(role, subject), TOKEN_SECRET);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

const ONE: (&str, &str) = ("order-service", "one");
const ANOTHER: (&str, &str) = ("order-service", "another");
const ADMIN: (&str, &str) = ("admin", "somebody");

fn look(order: &str) -> GetReservationRequest {
    GetReservationRequest { order_id: order.into(), epoch: None }
}

fn release(order: &str) -> ReleaseRequest {
    ReleaseRequest { order_id: order.into(), epoch: 1, cause: "cancelled".into() }
}

#[test]
fn what_another_system_holds_is_not_there_and_an_administrator_sees_it() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("TEA", 10).await;
        let mut client = service.client().await;
        client.reserve(by(ONE, reserve("order-1", "TEA", 3))).await.unwrap();

        let confirm = ConfirmRequest { order_id: "order-1".into(), epoch: 1 };
        let gone = left("order-1", "TEA", 1);
        let refused = client.get_reservation(by(ANOTHER, look("order-1"))).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert_eq!(client.confirm(by(ANOTHER, confirm)).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(client.fulfil(by(ANOTHER, gone.clone())).await.unwrap_err().code(), Code::NotFound);
        let released = client.release(by(ANOTHER, release("order-1"))).await.unwrap();
        assert_eq!(released.into_inner().given_back, 0);
        for epoch in [None, Some(1)] {
            let asked = GetReservationRequest { epoch, ..look("order-1") };
            for admin in [by(ADMIN, asked.clone()), Request::new(asked)] {
                let shown = client.get_reservation(admin).await.unwrap().into_inner().reservation.unwrap();
                assert_eq!(shown.allocations[0].quantity, 3);
            }
        }
        assert_eq!(service.figures("TEA").await, (10, 3));

        // One order id and one shipment's id, each system's own.
        let again = ReserveRequest { epoch: 2, ..reserve("order-1", "TEA", 2) };
        client.reserve(by(ANOTHER, again)).await.unwrap();
        client.fulfil(by(ANOTHER, FulfilRequest { epoch: 2, ..gone.clone() })).await.unwrap();
        client.fulfil(by(ONE, gone)).await.unwrap();
        let shown = client.get_reservation(by(ONE, look("order-1"))).await.unwrap().into_inner();
        assert_eq!(shown.reservation.unwrap().allocations[0].fulfilled_quantity, 1);
        assert_eq!(client.release(by(ONE, release("order-1"))).await.unwrap().into_inner().given_back, 2);
        assert_eq!(service.figures("TEA").await, (8, 1));
        audit(&service.pool).await;
    });
}

#[test]
fn an_order_of_ours_is_shown_to_every_system_and_refused_to_all() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("TEA", 10).await;
        let mut client = service.client().await;
        let mut tx = service.pool.begin().await.unwrap();
        let ours = request("ours", inventory::ReserveMode::AllOrNothing, &[("TEA", 4)]);
        let _ = inventory::reserve(&mut tx, &ours, "ours").await.unwrap();
        tx.commit().await.unwrap();

        for who in [ONE, ADMIN] {
            let shown = client.get_reservation(by(who, look("ours"))).await.unwrap().into_inner();
            assert_eq!(shown.reservation.unwrap().allocations[0].quantity, 4);
            let confirm = ConfirmRequest { order_id: "ours".into(), epoch: 1 };
            for refused in [
                client.reserve(by(who, reserve("ours", "TEA", 1))).await.err(),
                client.confirm(by(who, confirm)).await.err(),
                client.fulfil(by(who, left("ours", "TEA", 1))).await.err(),
                client.release(by(who, release("ours"))).await.err(),
            ] {
                let refused = refused.expect("it is ours");
                assert_eq!(refused.code(), Code::FailedPrecondition);
                assert_eq!(refused.metadata().get("x-reason").unwrap(), "OWNED_BY_ORDER");
            }
        }
        assert_eq!(service.figures("TEA").await, (10, 4));
        audit(&service.pool).await;
    });
}

/// By the other door, over HTTP: the status, and what stands under `data`.
async fn by_http(
    service: &InventoryService,
    (role, subject): (&str, &str),
    method: Method,
    path: &str,
) -> (u16, Value) {
    let token = signed(&claims(role, subject), TOKEN_SECRET);
    let request = service.http.request(method, service.api(path)).bearer_auth(token);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["data"].take())
}

#[test]
fn what_was_reserved_over_one_door_is_its_holders_at_the_other() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        service.stock("TEA", 10).await;
        let mut client = service.client().await;
        for order in ["cancelled", "fulfilled"] {
            client.reserve(by(ONE, reserve(order, "TEA", 4))).await.unwrap();
            client.fulfil(by(ONE, left(order, "TEA", 1))).await.unwrap();
            let path = format!("/allocations/by-order/{order}");
            assert_eq!(by_http(&service, ANOTHER, Method::GET, &path).await, (200, json!([])));
            let (_, listed) = by_http(&service, ONE, Method::GET, &path).await;
            let id = listed[0]["id"].as_str().unwrap();
            let cancel = format!("/allocations/{id}/cancel");
            assert_eq!(by_http(&service, ANOTHER, Method::PUT, &cancel).await.0, 404);
            let (path, who) = match order {
                "cancelled" => (cancel, ADMIN),
                _ => (format!("/allocations/{id}/fulfill"), ONE),
            };
            assert_eq!(by_http(&service, who, Method::PUT, &path).await.0, 200);
            assert_eq!(by_http(&service, who, Method::PUT, &path).await.0, 200, "again changes nothing");
        }
        // Of four pieces each, one left at first: three were given back, and three left.
        assert_eq!(service.figures("TEA").await, (5, 0));
        audit(&service.pool).await;
    });
}
