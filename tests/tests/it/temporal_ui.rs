//! What Temporal's own tools show of a run: in words what it waits for, whose it is, and what a call is about.

use std::time::Duration;

use serde_json::{Value, json};
use temporalio_client::{UntypedQuery, WorkflowDescribeOptions, WorkflowQueryOptions};
use temporalio_common::{
    data_converters::RawValue,
    protos::temporal::api::{enums::v1::EventType, history::v1::history_event::Attributes},
};

use crate::world::{self, Placed, Plan, SHOP, World, until};

/// What nobody who looks at a run is to read there.
const PERSONAL: [&str; 5] = ["Grace", "grace.secret", "Secretname", "Secret Street", "Secretville"];

/// The current details of a run, once they say this among other things.
async fn until_details(world: &World, id: &str, words: &str) -> String {
    until(&format!("the details say {words:?}"), Duration::from_secs(30), async || {
        let asked = UntypedQuery::new("__temporal_workflow_metadata");
        let options = WorkflowQueryOptions::default();
        let answer = world.workflow(id).query(asked, RawValue::new(Vec::new()), options).await.ok()?;
        let answer: Value = serde_json::from_slice(&answer.payloads.first()?.data).ok()?;
        let details = answer["currentDetails"].as_str()?.to_owned();
        details.contains(words).then_some(details)
    })
    .await
}

/// The memo of a run, whole, as text.
async fn memo(world: &World, id: &str) -> Vec<(String, String)> {
    let run = world.workflow(id).describe(WorkflowDescribeOptions::default()).await.expect("there is a run");
    let fields = run.raw_description.workflow_execution_info.clone().and_then(|info| info.memo);
    let mut fields: Vec<(String, String)> = fields
        .expect("a memo")
        .fields
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(&value.data).into_owned()))
        .collect();
    fields.sort();
    fields
}

/// What is said beside the activity of this type that was scheduled last.
async fn summary_of(world: &World, id: &str, activity: &str) -> Option<String> {
    let history = world.history(id).await;
    let scheduled = history.iter().rev().find(|event| {
        event.event_type() == EventType::ActivityTaskScheduled
            && matches!(&event.attributes, Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled))
                if scheduled.activity_type.as_ref().is_some_and(|kind| kind.name == activity))
    })?;
    let summary = scheduled.user_metadata.as_ref()?.summary.as_ref()?;
    serde_json::from_slice(&summary.data).ok()
}

#[test]
fn details_memo_and_summaries_say_what_an_order_waits_for_and_name_nobody() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let (parks, waits) = ("UI-PARKS", "UI-WAITS");
        for sku in [parks, waits] {
            world.stock(sku, 5).await;
        }
        world.wms_rule(json!({"operation": "createShipment", "sku": parks, "code": "bad_address"})).await;
        let parked = Placed::new(SHOP, &[parks], 2);
        world.place(&parked).await;
        world.until_parked(&parked).await;
        world.pause_lane("warehouse").await;
        let waiting = Placed::new(SHOP, &[waits], 3);
        world.place(&waiting).await;

        let mut shown = String::new();
        for (order, sku, pieces, words) in [
            (&parked, parks, 2, "the step `hand_over` is parked, `WMS_BAD_ADDRESS`"),
            (&waiting, waits, 3, "Waiting for the warehouse system (lane `warehouse`) since "),
        ] {
            let id = order.workflow();
            let number = world.order(order).await["orderNumber"].as_str().expect("a number").to_owned();
            let details = until_details(&world, &id, words).await;
            let command = match order.id == parked.id {
                true => format!("waybill orders retry {number}"),
                false => format!("waybill orders cancel {number}"),
            };
            assert!(details.contains(&command), "what a person can do: {details}");
            let memo = memo(&world, &id).await;
            let names: Vec<&str> = memo.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["correlationId", "orderNumber", "shop"]);
            assert_eq!(
                (memo[1].1.as_str(), memo[2].1.as_str()),
                (json!(number).to_string().as_str(), json!(SHOP).to_string().as_str())
            );
            let summary = summary_of(&world, &id, "request-fulfilment").await;
            assert_eq!(summary.as_deref(), Some(format!("{sku} × {pieces} at main").as_str()));
            shown += &format!("{details}\n{memo:?}\n");
            // Nor does anything else that the tools show of it.
            for private in PERSONAL {
                assert!(!world.history_says(&id, private).await, "{private} is in the history");
            }
        }
        for private in PERSONAL {
            assert!(!shown.contains(private), "{private} is shown: {shown}");
        }
        // Answered, it says so no more.
        world.change_lane("warehouse", "resume").await;
        world.retry(&parked).await;
        for order in [&parked, &waiting] {
            world.until_shipped(order).await;
        }
    });
}
