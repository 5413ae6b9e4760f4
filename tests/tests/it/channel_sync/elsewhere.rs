//! Where the stock is kept by a service of its own.

use super::*;
use crate::world::InventoryService;

#[test]
fn where_stock_is_elsewhere_nothing_is_sent_the_log_says_so_and_orders_go_on() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        let env = vec![("INVENTORY_SERVICE_URL", service.url())];
        let world = World::start(Plan { file: SHOPS, env, ..Plan::default() }).await;
        let sku = "SYNC-ELSEWHERE-KEPT";
        service.stock(sku, 5).await;
        item_in_shop(&world, TWO, sku, MAIN, 3).await;
        let order = Placed::new(TWO, &[sku], 1);
        world.place(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        let said = world.logged().into_iter().any(|(_, text)| {
            text.contains("stock levels are not sent to the shops: INVENTORY_SERVICE_URL says that our stock is elsewhere")
        });
        assert!(said, "the worker says why");
        assert_eq!(sets(&world, TWO, sku).await, []);
        let synced: i64 =
            sqlx::query_scalar("SELECT count(*) FROM channel.shops").fetch_one(&world.pool).await.unwrap();
        assert_eq!(synced, 0);
        let answer = world.http.get(world.api("/api/channel-levels")).send().await.unwrap();
        assert_eq!(answer.status(), 421);
    });
}
