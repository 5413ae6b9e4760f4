use super::*;

#[test]
fn every_event_goes_where_the_contract_says() {
    let said =
        |event_type| route_of(event_type).map(|route| (route.exchange, route.routing_key, route.event_type));
    for (event_type, exchange, routing_key, name) in [
        ("ORDER_PLACED", "order.events", "order.ordercreated.order", "OrderCreated"),
        ("ORDER_CONFIRMED", "order.events", "order.orderconfirmed.order", "OrderConfirmed"),
        ("ORDER_CANCELLED", "order.events", "order.ordercancelled.order", "OrderCancelled"),
        (
            "ORDER_RETURN_INITIATED",
            "order.events",
            "order.orderreturninitiated.order",
            "OrderReturnInitiated",
        ),
        (
            "AllocationCreated",
            "inventory.events",
            "inventory.allocationcreated.allocation",
            "AllocationCreated",
        ),
        (
            "AllocationConfirmed",
            "inventory.events",
            "inventory.allocationconfirmed.allocation",
            "AllocationConfirmed",
        ),
        (
            "AllocationCancelled",
            "inventory.events",
            "inventory.allocationcancelled.allocation",
            "AllocationCancelled",
        ),
        (
            "AllocationFulfilled",
            "inventory.events",
            "inventory.allocationfulfilled.allocation",
            "AllocationFulfilled",
        ),
        (
            "InsufficientStock",
            "inventory.notifications",
            "inventory.insufficientstock.inventoryitem",
            "InsufficientStock",
        ),
    ] {
        assert_eq!(said(event_type), Some((exchange, routing_key.to_owned(), name)));
    }
    for of_kafka_alone in
        ["ORDER_SHIPPED", "ORDER_PROCESSING", "ORDER_DELIVERED", "ORDER_RETURN_RECEIVED", "StockChanged"]
    {
        assert_eq!(said(of_kafka_alone), None);
    }
}
