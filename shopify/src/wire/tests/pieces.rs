//! How many pieces of a line, and what fulfilments and refunds say of them.

use domain::{LineId, LinePieces, Restock, ShopFulfilment};

use super::*;

#[test]
fn what_is_left_of_a_line_is_told_from_what_else_it_says() {
    for (members, left, says_fulfillable, says_fulfilled) in [
        (json!({"fulfillable_quantity": 1}), 1, true, false),
        (json!({"fulfillable_quantity": 7}), 7, true, false),
        (json!({"fulfillable_quantity": 0, "fulfillment_status": "fulfilled"}), 0, true, true),
        (json!({}), 4, false, false),
        (json!({"current_quantity": 3}), 3, false, false),
        (json!({"fulfillable_quantity": null, "current_quantity": 3}), 3, false, false),
        (json!({"fulfillable_quantity": -1, "current_quantity": 3}), 3, false, false),
        (json!({"current_quantity": 3, "fulfillment_status": "FULFILLED"}), 0, false, true),
        (json!({"fulfillment_status": "partial"}), 4, false, false),
    ] {
        let mut body = json!({"id": 1, "line_items": [{"id": 7, "quantity": 4}]});
        body["line_items"][0].as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let line = read(&body).unwrap().facts.lines.remove(0);
        assert_eq!(
            (line.fulfillable_quantity, line.says_fulfillable, line.says_fulfilled),
            (left, says_fulfillable, says_fulfilled),
            "{body}"
        );
    }
}

#[test]
fn what_never_ships_needs_no_quantity() {
    for quantity in [json!(null), json!("some"), json!(-1), json!(1.5)] {
        let body =
            json!({"id": 1, "line_items": [{"id": 7, "quantity": quantity, "requires_shipping": false}]});
        assert_eq!(read(&body).unwrap().facts.lines[0].quantity, 0);
    }
}

fn pieces(line: &str, quantity: u32) -> LinePieces {
    LinePieces { line_id: LineId::parse(line).unwrap(), quantity }
}

#[test]
fn fulfilments_are_read_as_far_as_they_can_be() {
    let mut body = minimal();
    assert_eq!(read(&body).unwrap().facts.fulfilments, None);
    body["fulfillments"] = json!([]);
    assert_eq!(read(&body).unwrap().facts.fulfilments, Some(vec![]));
    body["fulfillments"] = json!([
        {"id": 11, "status": "success", "tracking_number": " PP1 ", "tracking_numbers": ["PP1", 2, "", null, {}],
            "line_items": [{"id": 7, "quantity": "1"}, {"id": 8, "quantity": 0}, {"id": "x", "quantity": 1}, 5]},
        {"id": "12", "status": "Cancelled", "line_items": null},
        {"admin_graphql_api_id": "gid://shopify/Fulfillment/13", "status": "ERROR", "tracking_number": ""},
        {"id": 14, "status": "failure"},
        {"id": 15},
        {"id": "none", "status": "success"},
        null,
    ]);
    let fulfilment = |id, stands| ShopFulfilment {
        id,
        stands,
        tracking_numbers: vec![],
        location_id: None,
        lines: vec![],
    };
    let first = ShopFulfilment {
        tracking_numbers: vec!["PP1".into(), "2".into()],
        lines: vec![pieces("7", 1)],
        ..fulfilment(11, true)
    };
    let expected = vec![
        first,
        fulfilment(12, false),
        fulfilment(13, false),
        fulfilment(14, false),
        fulfilment(15, true),
    ];
    assert_eq!(read(&body).unwrap().facts.fulfilments, Some(expected));
}

#[test]
fn refunds_of_an_order_are_read_as_far_as_they_can_be() {
    let mut body = minimal();
    body["refunds"] = json!([
        {"id": 21, "created_at": "2026-11-25 12:00:00", "refund_line_items": [
            {"id": 31, "line_item_id": 7, "quantity": 1, "restock_type": "CANCEL", "location_id": 5},
            {"id": 32, "line_item": {"id": "7"}, "quantity": "1", "restock_type": "of next year"},
            {"id": 33, "line_item_id": 7, "quantity": 0}, {"id": 34, "line_item_id": 7}, "x",
        ]},
        {"id": "22", "restock": true, "refund_line_items": [{"id": 35, "line_item_id": 7, "quantity": 1}]},
        {"id": 23}, {"note": "no id"},
    ]);
    let order = read(&body).unwrap();
    assert_eq!(order.facts.refund_ids, [21, 22, 23]);
    let restocks = |refund: &ParsedRefund| -> Vec<(i64, Restock, Option<i64>)> {
        refund.lines.iter().map(|line| (line.refund_line_id, line.restock, line.location_id)).collect()
    };
    assert_eq!(
        order.refunds.iter().map(restocks).collect::<Vec<_>>(),
        [
            vec![(31, Restock::Cancel, Some(5)), (32, Restock::NoRestock, None)],
            vec![(35, Restock::LegacyRestock, None)],
            vec![],
        ]
    );
    assert_eq!(order.refunds[0].created_at, domain::leniently::moment("2026-11-25T12:00:00Z"));
    assert_eq!(order.refunds[0].shopify_order_id, order.shopify_order_id);
}
