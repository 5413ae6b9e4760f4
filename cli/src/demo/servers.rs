//! The servers of the demo: started in the order in which they need each other, ended in reverse.
//!
//! **Invariant:** after `stop`, nothing that was started here runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::folder::{Folder, last_lines};
use super::orders::Doors;
use super::process::{Process, Recipe};
use super::recipes;
use super::screen::{Screen, seconds};
use super::settings::Settings;
use crate::migrate;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A killed worker or API is started again after this long, as a cluster's supervisor would.
const START_AGAIN_AFTER: Duration = Duration::from_secs(3);

/// A process that ends this soon after its start did not end because somebody killed it.
const TOO_SOON: Duration = Duration::from_secs(5);

const TOO_OFTEN: u32 = 3;

/// The names of the processes and their programs, in the order in which they end.
const PROGRAMS: &[(&str, &str)] = &[
    ("worker", "waybill-worker"),
    ("api", "waybill-api"),
    ("simulators", "waybill-simulators"),
    ("temporal", "temporal"),
];

/// All servers.
pub struct Servers {
    settings: Settings,
    folder: Folder,
    screen: Screen,
    running: Vec<Server>,
    starting_postgres: Option<Child>,
}

struct Server {
    process: Process,
    quick_ends: u32,
    ended_at: Option<Instant>,
}

impl Servers {
    /// Takes the demo's folder and clears away what a killed demo left running.
    ///
    /// # Errors
    /// When a demo already runs in that folder, or a port is taken.
    pub fn prepare(settings: Settings, screen: Screen) -> anyhow::Result<Self> {
        if !Path::new("scripts/postgres.sh").exists() {
            bail!("this is not Waybill's checkout.\nRun `make demo` in the folder you cloned.");
        }
        let folder = Folder::claim(settings.folder.join("demo"))?;
        let ended = folder.end_leftovers(PROGRAMS)?;
        if ended > 0 {
            screen.notice(&format!("Ended {ended} processes that an earlier demo left running."));
        }
        settings.check_ports()?;
        Ok(Self { settings, folder, screen, running: Vec::new(), starting_postgres: None })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the process id of the worker is.
    pub fn worker_pid_file(&self) -> PathBuf {
        self.folder.pid_file("worker")
    }

    /// Starts everything and says what is up.
    ///
    /// # Errors
    /// When something does not become ready; with the last lines of its log.
    pub async fn start(&mut self, doors: &Doors) -> anyhow::Result<()> {
        self.screen.headline("Starting");
        let began = Instant::now();
        // These two need nobody, so they start while PostgreSQL does.
        self.launch(recipes::temporal(&self.settings, &self.folder))?;
        self.launch(recipes::simulators(&self.settings)?)?;
        self.start_postgres().await?;
        migrate::run(&self.settings.database_url()).await.with_context(|| self.start_anew())?;
        self.report("PostgreSQL", &self.database_place(), began);
        self.wait_for_temporal().await?;
        self.report("Temporal", &self.settings.temporal.address.to_string(), began);
        self.report("Temporal Web UI", &self.settings.temporal_ui.url(), began);
        self.wait_until_answers(doors, "simulators", format!("{}/_ledger", self.settings.shopify.url()))
            .await?;
        self.wait_until_answers(doors, "simulators", format!("{}/_ledger", self.settings.warehouse.url()))
            .await?;
        self.report("Shopify, simulated", &self.settings.shopify.url(), began);
        self.report("WMS, simulated", &self.settings.warehouse.url(), began);
        self.launch(recipes::worker(&self.settings)?)?;
        self.launch(recipes::api(&self.settings)?)?;
        self.wait_until_answers(doors, "api", format!("{}/ready", self.settings.api.url())).await?;
        self.report("API", &self.settings.api.url(), began);
        let metrics = format!("{}/metrics", self.settings.worker_metrics.url());
        self.wait_until_answers(doors, "worker", metrics).await?;
        self.report("Worker, metrics", &self.settings.worker_metrics.url(), began);
        Ok(())
    }

    /// Looks after what runs: a worker or an API that was killed is started again.
    ///
    /// # Errors
    /// When something else ended, or one of the two ends again and again.
    pub fn tend(&mut self) -> anyhow::Result<()> {
        for server in &mut self.running {
            let name = server.process.name();
            if let Some(ended_at) = server.ended_at {
                if ended_at.elapsed() >= START_AGAIN_AFTER {
                    server.process = Process::start(server.process.recipe(), &self.folder, false)?;
                    server.ended_at = None;
                    self.screen.notice(&format!("The {name} runs again."));
                }
                continue;
            }
            let Some(status) = server.process.ended() else {
                continue;
            };
            let too_soon = server.process.age() < TOO_SOON;
            server.quick_ends = if too_soon { server.quick_ends + 1 } else { 0 };
            if !matches!(name, "worker" | "api") || server.quick_ends >= TOO_OFTEN {
                bail!("{name} ended ({status}).\n{}", server.process.last_words());
            }
            server.ended_at = Some(Instant::now());
            let wait_s = START_AGAIN_AFTER.as_secs();
            self.screen.notice(&format!("The {name} ended ({status}); it is started again in {wait_s} s."));
        }
        Ok(())
    }

    /// The last lines of each log, for a failure that no process admits to.
    pub fn last_words(&self) -> String {
        self.running.iter().map(|server| server.process.last_words()).collect()
    }

    /// Ends everything that was started, what needs others first.
    pub async fn stop(mut self) {
        for (name, _) in PROGRAMS {
            while let Some(index) = self.running.iter().position(|server| server.process.name() == *name) {
                self.running.remove(index).process.stop().await;
            }
        }
        if let Some(mut script) = self.starting_postgres.take() {
            // Ended only once it has finished: a half-started PostgreSQL could not be found.
            let _ = script.wait().await;
        }
        if self.settings.own_database.is_none()
            && let Err(error) = self.stop_postgres().await
        {
            self.screen.notice(&format!("PostgreSQL could not be ended: {error:#}"));
        }
    }

    fn launch(&mut self, recipe: Recipe) -> anyhow::Result<()> {
        let process = Process::start(recipe, &self.folder, true)?;
        self.running.push(Server { process, quick_ends: 0, ended_at: None });
        Ok(())
    }

    fn report(&self, name: &str, place: &str, began: Instant) {
        self.screen.server(name, place, &format!("after {}", seconds(began.elapsed())));
    }

    async fn wait_until_answers(&mut self, doors: &Doors, name: &str, url: String) -> anyhow::Result<()> {
        self.process(name)?.wait_ready(READY_WITHIN, || doors.answers(&url)).await
    }

    fn process(&mut self, name: &str) -> anyhow::Result<&mut Process> {
        self.running
            .iter_mut()
            .map(|server| &mut server.process)
            .find(|process| process.name() == name)
            .with_context(|| format!("{name} was not started"))
    }

    async fn start_postgres(&mut self) -> anyhow::Result<()> {
        if self.settings.own_database.is_some() {
            return Ok(());
        }
        let port = self.settings.postgres.address.port().to_string();
        let log = self.folder.log("postgresql");
        let place = self.folder.path("postgres");
        let script = script("scripts/postgres.sh", &log)?.arg("start").arg(place).arg(port).spawn()?;
        let status = self.starting_postgres.insert(script).wait().await?;
        self.starting_postgres = None;
        if !status.success() {
            bail!("PostgreSQL did not start.\n{}", last_lines(&log, 12));
        }
        // It may have found it necessary to keep the data elsewhere.
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        said.lines().for_each(|line| self.screen.line(&format!("  {line}")));
        Ok(())
    }

    async fn stop_postgres(&self) -> anyhow::Result<()> {
        let log = self.folder.log("postgresql-stop");
        let place = self.folder.path("postgres");
        let status = script("scripts/postgres.sh", &log)?.arg("stop").arg(place).status().await?;
        if !status.success() {
            bail!("{}", last_lines(&log, 12));
        }
        Ok(())
    }

    async fn wait_for_temporal(&mut self) -> anyhow::Result<()> {
        let log = self.folder.log("temporal-ready");
        let port = self.settings.temporal.address.port().to_string();
        let mut ready = script("scripts/temporal.sh", &log)?
            .args(["ready", &port, "default"])
            .kill_on_drop(true)
            .spawn()?;
        let status = loop {
            if let Some(status) = ready.try_wait()? {
                break status;
            }
            let temporal = self.process("temporal")?;
            if let Some(status) = temporal.ended() {
                bail!("Temporal ended while starting ({status}).\n{}", temporal.last_words());
            }
            sleep(Duration::from_millis(50)).await;
        };
        if !status.success() {
            bail!("Temporal is not ready.\n{}", last_lines(&log, 12));
        }
        Ok(())
    }

    /// What to do about data that this version cannot use.
    fn start_anew(&self) -> String {
        if self.settings.own_database.is_some() {
            return "the database of DATABASE_URL is not usable".to_owned();
        }
        format!(
            "the demo's database is not usable.\nTo start without it and its orders:  \
             scripts/postgres.sh remove {} && rm -f {}*\nWhat was wrong",
            self.folder.path("postgres").display(),
            self.folder.path("temporal.db").display()
        )
    }

    /// Where the database is, without a password it may have.
    fn database_place(&self) -> String {
        if self.settings.own_database.is_some() {
            "the one of DATABASE_URL".to_owned()
        } else {
            self.settings.postgres.address.to_string()
        }
    }
}

/// A script that writes to a log and is not ended by Ctrl-C halfway.
fn script(path: &str, log: &Path) -> anyhow::Result<Command> {
    let output = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
    Ok(command)
}
