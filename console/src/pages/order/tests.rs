use serde_json::{Value, json};

use super::*;
use crate::{shown::Me, words};

/// Bytes that a page may have.
const MOST_PAGE_BYTES: usize = 60_000;

fn now() -> DateTime<Utc> {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

fn item(line: usize, pieces: &Value) -> Value {
    json!({"lineId": format!("{}", 13_000_000_000_000_usize + line), "sku": format!("TEA-EARL-GREY-100-{line}"),
           "productName": format!("Earl Grey, loose leaves, 100 g in a tin, number {line}"), "quantity": 2,
           "unitPrice": "12.50", "allocationStatus": "CONFIRMED", "allocations": pieces})
}

fn in_warehouse(status: &str, warehouse: &str, quantity: u64) -> Value {
    json!({"status": status, "warehouseId": warehouse, "quantity": quantity})
}

/// An order at its warehouse, with this said otherwise.
fn order_with(more: &Value) -> OrderDetail {
    let mut order = json!({
        "orderId": "0190a0b0-0000-7000-8000-000000000000", "orderNumber": "ORD-20261121-6BA0A415", "name": "#1001",
        "shop": "a.myshopify.com", "channel": "shopify", "status": "PROCESSING", "currency": "EUR",
        "totalAmount": "25.00", "financialStatus": "paid", "workflowId": "order/a.myshopify.com/1",
        "receivedAt": "2026-11-27T08:00:00Z", "updatedAt": "2026-11-27T09:00:00Z",
        "items": [item(1, &json!([in_warehouse("CONFIRMED", "berlin", 2)]))],
        "timeline": [{"at": "2026-11-27T08:00:00Z", "event": "RECEIVED"},
                     {"at": "2026-11-27T08:01:00Z", "event": "RESERVED"},
                     {"at": "2026-11-27T08:02:00Z", "event": "HANDED_OVER"}],
        "shipments": [], "edits": [], "approvals": [],
        "fulfilmentRequests": [{"reference": "ORD-1-berlin-1", "warehouseId": "berlin", "pieces": 2,
                                "outstanding": true}],
        "ifCancelled": {"refunds": true, "notifiesCustomer": false},
        "awaits": {"what": "WAREHOUSE", "since": "2026-11-27T08:02:00Z", "until": "2026-11-28T08:02:00Z",
                   "then": "WAREHOUSE_IS_ASKED", "queue": []},
        "customer": {"name": "Ada Byron", "email": "ada@example.com", "phone": null,
                     "shipTo": {"name": "Ada Byron", "address1": "12 St. James's Square", "city": "London",
                                "zip": "SW1Y 4JH", "countryCode": "GB"}},
        "correlationId": "c-1", "workflowUrl": "http://ui/namespaces/default/workflows/order%2F1",
    });
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    serde_json::from_value(order).unwrap()
}

fn entry(number: usize) -> Happened {
    let code = ["HANDED_OVER", "RESERVED"][number % 2];
    serde_json::from_value(json!({
        "at": "2026-11-27T08:00:00Z", "actor": "WAYBILL", "kind": "STEP", "code": code,
        "detail": format!("ORD-20261121-6BA0A415-berlin-{number}"), "by": null, "reason": null,
        "facts": [{"name": "reference", "value": format!("ORD-20261121-6BA0A415-berlin-{number}")},
                  {"name": "warehouse", "value": "berlin"}, {"name": "messageId", "value": "0190a0b0-0000-7000-8000"}],
    }))
    .unwrap()
}

fn page_with(detail: OrderDetail, story: Vec<Happened>, filled: Filled) -> OrderPage {
    let me = Me { name: "ada".to_owned(), roles: vec!["operator".to_owned()], signed_in: true };
    let shell = Shell {
        title: "#1001".to_owned(),
        section: "orders",
        follows: true,
        order: detail.order.order_id.clone(),
        me,
        said: None,
        wanted: Some(0),
        now: now(),
    };
    let warehouse = |id: &str, active| Warehouse { warehouse_id: id.to_owned(), name: None, active };
    OrderPage {
        way: way(&detail),
        awaits: waits::sentences(&detail, &now()),
        timeline: Timeline::of(story, false),
        is_truncated: false,
        warehouses: vec![warehouse("berlin", true), warehouse("closed", false)],
        all: String::new(),
        request_id: "console-1".to_owned(),
        attention: Vec::new(),
        shell,
        detail,
        filled,
    }
}

fn shown(page: &OrderPage) -> String {
    page.render().unwrap()
}

fn plain(order: &Value) -> OrderPage {
    page_with(order_with(order), Vec::new(), Filled::default())
}

#[test]
fn an_order_of_500_lines_and_500_entries_is_a_small_page_that_leads_to_the_rest() {
    let pieces = json!([in_warehouse("CONFIRMED", "berlin", 2)]);
    let items: Vec<Value> = (0..500).map(|line| item(line, &pieces)).collect();
    let order = order_with(&json!({"items": items}));
    let page = page_with(order.clone(), (0..500).map(entry).collect(), Filled::default());
    let html = shown(&page);
    assert!(html.len() < MOST_PAGE_BYTES, "{} bytes", html.len());
    for link in ["50 of 500 items", "?all=items", "Show 450 older", "?all=timeline"] {
        assert!(html.contains(link), "{link}");
    }
    assert!(html.contains("1\u{2009}000 pieces of 500 items in berlin"), "a cancel says what it gives back");
    let mut whole = page_with(order, Vec::new(), Filled::default());
    whole.all = "items".to_owned();
    let html = shown(&whole);
    assert!(html.contains("number 499") && !html.contains("of 500 items</p>"), "all of them");
}

#[test]
fn what_was_filled_in_is_still_there_when_it_was_refused() {
    let filled = |what: &str| Filled {
        what: what.to_owned(),
        reason: "the customer called".to_owned(),
        address1: "1 Half-written Street".to_owned(),
        country_code: "XX".to_owned(),
        sku: "TEA-2".to_owned(),
        warehouse_id: "berlin".to_owned(),
        ..Filled::default()
    };
    for (what, form, kept) in [
        ("address", "act-address", "value=\"1 Half-written Street\""),
        ("line", "act-sku", "value=\"TEA-2\""),
        ("warehouse", "act-warehouse", "<option value=\"berlin\" selected>"),
        ("cancel", "act-cancel", "the customer called"),
    ] {
        let html = shown(&page_with(order_with(&json!({})), Vec::new(), filled(what)));
        assert!(html.contains(&format!("id=\"{form}\" open")), "{what} is open");
        assert!(html.contains(kept), "{what}: {kept}");
        assert_eq!(html.matches("value=\"the customer called\"").count(), 1, "{what}: its own reason alone");
        assert_eq!(html.matches("class=\"act\" id=").count(), 4);
        assert_eq!(html.matches("\" open>").count(), 1, "{what} alone is open");
    }
}

#[test]
fn the_address_as_it_is_can_be_mended_and_is_printed() {
    let html = shown(&plain(&json!({})));
    assert!(html.contains("name=\"address1\" value=\"12 St. James&#39;s Square\""), "{html}");
    assert!(html.contains("SW1Y 4JH London<br>"), "it stands on the page");
    assert!(html.contains("ada@example.com"));
    let hidden = shown(&plain(&json!({"customer": null})));
    assert!(
        !hidden.contains("id=\"customer\"") && !hidden.contains("SW1Y"),
        "whoever may not see it sees none"
    );
    assert!(hidden.contains("name=\"address1\" value=\"\""));
}

#[test]
fn a_warehouse_is_chosen_from_those_that_take_orders() {
    let html = shown(&plain(&json!({})));
    assert!(html.contains("<option value=\"berlin\">berlin</option>") && !html.contains("value=\"closed\""));
}

#[test]
fn its_workflow_is_one_link_away_where_the_settings_say_so() {
    let html = shown(&plain(&json!({})));
    assert!(html.contains("href=\"http://ui/namespaces/default/workflows/order%2F1\""), "{html}");
    assert!(html.contains("correlation.id=c-1"));
    assert!(!shown(&plain(&json!({"workflowUrl": null}))).contains("Web UI"));
}

#[test]
fn its_way_goes_by_the_timeline_and_what_was_recalled_is_at_no_warehouse() {
    let stands = |order: &Value| {
        let way = way(&order_with(order));
        way.into_iter()
            .map(|station| (station.name, station.at.is_some(), station.is_here))
            .collect::<Vec<_>>()
    };
    let usual = stands(&json!({}));
    assert_eq!(usual[2], ("At the warehouse", true, true));
    assert_eq!(
        usual[3],
        ("Shipped", false, false),
        "a fulfilment request that says shipped is no shipped order"
    );
    let request = json!({"reference": "r", "warehouseId": "berlin", "pieces": 0, "outstanding": false});
    let recalled = stands(&json!({"fulfilmentRequests": [request]}));
    assert_eq!((recalled[1], recalled[2]), (("Reserved", true, true), ("At the warehouse", false, false)));
    let cancelled = stands(
        &json!({"status": "CANCELLED", "timeline": [{"at": "2026-11-27T08:00:00Z", "event": "CANCELLED"}]}),
    );
    assert_eq!(cancelled, [("Received", true, false), ("Cancelled", true, true)]);
}

fn differences(order: &Value) -> Vec<(&'static str, String)> {
    let all = difference::of_cancel(&order_with(order));
    all.into_iter().map(|one| (one.of, one.is)).collect()
}

#[test]
fn a_cancel_says_what_is_given_back_where_and_who_is_told() {
    let pieces = json!([
        in_warehouse("FULFILLED", "berlin", 1),
        in_warehouse("CONFIRMED", "berlin", 3),
        in_warehouse("CONFIRMED", "north", 2),
        in_warehouse("BACKORDERED", "north", 4)
    ]);
    let all = differences(&json!({"items": [item(1, &pieces)]}));
    let said = |of: &str| all.iter().find(|(known, _)| *known == of).map(|(_, is)| is.as_str());
    assert_eq!(
        said("Stock given back"),
        Some("3 × TEA-EARL-GREY-100-1 in berlin; 2 × TEA-EARL-GREY-100-1 in north")
    );
    assert_eq!(said("Place in the queue"), Some("given up: 4 × TEA-EARL-GREY-100-1 in north"));
    assert_eq!(said("Already left"), Some("1 × TEA-EARL-GREY-100-1 in berlin; it stays so"));
    let warehouse = said("Warehouse").unwrap();
    assert!(
        warehouse.contains("stop 2 pieces from berlin under ORD-1-berlin-1, and may refuse"),
        "{warehouse}"
    );
    assert!(said("Refund").unwrap().starts_with("yes"));
    assert!(said("Customer told").unwrap().starts_with("no"));

    let own = differences(&json!({"shop": null, "ifCancelled": null, "fulfilmentRequests": [],
                                  "items": [item(1, &json!([]))]}));
    let own: Vec<(&str, &str)> = own.iter().map(|(of, is)| (*of, is.as_str())).collect();
    assert_eq!(
        own,
        [
            ("Stock given back", "none is held"),
            ("Warehouse", "none has got it"),
            ("Shop", "none: the order is of our own interface, which pays nothing back")
        ]
    );
}

#[test]
fn each_answer_that_undoes_something_says_what() {
    let row = |step: &str| -> Attention {
        serde_json::from_value(
            json!({"attentionId": 1, "step": step, "reason": "X", "since": "2026-11-27T08:00:00Z",
            "answers": ["retry", "skip", "compensate", "recall", "refuse"]}),
        )
        .unwrap()
    };
    let order = order_with(&json!({}));
    for action in ["skip", "compensate", "recall", "refuse"] {
        assert!(words::is_dangerous(action) || action == "recall");
        assert!(!difference::of_answer(action, &row("tell_shop"), &order).is_empty(), "{action}");
    }
    assert!(difference::of_answer("retry", &row("tell_shop"), &order).is_empty());
    let skipped = difference::of_answer("skip", &row("tell_shop"), &order);
    assert!(skipped.iter().any(|one| one.of == "Shop" && one.is.contains("not notified")), "{skipped:?}");

    let mut page = page_with(order, Vec::new(), Filled::default());
    page.attention = vec![row("hand_over")];
    let html = shown(&page);
    assert!(
        html.contains("id=\"act-1-compensate\"") && html.contains("the hand-over counts as done"),
        "{html}"
    );
}

/// All that is said of a wait, with its moments as programs have them.
fn waits_with(order: &Value) -> String {
    let parts = waits::sentences(&order_with(order), &now());
    let said = parts.into_iter().map(|part| match part {
        Part::Words(words) => words,
        Part::At(at) => at.format("%d %H:%M").to_string(),
    });
    said.collect()
}

fn wait(what: &str, more: &Value) -> Value {
    let mut awaits = json!({"what": what, "since": null, "until": null, "then": null, "queue": []});
    for (name, value) in more.as_object().unwrap() {
        awaits[name] = value.clone();
    }
    json!({"awaits": awaits})
}

#[test]
fn what_it_waits_for_is_said_with_its_place_and_what_happens_by_itself() {
    let queue = json!([{"sku": "TEA", "warehouseId": "main", "quantity": 2, "place": 3}]);
    let stock = wait(
        "STOCK",
        &json!({"since": "2026-11-26T08:00:00Z", "until": "2026-12-10T08:00:00Z",
                                      "then": "PERSON_IS_ASKED", "queue": queue}),
    );
    assert_eq!(
        waits_with(&stock),
        "It waits for stock: 2 × TEA in main, place 3. It goes on by itself when that comes in. That began 26 08:00. \
         If nothing comes, a person is asked 10 08:00."
    );
    let held = wait("HOLD_WINDOW", &json!({"until": "2026-11-27T10:30:00Z", "then": "GOES_ON"}));
    assert_eq!(
        waits_with(&held),
        "It is held, so that the customer may still withdraw. It goes on by itself 27 10:30."
    );
    let due = wait("RISK", &json!({"until": "2026-11-27T09:59:00Z", "then": "PERSON_IS_ASKED"}));
    assert!(waits_with(&due).ends_with("a person is asked any moment now."), "{}", waits_with(&due));
    assert!(
        waits_with(&json!({})).starts_with("It is at the warehouse, which is to ship 2 pieces from berlin.")
    );
    let unpaid = waits_with(
        &json!({"financialStatus": "partially_paid", "awaits": wait("PAYMENT", &json!({"until": "2026-12-04T08:00:00Z", "then": "IS_CANCELLED"}))["awaits"]}),
    );
    assert!(
        unpaid.contains("which is partially paid") && unpaid.ends_with("it is cancelled 04 08:00."),
        "{unpaid}"
    );
    for what in ["SHOP_HOLD", "WAREHOUSE_HOLD", "INVENTORY_SERVICE", "PERSON", "STEP", "SHOP", "CARRIER"] {
        let said = waits_with(&wait(what, &json!({})));
        assert!(!said.starts_with("It waits: "), "{what} has words of its own: {said}");
    }
    for (status, condition) in [("DELIVERED", None), ("CANCELLED", None), ("PENDING", Some("IGNORED"))] {
        let said = waits_with(&json!({"awaits": null, "status": status, "condition": condition}));
        assert!(said.starts_with("It ") && said != "Nothing is awaited.", "{status}: {said}");
    }
    // It is the last line of the timeline too.
    let html = shown(&page_with(order_with(&stock), vec![entry(1)], Filled::default()));
    let awaited = html.find("class=\"awaited\"").expect("a last line");
    assert!(awaited > html.rfind("class=\"by-waybill\"><time").expect("an entry"));
}
