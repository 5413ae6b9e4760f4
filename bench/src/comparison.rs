//! The API and pgbench, taking turns.

use std::sync::Arc;

use anyhow::Context;
use sqlx::{Executor, PgConnection};

use crate::{
    load::{self, Client, Pace},
    measured::{Figures, Run},
    pgbench::Pgbench,
    processes::Processes,
    rows::{self, Rows},
    scenario::{self, Choice, ITEMS, Scenario, USERS},
};

/// Everything a comparison needs.
pub struct Bench {
    pub client: Arc<Client>,
    pub pgbench: Pgbench,
    pub database: PgConnection,
    pub processes: Processes,
    pub pace: Pace,
    /// How often API and pgbench take turns.
    pub rounds: u16,
    /// Runs of pgbench so far, as no two may draw the same ids.
    pub runs: u32,
}

/// What was found.
pub struct Comparison {
    pub scenario: Scenario,
    /// Statements of one request, `BEGIN` and `COMMIT` among them: each is a round trip.
    pub statements: usize,
    /// Rows that one request writes.
    pub rows: Rows,
    /// The API's figures, one of each round.
    pub api: Vec<Figures>,
    /// pgbench's.
    pub pgbench: Vec<Figures>,
}

/// Who does it.
#[derive(Debug, Clone, Copy)]
enum Side {
    Api,
    Pgbench,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::Pgbench => "pgbench",
        }
    }
}

impl Bench {
    /// Makes items and users: those that are drawn, and one more of each for [`Choice::apart`].
    ///
    /// # Errors
    /// If the API does not make them.
    pub async fn stock_up(&self) -> anyhow::Result<()> {
        let mut connection = self.client.connect().await?;
        for item in 1..=ITEMS + 1 {
            let request = scenario::new_item(item, &self.client.tokens)?;
            load::ask_for_new(&mut connection, request).await?;
        }
        for user in 1..=USERS + 1 {
            let request = scenario::new_user(user, &self.client.tokens)?;
            load::ask_for_new(&mut connection, request).await?;
        }
        Ok(())
    }

    /// Makes one request and runs its script once.
    ///
    /// # Errors
    /// Unless both write as many rows of every table; what they change counts too.
    pub async fn try_out(&mut self, scenario: Scenario) -> anyhow::Result<Rows> {
        self.processes.idle().await?;
        let before = rows::moment(&mut self.database).await?;
        let request = scenario.request(&Choice::apart(), &self.client.tokens)?;
        load::ask_for_new(&mut self.client.connect().await?, request).await?;
        self.processes.idle().await?;
        let between = rows::moment(&mut self.database).await?;
        let by_api = rows::count_since(&mut self.database, before).await?;
        self.runs += 1;
        self.pgbench.once(scenario.script(), self.runs).await?;
        let by_script = rows::count_since(&mut self.database, between).await?;
        rows::compare(&by_api, &by_script).with_context(|| stale(scenario))?;
        Ok(by_api)
    }

    /// Lets API and pgbench take turns. `rows` is what one request writes.
    ///
    /// # Errors
    /// If one of them fails, or both do not add the same rows for each request.
    pub async fn compare(&mut self, scenario: Scenario, rows: Rows) -> anyhow::Result<Comparison> {
        let (mut api, mut pgbench) = (Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            let mut added = Vec::new();
            for side in [Side::Api, Side::Pgbench] {
                let (figures, by_each) = self.measure(scenario, side).await?;
                eprintln!(
                    "{}, round {round} of {}, {}: {:.0}/s, p99 {:.1} ms",
                    scenario.endpoint(),
                    self.rounds,
                    side.name(),
                    figures.requests_per_s,
                    figures.p99_ms
                );
                added.push(by_each);
                match side {
                    Side::Api => api.push(figures),
                    Side::Pgbench => pgbench.push(figures),
                }
            }
            rows::compare(&added[0], &added[1]).with_context(|| stale(scenario))?;
        }
        Ok(Comparison { scenario, statements: scenario.script().statements(), rows, api, pgbench })
    }

    /// One run, begun when all is quiet and the last one's pages are on disk; and the rows that each request added.
    async fn measure(&mut self, scenario: Scenario, side: Side) -> anyhow::Result<(Figures, Rows)> {
        self.processes.idle().await?;
        self.database.execute("CHECKPOINT").await?;
        let rows_before = rows::count(&mut self.database).await?;
        let before = self.processes.cpu()?;
        let run: Run = match side {
            Side::Api => self.client.run(scenario, &self.pace).await?,
            Side::Pgbench => {
                self.runs += 1;
                self.pgbench.run(scenario.script(), self.runs, &self.pace).await?
            }
        };
        let cpu = self.processes.cpu()?.since(before);
        for (answer, times) in &run.refused {
            eprintln!("{}: {times} times {answer}", scenario.endpoint());
        }
        let rows_after = rows::count(&mut self.database).await?;
        let added = rows::added_by_each(run.kept, &rows_before, &rows_after)
            .with_context(|| format!("{} says it was asked for {}", side.name(), run.kept))?;
        Ok((run.figures(cpu), added))
    }
}

fn stale(scenario: Scenario) -> String {
    format!("{} and {} do not write the same", scenario.endpoint(), scenario.script().file)
}
