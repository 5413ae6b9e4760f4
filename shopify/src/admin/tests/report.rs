use calls::CallFailure;
use serde_json::json;

use super::stand::{
    at, created, fulfilment, fulfilment_order, fulfilment_orders, fulfilments, open_order, order_line, page,
    pieces, refused, reported, serve, tracking,
};
use super::*;

fn parcel<'a>(tracking: &'a Tracking, lines: &'a [LinePieces]) -> ParcelReport<'a> {
    ParcelReport {
        order: ORDER,
        tracking,
        lines,
        location_id: None,
        reported_by_others: &[],
        known: None,
        notify_customer: true,
    }
}

fn without_number() -> Tracking {
    Tracking { number: None, company: None, url: None }
}

async fn known(orders: Value) -> Vec<FulfilmentOrder> {
    let (_, client) = serve(&[fulfilment_orders(orders, None)]).await;
    client.fulfilment_orders(ORDER).await.unwrap()
}

fn line(id: &str, quantity: i64) -> (String, i64) {
    (id.to_owned(), quantity)
}

#[tokio::test]
async fn a_parcel_is_reported_once_per_location_it_touches() {
    let orders = json!([at(5, open_order(1, 101, 1)), open_order(2, 101, 1), at(5, open_order(3, 102, 1))]);
    let (stand, client) =
        serve(&[fulfilments(json!([])), fulfilment_orders(orders, None), created(7), created(8)]).await;
    let tracking = tracking();
    let told = client.report_parcel(&parcel(&tracking, &[pieces(101, 2), pieces(102, 1)])).await.unwrap();
    assert_eq!((told.fulfilment_ids, told.already, told.unmatched), (vec![7, 8], false, vec![]));
    assert_eq!(told.fulfilment_orders_read.unwrap().len(), 3);
    assert_eq!(reported(&stand.variables(2)), [[line("11", 1)], [line("31", 1)]]);
    assert_eq!(reported(&stand.variables(3)), [[line("21", 1)]]);
    let input = stand.variables(2)["fulfilment"].clone();
    let expected = json!({"number": "PP1", "company": "Parcel Post", "url": null});
    assert_eq!((&input["trackingInfo"], &input["notifyCustomer"]), (&expected, &json!(true)));
}

#[tokio::test]
async fn the_first_attempt_plans_on_what_is_known_and_reads_nothing() {
    let orders = known(json!([open_order(1, 101, 3)])).await;
    let (stand, client) = serve(&[created(7)]).await;
    let (tracking, lines) = (tracking(), [pieces(101, 3)]);
    let report = ParcelReport { known: Some(&orders), ..parcel(&tracking, &lines) };
    let told = client.report_parcel(&report).await.unwrap();
    assert_eq!((told.fulfilment_ids, told.fulfilment_orders_read), (vec![7], None));
    assert_eq!(stand.operations(), ["CreateFulfilment"]);
}

#[tokio::test]
async fn what_is_known_and_leaves_no_place_is_read_again_first() {
    let line_101 = page(json!([order_line(11, 101, 3)]), None);
    for old in [json!([]), json!([fulfilment_order(1, "ON_HOLD", line_101)]), json!([open_order(1, 102, 1)])]
    {
        let orders = known(old).await;
        let now = fulfilment_orders(json!([open_order(2, 101, 3)]), None);
        let (stand, client) = serve(&[fulfilments(json!([])), now, created(7)]).await;
        let (tracking, lines) = (tracking(), [pieces(101, 3)]);
        let report = ParcelReport { known: Some(&orders), ..parcel(&tracking, &lines) };
        let told = client.report_parcel(&report).await.unwrap();
        assert_eq!((told.fulfilment_ids, told.unmatched), (vec![7], vec![]));
        assert_eq!(stand.operations(), ["Fulfilments", "FulfilmentOrders", "CreateFulfilment"]);
    }
}

#[tokio::test]
async fn a_fulfilment_order_that_was_split_since_is_read_again_before_anything_is_given_up() {
    let orders = known(json!([open_order(1, 101, 3), open_order(2, 102, 1)])).await;
    let (stand, client) = serve(&[
        created(7),
        refused("Fulfillment order does not exist."),
        fulfilments(json!([fulfilment(7, Some("PP1"), 101, 3)])),
        fulfilment_orders(json!([open_order(3, 102, 1)]), None),
        created(8),
    ])
    .await;
    let (tracking, lines) = (tracking(), [pieces(101, 3), pieces(102, 1)]);
    let report = ParcelReport { known: Some(&orders), ..parcel(&tracking, &lines) };
    assert_eq!(client.report_parcel(&report).await.unwrap().fulfilment_ids, [7, 8]);
    assert_eq!(reported(&stand.variables(4)), [[line("31", 1)]]);
}

#[tokio::test]
async fn a_second_refusal_is_an_error() {
    let orders = fulfilment_orders(json!([open_order(1, 101, 3)]), None);
    let (stand, client) = serve(&[
        fulfilments(json!([])),
        orders.clone(),
        refused("no"),
        fulfilments(json!([])),
        orders,
        refused("no again"),
    ])
    .await;
    let error = client.report_parcel(&parcel(&tracking(), &[pieces(101, 3)])).await.unwrap_err();
    assert_eq!((error.code(), error.is_permanent()), ("SHOPIFY_USER_ERROR", true));
    assert_eq!(error.vendor_text().as_deref(), Some("no again"));
    assert_eq!(stand.operations().len(), 6);
}

#[tokio::test]
async fn a_list_that_lacks_our_own_fulfilment_proves_nothing() {
    let orders = known(json!([open_order(1, 101, 3), open_order(2, 102, 1)])).await;
    let (_, client) = serve(&[created(7), refused("no"), fulfilments(json!([]))]).await;
    let (tracking, lines) = (tracking(), [pieces(101, 3), pieces(102, 1)]);
    let report = ParcelReport { known: Some(&orders), ..parcel(&tracking, &lines) };
    let error = client.report_parcel(&report).await.unwrap_err();
    assert_eq!((error.code(), error.is_permanent()), ("SHOPIFY_UNKNOWN_OUTCOME", false));
}

#[tokio::test]
async fn a_parcel_the_shop_knows_is_not_reported_again() {
    let (stand, client) = serve(&[fulfilments(json!([fulfilment(4, Some(" PP1"), 101, 3)]))]).await;
    let told = client.report_parcel(&parcel(&tracking(), &[pieces(101, 3)])).await.unwrap();
    assert_eq!((told.fulfilment_ids, told.already), (vec![4], true));
    assert_eq!(stand.operations(), ["Fulfilments"]);
}

#[tokio::test]
async fn only_what_an_earlier_attempt_left_is_reported() {
    let mut cancelled = fulfilment(5, Some("PP1"), 101, 2);
    cancelled["status"] = json!("CANCELLED");
    let there = json!([
        fulfilment(4, Some("PP1"), 101, 1),
        cancelled,
        fulfilment(6, Some("PP2"), 101, 2),
        fulfilment(7, Some("PP1"), 102, 2),
    ]);
    let orders = fulfilment_orders(json!([open_order(1, 101, 9)]), None);
    let (stand, client) = serve(&[fulfilments(there), orders, created(8)]).await;
    let told = client.report_parcel(&parcel(&tracking(), &[pieces(101, 3)])).await.unwrap();
    assert_eq!(told.fulfilment_ids, [4, 8]);
    assert_eq!(reported(&stand.variables(2)), [[line("11", 2)]]);
}

#[tokio::test]
async fn two_parcels_under_one_number_are_two() {
    let orders = fulfilment_orders(json!([open_order(1, 101, 1)]), None);
    let there = fulfilments(json!([fulfilment(4, Some("PP1"), 101, 1)]));
    let (_, client) = serve(&[there, orders, created(8)]).await;
    let (tracking, lines) = (tracking(), [pieces(101, 1)]);
    let report = ParcelReport { reported_by_others: &[4], ..parcel(&tracking, &lines) };
    let told = client.report_parcel(&report).await.unwrap();
    assert_eq!((told.fulfilment_ids, told.already), (vec![8], false));
}

#[tokio::test]
async fn a_parcel_without_a_number_is_known_by_its_pieces_and_none_is_invented() {
    let there = json!([
        fulfilment(3, Some("PP1"), 101, 1),
        fulfilment(4, None, 101, 3),
        fulfilment(5, Some(""), 101, 2),
        fulfilment(6, None, 101, 2),
    ]);
    let (_, client) = serve(&[fulfilments(there.clone())]).await;
    let told = client.report_parcel(&parcel(&without_number(), &[pieces(101, 2)])).await.unwrap();
    assert_eq!((told.fulfilment_ids, told.already), (vec![5], true));

    let orders = fulfilment_orders(json!([open_order(1, 101, 2)]), None);
    let (stand, client) = serve(&[fulfilments(there), orders, created(8)]).await;
    let (tracking, lines) = (without_number(), [pieces(101, 2)]);
    let report = ParcelReport { reported_by_others: &[5, 6], ..parcel(&tracking, &lines) };
    assert_eq!(client.report_parcel(&report).await.unwrap().fulfilment_ids, [8]);
    assert_eq!(stand.variables(2)["fulfilment"]["trackingInfo"]["number"], Value::Null);
}

#[tokio::test]
async fn the_parcels_own_location_is_served_first() {
    let orders = json!([at(6, open_order(1, 101, 2)), at(5, open_order(2, 101, 1))]);
    let (stand, client) =
        serve(&[fulfilments(json!([])), fulfilment_orders(orders, None), created(7), created(8)]).await;
    let (tracking, lines) = (tracking(), [pieces(101, 2)]);
    let report = ParcelReport { location_id: Some(5), ..parcel(&tracking, &lines) };
    client.report_parcel(&report).await.unwrap();
    assert_eq!(reported(&stand.variables(2)), [[line("21", 1)]]);
    assert_eq!(reported(&stand.variables(3)), [[line("11", 1)]]);
}

#[tokio::test]
async fn what_has_a_place_is_reported_and_what_has_none_is_shown() {
    let (stand, client) =
        serve(&[fulfilments(json!([])), fulfilment_orders(json!([open_order(1, 101, 2)]), None), created(7)])
            .await;
    let told = client.report_parcel(&parcel(&tracking(), &[pieces(101, 3), pieces(102, 1)])).await.unwrap();
    let gone = |line_item_id, quantity| Unmatched { line_item_id, quantity, why: WhyNot::Gone };
    assert_eq!(told.unmatched, [gone(101, 1), gone(102, 1)]);
    assert_eq!((told.fulfilment_ids, told.already), (vec![7], false));
    assert_eq!(reported(&stand.variables(2)), [[line("11", 2)]]);
}

#[tokio::test]
async fn what_is_not_held_is_reported_before_the_rest_waits() {
    let held = fulfilment_order(2, "ON_HOLD", page(json!([order_line(21, 102, 1)]), None));
    let orders = fulfilment_orders(json!([open_order(1, 101, 2), held]), None);
    let (stand, client) = serve(&[fulfilments(json!([])), orders, created(7)]).await;
    let report = client.report_parcel(&parcel(&tracking(), &[pieces(101, 2), pieces(102, 1)])).await;
    let error = report.unwrap_err();
    assert_eq!((error.code(), error.is_permanent()), ("SHOPIFY_FULFILMENT_ORDER_ON_HOLD", true));
    assert_eq!(reported(&stand.variables(2)), [[line("11", 2)]]);
}

#[tokio::test]
async fn an_order_without_fulfilment_orders_is_too_young() {
    let (stand, client) = serve(&[fulfilments(json!([])), fulfilment_orders(json!([]), None)]).await;
    let error = client.report_parcel(&parcel(&tracking(), &[pieces(101, 3)])).await.unwrap_err();
    assert_eq!((error.code(), error.is_permanent()), ("SHOPIFY_FULFILMENT_ORDER_NOT_THERE_YET", false));
    assert_eq!(stand.operations(), ["Fulfilments", "FulfilmentOrders"], "nothing was created");
}
