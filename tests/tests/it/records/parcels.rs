//! What is known of a parcel, whatever is said of it and in which order.

use domain::{OrderStatus, ParcelStatus, WarehouseId, WarehouseSystem};
use orders::{
    Order,
    fulfilment_request::{self, FulfilmentRequest, RequestedLine},
    parcel::{self, KeptParcel, ParcelLine, ParcelUpdate},
};
use sqlx::{PgConnection, PgPool};

use super::{Said, facts};
use crate::world::database;

fn tea(quantity: u32) -> Vec<ParcelLine> {
    vec![ParcelLine { sku: "TEA".to_owned(), quantity }]
}

/// A hand-over of so many pieces.
async fn handed_over(conn: &mut PgConnection, order: &Order, pieces: u32) -> FulfilmentRequest {
    let line = RequestedLine { line_id: "1".to_owned(), sku: "TEA".to_owned(), quantity: pieces };
    let number = &order.order_number;
    let place = (&WarehouseId::main(), &WarehouseSystem::first());
    fulfilment_request::plan(conn, &order.order_id, number, place, vec![line]).await.unwrap()
}

async fn said(
    conn: &mut PgConnection,
    request: &FulfilmentRequest,
    (parcel_id, status, sequence): (&str, &str, i64),
    lines: &[ParcelLine],
    tracking_number: Option<&str>,
) -> bool {
    let status = ParcelStatus::from(status.to_owned());
    let update = ParcelUpdate {
        reference: &request.reference,
        parcel_id,
        status: &status,
        sequence,
        lines,
        carrier: tracking_number.map(|_| "Parcel Post"),
        tracking_number,
        tracking_url: None,
    };
    parcel::record(conn, &update).await.unwrap()
}

async fn kept(conn: &mut PgConnection, request: &FulfilmentRequest, parcel_id: &str) -> KeptParcel {
    parcel::find(conn, &request.reference, parcel_id).await.unwrap().unwrap()
}

async fn order() -> (PgPool, Order) {
    let pool = database().await;
    let (order, _) = Said::by_message(facts(10)).arrives(&pool).await;
    assert_eq!(order.status, OrderStatus::Pending);
    (pool, order)
}

#[tokio::test]
async fn the_newest_counts_and_counts_again_and_takes_no_tracking_number_away() {
    let (pool, order) = order().await;
    let conn = &mut *pool.acquire().await.unwrap();
    let request = handed_over(conn, &order, 5).await;
    assert!(said(conn, &request, ("P", "shipped", 3), &tea(2), Some("T-1")).await);
    assert!(!said(conn, &request, ("P", "on_hold", 2), &tea(5), None).await, "older");
    assert_eq!(kept(conn, &request, "P").await.status, ParcelStatus::Shipped);
    assert!(said(conn, &request, ("P", "shipped", 3), &tea(2), Some("T-1")).await, "once more");
    assert!(said(conn, &request, ("P", "delivered", 4), &tea(2), None).await);
    let parcel = kept(conn, &request, "P").await;
    assert_eq!(parcel.status, ParcelStatus::Delivered);
    assert_eq!(
        (parcel.tracking_number.as_deref(), parcel.carrier.as_deref()),
        (Some("T-1"), Some("Parcel Post"))
    );
}

#[tokio::test]
async fn what_was_booked_of_a_parcel_is_what_was_in_it() {
    let (pool, order) = order().await;
    let conn = &mut *pool.acquire().await.unwrap();
    let request = handed_over(conn, &order, 5).await;
    said(conn, &request, ("P", "accepted", 1), &tea(1), None).await;
    said(conn, &request, ("P", "shipped", 3), &tea(2), None).await;
    assert!(parcel::booked(conn, &request.reference, "P").await.unwrap());
    assert!(!parcel::booked(conn, &request.reference, "P").await.unwrap(), "booked once");
    said(conn, &request, ("P", "shipped", 5), &tea(3), None).await;
    assert_eq!(kept(conn, &request, "P").await.lines, tea(2));
}

#[tokio::test]
async fn a_parcel_of_which_nothing_is_said_holds_what_is_in_no_other_that_stands() {
    let (pool, order) = order().await;
    let conn = &mut *pool.acquire().await.unwrap();
    let request = handed_over(conn, &order, 5).await;
    // Under another reference it is another matter.
    let other = handed_over(conn, &order, 1).await;
    said(conn, &other, ("Q", "shipped", 3), &tea(1), None).await;
    said(conn, &request, ("P", "accepted", 1), &tea(2), None).await;
    let supposed =
        async |conn: &mut PgConnection, id: &str| parcel::supposed_lines(conn, &request, id).await.unwrap();
    assert_eq!(supposed(conn, "R").await, tea(3));
    assert_eq!(supposed(conn, "P").await, tea(2), "as it was accepted");
    said(conn, &request, ("P", "cancelled", 2), &tea(2), None).await;
    assert_eq!(supposed(conn, "R").await, tea(5));
    said(conn, &request, ("S", "accepted", 1), &tea(5), None).await;
    assert_eq!(supposed(conn, "R").await, tea(5), "announced under another id, and not left");
    said(conn, &request, ("S", "shipped", 3), &tea(5), None).await;
    assert_eq!(supposed(conn, "R").await, []);
}

#[tokio::test]
async fn more_than_was_handed_over_counts_for_nothing_that_is_still_there() {
    let (pool, order) = order().await;
    let conn = &mut *pool.acquire().await.unwrap();
    let first = handed_over(conn, &order, 2).await;
    let second = handed_over(conn, &order, 3).await;
    said(conn, &first, ("P", "shipped", 3), &tea(4), None).await;
    said(conn, &second, ("P", "shipped", 3), &tea(1), None).await;
    assert_eq!(parcel::pieces(conn, &order.order_id).await.unwrap(), (5, 0), "nothing is booked");
    parcel::booked(conn, &first.reference, "P").await.unwrap();
    assert_eq!(parcel::pieces(conn, &order.order_id).await.unwrap(), (5, 2));
    parcel::booked(conn, &second.reference, "P").await.unwrap();
    assert_eq!(parcel::pieces(conn, &order.order_id).await.unwrap(), (5, 3));
}

#[tokio::test]
async fn an_order_is_delivered_when_every_parcel_that_left_is() {
    let (pool, order) = order().await;
    let conn = &mut *pool.acquire().await.unwrap();
    let request = handed_over(conn, &order, 5).await;
    for id in ["P", "Q", "R"] {
        said(conn, &request, (id, "accepted", 1), &tea(1), None).await;
    }
    parcel::booked(conn, &request.reference, "P").await.unwrap();
    parcel::booked(conn, &request.reference, "Q").await.unwrap();
    let delivered = async |conn: &mut PgConnection, id: &str| {
        parcel::delivered(conn, &request.reference, id).await.unwrap()
    };
    assert!(!delivered(conn, "P").await);
    assert!(!delivered(conn, "P").await, "said again");
    assert!(delivered(conn, "Q").await, "the third has not left");
}
