//! Money and ends: paid, voided, refunded, returned, cancelled.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Told;
use crate::shopify::dividing::line_id;
use crate::shopify::fulfilment_orders::Pieces;
use crate::shopify::orders::{ShopOrder, gid, line_ids, listed};
use crate::shopify::refunds::{RefundWish, wanted_lines};
use crate::shopify::returns::{Reverse, ReverseLine};
use crate::shopify::routing::returned_in;
use crate::shopify::{Shop, moments, money, refunding};

/// `pay`: the customer pays.
pub(super) fn pay(shop: &Arc<Shop>, order: &mut ShopOrder, _: &Value) -> Result<Told, String> {
    order.body["financial_status"] = json!("paid");
    order.body["total_outstanding"] = json!("0.00");
    order.body["processed_at"] = json!(moments::now());
    order.touch();
    shop.record_effect("payOrder", order, "orderPaid", json!({}));
    Ok(vec![("orders/paid", order.body.clone())])
}

/// `void`: the authorisation is given up.
pub(super) fn void(shop: &Arc<Shop>, order: &mut ShopOrder, _: &Value) -> Result<Told, String> {
    order.body["financial_status"] = json!("voided");
    order.touch();
    shop.record_effect("voidOrder", order, "orderVoided", json!({}));
    Ok(vec![("orders/updated", order.body.clone())])
}

/// `cancel`: the shop cancels its order, whatever became of it.
pub(super) fn cancel(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let reason = body["reason"].as_str().unwrap_or("customer");
    order.cancel(reason);
    let details = json!({ "by": "shop", "reason": reason });
    shop.record_effect("cancelOrder", order, "orderCancelled", details);
    Ok(vec![("orders/cancelled", order.body.clone())])
}

/// `refund`: these lines, or everything that is left, with the money for them.
pub(super) fn refund(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let lines = if body["lines"].is_array() { wanted_lines(&body["lines"]) } else { order.all_refundable() };
    if let Some((_, why)) = order.not_refundable(&lines) {
        return Err(why.to_owned());
    }
    let left = (order.paid() - order.refunded()).max(0);
    let amount = match &body["amount"] {
        Value::Null if order.leaves_nothing(&lines) => left,
        Value::Null => lines.iter().map(|line| order.price_of(line)).sum::<i64>().min(left),
        amount => money::cents(amount),
    };
    let refund = order.refund(&RefundWish { lines, amount, note: body["note"].clone() });
    refunding::record(shop, order, "refundOrder", &refund, json!({ "by": "shop", "key": null }));
    Ok(vec![("refunds/create", refund), ("orders/updated", order.body.clone())])
}

/// `return`: these lines, or all that left, are to come back.
pub(super) fn take_back(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let gone = |id: i64| order.fulfilled_by_us(id) - returned_in(&order.body, id);
    let wanted: Vec<Pieces> = if body["lines"].is_array() {
        named_pieces(body)
    } else {
        line_ids(&order.body)
            .into_iter()
            .map(|id| (id, gone(id)))
            .filter(|(_, quantity)| *quantity > 0)
            .collect()
    };
    if wanted.is_empty() || wanted.iter().any(|(id, quantity)| *quantity > gone(*id)) {
        return Err("so many pieces have not left".to_owned());
    }
    let id = order.ids.next();
    let told: Vec<Value> = wanted.iter().map(|pieces| return_line(order, *pieces, body)).collect();
    let lines = wanted.iter().map(|(line, quantity)| ReverseLine {
        id: order.ids.next(),
        line: *line,
        fulfilled: order.fulfilled_line(*line),
        quantity: *quantity,
        dispositions: Vec::new(),
    });
    let reverse = Reverse { id: order.ids.next(), lines: lines.collect() };
    order.reverses.push(reverse);
    let announced = json!({
        "id": id,
        "admin_graphql_api_id": gid("Return", id),
        "order": { "id": order.id, "admin_graphql_api_id": order.gid() },
        "name": format!("{}-R1", order.name()),
        "status": "open",
        "total_return_line_items": wanted.iter().map(|(_, quantity)| quantity).sum::<i64>(),
        "return_line_items": told,
    });
    order.touch();
    let details = json!({ "returnId": gid("Return", id), "lines": recorded(&wanted) });
    shop.record_effect("returnOrder", order, "returnApproved", details);
    Ok(vec![("returns/approve", announced), ("orders/updated", order.body.clone())])
}

/// `dispose`: what became of pieces that came back; `RESTOCKED` unless said.
pub(super) fn dispose(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let kind = body["type"].as_str().unwrap_or("RESTOCKED");
    let wanted = named_pieces(body);
    if wanted.is_empty() {
        return Err("which pieces stands in lines".to_owned());
    }
    let told = order.dispose(&wanted, kind)?;
    shop.record_effect(
        "disposeReturn",
        order,
        "returnDisposed",
        json!({ "type": kind, "lines": recorded(&wanted) }),
    );
    Ok(vec![("reverse_fulfillment_orders/dispose", told)])
}

/// The pieces that `lines` name, one of a line unless said.
fn named_pieces(body: &Value) -> Vec<Pieces> {
    listed(body, "lines")
        .iter()
        .filter_map(|line| Some((line_id(&line["lineItemId"])?, line["quantity"].as_i64().unwrap_or(1))))
        .collect()
}

fn recorded(pieces: &[Pieces]) -> Value {
    let line = |(id, quantity): &Pieces| json!({ "lineItemId": gid("LineItem", *id), "quantity": quantity });
    pieces.iter().map(line).collect()
}

fn return_line(order: &ShopOrder, (line, quantity): Pieces, body: &Value) -> Value {
    let id = order.ids.next();
    let fulfilled = order.fulfilled_line(line);
    json!({
        "id": id,
        "admin_graphql_api_id": gid("ReturnLineItem", id),
        "quantity": quantity,
        "return_reason": body["reason"].as_str().unwrap_or("unwanted"),
        "return_reason_note": "",
        "customer_note": null,
        "fulfillment_line_item": {
            "id": fulfilled,
            "admin_graphql_api_id": fulfilled.map(|id| gid("FulfillmentLineItem", id)),
            "line_item": { "id": line, "admin_graphql_api_id": gid("LineItem", line) },
        },
    })
}
