//! Approvals by `waybill orders approve`.

use futures::future::join;
use serde_json::json;

use super::{asked, number_of, tagged, until_asked};
use crate::{cli::waybill, line::WORLD, world};

#[test]
fn the_command_approves_and_refuses_and_says_why_it_cannot() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-COMMAND", 5).await;
        let (taken, thrown) = (tagged("APPR-COMMAND"), tagged("APPR-COMMAND"));
        join(world.place(&taken), world.place(&thrown)).await;
        join(until_asked(world, &taken), until_asked(world, &thrown)).await;
        let (wanted, unwanted) = join(number_of(world, &taken), number_of(world, &thrown)).await;

        let listed =
            waybill(world, &["attention", "list", "--reason", "APPROVAL", "--all"]).await.ended_well();
        assert!(listed.out().contains(&wanted) && listed.out().contains(&unwanted), "{listed:?}");
        let shown = waybill(world, &["orders", "show", &wanted]).await.ended_well();
        assert!(shown.line("approval").contains(&format!("waybill orders approve {wanted}")), "{shown:?}");
        let without_reason = waybill(world, &["orders", "approve", &unwanted, "--refuse"]).await;
        assert_ne!(without_reason.code(), 0);
        assert!(without_reason.err().contains("--reason"), "{without_reason:?}");
        assert!(world.references("APPR-COMMAND").await.is_empty());

        let approve = ["orders", "approve", &wanted, "--reason", "known to us"];
        waybill(world, &approve).await.ended_well().line("Answered");
        let refuse = ["orders", "approve", &unwanted, "--refuse", "--reason", "a known thief"];
        waybill(world, &refuse).await.ended_well().line("Answered");
        world.until_shipped(&taken).await;
        world.until_order(&thrown, "status", &["CANCELLED"]).await;
        assert_eq!(world.available("APPR-COMMAND").await, 4);
        for (order, decision, reason) in
            [(&taken, "APPROVED", "known to us"), (&thrown, "REFUSED", "a known thief")]
        {
            let rows = asked(world, order).await;
            let decided = (&rows[0]["decision"], &rows[0]["reason"]);
            assert_eq!(decided, (&json!(decision), &json!(reason)), "{rows:?}");
        }
        let late = waybill(world, &approve).await;
        assert_eq!(late.code(), 1, "{late:?}");
    });
}
