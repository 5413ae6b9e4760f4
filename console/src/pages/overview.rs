//! Is anything wrong?

use askama::Template;
use axum::{Router, response::Response, routing::get};

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

/// The statuses of open orders, in the order in which they follow.
const STAGES: [&str; 3] = ["PENDING", "CONFIRMED", "PROCESSING"];

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    sentence: String,
    is_well: bool,
    overview: Overview,
    lanes: Vec<Lane>,
    stages: Vec<StageCount>,
    conditions: Vec<(String, u64)>,
    chart: Chart,
}

struct StageCount {
    status: &'static str,
    orders: u64,
}

async fn overview(visitor: Visitor) -> Result<Response, Refusal> {
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let lanes: Vec<Lane> = visitor.client.get("/api/lanes").await?;
    let rows = overview.wanted();
    let shell = Shell::counting(&visitor, "overview", "Overview", rows);
    let sentence = sentence(&overview, &lanes, rows);
    let stages = STAGES.map(|status| {
        let of_it = overview.orders.iter().filter(|stage| stage.status == status);
        StageCount { status, orders: of_it.map(|stage| stage.orders).sum() }
    });
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
        is_well: rows == 0 && overview.promised.late == 0 && !lanes.iter().any(Lane::is_paused),
        chart: Chart::of(&overview.hours),
        shell,
        sentence,
        overview,
        lanes,
        stages: stages.into(),
        conditions,
    };
    Ok(page::show(&page))
}

/// Everything in one sentence or two.
fn sentence(overview: &Overview, lanes: &[Lane], rows: u64) -> String {
    let paused: Vec<String> = lanes
        .iter()
        .filter_map(|lane| {
            let pause = lane.pauses.first()?;
            let since = moments::mark(&pause.since);
            let waiting = words::count(&lane.waiting, "order waits", "orders wait");
            Some(format!(
                "{} is {} since {since}; {waiting} for it.",
                words::lane(&lane.lane),
                words::cause(&pause.cause)
            ))
        })
        .map(capitalised)
        .collect();
    let of_lanes = if paused.is_empty() { "All lanes run.".to_owned() } else { paused.join(" ") };
    let oldest = overview.attention.iter().map(|cause| cause.oldest_since).min();
    let of_people = match oldest {
        None => "Nothing needs you.".to_owned(),
        Some(oldest) => format!(
            "{}, the oldest since {}.",
            words::count(&rows, "thing needs you", "things need you"),
            moments::mark(&oldest)
        ),
    };
    let of_promises = match overview.promised.late {
        0 => String::new(),
        late => format!(" {} late.", words::count(&late, "order is", "orders are")),
    };
    format!("{of_lanes} {of_people}{of_promises}")
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
    use super::*;

    #[test]
    fn the_chart_goes_from_side_to_side_and_stands_on_its_ground() {
        assert_eq!(points(&[0, 5, 10], 10), "0.0,96.0 280.0,48.0 560.0,0.0");
        assert_eq!(points(&[0, 0], 0), "0.0,96.0 560.0,96.0");
        assert_eq!(points(&[], 0), "");
    }
}
