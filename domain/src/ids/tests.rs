use super::*;

#[test]
fn an_order_id_takes_a_callers_token_and_refuses_the_rest() {
    for good in ["0190a0b0-0000-7000-8000-000000000000", "order-1", "a.b_c-D9"] {
        assert!(OrderId::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "user", "a@b", " ;drop", "a/b", &"x".repeat(65)] {
        assert!(OrderId::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_user_id_may_be_the_subject_of_a_token() {
    for good in ["user11", "auth0|5f7c", "service:web", "jane@example.com"] {
        assert!(UserId::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "a/b", "jürgen", &"x".repeat(65)] {
        assert!(UserId::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_reference_names_order_warehouse_and_epoch() {
    let number = OrderNumber::from_parts("20261121", 0x6BA0_A415).unwrap();
    assert_eq!(number.as_str(), "ORD-20261121-6BA0A415");
    let reference = RequestReference::of(&number, &WarehouseId::main(), 2);
    assert_eq!(reference.as_str(), "ORD-20261121-6BA0A415-main-2");
}

#[test]
fn a_skus_length_is_counted_in_characters() {
    for good in ["ä".repeat(255), "😀".repeat(255), "茶".to_owned()] {
        assert!(Sku::parse(&good).is_ok(), "{good}");
    }
    for bad in ["ä".repeat(256), "x".repeat(256), "x".repeat(100_000), String::new()] {
        assert!(Sku::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_refusal_names_the_field_and_what_is_allowed() {
    let error = Sku::parse(" x").unwrap_err();
    assert!(error.to_string().starts_with("sku: 1 to 255"), "{error}");
}

#[test]
fn serde_goes_through_parse() {
    assert!(serde_json::from_str::<OrderId>("\"user\"").is_err());
    assert!(serde_json::from_str::<OrderId>("\"order-1\"").is_ok());
}

#[test]
fn the_first_warehouse_system_is_the_one_that_is_not_named() {
    let first = WarehouseSystem::first();
    assert_eq!((first.as_str(), first.is_first()), ("wms", true));
    assert_eq!(WarehouseSystem::default(), first);
    assert!(!WarehouseSystem::parse("depot").unwrap().is_first());
}

#[test]
fn a_channel_names_its_shop_and_its_orders_workflow() {
    let order = OrderId::parse("web-17").unwrap();
    let shop = ShopDomain::parse("anyx-demo.myshopify.com").unwrap();
    let of_shop = Channel::Shopify { shop: shop.clone(), shopify_order_id: ShopifyOrderId(17) };
    assert_eq!((of_shop.shop(), Channel::Api.shop()), (Some(&shop), None));
    assert_eq!(WorkflowId::of(&of_shop, &order).as_str(), "order/anyx-demo.myshopify.com/17");
    assert_eq!(WorkflowId::of(&Channel::Api, &order).as_str(), "order/api/web-17");
}

#[test]
fn names_of_our_own_making_are_fixed() {
    assert_eq!(WarehouseId::main().as_str(), "main");
    assert_eq!(AllocationId::of(7).as_str(), "alloc_00000000000000000000000000000007");
    assert_eq!(ReturnId::of(7).as_str(), "ret_00000000000000000000000000000007");
    assert!(ReturnId::parse("ret_7").is_err() && ReturnId::parse(&"0".repeat(36)).is_err());
    assert_eq!(ShopifyOrderId(17).to_string(), "17");
    let shop = ShopDomain::parse("anyx-demo.myshopify.com").unwrap();
    let depot = WarehouseSystem::parse("depot").unwrap();
    let lanes = [
        LaneName::orders(),
        LaneName::of_shop(&shop),
        LaneName::of_system(&WarehouseSystem::first()),
        LaneName::of_system(&depot),
    ];
    let names = ["orders", "shopify-anyx-demo.myshopify.com", "warehouse", "warehouse-depot"];
    assert_eq!(lanes.map(|lane| lane.to_string()), names);
}
