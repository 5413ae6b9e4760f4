//! Whatever comes, no parser panics, and only what is needed loses an order.

use proptest::prelude::*;

use super::*;

/// Any JSON value, with the names of an order's members often among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9eE.+-]{0,40}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof![
        proptest::sample::select(vec![
            "id",
            "line_items",
            "quantity",
            "fulfillable_quantity",
            "price",
            "total_price",
            "sku",
            "name",
            "customer",
            "shipping_address",
            "cancelled_at",
            "updated_at",
            "currency",
            "location_id",
            "zip",
            "fulfillments",
            "fulfillment_status",
            "tracking_numbers",
            "refunds",
            "refund_line_items",
            "return_line_items",
            "fulfillment_line_item",
            "dispositions",
            "order",
            "order_id",
            "fulfillment_order",
            "admin_graphql_api_id",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(4, 64, 12, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_a_parser_panic(value in any_json()) {
        let body = value.to_string();
        let body = body.as_bytes();
        let _ = (parse_order(body), parse_refund(body), parse_return(body), parse_cancelled_return(body));
        let _ = (parse_order_mention(body), parse_fulfilment_order_mention(body));
        let _ = parse_reverse_fulfilment_order_mention(body);
    }

    #[test]
    fn no_member_that_is_not_needed_loses_an_order(value in any_json(), at in 0_usize..11) {
        let names = ["name", "currency", "total_price", "cancelled_at", "updated_at", "customer", "note",
            "shipping_address", "fulfillments", "refunds", "location_id"];
        let mut body = minimal();
        body[names[at]] = value.clone();
        prop_assert!(read(&body).is_ok());
        let mut body = minimal();
        for name in ["sku", "price", "fulfillable_quantity", "current_quantity", "requires_shipping"] {
            body["line_items"][0][name] = value.clone();
        }
        prop_assert!(read(&body).is_ok());
        body["line_items"][0]["quantity"] = value.clone();
        body["line_items"][0]["id"] = value;
        let _ = read(&body);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = parse_order(&bytes);
    }
}
