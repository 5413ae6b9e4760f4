//! What people did, as one list and as a table.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, World},
};

/// Somebody does something, by name.
async fn does(world: &World, role: &str, name: &str, method: Method, path: &str, form: Value) -> Value {
    let request = world.http.request(method, world.api(path)).bearer_auth(world.token_of(role, name));
    let answer = request.json(&form).send().await.expect("the API answers");
    let (status, text) = (answer.status(), answer.text().await.expect("text"));
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

async fn listed(world: &World, query: &str) -> Vec<Value> {
    let answer = world.http.get(world.api(&format!("/api/audit?{query}"))).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{query}");
    answer.json().await.unwrap()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect()
}

#[test]
fn who_did_what_when_and_why_is_one_list_newest_first() {
    let world = &*WORLD;
    world::run(async {
        let name = "auditor-anna";
        let post =
            async |path: &str, form: Value| does(world, "operator", name, Method::POST, path, form).await;
        world.stock("AUDIT-1", 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": "AUDIT-1", "times": 9, "never": true})).await;
        let order = Placed::new(SHOP, &["AUDIT-1"], 1);
        world.place(&order).await;
        world.until_handed_over("AUDIT-1", 1).await;
        let number = world.order(&order).await["orderNumber"].as_str().unwrap().to_owned();
        let id = world.order(&order).await["orderId"].as_str().unwrap().to_owned();

        post("/api/inventory/AUDIT-1/receive", json!({"quantity": 2, "reason": "note 7"})).await;
        post("/api/inventory/AUDIT-1/count", json!({"onHand": 6, "reason": "yearly count"})).await;
        does(
            world,
            "operator",
            name,
            Method::PATCH,
            "/api/inventory/AUDIT-1/reduce",
            json!({"quantity": 1, "reason": "broken"}),
        )
        .await;
        post("/api/warehouses", json!({"warehouseId": "audit-house", "name": "Harbour", "reason": "opens"}))
            .await;
        let closed = json!({"active": false, "reason": "closes"});
        does(world, "operator", name, Method::PATCH, "/api/warehouses/audit-house", closed).await;
        let address = json!({"name": "Grace Secretname", "address1": "9 Hidden Street", "city": "Rome", "countryCode": "IT"});
        post(&format!("/api/orders/{number}/edit"), json!({"address": address, "reason": "she moved"})).await;
        post("/api/lanes/shopify-unseen.myshopify.com/pause", json!({"reason": "night work"})).await;
        post("/api/lanes/shopify-unseen.myshopify.com/resume", json!({"reason": "done"})).await;
        post(&format!("/api/orders/{number}/cancel"), json!({"reason": "they called"})).await;

        let entries = listed(world, &format!("actor={name}&limit=200")).await;
        assert_eq!(
            kinds(&entries),
            [
                "ORDER_CANCELLED",
                "LANE_RESUMED",
                "LANE_PAUSED",
                "ORDER_EDITED",
                "WAREHOUSE_CHANGED",
                "WAREHOUSE_ADDED",
                "STOCK_REDUCED",
                "STOCK_COUNTED",
                "STOCK_RECEIVED"
            ]
        );
        let cancelled = &entries[0];
        assert_eq!((&cancelled["orderId"], &cancelled["orderNumber"]), (&json!(id), &json!(number)));
        assert_eq!((&cancelled["reason"], &cancelled["target"]), (&json!("they called"), &json!(id)));
        assert_eq!(entries[4]["detail"], "active: false");
        let text = json!(entries).to_string();
        assert!(!text.contains("Hidden Street") && !text.contains("Secretname"), "{text}");

        assert_eq!(
            kinds(&listed(world, &format!("orderId={number}")).await),
            ["ORDER_CANCELLED", "ORDER_EDITED"]
        );
        assert_eq!(
            kinds(&listed(world, "target=audit-house&kind=WAREHOUSE_ADDED").await),
            ["WAREHOUSE_ADDED"]
        );
        let at = entries[4]["at"].as_str().unwrap();
        let (from, to) = (format!("actor={name}&from={at}"), format!("actor={name}&to={at}"));
        assert_eq!((listed(world, &from).await.len(), listed(world, &to).await.len()), (5, 4));

        // A page after the other, and each entry once.
        let mut path = Some(format!("/api/audit?actor={name}&limit=4"));
        let mut seen = Vec::new();
        while let Some(page) = path {
            let answer = crate::order_api::get(world, &page).await;
            seen.extend(answer.json().as_array().unwrap().clone());
            path = answer.next();
        }
        assert_eq!(seen, entries);
    });
}

#[test]
fn a_customer_is_named_by_nobody_and_keeps_the_own_words() {
    let world = &*WORLD;
    world::run(async {
        world.stock("AUDIT-OWN", 3).await;
        let form = json!({"customer_name": "Ada", "customer_email": "ada@example.com", "currency": "EUR", "hold": "10m",
            "items": [{"product_id": "AUDIT-OWN", "product_name": "Shirt", "quantity": 1, "price": "29.90"}]});
        let placed = does(world, "customer", "ada-byron", Method::POST, "/api/orders", form).await;
        let id = placed["orderId"].as_str().unwrap();
        let words = json!({"reason": "Ada Byron of 12 St. James's Square changed her mind"});
        does(world, "customer", "ada-byron", Method::POST, &format!("/api/orders/{id}/cancel"), words).await;
        let entries = listed(world, &format!("orderId={id}")).await;
        assert_eq!(kinds(&entries), ["ORDER_CANCELLED"]);
        assert_eq!((&entries[0]["actor"], &entries[0]["reason"]), (&json!("customer"), &Value::Null));
    });
}

#[test]
fn the_table_has_every_entry_once_and_no_formula() {
    let world = &*WORLD;
    world::run(async {
        let name = "auditor-bea";
        world.stock("AUDIT-CSV", 1).await;
        for reason in ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "plain, with a comma", "say \"when\""] {
            let form = json!({"quantity": 1, "reason": reason});
            does(world, "operator", name, Method::POST, "/api/inventory/AUDIT-CSV/receive", form).await;
        }
        // More than is read at a time.
        sqlx::query(
            "INSERT INTO orders.acts (at, acted_by, kind, target)
             SELECT now() - n * interval '1 microsecond', $1, 'ITEM_ADDED', 'AUDIT-MANY-' || n FROM generate_series(1, 1203) AS n",
        )
        .bind(name)
        .execute(&world.pool)
        .await
        .unwrap();
        let export = async |query: &str, role: &str| {
            let path = world.api(&format!("/api/audit/export?{query}"));
            world.http.get(path).bearer_auth(world.token_of(role, "exporter")).send().await.unwrap()
        };
        assert_eq!(export("", "operator").await.status(), StatusCode::FORBIDDEN);
        let answer = export(&format!("actor={name}"), "admin").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
        let table = answer.text().await.unwrap();
        let lines: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(lines[0], "at,actor,kind,target,orderId,orderNumber,reason,detail");
        assert_eq!((lines.len(), lines[lines.len() - 1]), (1 + 6 + 1203 + 1, ""));
        for n in [1, 500, 501, 1203] {
            let target = format!("\"AUDIT-MANY-{n}\"");
            assert_eq!(lines.iter().filter(|line| line.contains(&target)).count(), 1, "{target}");
        }
        for written in [
            "\"'=HYPERLINK(\"\"x\"\")\"",
            "\"'+1\"",
            "\"'-1\"",
            "\"'@SUM(A1)\"",
            "\"plain, with a comma\"",
            "\"say \"\"when\"\"\"",
        ] {
            assert!(table.contains(written), "{written}");
        }
        assert_eq!(
            kinds(&listed(world, "actor=exporter").await),
            ["AUDIT_EXPORTED"],
            "that it was exported is one, too"
        );
        for query in ["kind=NONSENSE", "from=yesterday", "orderId=no%20such", "cursor=x", "page=2"] {
            assert_eq!(export(query, "admin").await.status(), StatusCode::BAD_REQUEST, "{query}");
        }
    });
}

#[test]
fn what_is_told_to_the_workflow_itself_is_listed_too_and_once() {
    let world = &*WORLD;
    world::run(async {
        let sku = "AUDIT-BY-TEMPORAL";
        world.stock(sku, 5).await;
        world
            .wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address", "times": 2}))
            .await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let number = world.order(&order).await["orderNumber"].as_str().unwrap().to_owned();
        let of_order = async || listed(world, &format!("orderId={number}")).await;
        // By the interface it is noted by whom; the run adds nothing.
        world.retry(&order).await;
        world::until("it is parked again", std::time::Duration::from_secs(60), async || {
            (world.attention(&order).await.len() == 2).then_some(())
        })
        .await;
        assert_eq!(kinds(&of_order().await), ["ORDER_RETRIED"]);
        let answer = json!({"action": "retry", "reason": "the street is right"});
        world.resolve(&order, answer).await.expect("it is taken");
        world::until("it is listed", std::time::Duration::from_secs(60), async || {
            (of_order().await.len() == 2).then_some(())
        })
        .await;
        let entries = of_order().await;
        assert_eq!(kinds(&entries), ["ORDER_RESOLVED", "ORDER_RETRIED"]);
        assert_eq!(entries[0]["reason"], "the street is right");
        assert_eq!((&entries[0]["actor"], &entries[0]["detail"]), (&json!("operator"), &json!("retry")));

        let unpaid = Placed::new(SHOP, &[sku], 1).with("financial_status", json!("pending"));
        world.place(&unpaid).await;
        world.until_order(&unpaid, "condition", &["AWAITING_PAYMENT"]).await;
        let words = json!("changed my mind");
        world.update(&unpaid.workflow(), "cancel-order", words).await.expect("it is cancelled");
        let number = world.order(&unpaid).await["orderNumber"].as_str().unwrap().to_owned();
        let entries = listed(world, &format!("orderId={number}")).await;
        assert_eq!(kinds(&entries), ["ORDER_CANCELLED"]);
        assert_eq!(
            (&entries[0]["actor"], &entries[0]["reason"]),
            (&json!("operator"), &json!("changed my mind"))
        );
    });
}
