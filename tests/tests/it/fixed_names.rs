//! The names that others rely on: other systems, recorded histories, people's scripts and dashboards. This list
//! grows; what stands in it never changes.

use domain::{Condition, IgnoreReason, LaneName, OrderStatus, ParkReason, ShopDomain, Step, WarehouseSystem};
use workflows::names;

use crate::{line::WORLD, openapi, world};

#[test]
fn workflows_and_their_messages_keep_their_names() {
    assert_eq!(names::ORDER_FULFILMENT, "order-fulfilment");
    assert_eq!(names::BULK_ANSWER, "bulk-answer");
    assert_eq!(
        [
            LaneName::orders(),
            LaneName::of_system(&WarehouseSystem::first()),
            LaneName::of_system(&WarehouseSystem::parse("depot").expect("a name")),
            LaneName::of_shop(&ShopDomain::parse("a.myshopify.com").expect("a domain")),
        ]
        .map(|lane| lane.to_string()),
        ["orders", "warehouse", "warehouse-depot", "shopify-a.myshopify.com"]
    );
    assert_eq!(
        [
            names::CANCEL,
            names::RETRY,
            names::CONTENT_UPDATED,
            names::WAREHOUSE_UPDATE,
            names::STOCK_AVAILABLE
        ],
        ["cancel", "retry", "content-updated", "warehouse-update", "stock-available"],
        "signals"
    );
    assert_eq!(
        [names::CANCEL_ORDER, names::RESOLVE, names::EDIT, names::SET_STATUS],
        ["cancel-order", "resolve", "edit", "set-status"],
        "Updates"
    );
    assert_eq!(names::STATUS, "status");
}

#[test]
fn search_attributes_keep_their_names_and_types() {
    assert_eq!(
        names::search_attributes().map(|(name, kind)| (name, format!("{kind:?}"))),
        [
            ("OrderStage", "Keyword".to_owned()),
            ("Shop", "Keyword".to_owned()),
            ("OrderNumber", "Keyword".to_owned()),
            ("ParkedStep", "Keyword".to_owned()),
            ("ParkedReason", "Keyword".to_owned()),
            ("SlaDue", "Datetime".to_owned()),
        ]
    );
}

#[test]
fn statuses_conditions_and_steps_keep_their_names() {
    assert_eq!(
        OrderStatus::ALL.map(OrderStatus::as_str),
        ["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "CANCELLED"]
    );
    assert_eq!(
        Condition::ALL.map(Condition::as_str),
        [
            "ON_HOLD",
            "AWAITING_PAYMENT",
            "BACKORDERED",
            "PARTIALLY_SHIPPED",
            "NEEDS_ATTENTION",
            "AWAITING_ALLOCATION",
            "IGNORED"
        ]
    );
    assert_eq!(
        Step::ALL.map(Step::as_str),
        [
            "gate",
            "read_order",
            "reserve",
            "look_in_shop",
            "hand_over",
            "record_parcel",
            "tell_shop",
            "recall",
            "release",
            "cancel_in_shop",
            "refund_in_shop",
            "record_cancelled",
            "follow",
        ]
    );
}

#[test]
fn reasons_keep_their_codes() {
    let parked = [
        ParkReason::UNKNOWN_SKU,
        ParkReason::UNREADABLE_CURRENCY,
        ParkReason::UNREADABLE_STATUS,
        ParkReason::PAYMENT_OVERDUE,
        ParkReason::BACKORDER_OVERDUE,
        ParkReason::OUT_OF_STOCK,
        ParkReason::WAREHOUSE_EXCEPTION,
        ParkReason::CANCELLED_BY_WAREHOUSE,
        ParkReason::CANCELLED_AFTER_SHIPPING,
        ParkReason::EDITED_TOO_LATE,
        ParkReason::EDITED_AT_WAREHOUSE,
        ParkReason::UNEXPECTED_PARCEL,
        ParkReason::TROUBLE_AFTER_SHIPPING,
        ParkReason::UNREADABLE_ORDER,
        ParkReason::NO_ADDRESS,
        ParkReason::LOCATION_NOT_MAPPED,
        ParkReason::NO_FULFILMENT_ORDERS,
        ParkReason::NOT_REPORTED,
        ParkReason::NOT_MOVED,
        ParkReason::REFUND_BY_HAND,
        ParkReason::RETURN_NOT_BOOKED,
        ParkReason::RETURN_NOT_EXPECTED,
        ParkReason::RETURN_NOT_RECEIVED,
        ParkReason::UNSELLABLE_ON_HAND,
        ParkReason::RUN_GONE,
        ParkReason::LANE_NOT_SERVED,
        ParkReason::APPROVAL,
    ];
    assert_eq!(
        parked,
        [
            "UNKNOWN_SKU",
            "UNREADABLE_CURRENCY",
            "UNREADABLE_STATUS",
            "PAYMENT_OVERDUE",
            "BACKORDER_OVERDUE",
            "OUT_OF_STOCK",
            "WAREHOUSE_EXCEPTION",
            "CANCELLED_BY_WAREHOUSE",
            "CANCELLED_AFTER_SHIPPING",
            "EDITED_TOO_LATE",
            "EDITED_AT_WAREHOUSE",
            "UNEXPECTED_PARCEL",
            "TROUBLE_AFTER_SHIPPING",
            "UNREADABLE_ORDER",
            "NO_ADDRESS",
            "LOCATION_NOT_MAPPED",
            "NO_FULFILMENT_ORDERS",
            "NOT_REPORTED",
            "NOT_MOVED",
            "REFUND_BY_HAND",
            "RETURN_NOT_BOOKED",
            "RETURN_NOT_EXPECTED",
            "RETURN_NOT_RECEIVED",
            "UNSELLABLE_ON_HAND",
            "RUN_GONE",
            "LANE_NOT_SERVED",
            "APPROVAL",
        ]
    );
    let ignored = [
        IgnoreReason::TestOrder,
        IgnoreReason::CancelledInShop,
        IgnoreReason::Voided,
        IgnoreReason::NothingToShip,
    ];
    assert_eq!(
        ignored.map(IgnoreReason::code),
        ["TEST_ORDER", "CANCELLED_IN_SHOP", "VOIDED", "NOTHING_TO_SHIP"]
    );
}

#[test]
fn routes_keep_their_paths() {
    let world = &*WORLD;
    world::run(async {
        let described = openapi::operations(world).await;
        let mut paths: Vec<&str> = described.iter().map(|operation| operation.path.as_str()).collect();
        paths.dedup();
        for path in [
            "/allocations",
            "/allocations/bulk",
            "/allocations/by-order/{orderId}",
            "/allocations/{id}/cancel",
            "/allocations/{id}/confirm",
            "/allocations/{id}/fulfill",
            "/api/allocations/explain",
            "/api/dead-letters",
            "/api/dead-letters/redrive",
            "/api/dead-letters/skip",
            "/api/inbox",
            "/api/inbox/{id}/replay",
            "/api/inventory",
            "/api/inventory/{id}",
            "/api/audit",
            "/api/audit/export",
            "/api/inventory/{id}/check",
            "/api/inventory/{id}/count",
            "/api/inventory/{id}/receive",
            "/api/inventory/{id}/reduce",
            "/api/orders",
            "/api/orders/user/{user}",
            "/api/orders/{id}",
            "/api/orders/{id}/cancel",
            "/api/orders/{id}/resolve",
            "/api/orders/{id}/returns",
            "/api/orders/{id}/retry",
            "/api/orders/{id}/status",
            "/api/orders/{id}/timeline",
            "/api/returns",
            "/api/returns/{id}",
            "/api/returns/{id}/receive",
            "/api/users",
            "/api/warehouses",
            "/api/warehouses/{id}",
            "/api/webhook-subscriptions",
            "/api/webhook-subscriptions/{id}",
            "/api/users/{id}",
            "/health",
            "/health/integration/order-service",
            "/orders/{orderId}",
            "/orders/{orderId}/items",
            "/ready",
            "/shopify/callback",
            "/shopify/install",
            "/webhooks/shopify",
            "/webhooks/shopify/{path}",
            "/webhooks/wms",
            "/webhooks/wms/{system}",
        ] {
            assert!(paths.contains(&path), "{path} is gone: {paths:?}");
        }
    });
}

#[test]
fn settings_keep_their_variables() {
    for (program, variables) in [
        (
            "waybill-api",
            &[
                "DATABASE_URL",
                "API_LISTEN",
                "AUTH_JWKS_URL",
                "AUTH_HS256_SECRET",
                "SHOPIFY_SHOP",
                "SHOPIFY_WEBHOOK_SECRETS",
                "PUBLIC_URL",
                "WAYBILL_KEYS",
                "WMS_WEBHOOK_SECRETS",
                "INVENTORY_SERVICE_URL",
                "TRUSTED_PROXIES",
                "WAYBILL_CONFIG",
            ][..],
        ),
        (
            "waybill-worker",
            &[
                "DATABASE_URL",
                "SHOPIFY_SHOP",
                "SHOPIFY_ADMIN_URL",
                "SHOPIFY_ADMIN_TOKEN",
                "SHOPIFY_CLIENT_ID",
                "SHOPIFY_CLIENT_SECRET",
                "WAYBILL_KEYS",
                "WMS_URL",
                "WMS_TOKEN",
                "INVENTORY_SERVICE_URL",
                "WAYBILL_CONFIG",
            ][..],
        ),
    ] {
        let folder = std::env::var("TEST_BIN_DIR").expect("`make test` builds the programs");
        let help = std::process::Command::new(format!("{folder}/{program}"))
            .arg("--help")
            .output()
            .expect("it runs");
        let help = String::from_utf8_lossy(&help.stdout);
        for variable in variables {
            assert!(help.contains(variable), "{program} --help does not name {variable}");
        }
    }
}
