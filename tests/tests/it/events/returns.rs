//! Returns that another system announces, by real RabbitMQ.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    brokers::Broker,
    consumed::{Sender, event, figures, until},
    environment,
};
use crate::world::{self, Plan, World};

#[test]
fn a_return_that_another_system_announces_is_expected_once_and_what_did_not_leave_is_shown() {
    world::run(async {
        let rabbitmq = Broker::rabbitmq();
        let world = World::start(Plan { env: environment(None, Some(&rabbitmq)), ..Plan::default() }).await;
        let sender = Sender::to(&rabbitmq).await;
        world.stock("BACK", 5).await;
        let placed = world.place_at_api("BACK", 3, None).await;
        world.until_api_order(&placed, &["DELIVERED"]).await;
        let order = placed["orderId"].as_str().unwrap();
        let announced = event("r-1", "OrderReturnInitiated", order, &[("BACK", 2)]);
        join_all((0..5).map(|_| sender.send(&announced))).await;
        until(&world.pool, "r-1", "DONE", "EXPECTED_BACK").await;
        // Only one more has left: it is expected, and a person sees the rest.
        sender.send(&event("r-2", "OrderReturnInitiated", order, &[("BACK", 2)])).await;
        until(&world.pool, "r-2", "DONE", "EXPECTED_BACK").await;
        let path = world.api(&format!("/api/returns?orderId={order}"));
        let returns: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
        let pieces: Vec<_> =
            returns.as_array().unwrap().iter().map(|found| found["lines"][0]["quantity"].as_u64()).collect();
        assert_eq!(pieces, [Some(1), Some(2)], "{returns}");
        let reasons: Vec<String> =
            sqlx::query_scalar("SELECT reason FROM orders.attention WHERE order_id = $1")
                .bind(order)
                .fetch_all(&world.pool)
                .await
                .unwrap();
        assert_eq!(reasons, ["RETURN_NOT_EXPECTED"]);

        let path = world.api(&format!("/api/returns/{}/receive", returns[1]["returnId"].as_str().unwrap()));
        let lines = json!({"lines": [{"sku": "BACK", "quantity": 2, "sellable": true}]});
        let received = world.http.post(path).json(&lines).send().await.unwrap();
        assert_eq!(received.status(), 200);
        assert_eq!(figures(&world.pool, "BACK").await, (4, 0));
        let told: Vec<String> = sqlx::query_scalar(
            "SELECT event_type FROM integration.outbox WHERE stream = 'order/' || $1 AND event_type LIKE '%RETURN%'
             ORDER BY sequence",
        )
        .bind(order)
        .fetch_all(&world.pool)
        .await
        .unwrap();
        assert_eq!(told, ["ORDER_RETURN_INITIATED", "ORDER_RETURN_INITIATED", "ORDER_RETURN_RECEIVED"]);
    });
}
