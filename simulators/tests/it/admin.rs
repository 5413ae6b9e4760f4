//! The Admin API: token, selection, validation, price.

use serde_json::{Value, json};

use crate::stage::{Stage, read};

const ORDER: &str = "query Order($id: ID!) {
  order(id: $id) {
    __typename
    number: name
    tags
    fulfillmentOrders(first: 5) {
      nodes { ...Routed }
      pageInfo { hasNextPage }
    }
  }
}
fragment Routed on FulfillmentOrder {
  id
  status
  requestStatus
  assignedLocation { location { id } }
  lineItems(first: 1) {
    nodes { id remainingQuantity totalQuantity sku lineItem { id } }
    pageInfo { hasNextPage endCursor }
  }
}";

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

#[tokio::test]
async fn a_wrong_token_is_401_in_shopifys_words() {
    let stage = Stage::set().await;
    let url = stage.shopify_url("/admin/api/2026-07/graphql.json");
    let request =
        stage.http.post(url).header("X-Shopify-Access-Token", "wrong").json(&json!({ "query": "{}" }));
    let (status, body) = read(request).await;
    assert_eq!(status, 401);
    assert_eq!(
        body["errors"],
        "[API] Invalid API key or access token (unrecognized login or wrong password)"
    );
}

#[tokio::test]
async fn exactly_the_selected_fields_are_answered_and_pages_end_where_they_should() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&sku=TEA,CUP&quantity=2").await;
    let answer = stage.graphql(ORDER, json!({ "id": placed["adminGraphqlApiId"] })).await;
    let order = &answer["data"]["order"];
    assert_eq!(order["__typename"], "Order");
    assert_eq!(order["number"], placed["name"]);
    assert_eq!(order.as_object().unwrap().len(), 4);
    let routed = &order["fulfillmentOrders"]["nodes"][0];
    assert_eq!((&routed["status"], &routed["requestStatus"]), (&json!("OPEN"), &json!("UNSUBMITTED")));
    assert!(
        routed["assignedLocation"]["location"]["id"].as_str().unwrap().starts_with("gid://shopify/Location/")
    );
    let lines = &routed["lineItems"];
    assert_eq!(lines["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(lines["nodes"][0]["sku"], "TEA");
    assert_eq!(lines["nodes"][0]["remainingQuantity"], 2);
    assert_eq!(lines["nodes"][0].as_object().unwrap().len(), 5);
    assert_eq!(lines["pageInfo"], json!({ "hasNextPage": true, "endCursor": "0" }));
    let cost = &answer["extensions"]["cost"];
    assert!(cost["actualQueryCost"].as_u64() <= cost["requestedQueryCost"].as_u64());
    assert_eq!(cost["throttleStatus"]["maximumAvailable"], 2_000);
    assert_eq!(cost["throttleStatus"]["restoreRate"], 100);
}

#[tokio::test]
async fn the_next_page_follows_the_cursor() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&sku=TEA,CUP,POT").await;
    let query = "query($id: ID!, $after: String) { order(id: $id) { lineItems(first: 2, after: $after) { nodes { sku } pageInfo { hasNextPage endCursor } } } }";
    let first = stage.graphql(query, json!({ "id": placed["adminGraphqlApiId"] })).await;
    let first = &first["data"]["order"]["lineItems"];
    assert_eq!(first["nodes"], json!([{ "sku": "TEA" }, { "sku": "CUP" }]));
    let after = &first["pageInfo"]["endCursor"];
    let second = stage.graphql(query, json!({ "id": placed["adminGraphqlApiId"], "after": after })).await;
    let second = &second["data"]["order"]["lineItems"];
    assert_eq!(second["nodes"], json!([{ "sku": "POT" }]));
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn an_unknown_order_is_null_and_an_invalid_id_an_error() {
    let stage = Stage::set().await;
    let answer = stage.graphql(ORDER, json!({ "id": "gid://shopify/Order/1" })).await;
    assert_eq!(answer["data"], json!({ "order": null }));
    let answer = stage.graphql(ORDER, json!({ "id": "1" })).await;
    assert_eq!(code(&answer), "INVALID_VARIABLE");
    assert!(answer["data"].is_null());
}

#[tokio::test]
async fn a_document_that_is_not_in_the_schema_is_refused_whole() {
    let stage = Stage::set().await;
    for (document, wanted) in [
        ("{ order(id: \"gid://shopify/Order/1\") { colour } }", "undefinedField"),
        ("{ order { id } }", "missingRequiredArguments"),
        ("{ order(id: \"gid://shopify/Order/1\", colour: 1) { id } }", "argumentNotAccepted"),
        ("{ order(id: \"gid://shopify/Order/1\") }", "selectionMismatch"),
        ("{ order(id: 7) { id } }", "argumentLiteralsIncompatible"),
        ("query($id: String!) { order(id: $id) { id } }", "variableMismatch"),
        ("query($id: ID!) { order(id: \"gid://shopify/Order/1\") { id } }", "variableNotUsed"),
        ("{ order(id: $id) { id } }", "variableNotDefined"),
        ("{ order(id: \"gid://shopify/Order/1\") { lineItems { nodes { id } } } }", "BAD_REQUEST"),
        (
            "mutation { orderCancel(orderId: \"gid://shopify/Order/1\", reason: LATE, restock: true) { job { id } } }",
            "argumentLiteralsIncompatible",
        ),
    ] {
        let answer = stage.graphql(document, json!({ "id": "gid://shopify/Order/1" })).await;
        assert_eq!(code(&answer), wanted, "{document}: {answer}");
    }
}

#[tokio::test]
async fn an_unknown_field_of_an_input_names_the_field_and_the_input() {
    let stage = Stage::set().await;
    let mutation = "mutation($fulfillment: FulfillmentInput!) { fulfillmentCreate(fulfillment: $fulfillment) { userErrors { message } } }";
    let answer = stage
        .graphql(
            mutation,
            json!({ "fulfillment": { "lineItemsByFulfillmentOrder": [], "trackingNumber": "1" } }),
        )
        .await;
    assert_eq!(code(&answer), "INVALID_VARIABLE");
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("trackingNumber") && message.contains("FulfillmentInput"), "{message}");
}

#[tokio::test]
async fn an_empty_bucket_throttles_as_http_200() {
    let stage = Stage::set_with(&["--shopify-bucket-points=15", "--shopify-restore-per-s=0"]).await;
    let placed = stage.place("announce=false").await;
    let mutation = "mutation($id: ID!) { tagsAdd(id: $id, tags: [\"a\"]) { userErrors { message } } }";
    let variables = json!({ "id": placed["adminGraphqlApiId"] });
    let first = stage.graphql(mutation, variables.clone()).await;
    assert_eq!(first["extensions"]["cost"]["actualQueryCost"], 10);
    let second = stage.graphql(mutation, variables).await;
    assert_eq!(code(&second), "THROTTLED");
    assert_eq!(second["errors"][0]["message"], "Throttled");
    assert_eq!(second["extensions"]["cost"]["requestedQueryCost"], 10);
    assert!(second["extensions"]["cost"]["actualQueryCost"].is_null());
    assert_eq!(second["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"], 5);
    assert_eq!(stage.shopify_effects("tagsAdded").await.len(), 1);
}

#[tokio::test]
async fn tags_are_added_once_each() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    let mutation = "mutation($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id ... on Order { tags } } userErrors { message } } }";
    let variables = json!({ "id": placed["adminGraphqlApiId"], "tags": ["waybill", "held, late"] });
    for _ in 0..2 {
        let answer = stage.graphql(mutation, variables.clone()).await;
        assert_eq!(
            answer["data"]["tagsAdd"]["node"],
            json!({ "id": placed["adminGraphqlApiId"], "tags": ["held", "late", "waybill"] })
        );
    }
}

#[tokio::test]
async fn fulfilment_orders_appear_some_time_after_the_order() {
    let stage = Stage::set_with(&["--fulfilment-order-after-ms=1500"]).await;
    let placed = stage.place("announce=false&lines=2&sku=TEA,CUP&fulfilmentOrders=2").await;
    let variables = json!({ "id": placed["adminGraphqlApiId"] });
    let early = stage.graphql(ORDER, variables.clone()).await;
    assert_eq!(early["data"]["order"]["fulfillmentOrders"]["nodes"], json!([]));
    let routed = stage
        .eventually("routing", async || {
            let answer = stage.graphql(ORDER, variables.clone()).await;
            let nodes = answer["data"]["order"]["fulfillmentOrders"]["nodes"].as_array().unwrap().clone();
            (!nodes.is_empty()).then_some(nodes)
        })
        .await;
    let skus: Vec<&Value> = routed.iter().map(|node| &node["lineItems"]["nodes"][0]["sku"]).collect();
    assert_eq!(skus, ["TEA", "CUP"]);
    assert_ne!(routed[0]["assignedLocation"], routed[1]["assignedLocation"]);
}
