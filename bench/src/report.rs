//! What was found: a table for people, then a line of JSON for each scenario, then the ratios.

use serde_json::json;

use crate::{comparison::Comparison, load::Pace, measured::Figures};

/// The columns, which fit on a line of 101 characters.
const TITLES: [&str; 10] =
    ["", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms", "errors", "API CPU", "PG CPU", "own CPU"];

/// Prints it.
///
/// # Errors
/// If figures are no JSON.
pub fn print(pace: &Pace, comparisons: &[Comparison]) -> anyhow::Result<()> {
    println!("{}", in_columns(TITLES.map(str::to_owned)));
    for comparison in comparisons {
        println!("{}", row(comparison.scenario.endpoint(), &Figures::median(&comparison.api)));
        println!("{}", row("  pgbench, same SQL", &Figures::median(&comparison.pgbench)));
    }
    println!(
        "\n{} connections; {} s measured after {} s of warm-up; medians of the rounds.",
        pace.connections,
        pace.measured.as_secs(),
        pace.warm_up.as_secs()
    );
    println!("CPU: seconds for 1,000 requests in the API, in PostgreSQL, and in the callers.\n");
    for comparison in comparisons {
        println!("{}", line(pace, comparison)?);
    }
    println!();
    for comparison in comparisons {
        println!("{}", sentence(comparison));
    }
    Ok(())
}

fn row(by: &str, figures: &Figures) -> String {
    let cpu = &figures.cpu_s_per_1000;
    in_columns([
        by.to_owned(),
        format!("{:.0}", figures.requests_per_s),
        format!("{:.1}", figures.p50_ms),
        format!("{:.1}", figures.p95_ms),
        format!("{:.1}", figures.p99_ms),
        format!("{:.1}", figures.max_ms),
        figures.errors.to_string(),
        format!("{:.2}", cpu.api),
        format!("{:.2}", cpu.postgres),
        format!("{:.2}", cpu.callers),
    ])
}

fn in_columns([name, figures @ ..]: [String; TITLES.len()]) -> String {
    figures.iter().fold(format!("{name:<20}"), |line, figure| line + &format!("{figure:>9}"))
}

fn line(pace: &Pace, comparison: &Comparison) -> serde_json::Result<String> {
    let (api, pgbench) = (Figures::median(&comparison.api), Figures::median(&comparison.pgbench));
    serde_json::to_string(&json!({
        "scenario": comparison.scenario.endpoint(),
        "connections": pace.connections,
        "measuredS": pace.measured.as_secs(),
        "statements": comparison.statements,
        "rows": comparison.rows,
        "api": api,
        "pgbench": pgbench,
        "ratio": (ratio(comparison) * 1000.0).round() / 1000.0,
        "rounds": {"api": comparison.api, "pgbench": comparison.pgbench},
    }))
}

fn sentence(comparison: &Comparison) -> String {
    format!(
        "{}: {:.2} of what pgbench does with the same {} statements",
        comparison.scenario.endpoint(),
        ratio(comparison),
        comparison.statements
    )
}

/// Requests of the API for each transaction of pgbench.
fn ratio(comparison: &Comparison) -> f64 {
    let of = |runs: &[Figures]| Figures::median(runs).requests_per_s;
    of(&comparison.api) / of(&comparison.pgbench).max(f64::MIN_POSITIVE)
}
