//! The API and pgbench, taking turns.

use std::sync::Arc;

use anyhow::ensure;
use sqlx::{Executor, PgConnection};

use crate::{
    capture::{self, Transaction},
    load::{self, Client, Pace},
    measured::{Figures, Run},
    pgbench::Pgbench,
    processes::Processes,
    rows::{self, Written},
    scenario::{self, Choice, ITEMS, Scenario, USERS},
    script::{self, Script},
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

/// A request as the database sees it, and the script that does the same.
pub struct Observed {
    scenario: Scenario,
    statements: usize,
    rows: Written,
    script: Script,
}

/// What was found.
pub struct Comparison {
    pub scenario: Scenario,
    /// Statements of one request, `BEGIN` and `COMMIT` among them: each is a round trip.
    pub statements: usize,
    /// Rows that one request writes.
    pub rows: Written,
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
    /// Makes items and users: those that are drawn, and some more for [`Choice::apart`].
    ///
    /// # Errors
    /// If the API does not make them.
    pub async fn stock_up(&self) -> anyhow::Result<()> {
        let mut connection = self.client.connect().await?;
        for item in 1..=ITEMS + Choice::MOST_APART {
            let request = scenario::new_item(item, &self.client.tokens)?;
            load::ask_for_new(&mut connection, request).await?;
        }
        for user in 1..=USERS + Choice::MOST_APART {
            let request = scenario::new_user(user, &self.client.tokens)?;
            load::ask_for_new(&mut connection, request).await?;
        }
        Ok(())
    }

    /// Looks at what the API does for a request, and makes the script that does the same.
    ///
    /// # Errors
    /// If the script cannot be made, or does not write what a request writes.
    pub async fn observe(&mut self, scenario: Scenario) -> anyhow::Result<Observed> {
        capture::log_statements(&mut self.database, true).await?;
        let observed = self.watch(scenario).await;
        capture::log_statements(&mut self.database, false).await?;
        observed
    }

    async fn watch(&mut self, scenario: Scenario) -> anyhow::Result<Observed> {
        // The API's connections hear of the log when they are used next, and prepare their statements.
        self.ask(scenario, Choice::apart(0)).await?;
        let first = self.ask(scenario, Choice::apart(1)).await?;
        let rows = rows::written_since(&mut self.database, first.id).await?;
        let second = self.ask(scenario, Choice::apart(2)).await?;
        let types = capture::parameter_types(&mut self.database, &first.statements).await?;
        let script = script::script(&first.statements, &second.statements, &types)?;

        self.processes.idle().await?;
        let log_end = capture::log_end(&mut self.database).await?;
        self.runs += 1;
        self.pgbench.once(&script, self.runs).await?;
        let done = capture::transaction_since(&mut self.database, log_end, capture::PGBENCH).await?;
        let by_script = rows::written_since(&mut self.database, done.id).await?;
        ensure!(by_script == rows, "a request writes {rows:?}, but its script {by_script:?}");
        Ok(Observed { scenario, statements: first.statements.len(), rows, script })
    }

    /// Makes a request while the API does nothing else, and tells which transaction it was.
    async fn ask(&mut self, scenario: Scenario, choice: Choice) -> anyhow::Result<Transaction> {
        self.processes.idle().await?;
        let log_end = capture::log_end(&mut self.database).await?;
        let request = scenario.request(&choice, &self.client.tokens)?;
        load::ask_for_new(&mut self.client.connect().await?, request).await?;
        capture::transaction_since(&mut self.database, log_end, capture::API).await
    }

    /// Lets API and pgbench take turns.
    ///
    /// # Errors
    /// If one of them fails, or keeps another number of rows than it says.
    pub async fn compare(&mut self, observed: Observed) -> anyhow::Result<Comparison> {
        let Observed { scenario, statements, rows, script } = observed;
        let (mut api, mut pgbench) = (Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            for side in [Side::Api, Side::Pgbench] {
                let figures = self.measure(scenario, &script, side).await?;
                eprintln!(
                    "{}, round {round} of {}, {}: {:.0}/s, p99 {:.1} ms",
                    scenario.endpoint(),
                    self.rounds,
                    side.name(),
                    figures.requests_per_s,
                    figures.p99_ms
                );
                match side {
                    Side::Api => api.push(figures),
                    Side::Pgbench => pgbench.push(figures),
                }
            }
        }
        Ok(Comparison { scenario, statements, rows, api, pgbench })
    }

    /// One run, begun when all is quiet and the last one's pages are on disk.
    async fn measure(&mut self, scenario: Scenario, script: &Script, side: Side) -> anyhow::Result<Figures> {
        self.processes.idle().await?;
        self.database.execute("CHECKPOINT").await?;
        let rows_before = rows::count(&mut self.database, scenario.kept_in()).await?;
        let before = self.processes.cpu()?;
        let run: Run = match side {
            Side::Api => self.client.run(scenario, &self.pace).await?,
            Side::Pgbench => {
                self.runs += 1;
                self.pgbench.run(script, self.runs, &self.pace).await?
            }
        };
        let cpu = self.processes.cpu()?.since(before);
        for (answer, times) in &run.refused {
            eprintln!("{}: {times} times {answer}", scenario.endpoint());
        }
        let kept = rows::count(&mut self.database, scenario.kept_in()).await? - rows_before;
        ensure!(
            kept == run.kept,
            "{} says it kept {} in {}, and it is {kept}",
            side.name(),
            run.kept,
            scenario.kept_in()
        );
        Ok(run.figures(cpu))
    }
}
