//! What Prometheus is to call somebody for: every metric of its rules is one that the processes show.

use std::{collections::BTreeSet, time::Duration};

use reqwest::StatusCode;
use serde_json::json;

use crate::world::{self, Placed, Plan, SHOP, World, until};

const RULES: &str = include_str!("../../../deploy/prometheus/waybill.rules.yml");
const RUNBOOK: &str = include_str!("../../../docs/operating.md");
const TESTS: &str = include_str!("../../../deploy/prometheus/waybill.rules.test.yml");

/// Every metric of ours that a rule names.
fn named() -> BTreeSet<&'static str> {
    let is_of_a_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = RULES.split(|character| !is_of_a_name(character));
    words.filter(|word| word.starts_with("waybill_")).collect()
}

fn alerts() -> Vec<&'static str> {
    RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn every_alert_is_tried_both_ways_and_stands_in_the_runbook() {
    assert!(alerts().len() >= 10);
    for alert in alerts() {
        let tried: Vec<&str> = TESTS.split(&format!("alertname: {alert}\n")).skip(1).collect();
        let (silent, told): (Vec<&str>, Vec<&str>) =
            tried.iter().partition(|rest| rest.trim_start().starts_with("exp_alerts: []"));
        assert!(!silent.is_empty() && !told.is_empty(), "{alert} is tried {} times", tried.len());
        assert!(RUNBOOK.contains(&format!("| `{alert}` |")), "{alert} is not in docs/operating.md");
    }
}

#[test]
fn every_metric_of_the_rules_is_on_the_pages_of_the_processes() {
    world::run(async {
        let file = "[promise]\ncut_off = \"24:00\"\n\n[warehouses.main]\ntime_zone = \"Europe/Berlin\"\n\n\
                    [[shops]]\ndomain = \"alerts.myshopify.com\"\nadmin_url = \"SHOPIFY_URL\"\n\
                    admin_token = \"SHOPIFY_ADMIN_TOKEN\"\nwebhook_secrets = [\"SHOPIFY_WEBHOOK_SECRET\"]\n\
                    lane = \"shopify-shared\"\nlocations = { 655441491 = \"main\" }\nchannel_sync = {}\n\n";
        let world = World::start(Plan { file, ..Plan::default() }).await;
        let subscription =
            json!({"url": "https://subscriber.example.com/hooks", "topics": ["ORDER_DELIVERED"]});
        let asked =
            world.http.post(world.api("/api/webhook-subscriptions")).bearer_auth(world.token("admin"));
        let answer = asked.json(&subscription).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
        world.stock("ALERT-API", 5).await;
        world.place(&Placed::new(SHOP, &["ALERT-UNKNOWN"], 1)).await;
        world.pause_lane("warehouse").await;
        world.place_at_api("ALERT-API", 1, None).await;
        assert!(named().len() >= 10, "{:?}", named());
        until("every metric is shown", Duration::from_secs(60), async || {
            let page = world.worker_metrics().await;
            let missing: Vec<&str> = named().into_iter().filter(|name| !is_shown(&page, name)).collect();
            if !missing.is_empty() {
                eprintln!("not shown yet: {missing:?}");
            }
            missing.is_empty().then_some(())
        })
        .await;
        let parked = "waybill_orders_parked{reason=\"UNKNOWN_SKU\"} 1";
        assert!(world.worker_metrics().await.lines().any(|line| line == parked));
    });
}

fn is_shown(page: &str, name: &str) -> bool {
    page.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
}
