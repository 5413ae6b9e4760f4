use serde_json::json;

use super::*;

fn order(status: OrderStatus, reason: Option<&str>) -> OrderEvent {
    OrderEvent {
        order_id: OrderId::parse("web-17").unwrap(),
        order_number: OrderNumber::parse("ORD-20260221-6BA0A415").unwrap(),
        status,
        shop: None,
        shopify_order_id: None,
        requires_pre_allocation: false,
        items: vec![OrderItem {
            order_item_id: LineId::parse("1").unwrap(),
            inventory_item_id: "WIDGET-2".to_owned(),
            sku: "WIDGET-2".to_owned(),
            quantity: 2,
        }],
        return_id: None,
        reason: reason.map(ToOwned::to_owned),
    }
}

fn sku() -> Sku {
    Sku::parse("WIDGET-2").unwrap()
}

fn main() -> WarehouseId {
    WarehouseId::parse("main").unwrap()
}

#[test]
fn every_status_but_the_first_has_an_event_and_an_order_its_own_stream() {
    let names = OrderStatus::ALL.map(|status| {
        OrderEventKind::of(status).map(|kind| Event::Order(kind, order(status, None)).event_type())
    });
    let expected =
        ["ORDER_CONFIRMED", "ORDER_PROCESSING", "ORDER_SHIPPED", "ORDER_DELIVERED", "ORDER_CANCELLED"];
    assert_eq!((names[0], &names[1..]), (None, &expected.map(Some)[..]));

    let placed = Event::Order(OrderEventKind::Placed, order(OrderStatus::Pending, None));
    assert_eq!((placed.event_type(), placed.aggregate_type()), ("ORDER_PLACED", "Order"));
    assert_eq!((placed.aggregate_id(), placed.stream().to_string().as_str()), ("web-17", "order/web-17"));
}

#[test]
fn an_order_event_has_the_members_consumers_know() {
    let cancelled = Event::Order(OrderEventKind::Cancelled, order(OrderStatus::Cancelled, Some("customer")));
    let expected = json!({
        "orderId": "web-17", "orderNumber": "ORD-20260221-6BA0A415", "status": "CANCELLED", "shop": null,
        "shopifyOrderId": null, "requiresPreAllocation": false,
        "items": [{"orderItemId": "1", "inventoryItemId": "WIDGET-2", "sku": "WIDGET-2", "quantity": 2}],
        "reason": "customer",
    });
    assert_eq!(cancelled.payload().unwrap(), expected);
    let confirmed = Event::Order(OrderEventKind::Confirmed, order(OrderStatus::Confirmed, None));
    assert!(confirmed.payload().unwrap().get("reason").is_none());
}

#[test]
fn an_allocation_event_has_the_members_consumers_know() {
    let kind = AllocationEventKind::Created;
    let event = AllocationEvent {
        allocation_id: "alloc_1".to_owned(),
        order_id: OrderId::parse("web-17").unwrap(),
        order_item_id: LineId::parse("1").unwrap(),
        inventory_item_id: sku(),
        sku: sku(),
        product_id: sku(),
        warehouse_id: main(),
        quantity: Quantity::new(2).unwrap(),
        status: "PENDING",
        expires_at: DateTime::from_timestamp(1_684_972_799, 0),
        cause: None,
        inventory_item_details: PlaceFigures {
            previous_available_quantity: 70,
            new_available_quantity: 68,
            previous_reserved_quantity: 0,
            new_reserved_quantity: 2,
        },
    };
    let mut expected = json!({
        "allocationId": "alloc_1", "orderId": "web-17", "orderItemId": "1", "inventoryItemId": "WIDGET-2",
        "sku": "WIDGET-2", "productId": "WIDGET-2", "warehouseId": "main", "quantity": 2, "status": "PENDING",
        "expiresAt": "2023-05-24T23:59:59Z",
        "inventoryItemDetails": {
            "previousAvailableQuantity": 70, "newAvailableQuantity": 68,
            "previousReservedQuantity": 0, "newReservedQuantity": 2,
        },
    });
    let created = Event::Allocation(kind, event.clone());
    assert_eq!(created.payload().unwrap(), expected);
    assert_eq!((created.event_type(), created.aggregate_type()), ("AllocationCreated", "Allocation"));
    assert_eq!(
        (created.aggregate_id(), created.stream()),
        ("alloc_1", Stream::Stock(sku(), main())),
        "allocations of one SKU and warehouse are one stream"
    );

    let kind = AllocationEventKind::Cancelled;
    let cause = Some(CancelCause::OrderCancelled);
    let cancelled = AllocationEvent { status: "CANCELLED", expires_at: None, cause, ..event };
    expected["status"] = json!("CANCELLED");
    expected["cause"] = json!("ORDER_CANCELLED");
    expected.as_object_mut().unwrap().remove("expiresAt");
    assert_eq!(Event::Allocation(kind, cancelled).payload().unwrap(), expected);
}

#[test]
fn events_of_stock_have_the_members_consumers_know() {
    let short = Event::InsufficientStock(InsufficientStock {
        order_id: OrderId::parse("web-17").unwrap(),
        inventory_item_id: sku(),
        sku: sku(),
        warehouse_id: main(),
        requested: 5,
        available: 2,
    });
    let expected = json!({"orderId": "web-17", "inventoryItemId": "WIDGET-2", "sku": "WIDGET-2",
                          "warehouseId": "main", "requested": 5, "available": 2});
    assert_eq!(short.payload().unwrap(), expected);
    assert_eq!((short.event_type(), short.aggregate_type()), ("InsufficientStock", "InventoryItem"));
    assert_eq!(short.stream(), Stream::Stock(sku(), main()));

    let changed = Event::StockChanged(StockChanged {
        sku: sku(),
        warehouse_id: main(),
        cause: StockCause::Received,
        previous_on_hand: 70,
        new_on_hand: 80,
        previous_available: 68,
        new_available: 78,
    });
    let expected = json!({"sku": "WIDGET-2", "warehouseId": "main", "cause": "RECEIVED", "previousOnHand": 70,
                          "newOnHand": 80, "previousAvailable": 68, "newAvailable": 78});
    assert_eq!(changed.payload().unwrap(), expected);
    assert_eq!((changed.event_type(), changed.aggregate_id()), ("StockChanged", "WIDGET-2"));

    let returned = Event::ReturnReceived(ReturnReceived {
        return_id: "ret_01".to_owned(),
        order_id: OrderId::parse("web-17").unwrap(),
        lines: vec![ReturnedLine { sku: sku(), quantity: Quantity::new(1).unwrap(), sellable: true }],
    });
    let expected = json!({"returnId": "ret_01", "orderId": "web-17",
                          "lines": [{"sku": "WIDGET-2", "quantity": 1, "sellable": true}]});
    assert_eq!(returned.payload().unwrap(), expected);
    assert_eq!((returned.event_type(), returned.stream().key()), ("ORDER_RETURN_RECEIVED", "web-17"));
}
