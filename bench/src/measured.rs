//! Figures of a run.

use std::{collections::BTreeMap, time::Duration};

use serde::{Serialize, Serializer};

/// What a run saw.
#[derive(Default)]
pub struct Run {
    /// From request to answer, or of whole transactions; without the warm-up.
    pub latencies: Vec<Duration>,
    /// How long that took.
    pub took: Duration,
    /// What failed, and how often; with the warm-up.
    pub refused: BTreeMap<String, u64>,
    /// What did not fail; with the warm-up.
    pub kept: u64,
}

/// CPU seconds that went by.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CpuSeconds {
    #[serde(serialize_with = "rounded")]
    pub api: f64,
    #[serde(serialize_with = "rounded")]
    pub postgres: f64,
    /// The load generator, or pgbench.
    #[serde(serialize_with = "rounded")]
    pub callers: f64,
}

/// The figures of a run, or the medians of several.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    #[serde(serialize_with = "rounded")]
    pub requests_per_s: f64,
    #[serde(serialize_with = "rounded")]
    pub p50_ms: f64,
    #[serde(serialize_with = "rounded")]
    pub p95_ms: f64,
    #[serde(serialize_with = "rounded")]
    pub p99_ms: f64,
    #[serde(serialize_with = "rounded")]
    pub max_ms: f64,
    pub errors: u64,
    /// CPU seconds of 1,000 requests.
    pub cpu_s_per_1000: CpuSeconds,
}

/// Writes three decimals: more would only look exact.
fn rounded<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((value * 1000.0).round() / 1000.0)
}

impl CpuSeconds {
    /// What `figure` makes of each.
    fn of_each(figure: impl Fn(fn(&Self) -> f64) -> f64) -> Self {
        Self {
            api: figure(|cpu| cpu.api),
            postgres: figure(|cpu| cpu.postgres),
            callers: figure(|cpu| cpu.callers),
        }
    }

    /// What went by since an earlier look.
    pub fn since(self, earlier: Self) -> Self {
        Self::of_each(|whose| whose(&self) - whose(&earlier))
    }
}

impl Run {
    /// Its figures; `cpu` is what the whole run took.
    pub fn figures(mut self, cpu: CpuSeconds) -> Figures {
        self.latencies.sort_unstable();
        let all = self.kept + self.refused.values().sum::<u64>();
        let per_1000 = |seconds: f64| seconds * 1000.0 / all.max(1) as f64;
        Figures {
            requests_per_s: self.latencies.len() as f64 / self.took.as_secs_f64(),
            p50_ms: percentile_ms(&self.latencies, 50),
            p95_ms: percentile_ms(&self.latencies, 95),
            p99_ms: percentile_ms(&self.latencies, 99),
            max_ms: percentile_ms(&self.latencies, 100),
            errors: self.refused.values().sum(),
            cpu_s_per_1000: CpuSeconds::of_each(|whose| per_1000(whose(&cpu))),
        }
    }
}

/// The latency that so many per cent of all do not exceed; 0 if there are none.
fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
}

impl Figures {
    /// The median of each figure by itself; errors are added up.
    pub fn median(runs: &[Self]) -> Self {
        let of = |figure: &dyn Fn(&Self) -> f64| median(runs.iter().map(figure).collect());
        Self {
            requests_per_s: of(&|run| run.requests_per_s),
            p50_ms: of(&|run| run.p50_ms),
            p95_ms: of(&|run| run.p95_ms),
            p99_ms: of(&|run| run.p99_ms),
            max_ms: of(&|run| run.max_ms),
            errors: runs.iter().map(|run| run.errors).sum(),
            cpu_s_per_1000: CpuSeconds::of_each(|whose| of(&|run| whose(&run.cpu_s_per_1000))),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        even if even % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(
            [50, 95, 99, 100].map(|percent| percentile_ms(&sorted, percent)),
            [100.0, 190.0, 198.0, 200.0]
        );
        assert_eq!(percentile_ms(&sorted[..1], 99), 1.0);
        assert_eq!(percentile_ms(&[], 99), 0.0);
    }

    #[test]
    fn figures_count_what_was_measured_and_share_the_cpu_among_all() {
        let run = Run {
            latencies: vec![Duration::from_millis(4); 100],
            took: Duration::from_secs(2),
            refused: BTreeMap::from([("409 Conflict".to_owned(), 3)]),
            kept: 197,
        };
        let figures = run.figures(CpuSeconds { api: 0.2, postgres: 0.4, callers: 0.0 });
        assert_eq!((figures.requests_per_s, figures.p99_ms, figures.errors), (50.0, 4.0, 3));
        assert_eq!((figures.cpu_s_per_1000.api, figures.cpu_s_per_1000.postgres), (1.0, 2.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(vec![9.0, 1.0, 3.0, 4.0]), 3.5);
        let runs = [3, 1].map(|errors| Figures { errors, ..Figures::default() });
        assert_eq!(Figures::median(&runs).errors, 4);
    }
}
