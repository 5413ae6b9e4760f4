//! The processes started as the containers would be: from one program by the names that the image gives it, each with
//! exactly the environment that Compose gives it, listening beyond loopback. Hosts are this machine, ports are free ones, files of secrets are where they were drawn.

use std::{
    os::unix::fs::symlink,
    process::{Child, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::world::{self, empty_database_url, free_port, until};

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where what listens in a container listens here.
struct Machine {
    composition: Composition,
    ports: BTreeMap<(String, String), u16>,
    temporal: String,
    programs: TempDir,
}

impl Machine {
    fn of(composition: Composition) -> Self {
        let mut ports = BTreeMap::new();
        for (name, service) in composition.ours() {
            for (_, value) in environment(service) {
                if let Some(port) = value.strip_prefix("0.0.0.0:") {
                    ports.insert((name.to_owned(), port.to_owned()), free_port());
                }
            }
        }
        let temporal = std::env::var("TEST_TEMPORAL_ADDRESS").expect("`make test` starts Temporal");
        Self { composition, ports, temporal, programs: programs() }
    }

    /// What a variable of a service says here.
    fn here(&self, of: &str, value: &str) -> String {
        let secrets = self.composition.secret("");
        let mut value = value.replace("/run/secrets/", secrets.to_str().expect("text"));
        value = value.replace("temporal:7233", &self.temporal);
        for ((name, port), here) in &self.ports {
            if name == of {
                value = value.replace(&format!("0.0.0.0:{port}"), &format!("0.0.0.0:{here}"));
            }
            value = value.replace(&format!("//{name}:{port}"), &format!("//127.0.0.1:{here}"));
        }
        value
    }

    /// A command in a service's container.
    fn command(&self, of: &str, command: &[&Value]) -> Command {
        let mut ready = Command::new(self.programs.path().join(words(command[0])));
        ready.args(command[1..].iter().copied().map(words));
        let told = environment(&self.composition.services[of]);
        let told = told.into_iter().map(|(name, value)| (name, self.here(of, value)));
        ready.env_clear().envs(told).stdin(Stdio::null()).stdout(Stdio::null());
        ready
    }

    fn start(&self, name: &str) -> Running {
        let log = self.composition.folder.path().join(format!("{name}.log"));
        let mut command = self.command(name, &list(&self.composition.services[name], "command"));
        command.stderr(std::fs::File::create(log).expect("a log is made"));
        Running(command.spawn().expect("the program starts"))
    }

    fn log(&self, name: &str) -> String {
        let log = self.composition.folder.path().join(format!("{name}.log"));
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// What the container's health check comes to.
    fn health(&self, of: &str) -> ExitStatus {
        let test = list(&self.composition.services[of]["healthcheck"], "test");
        self.command(of, &test[1..]).stderr(Stdio::null()).status().expect("the program runs")
    }

    async fn until_healthy(&self, name: &str, running: &mut Running) {
        until(&format!("{name} is healthy"), Duration::from_secs(30), async || {
            let ended = running.0.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "{name} ended: {}", self.log(name));
            self.health(name).success().then_some(())
        })
        .await;
    }
}

/// The programs of the image, by the names that the Dockerfile gives the one they are.
fn programs() -> TempDir {
    let dockerfile = include_str!("../../../../Dockerfile");
    let linked = dockerfile.split_once("for process in ").and_then(|(_, rest)| rest.split_once(';'));
    let built = std::env::var("TEST_BIN_DIR").expect("`make test` builds the programs");
    let folder = tempfile::tempdir().expect("a folder is made");
    let link = |name: &str| symlink(format!("{built}/waybill-bundle"), folder.path().join(name)).unwrap();
    link("waybill");
    linked.expect("the processes").0.split_whitespace().for_each(|name| link(&format!("waybill-{name}")));
    folder
}

#[test]
fn what_the_containers_are_told_is_enough_to_fulfil_an_order() {
    world::run(async {
        let machine = Machine::of(Composition::of(&["demo"]));
        std::fs::write(machine.composition.secret("database-url"), empty_database_url().await).unwrap();

        for name in ["api", "worker", "simulators"] {
            assert_eq!(machine.health(name).code(), Some(1), "{name} does not run yet");
        }
        let mut migrate = machine.start("migrate");
        assert!(migrate.0.wait().unwrap().success(), "{}", machine.log("migrate"));
        let mut started: Vec<(&str, Running)> =
            ["simulators", "worker", "api"].map(|name| (name, machine.start(name))).into();
        for (name, running) in &mut started {
            machine.until_healthy(name, running).await;
        }

        let shopify = machine.ports[&("simulators".to_owned(), "9090".to_owned())];
        // Published on this machine, where a page in a browser may find them by a name of its own.
        let ledger = format!("http://127.0.0.1:{shopify}/_ledger");
        for (host, expected) in [("rebound.example:9090", 403), ("simulators:9090", 200), ("127.0.0.1", 200)]
        {
            let asked = world::http_client().get(&ledger).header("Host", host).send().await.unwrap();
            assert_eq!(asked.status(), expected, "{host}");
        }

        // As a person does it: docs/containers.md.
        let demo = serde_json::json!(["waybill", "demo", "--once"]);
        let ended = machine
            .command("api", &demo.as_array().unwrap().iter().collect::<Vec<_>>())
            .env("SIM_SHOPIFY_LISTEN", format!("127.0.0.1:{shopify}"))
            .stdout(Stdio::piped())
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
        assert!(said.contains("Shopify notified"), "{said}");
    });
}
