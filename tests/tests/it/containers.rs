//! `docker-compose.yml` beside what runs without containers: the same programs, told the same, from the same file of
//! settings (`scripts/local.env`), so that neither changes alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;

mod started;

/// What a process reads although its `--help` does not name it: the SDK and the log do.
const READ_BY_OTHERS: [&str; 4] = ["RUST_LOG", "LOG_FORMAT", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"];
/// What containers are told and a demo without them is not: they are several machines, perhaps behind a proxy.
const OF_CONTAINERS_ALONE: [&str; 8] = [
    "ALLOW_PLAIN_HTTP",
    "ALLOW_OPEN_METRICS",
    "API_ALLOWED_HOSTS",
    "TRUSTED_PROXIES",
    "LOG_FORMAT",
    // `make demo ARGS=--with-brokers` makes them of the brokers' ports.
    "KAFKA_BOOTSTRAP_SERVERS",
    "AMQP_URL",
    // Made of PostgreSQL's password.
    "DATABASE_URL",
];
/// Ports of a demo without containers that no container publishes: metrics and the database are for the others alone.
const PUBLISHED_NOWHERE: [&str; 3] = ["API_METRICS_LISTEN", "WORKER_METRICS_LISTEN", "WAYBILL_POSTGRES_PORT"];

/// The composition with everything in it, as Docker Compose understands it.
static WHOLE: LazyLock<Composition> = LazyLock::new(|| Composition::of(&["demo", "brokers"]));

/// A composition whose secrets and settings were drawn for this test.
struct Composition {
    services: BTreeMap<String, Value>,
    folder: tempfile::TempDir,
}

impl Composition {
    fn of(parts: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        let settings = folder.path().join("env");
        script("compose-secrets.sh", parts, folder.path()).expect("the secrets are drawn");
        let shown = script("containers.sh", &["show", settings.to_str().expect("text")], folder.path());
        let mut project: Value = serde_json::from_str(&shown.expect("Compose reads the file")).expect("JSON");
        let services = serde_json::from_value(project["services"].take()).expect("services by name");
        Self { services, folder }
    }

    fn secret(&self, name: &str) -> PathBuf {
        self.folder.path().join("secrets").join(name)
    }

    /// Those whose program is ours.
    fn ours(&self) -> impl Iterator<Item = (&str, &Value)> {
        let ours =
            |service: &Value| service["image"].as_str().is_some_and(|name| name.starts_with("waybill:"));
        self.services.iter().filter(move |(_, service)| ours(service)).map(|(name, it)| (name.as_str(), it))
    }

    /// The text with addresses between containers turned into addresses on one machine, by the published port.
    fn on_one_machine(&self, text: &str) -> String {
        let mut text = text.replace("0.0.0.0:", "127.0.0.1:");
        for (name, service) in &self.services {
            for port in list(service, "ports") {
                let inside = format!("{name}:{}", port["target"]);
                text = text.replace(&inside, &format!("127.0.0.1:{}", words(&port["published"])));
            }
        }
        text
    }
}

/// Runs a script of ours with secrets and settings in this folder.
fn script(name: &str, arguments: &[&str], folder: &Path) -> Result<String, String> {
    let ended = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name))
        .args(arguments)
        .env("WAYBILL_SECRETS", folder.join("secrets"))
        .env("WAYBILL_ENV", folder.join("env"))
        .stdin(Stdio::null())
        .output()
        .expect("the script runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if ended.status.success() { Ok(text(ended.stdout)) } else { Err(text(ended.stderr)) }
}

/// `scripts/local.env` as a shell reads it that has nothing set.
fn local_settings() -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/local.env");
    let shell = Command::new("/usr/bin/env")
        .args(["-i", "bash", "-c", "set -a; source \"$1\"; exec env -0", "bash"])
        .arg(file)
        .output()
        .expect("a shell reads it");
    let known = String::from_utf8(shell.stdout).expect("text");
    let settings = known.split('\0').filter_map(|entry| entry.split_once('='));
    // The shell's own.
    let settings = settings.filter(|(name, _)| !matches!(*name, "_" | "PWD" | "SHLVL" | "OLDPWD" | "PATH"));
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What a program's `--help` names.
fn help(program: &str) -> BTreeSet<String> {
    let folder = std::env::var("TEST_BIN_DIR").expect("`make test` builds the programs");
    let help = Command::new(format!("{folder}/{program}")).arg("--help").output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let words = help.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.len() > 3).map(str::to_owned).collect()
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is a text"))
}

fn list<'a>(service: &'a Value, member: &str) -> Vec<&'a Value> {
    service[member].as_array().map(|entries| entries.iter().collect()).unwrap_or_default()
}

fn environment(service: &Value) -> BTreeMap<&str, &str> {
    let given = service["environment"].as_object().into_iter().flatten();
    given.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}

fn program(service: &Value) -> &str {
    words(list(service, "command").first().expect("a command"))
}

#[test]
fn the_programs_in_containers_are_those_that_the_demo_starts() {
    let demo = include_str!("../../../scripts/demo.sh");
    let servers = demo.split_once("readonly SERVERS=(").and_then(|(_, rest)| rest.split_once(')'));
    let servers = servers.expect("the demo's servers").0.split_whitespace();
    let mut started: BTreeMap<&str, String> = servers.map(|name| (name, format!("waybill-{name}"))).collect();
    assert!(demo.contains("\"$programs/waybill\" migrate"));
    started.insert("migrate", "waybill".to_owned());
    let composed = WHOLE.ours().map(|(name, service)| (name, program(service).to_owned()));
    assert_eq!(composed.collect::<BTreeMap<_, _>>(), started);
    assert_eq!(list(&WHOLE.services["migrate"], "command"), ["waybill", "migrate"]);
    // Everything else that a demo starts, with and without brokers.
    for server in ["postgres", "temporal", "temporal-ui", "kafka", "rabbitmq"] {
        assert!(WHOLE.services.contains_key(server), "{server}");
    }
    let kept = |name: &str| WHOLE.services[name].get("profiles").cloned().unwrap_or_default();
    for (name, profile) in [("simulators", "demo"), ("kafka", "brokers"), ("rabbitmq", "brokers")] {
        assert_eq!(kept(name), serde_json::json!([profile]), "{name}");
    }
}

#[test]
fn the_ports_are_those_of_the_file_of_settings_and_open_on_this_machine_alone() {
    let local = local_settings();
    let ports = local.iter().filter(|(name, _)| name.ends_with("_LISTEN") || name.ends_with("_PORT"));
    let expected: BTreeSet<&str> = ports
        .filter(|(name, _)| !PUBLISHED_NOWHERE.contains(&name.as_str()))
        .map(|(_, address)| address.rsplit(':').next().expect("a port"))
        .collect();
    let published: Vec<&Value> = WHOLE.services.values().flat_map(|service| list(service, "ports")).collect();
    assert_eq!(published.iter().map(|port| words(&port["published"])).collect::<BTreeSet<_>>(), expected);
    assert_eq!(published.len(), expected.len(), "each once");
    for port in published {
        assert_eq!(port["host_ip"], "127.0.0.1", "{port}");
    }
}

#[test]
fn a_process_in_a_container_is_told_what_the_demo_tells_it_and_nothing_that_it_does_not_read() {
    let local = local_settings();
    for (name, service) in WHOLE.ours() {
        let read = help(program(service));
        let mut secrets_used = BTreeSet::new();
        for (variable, value) in environment(service) {
            let (setting, in_file) = match variable.strip_suffix("_FILE") {
                Some(setting) => (setting, true),
                None => (variable, false),
            };
            // `waybill` names its secret in the help of the command.
            let is_read = read.contains(setting) || READ_BY_OTHERS.contains(&setting) || name == "migrate";
            assert!(is_read, "{name} does not read {variable}");
            let is_known = local.contains_key(setting) || OF_CONTAINERS_ALONE.contains(&setting);
            assert!(is_known, "{name}: scripts/local.env does not have {setting}");
            if in_file {
                let secret =
                    value.strip_prefix("/run/secrets/").unwrap_or_else(|| panic!("{variable}={value}"));
                secrets_used.insert(secret);
            } else if let Some(expected) = local.get(setting) {
                assert_eq!(WHOLE.on_one_machine(value), *expected, "{name}: {setting}");
            }
        }
        let given: BTreeSet<&str> =
            list(service, "secrets").into_iter().map(|secret| words(&secret["source"])).collect();
        assert_eq!(given, secrets_used, "{name}: the secrets it is given are those it reads");
        for secret in given {
            assert!(WHOLE.secret(secret).exists(), "scripts/compose-secrets.sh draws no {secret}");
        }
        let told = environment(service);
        for setting in local.keys().filter(|setting| read.contains(*setting)) {
            // Whoever needs a secret does not start without it; others are not to have it.
            let is_secret = local[setting].starts_with("whsec_")
                || ["_TOKEN", "_SECRET", "_SECRETS"].iter().any(|end| setting.ends_with(end));
            let is_told = told.contains_key(setting.as_str());
            assert!(is_secret || is_told || name == "migrate", "{name} reads {setting} and is not told");
        }
    }
}

#[test]
fn what_starts_waits_for_what_it_needs() {
    let waits = |name: &str| WHOLE.services[name]["depends_on"].clone();
    let (done, healthy) = ("service_completed_successfully", "service_healthy");
    for (name, needs, condition) in [
        ("migrate", "postgres", healthy),
        ("temporal-schema", "postgres", healthy),
        ("temporal", "postgres", healthy),
        ("temporal", "temporal-schema", done),
        ("temporal-namespace", "temporal", healthy),
        ("temporal-ui", "temporal", healthy),
        ("api", "migrate", done),
        ("api", "temporal-namespace", done),
        ("worker", "migrate", done),
        ("worker", "temporal-namespace", done),
        ("worker", "kafka-topics", done),
        ("worker", "rabbitmq", healthy),
        ("kafka-topics", "kafka", healthy),
    ] {
        assert_eq!(waits(name)[needs]["condition"], condition, "{name} on {needs}");
    }
    for (name, service) in &WHOLE.services {
        let condition = |needed: &Value| needed["condition"] == healthy;
        for (needed, how) in service["depends_on"].as_object().into_iter().flatten() {
            let profile = |name: &str| WHOLE.services[name].get("profiles");
            // What does not run in every composition cannot be waited for in every one.
            let is_there = profile(needed).is_none() || profile(needed) == profile(name);
            assert_eq!(how["required"], is_there, "{name} on {needed}");
            let is_asked = WHOLE.services[needed].get("healthcheck").is_some();
            assert!(is_asked || !condition(how), "{needed} says nowhere how it is");
        }
    }
}

#[test]
fn no_container_has_rights_or_a_place_to_write_that_it_does_not_need() {
    for (name, service) in &WHOLE.services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], serde_json::json!(["no-new-privileges:true"]), "{name}");
        assert!(service.get("cap_add").is_none() && service.get("privileged").is_none(), "{name}");
        let user = words(&service["user"]);
        assert!(!user.is_empty() && !user.starts_with('0') && !user.starts_with("root"), "{name}: {user}");
        let (_, tag) = words(&service["image"]).rsplit_once(':').expect("a tag");
        let version = tag.split('-').next().unwrap_or_default();
        let is_exact =
            version.split('.').count() >= 2 && version.split('.').all(|n| n.parse::<u32>().is_ok());
        assert!(is_exact || tag == "local", "{name}: {tag} is no exact version");
        for secret in list(service, "secrets") {
            let target = words(&secret["target"]);
            assert!(target.starts_with("/run/secrets/") || name == "rabbitmq", "{name}: {target}");
        }
        // A job ends; everything else is asked how it is, by a program and not by a shell.
        let is_job = service["restart"] == "on-failure:5";
        assert_eq!(service.get("healthcheck").is_none(), is_job, "{name}");
        assert!(is_job || service["healthcheck"]["test"][0] == "CMD", "{name}");
    }
    for (name, service) in WHOLE.ours().filter(|(name, _)| *name != "migrate") {
        let asked = list(&service["healthcheck"], "test");
        assert_eq!(asked, ["CMD", "waybill", "health", name]);
    }
}

#[test]
fn secrets_are_their_owners_alone_and_drawing_again_changes_none() {
    use std::os::unix::fs::PermissionsExt;
    let composition = Composition::of(&["demo"]);
    let folder = composition.folder.path();
    let all = || -> BTreeMap<PathBuf, String> {
        let files = std::fs::read_dir(folder.join("secrets")).unwrap().map(|file| file.unwrap().path());
        files.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
    };
    let drawn = all();
    for path in drawn.keys() {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    script("compose-secrets.sh", &["demo", "brokers"], folder).unwrap();
    assert_eq!(all(), drawn);
    // None is one that everybody knows.
    for known in local_settings().values().filter(|value| value.len() >= 16) {
        assert!(drawn.values().all(|secret| secret.trim() != known), "{known}");
    }
}

#[test]
fn a_real_shop_has_to_be_named_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    script("compose-secrets.sh", &[], folder.path()).unwrap();
    let settings = folder.path().join("env");
    let show = || script("containers.sh", &["show", settings.to_str().unwrap()], folder.path());
    let refused = show().unwrap_err();
    assert!(refused.contains("set it in .env"), "{refused}");
    let filled_in = std::fs::read_to_string(&settings).unwrap();
    let filled_in = filled_in
        .replace("SHOPIFY_SHOP=", "SHOPIFY_SHOP=north-tea.myshopify.com")
        .replace("WMS_URL=", "WMS_URL=https://wms.example.com");
    std::fs::write(&settings, filled_in).unwrap();
    let shown: Value = serde_json::from_str(&show().unwrap()).unwrap();
    let told = environment(&shown["services"]["worker"]);
    assert_eq!(told["SHOPIFY_ADMIN_URL"], "https://north-tea.myshopify.com");
    assert!(!told.contains_key("KAFKA_BOOTSTRAP_SERVERS") && !told.contains_key("AMQP_URL_FILE"), "{told:?}");
    assert!(!folder.path().join("secrets/shopify-admin-token").exists(), "it is the vendor's to give");
}
