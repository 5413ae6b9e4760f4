//! `waybill stock count`, `waybill warehouses` and `waybill audit`.

use super::{waybill, waybill_with_token};
use crate::{line::WORLD, world};

#[test]
fn stock_is_counted_and_the_list_and_the_table_say_who_did() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-COUNT", 9).await;
        let arguments =
            ["stock", "count", "CLI-COUNT", "7", "--reason", "=yearly count", "--request-id", "cli-count-1"];
        let counted =
            waybill_with_token(&world.api(""), &world.token_of("operator", "cli-anna"), &arguments).await;
        assert!(counted.ended_well().line("On hand  ").ends_with('7'));
        let again = waybill(world, &arguments).await.ended_well();
        assert!(again.line("On hand before").ends_with('9'), "{again:?}");
        let other = waybill(
            world,
            &["stock", "count", "CLI-COUNT", "6", "--reason", "x", "--request-id", "cli-count-1"],
        );
        assert_eq!(other.await.code, 1);

        let listed =
            waybill(world, &["audit", "--target", "CLI-COUNT", "--kind", "stock_counted"]).await.ended_well();
        let entry = listed.line("STOCK_COUNTED");
        assert!(entry.contains("cli-anna") && entry.contains("yearly count"), "{entry}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.csv");
        let path = file.to_str().unwrap();
        waybill(world, &["audit", "--target", "CLI-COUNT", "--export", path]).await.ended_well();
        let table = std::fs::read_to_string(&file).unwrap();
        assert!(table.contains("\"'=yearly count\""), "{table}");
        let token = world.token_of("operator", "cli-anna");
        let refused = waybill_with_token(&world.api(""), &token, &["audit", "--export", path]).await;
        assert_eq!(refused.code, 5, "{refused:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), table, "the file is as it was");
    });
}

#[test]
fn a_warehouse_is_added_changed_and_listed() {
    let world = &*WORLD;
    world::run(async {
        let add =
            ["warehouses", "add", "cli-house", "--name", "Harbour", "--priority", "970", "--reason", "opens"];
        waybill(world, &add).await.ended_well();
        assert_eq!(waybill(world, &add).await.code, 1, "it is taken");
        let change = ["warehouses", "change", "cli-house", "--active", "false", "--reason", "closes"];
        waybill(world, &change).await.ended_well();
        let listed = waybill(world, &["warehouses", "list"]).await.ended_well();
        let row: Vec<&str> = listed.line("cli-house").split_whitespace().collect();
        assert_eq!(row[..5], ["cli-house", "Harbour", "inactive", "970", "wms"]);
        assert_eq!(waybill(world, &["warehouses", "change", "cli-house", "--reason", "x"]).await.code, 2);
        let gone = ["warehouses", "change", "cli-nowhere", "--active", "true", "--reason", "x"];
        assert_eq!(waybill(world, &gone).await.code, 3);
    });
}
