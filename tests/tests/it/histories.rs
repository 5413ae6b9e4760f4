//! Recorded histories: what was begun by an earlier version has to be gone on with by this one.
//! `make histories` records them anew.

mod recording;
mod reordered;

use std::{fs, path::PathBuf, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayFailure, WorkflowReplayer, WorkflowReplayerOptions,
};
use workflows::OrderFulfilment;

use self::{
    recording::{NAMES, record},
    reordered::ReorderedFulfilment,
};
use crate::{line::WORLD, world};

/// What stands in the orders of every test about their customer.
const PRIVATE: [&str; 6] = ["Grace", "grace.", "Secretname", "Secret Street", "Secretville", "10115"];

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("histories").join(format!("{name}.json"))
}

/// Records all of them where that is asked for, before any is read.
static RECORDED: LazyLock<()> = LazyLock::new(|| {
    if std::env::var("WAYBILL_RECORD_HISTORIES").as_deref() == Ok("1") {
        for name in NAMES {
            let history = world::run(record(&WORLD, name));
            fs::write(file(name), history).expect("the history is written");
        }
    }
});

fn recorded(name: &str) -> Vec<u8> {
    LazyLock::force(&RECORDED);
    fs::read(file(name)).expect("the history is there; `make histories` records it")
}

async fn replay(options: WorkflowReplayerOptions, history: &[u8]) -> Result<(), WorkflowReplayError> {
    let history = WorkflowHistory::from_json(history).expect("the file can be read");
    WorkflowReplayer::new(options)?.replay_workflow(history).await
}

fn replays(name: &str) {
    let history = recorded(name);
    let options = WorkflowReplayerOptions::new().register_workflow::<OrderFulfilment>().expect("it is known");
    world::run(replay(options.build(), &history)).expect("the story takes the same way again");
}

#[test]
fn a_happy_order_is_replayed() {
    replays("happy");
}

#[test]
fn a_split_order_is_replayed() {
    replays("split");
}

#[test]
fn a_backordered_order_is_replayed() {
    replays("backorder");
}

#[test]
fn an_order_cancelled_before_its_hand_over_is_replayed() {
    replays("cancel_before_hand_over");
}

#[test]
fn an_order_cancelled_during_its_hand_over_is_replayed() {
    replays("cancel_during_hand_over");
}

#[test]
fn a_parked_and_retried_order_is_replayed() {
    replays("parked_and_retried");
}

#[test]
fn a_compensated_order_is_replayed() {
    replays("compensated");
}

#[test]
fn a_story_told_in_another_order_is_found_out() {
    let history = recorded("happy");
    let options =
        WorkflowReplayerOptions::new().register_workflow::<ReorderedFulfilment>().expect("it is known");
    let found_out =
        world::run(replay(options.build(), &history)).expect_err("it hands over before it reserves");
    let nondeterministic =
        matches!(&found_out, WorkflowReplayError::Replay(WorkflowReplayFailure::Nondeterminism { .. }));
    assert!(nondeterministic, "{found_out}");
}

#[test]
fn there_is_a_test_for_every_recorded_history() {
    LazyLock::force(&RECORDED);
    let folder = fs::read_dir(file("happy").parent().expect("a folder")).expect("the folder is there");
    let mut names: Vec<String> = folder
        .map(|entry| {
            entry.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, NAMES);
}

#[test]
fn no_history_holds_a_customer_or_the_machine_it_was_recorded_on() {
    for name in NAMES {
        let history: Value = serde_json::from_slice(&recorded(name)).expect("JSON");
        let mut texts = Vec::new();
        collect_texts(&history, &mut texts);
        assert!(texts.iter().any(|text| text.contains("orderId")), "{name}: payloads are looked into");
        for text in &texts {
            for private in PRIVATE {
                assert!(!text.contains(private), "{name}: {private} in {text}");
            }
            assert!(!text.contains('@') || text.contains('\u{fffd}'), "{name}: an address in {text}");
        }
    }
}

/// Every text of a history, payloads as they were before they were encoded.
fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(match STANDARD.decode(text) {
            Ok(bytes) if text.len() > 8 => String::from_utf8_lossy(&bytes).into_owned(),
            _ => text.clone(),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect_texts(member, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
