use axum::body::to_bytes;
use inventory::InventoryError;
use orders::OrdersError;
use serde_json::Value;

use super::*;

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

/// One of each.
fn every_problem() -> Vec<Problem> {
    let cause = || -> Cause { "password=secret".into() };
    vec![
        Problem::invalid("quantity", "a whole number from 1 to 1000000"),
        Problem::UnknownItem(vec![sku("A"), sku("B")]),
        Problem::InsufficientStock(vec![Shortage { sku: sku("QUEUE-1"), requested: 5, available: 0 }]),
        Problem::WebhookRefused,
        Problem::Unauthenticated("A bearer token is needed"),
        Problem::Forbidden("admin, operator".into()),
        Problem::TooManyRequests(Duration::from_millis(1500)),
        Problem::NoSuchUser("user11".into()),
        Problem::NoSuchMessage(17),
        Problem::NoSuchDeadLetter("kafka:17".into()),
        Problem::NoSuchSubscription(uuid::Uuid::nil()),
        Problem::NoSuchReturn("ret_none".into()),
        Problem::TooManyReturned { field: "items[0].quantity".into(), open: 2, why: "as no more of it left" },
        Problem::ReturnCancelled,
        Problem::MessageDone { inbox_id: 17, order: Some("order-1".into()) },
        Problem::NoSuchAllocation("alloc_none".into()),
        Problem::NotThatMuchThere { sku: sku("A"), warehouse: WarehouseId::main(), available: 3 },
        Problem::UserExists("userId"),
        Problem::OrderExists { field: "orderId", order_id: OrderId::parse("order-1").unwrap() },
        Problem::IdempotencyKeyReused,
        Problem::CannotBeCancelled(OrderStatus::Shipped),
        Problem::StatusRefused("SHIPPED may not follow PENDING".into()),
        Problem::AnswerRefused("nothing is parked".into()),
        Problem::CannotBeEdited(OrderStatus::Shipped),
        Problem::NoSuchAttention(11),
        Problem::NoSuchBulkAnswer("outage".into()),
        Problem::NoSuchLane(LaneName::orders()),
        Problem::NoSuchChannelShop(ShopDomain::parse("none.myshopify.com").unwrap()),
        Problem::NoSuchWarehouse(WarehouseId::main()),
        Problem::WarehouseExists(WarehouseId::main()),
        Problem::NotEnough { sku: sku("A"), warehouse: WarehouseId::main(), requested: 5, available: 3 },
        Problem::AllocationExists("item_1".into()),
        Problem::OwnedByOrder(OrderId::parse("order-1").unwrap()),
        Problem::InvalidTransition { from: AllocationStatus::Pending, to: AllocationStatus::Fulfilled },
        Problem::AllocationExpired,
        Problem::StockElsewhere,
        Problem::NoSuchItem(sku("A")),
        Problem::NoSuchOrder("order-1".into()),
        Problem::NoSuchPath,
        Problem::MethodNotAllowed("PUT".into()),
        Problem::ItemExists(sku("A")),
        Problem::TooLarge(1024),
        Problem::TooSlow,
        Problem::NoRoom,
        Problem::NotJson,
        Problem::TimedOut,
        Problem::Unavailable(cause()),
        Problem::Internal(cause()),
    ]
}

async fn body(problem: Problem) -> Value {
    let bytes = to_bytes(problem.into_response().into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn every_problem_is_described_and_none_tells_its_cause() {
    let manual = include_str!("../../../docs/errors.md");
    for problem in every_problem() {
        let name = problem.name();
        assert!(manual.contains(&format!("\n## {name}\n")), "docs/errors.md has no section {name}");
        let body = body(problem).await;
        assert_eq!(body["type"], format!("https://waybill.dev/errors/{name}"));
        assert_eq!(body["error"], body["detail"]);
        assert!(!body.to_string().contains("secret"), "{body}");
        for member in ["title", "status", "error"] {
            assert!(!body[member].is_null(), "{name}: {member}");
        }
    }
    let sections = manual.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(sections, every_problem().len(), "docs/errors.md describes a problem that is none");
}

#[tokio::test]
async fn a_shortage_names_what_is_short() {
    let short = vec![
        Shortage { sku: sku("QUEUE-1"), requested: 5, available: 0 },
        Shortage { sku: sku("B"), requested: 2, available: 1 },
    ];
    let body = body(Problem::InsufficientStock(short)).await;
    assert_eq!(
        body["error"],
        "Not enough stock: QUEUE-1: requested 5, available 0; B: requested 2, available 1"
    );
    assert_eq!((&body["status"], &body["field"]), (&400.into(), &"items".into()));
}

#[tokio::test]
async fn whoever_may_try_again_is_told_when() {
    for problem in every_problem() {
        let response = problem.into_response();
        let is_away =
            matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers().contains_key(header::RETRY_AFTER), is_away);
    }
}

#[test]
fn a_database_that_is_away_passes_and_a_wrong_statement_does_not() {
    assert!(matches!(Problem::from(sqlx::Error::PoolTimedOut), Problem::Unavailable(_)));
    assert!(matches!(Problem::from(OrdersError::from(sqlx::Error::PoolClosed)), Problem::Unavailable(_)));
    assert!(matches!(Problem::from(sqlx::Error::RowNotFound), Problem::Internal(_)));
    assert!(matches!(
        Problem::from(InventoryError::from(sqlx::Error::PoolTimedOut)),
        Problem::Unavailable(_)
    ));
}
