//! What people see of levels: over the API, and by `waybill shops sync`.

use super::*;
use crate::cli::waybill;

#[test]
fn a_shop_is_learned_again_when_somebody_says_so_and_what_is_left_alone_is_said_with_its_reason() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["SEEN-TOLD", "SEEN-TWICE", "SEEN-BUNDLE"] {
            world.stock(sku, 4).await;
        }
        item_in_shop(world, TWO, "SEEN-TOLD", MAIN, 0).await;
        stock_in_shop(world, TWO, "items", json!({"sku": "SEEN-BUNDLE", "tracked": true, "bundle": true}))
            .await;
        for another in [false, true] {
            let item = json!({"sku": "SEEN-TWICE", "tracked": true, "another": another});
            stock_in_shop(world, TWO, "items", item).await;
        }
        let said = waybill(world, &["shops", "sync", TWO]).await.ended_well();
        assert!(said.line("Left alone:").contains("2 SKU_TWICE"), "{said:?}");
        assert!(said.line("SEEN-TWICE").contains("items "), "{said:?}");
        until_level(world, TWO, "SEEN-TOLD", MAIN, (4, 4)).await;
        until_settled(world, TWO, "SEEN-TOLD").await;

        let told = api_answers(world, &format!("/api/channel-levels?shop={TWO}&sku=SEEN-TOLD")).await;
        assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
        for (member, value) in
            [("onHand", json!(4)), ("available", json!(4)), ("dirty", json!(false)), ("skipped", Value::Null)]
        {
            assert_eq!(told[0][member], value, "{member} of {told}");
        }
        let bundles = until("the bundle is left alone", Duration::from_secs(30), async || {
            let path = format!("/api/channel-levels?shop={TWO}&skipped=BUNDLE&sku=SEEN-BUNDLE");
            let found = api_answers(world, &path).await;
            (found.as_array()?.len() == 1).then_some(found)
        });
        assert_eq!(bundles.await[0]["detail"], "its stock is that of its components");
        // Page by page, each once.
        let mut path = Some(format!("/api/channel-levels?shop={TWO}&sku=SEEN-TWICE&skipped=ANY&limit=1"));
        let mut items = Vec::new();
        while let Some(next) = path {
            let answer = world.http.get(world.api(&next)).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            path = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
            let page: Value = answer.json().await.unwrap();
            items.push(page[0]["inventoryItemId"].as_i64().unwrap());
        }
        assert!(items.len() == 2 && items[0] < items[1], "{items:?}");
        let shops = api_answers(world, "/api/channel-shops").await;
        let names: Vec<&str> =
            shops.as_array().unwrap().iter().map(|shop| shop["shop"].as_str().unwrap()).collect();
        assert_eq!(names, [FREE, ONE, TWO]);
        assert!(
            shops[2]["skipped"].as_array().unwrap().contains(&json!({"reason": "SKU_TWICE", "levels": 2})),
            "{shops}"
        );
    });
}

#[test]
fn what_cannot_be_asked_for_is_said_with_its_name() {
    let world = &*WORLD;
    world::run(async {
        for (path, field) in [
            ("/api/channel-levels?shop=nowhere", "shop"),
            ("/api/channel-levels?skipped=WHATEVER", "skipped"),
            ("/api/channel-levels?dirty=perhaps", "dirty"),
            ("/api/channel-levels?cursor=x", "cursor"),
            ("/api/channel-drifts?open=1", "open"),
            ("/api/channel-drifts?limit=0", "limit"),
        ] {
            let answer = world.http.get(world.api(path)).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{path}");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["field"], field, "{path}: {problem}");
        }
        let path = world.api("/api/channel-shops/quick.myshopify.com/sync");
        let answer = world.http.post(path).json(&json!({})).send().await.unwrap();
        assert_eq!(answer.status(), 404, "it has no table channel_sync");
        let refused = waybill(world, &["shops", "sync", "none.myshopify.com"]).await;
        assert!(refused.err().contains("none.myshopify.com"), "{refused:?}");
        assert_eq!(refused.code(), 3);
    });
}
