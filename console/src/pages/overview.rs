//! Is anything wrong?

use askama::Template;
use axum::{Router, response::Response, routing::get};
use chrono::{DateTime, Utc};

use crate::{
    Console,
    client::{Refusal, Visitor},
    moments, page,
    page::Shell,
    shown::{Hour, Lane, Overview},
    words,
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/", get(overview))
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    sentence: String,
    is_well: bool,
    overview: Overview,
    lanes: Vec<Lane>,
    stages: Vec<(&'static str, u64)>,
    conditions: Vec<(String, u64)>,
    chart: Chart,
}

async fn overview(visitor: Visitor) -> Result<Response, Refusal> {
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let lanes: Vec<Lane> = visitor.client.get("/api/lanes").await?;
    let rows = overview.wanted();
    let shell = Shell::counting(&visitor, "overview", "Overview", rows);
    let sentence = sentence(&overview, &lanes, &shell.now);
    let stages = overview.stages();
    let mut conditions: Vec<(String, u64)> = Vec::new();
    for stage in &overview.orders {
        let Some(condition) = &stage.condition else { continue };
        match conditions.iter_mut().find(|(known, _)| known == condition) {
            Some((_, orders)) => *orders += stage.orders,
            None => conditions.push((condition.clone(), stage.orders)),
        }
    }
    conditions.sort();
    let page = OverviewPage {
        is_well: is_well(&overview, &lanes, &shell.now),
        chart: Chart::of(&overview.hours),
        shell,
        sentence,
        overview,
        lanes,
        stages,
        conditions,
    };
    Ok(page::show(&page))
}

/// Lanes that are down and named each; a sentence of more says nothing.
const MOST_NAMED: usize = 3;

/// Everything in some sentences.
fn sentence(overview: &Overview, lanes: &[Lane], now: &DateTime<Utc>) -> String {
    let paused = lanes.iter().filter_map(|lane| {
        let pause = lane.pauses.first()?;
        let since = moments::mark(&pause.since);
        let waiting = words::count(&lane.waiting, "order waits", "orders wait");
        let (lane, cause) = (words::lane(&lane.lane), words::cause(&pause.cause));
        Some(capitalised(format!("{lane} is {cause} since {since}; {waiting} for it.")))
    });
    let mut said: Vec<String> = paused.collect();
    if said.len() > MOST_NAMED {
        let waiting = lanes.iter().filter(|lane| lane.is_paused()).map(|lane| lane.waiting).sum();
        let waiting = words::count(&waiting, "order waits", "orders wait");
        said = vec![format!("{} lanes are paused; {waiting} for them.", said.len())];
    }
    let over = lanes.iter().filter(|lane| !lane.is_paused()).filter_map(|lane| {
        let past = lane.worst_lately()?;
        Some((past.waited, capitalised(format!("{} {}", words::lane(&lane.lane), past.told()))))
    });
    let mut over: Vec<_> = over.collect();
    over.sort_by_key(|(waited, _)| std::cmp::Reverse(*waited));
    let lag = overview.lags_since(now);
    if said.is_empty() {
        // A lane runs as far as nobody paused it; where no worker runs nobody would.
        said.push(if lag.is_some() { "No lane is paused." } else { "All lanes run." }.to_owned());
    }
    said.extend(over.into_iter().take(MOST_NAMED).map(|(_, past)| past));
    if let Some(oldest) = lag {
        let waiting = words::count(&overview.inbox.waiting, "message waits", "messages wait");
        let since = moments::mark(&oldest);
        said.push(format!("{waiting} in the inbox, the oldest since {since}: see whether a worker runs."));
    }
    match overview.attention.iter().map(|cause| cause.oldest_since).min() {
        None => said.push("Nothing needs you.".to_owned()),
        Some(oldest) => {
            said.push(format!("{}, the oldest since {}.", needing(overview), moments::mark(&oldest)))
        }
    }
    if overview.promised.late > 0 {
        said.push(format!("{} late.", words::count(&overview.promised.late, "order is", "orders are")));
    }
    if overview.dead_letters > 0 {
        said.push(format!(
            "{} not get through.",
            words::count(&overview.dead_letters, "event did", "events did")
        ));
    }
    said.join(" ")
}

/// Who needs a person: orders, and what is of none.
fn needing(overview: &Overview) -> String {
    let (orders, others) = (overview.orders_waiting, overview.wanted_of_no_order());
    let orders_said = words::count(&orders, "order", "orders");
    let need = if orders + others == 1 { "needs" } else { "need" };
    match (orders, others) {
        (_, 0) => format!("{orders_said} {need} you"),
        (0, _) => format!("{} {need} you", words::count(&others, "thing", "things")),
        _ => format!("{orders_said} and {} {need} you", words::count(&others, "other thing", "other things")),
    }
}

/// Whether nobody has to do anything. What could not be read waits for a person and is counted there.
fn is_well(overview: &Overview, lanes: &[Lane], now: &DateTime<Utc>) -> bool {
    overview.wanted() == 0
        && overview.promised.late == 0
        && overview.dead_letters == 0
        && overview.lags_since(now).is_none()
        && !lanes.iter().any(Lane::is_paused)
}

fn capitalised(text: String) -> String {
    let mut text = text;
    if let Some(initial) = text.get_mut(..1) {
        initial.make_ascii_uppercase();
    }
    text
}

/// What came in and what went out, hour by hour, as two lines.
struct Chart {
    received: String,
    shipped: String,
    most: u64,
    all_received: u64,
    all_shipped: u64,
    last_received: u64,
    last_shipped: u64,
    first: Option<Hour>,
}

const CHART_WIDTH: f64 = 560.0;
const CHART_HEIGHT: f64 = 96.0;

impl Chart {
    fn of(hours: &[Hour]) -> Self {
        let most = hours.iter().map(|hour| hour.received.max(hour.shipped)).max().unwrap_or_default();
        let line = |count: fn(&Hour) -> u64| points(&hours.iter().map(count).collect::<Vec<_>>(), most);
        let last = hours.last();
        Self {
            received: line(|hour| hour.received),
            shipped: line(|hour| hour.shipped),
            most,
            all_received: hours.iter().map(|hour| hour.received).sum(),
            all_shipped: hours.iter().map(|hour| hour.shipped).sum(),
            last_received: last.map_or(0, |hour| hour.received),
            last_shipped: last.map_or(0, |hour| hour.shipped),
            first: hours.first().cloned(),
        }
    }
}

/// Where a line goes, in the drawing's units.
#[allow(clippy::cast_precision_loss, reason = "a drawing has no use for more digits")]
fn points(counts: &[u64], most: u64) -> String {
    let steps = counts.len().saturating_sub(1).max(1) as f64;
    let highest = most.max(1) as f64;
    let point = |(at, count): (usize, &u64)| {
        let x = CHART_WIDTH * at as f64 / steps;
        let y = CHART_HEIGHT * (1.0 - *count as f64 / highest);
        format!("{x:.1},{y:.1}")
    };
    counts.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::moments::{Piece, pieces, since};

    fn overview(changes: &serde_json::Value) -> Overview {
        let mut body = json!({
            "orders": [], "attention": [], "hours": [], "oldestOpen": null, "deadLetters": 0, "ordersWaiting": 0,
            "inbox": {"waiting": 0, "unreadable": 0, "oldestReceivedAt": null},
            "promised": {"late": 0, "dueToday": 0}, "returns": {"announced": 0, "partlyReceived": 0},
        });
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        serde_json::from_value(body).expect("an overview")
    }

    #[test]
    fn all_is_well_only_while_nothing_lags_dies_or_waits() {
        let now: DateTime<Utc> = "2026-11-27T10:00:00Z".parse().unwrap();
        let lane = |pauses| {
            serde_json::from_value(json!({
                "lane": "warehouse", "orders": 0, "waiting": 3, "pauses": pauses, "lately": [], "lastDone": null,
                "failures": [],
            }))
        };
        let running: Vec<Lane> = vec![lane(json!([])).unwrap()];
        let past = |waited, left| {
            let mut past: Vec<Lane> = running.clone();
            let night = json!([{"cause": "DOWN", "since": "2026-11-27T02:10:00Z", "until": "2026-11-27T05:12:00Z",
                                "resumedBy": "waybill", "waited": waited, "left": left}]);
            past[0].lately = serde_json::from_value(night).unwrap();
            past
        };
        let (night, dawn, calm) = (past(2000, 0), past(2000, 3), past(0, 0));
        let pause =
            json!([{"cause": "DOWN", "since": "2026-11-27T02:10:00Z", "by": "waybill", "reason": "x"}]);
        let paused: Vec<Lane> = vec![lane(pause).unwrap()];
        let many: Vec<Lane> = vec![paused[0].clone(); 4];
        let waits = |rows, shops| {
            json!([{"step": "hand_over", "reason": "X", "rows": rows, "oldestSince": "2026-11-27T07:12:00Z",
                    "answers": [], "shops": shops}])
        };
        let inbox = |oldest| json!({"inbox": {"waiting": 37, "unreadable": 0, "oldestReceivedAt": oldest}});
        for (changes, lanes, well, said) in [
            (json!({}), &running, true, "All lanes run. Nothing needs you."),
            (inbox("2026-11-27T09:59:30Z"), &running, true, "All lanes run. Nothing needs you."),
            (
                json!({}),
                &night,
                true,
                "All lanes run. The warehouse system was down from 02:10 to 05:12; 2\u{2009}000 orders waited for it \
                 and went on by themselves. Nothing needs you.",
            ),
            (
                json!({}),
                &dawn,
                true,
                "All lanes run. The warehouse system was down from 02:10 to 05:12; 2\u{2009}000 orders waited for it, \
                 3 orders are still to go on. Nothing needs you.",
            ),
            (json!({}), &calm, true, "All lanes run. Nothing needs you."),
            (
                inbox("2026-11-27T02:10:00Z"),
                &running,
                false,
                "No lane is paused. 37 messages wait in the inbox, the oldest since 02:10: see whether a worker runs. \
                 Nothing needs you.",
            ),
            (json!({}), &many, false, "4 lanes are paused; 12 orders wait for them. Nothing needs you."),
            (
                json!({"deadLetters": 2}),
                &running,
                false,
                "All lanes run. Nothing needs you. 2 events did not get through.",
            ),
            (
                json!({"promised": {"late": 1, "dueToday": 0}}),
                &paused,
                false,
                "The warehouse system is down since 02:10; 3 orders wait for it. Nothing needs you. 1 order is late.",
            ),
            (
                json!({"attention": waits(4, json!([{"shop": "a", "rows": 4}])), "ordersWaiting": 3}),
                &running,
                false,
                "All lanes run. 3 orders need you, the oldest since 07:12.",
            ),
            (
                json!({"attention": waits(2, json!([{"shop": "a", "rows": 1}])), "ordersWaiting": 1}),
                &running,
                false,
                "All lanes run. 1 order and 1 other thing need you, the oldest since 07:12.",
            ),
            (
                json!({"attention": waits(1, json!([])), "ordersWaiting": 0}),
                &running,
                false,
                "All lanes run. 1 thing needs you, the oldest since 07:12.",
            ),
        ] {
            let overview = overview(&changes);
            assert_eq!(read(&sentence(&overview, lanes, &now), &now), said);
            assert_eq!(is_well(&overview, lanes, &now), well, "{said}");
        }
    }

    /// A sentence as a page tells it.
    fn read(sentence: &str, now: &DateTime<Utc>) -> String {
        let told = |piece| match piece {
            Piece::Words(words) => words.to_owned(),
            Piece::At(at) => since(&at, now),
        };
        pieces(sentence).into_iter().map(told).collect()
    }

    #[test]
    fn the_chart_goes_from_side_to_side_and_stands_on_its_ground() {
        assert_eq!(points(&[0, 5, 10], 10), "0.0,96.0 280.0,48.0 560.0,0.0");
        assert_eq!(points(&[0, 0], 0), "0.0,96.0 560.0,96.0");
        assert_eq!(points(&[], 0), "");
    }
}
