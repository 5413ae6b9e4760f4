//! Money and ends: paid, voided, refunded, returned, cancelled.

use serde_json::{Value, json};

use super::Clerk;
use crate::shopify::fulfilment_orders::Pieces;
use crate::shopify::orders::{ShopOrder, gid, id_in, line_ids, listed};
use crate::shopify::refunds::{RefundWish, wanted_lines};
use crate::shopify::returns::{Reverse, ReverseLine};
use crate::shopify::routing::returned_in;
use crate::shopify::{moments, money, refunding};

/// `pay`: the customer pays.
pub(super) fn pay(clerk: &mut Clerk<'_>) -> Result<(), String> {
    clerk.order.body["financial_status"] = json!("paid");
    clerk.order.body["total_outstanding"] = json!("0.00");
    clerk.order.body["processed_at"] = json!(moments::now());
    clerk.record("orderPaid", json!({}));
    clerk.tell_order("orders/paid");
    Ok(())
}

/// `void`: the authorisation is given up.
pub(super) fn void(clerk: &mut Clerk<'_>) -> Result<(), String> {
    clerk.order.body["financial_status"] = json!("voided");
    clerk.record("orderVoided", json!({}));
    clerk.tell_order("orders/updated");
    Ok(())
}

/// `cancel`: the shop cancels its order, whatever became of it.
pub(super) fn cancel(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let reason = clerk.body["reason"].as_str().unwrap_or("customer");
    clerk.order.cancel(reason, clerk.body["restock"].as_bool().unwrap_or(true));
    clerk.record("orderCancelled", json!({ "by": "shop", "reason": reason }));
    clerk.tell_order("orders/cancelled");
    Ok(())
}

/// `refund`: these lines, or everything that is left, with the money for them.
pub(super) fn refund(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let (body, order) = (clerk.body, &mut *clerk.order);
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
    refunding::record(clerk.shop, order, clerk.operation, &refund, json!({ "by": "shop", "key": null }));
    clerk.tell("refunds/create", refund);
    clerk.tell_order("orders/updated");
    Ok(())
}

/// `return`: these lines, or all that left, are to come back.
pub(super) fn take_back(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let (body, order) = (clerk.body, &mut *clerk.order);
    let gone = |id: i64| order.fulfilled_by_us(id) - returned_in(&order.body, id);
    let wanted: Vec<Pieces> = if body["lines"].is_array() {
        named_pieces(body)
    } else {
        let all_gone = line_ids(&order.body).into_iter().map(|id| (id, gone(id)));
        all_gone.filter(|(_, quantity)| *quantity > 0).collect()
    };
    if wanted.is_empty() || wanted.iter().any(|(id, quantity)| *quantity > gone(*id)) {
        return Err("so many pieces have not left".to_owned());
    }
    let id = order.ids.next();
    let lines = wanted.iter().map(|(line, quantity)| ReverseLine {
        id: order.ids.next(),
        line: *line,
        fulfilled: order.fulfilled_line(*line),
        quantity: *quantity,
        dispositions: Vec::new(),
    });
    let reverse = Reverse { id: order.ids.next(), lines: lines.collect() };
    order.reverses.push(reverse);
    let told = json!({
        "id": id,
        "admin_graphql_api_id": gid("Return", id),
        "order": { "id": order.id, "admin_graphql_api_id": order.gid() },
        "name": format!("{}-R1", order.name()),
        "status": "open",
        "total_return_line_items": wanted.iter().map(|(_, quantity)| quantity).sum::<i64>(),
        "return_line_items": wanted.iter().map(|pieces| return_line(order, *pieces, body)).collect::<Value>(),
    });
    clerk.record("returnApproved", json!({ "returnId": gid("Return", id), "lines": recorded(&wanted) }));
    clerk.tell("returns/approve", told);
    clerk.tell_order("orders/updated");
    Ok(())
}

/// `dispose`: what became of pieces that came back; `RESTOCKED` unless said.
pub(super) fn dispose(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let kind = clerk.body["type"].as_str().unwrap_or("RESTOCKED");
    let wanted = named_pieces(clerk.body);
    if wanted.is_empty() {
        return Err("which pieces stands in lines".to_owned());
    }
    let told = clerk.order.dispose(&wanted, kind)?;
    clerk.record("returnDisposed", json!({ "type": kind, "lines": recorded(&wanted) }));
    clerk.tell("reverse_fulfillment_orders/dispose", told);
    Ok(())
}

/// The pieces that `lines` name, one of a line unless said.
fn named_pieces(body: &Value) -> Vec<Pieces> {
    listed(body, "lines")
        .iter()
        .filter_map(|line| {
            Some((id_in("LineItem", &line["lineItemId"])?, line["quantity"].as_i64().unwrap_or(1)))
        })
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
