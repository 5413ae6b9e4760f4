//! Which room may use which, and how a room's files look.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// What each room may use of ours.
const MAY_USE: [(&str, &[&str]); 27] = [
    ("domain", &[]),
    ("outbox", &["domain"]),
    ("inventory", &["domain", "outbox"]),
    ("orders", &["domain", "outbox"]),
    ("channel_sync", &["domain", "inventory", "process", "shopify", "stock"]),
    ("calls", &["domain"]),
    ("database", &[]),
    ("shopify", &["calls", "domain"]),
    ("warehouse", &["calls", "domain"]),
    ("migrations", &[]),
    ("simulators", &[]),
    ("workflows", &["domain"]),
    ("inventory_service", &["calls", "database", "domain", "inventory", "orders"]),
    ("stock", &["database", "domain", "inventory", "inventory_service", "orders"]),
    ("activities", &["calls", "domain", "inventory", "orders", "shopify", "stock", "warehouse", "workflows"]),
    ("shop_tokens", &["calls", "domain", "shopify"]),
    ("process", &["domain", "inventory_service", "shop_tokens", "shopify", "warehouse", "workflows"]),
    ("consumers", &["calls", "database", "domain", "inventory", "orders", "outbox", "process"]),
    ("events", &["outbox", "process"]),
    (
        "dispatch",
        &["channel_sync", "domain", "orders", "process", "shopify", "stock", "warehouse", "workflows"],
    ),
    (
        "worker",
        &[
            "activities",
            "channel_sync",
            "database",
            "dispatch",
            "domain",
            "consumers",
            "events",
            "inventory",
            "inventory_service",
            "migrations",
            "orders",
            "outbox",
            "process",
            "shop_tokens",
            "shopify",
            "stock",
            "warehouse",
            "workflows",
        ],
    ),
    // A client of the API's router: it knows nothing but what that answers.
    ("console", &[]),
    (
        "api",
        &[
            "calls",
            "channel_sync",
            "console",
            "database",
            "dispatch",
            "domain",
            "events",
            "inventory",
            "inventory_service",
            "orders",
            "outbox",
            "process",
            "shop_tokens",
            "shopify",
            "stock",
            "warehouse",
            "workflows",
        ],
    ),
    ("cli", &["domain", "migrations", "workflows"]),
    ("bundle", &["api", "cli", "simulators", "worker"]),
    // Measures from outside, as anybody could; what is to be published it writes as we do.
    ("bench", &["domain", "outbox"]),
    ("tests", &[]),
];

/// Crates that reach the outside: a database, the network, the clock of a runtime, chance.
const INPUT_AND_OUTPUT: [&str; 10] = [
    "sqlx",
    "reqwest",
    "hyper",
    "axum",
    "tokio",
    "tonic",
    "rand",
    "uuid",
    "temporalio-client",
    "temporalio-sdk",
];

/// The most lines of a file.
const MOST_LINES: usize = 400;

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo knows the workspace")
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn rooms() -> Vec<&'static Package> {
    METADATA.workspace_packages()
}

fn room(name: &str) -> &'static Package {
    rooms()
        .into_iter()
        .find(|room| room.name.as_str() == name)
        .unwrap_or_else(|| panic!("there is no room {name}"))
}

/// What a room's own manifest names for its finished product.
fn names_of(room: &Package) -> BTreeSet<&str> {
    room.dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .collect()
}

/// What a room reaches: rooms of ours, itself included, and crates of others.
struct Reached {
    ours: BTreeSet<String>,
    others: BTreeSet<String>,
}

/// Every crate that a room is made of when it is built by itself, however far down. Built together
/// with others it may be given features, and crates, that only those ask for.
fn reaches(room: &Package) -> Reached {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges=normal", "--prefix=none", "--format={p}"])
        .arg(format!("--manifest-path={}", room.manifest_path))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("text");
    // A room of ours is told with its folder; others may have the same name.
    let ours = |line: &str| line.contains(&format!("({}", root().display()));
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    Reached {
        ours: lines.lines().filter(|line| ours(line)).filter_map(name).collect(),
        others: lines.lines().filter(|line| !ours(line)).filter_map(name).collect(),
    }
}

/// Fails if a room reaches a crate of others by one of these names.
fn reaches_none_of(room: &Package, names: &[&str]) {
    let reached = reaches(room).others;
    assert!(!reached.is_empty(), "the tree of {} is read", room.name);
    for name in names {
        assert!(!reached.contains(*name), "{} reaches {name}", room.name);
    }
}

/// Fails if a room reaches one of ours by one of these names.
fn reaches_no_room_of(room: &Package, names: &[&str]) {
    let reached = reaches(room).ours;
    assert!(reached.contains(room.name.as_str()), "the tree of {} is read", room.name);
    for name in names {
        assert!(!reached.contains(*name), "{} reaches our {name}", room.name);
    }
}

/// All Rust files of a room's `src`.
fn files_of(room: &Package) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = ["src", "tests"]
        .map(|folder| folder_of(room).join(folder))
        .into_iter()
        .filter(|folder| folder.exists())
        .collect();
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn folder_of(room: &Package) -> PathBuf {
    room.manifest_path.parent().expect("a folder").as_std_path().to_owned()
}

#[test]
fn a_room_uses_only_the_rooms_it_may() {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let ours: BTreeSet<&str> = rooms().iter().map(|room| room.name.as_str()).collect();
    assert_eq!(ours, table.keys().copied().collect(), "the table names every room, and no other");
    for room in rooms().into_iter().filter(|room| room.name.as_str() != "tests") {
        let may: BTreeSet<&str> = table[room.name.as_str()].iter().copied().collect();
        let uses: BTreeSet<&str> = names_of(room).intersection(&ours).copied().collect();
        let too_much: Vec<&&str> = uses.difference(&may).collect();
        assert!(too_much.is_empty(), "{} may not use {too_much:?}", room.name);
    }
}

#[test]
fn a_room_is_its_folder() {
    for room in rooms() {
        assert_eq!(folder_of(room), root().join(room.name.as_str()));
    }
}

#[test]
fn workflows_can_reach_neither_a_database_nor_http() {
    let workflows = room("workflows");
    reaches_none_of(workflows, &["sqlx", "reqwest", "axum"]);
    reaches_no_room_of(workflows, &["activities", "inventory", "orders", "shopify", "warehouse"]);
    let named = names_of(workflows);
    for outside in INPUT_AND_OUTPUT {
        assert!(!named.contains(outside), "workflows names {outside}");
    }
}

#[test]
fn the_domain_does_no_input_or_output() {
    reaches_none_of(room("domain"), &["sqlx", "reqwest", "hyper", "axum", "tokio", "tonic"]);
    let named = names_of(room("domain"));
    for outside in INPUT_AND_OUTPUT {
        assert!(!named.contains(outside), "domain names {outside}");
    }
}

#[test]
fn the_api_never_does_a_step_itself() {
    reaches_no_room_of(room("api"), &["activities", "worker"]);
}

#[test]
fn the_simulators_share_nothing_with_us() {
    let others: Vec<&str> =
        rooms().iter().map(|room| room.name.as_str()).filter(|name| *name != "simulators").collect();
    reaches_no_room_of(room("simulators"), &others);
}

#[test]
fn every_room_says_at_its_door_what_it_is_and_what_always_holds() {
    for room in rooms() {
        let door = ["src/lib.rs", "src/main.rs"].map(|file| folder_of(room).join(file));
        let door =
            door.iter().find(|file| file.exists()).unwrap_or_else(|| panic!("{} has a door", room.name));
        let text = fs::read_to_string(door).expect("the file is read");
        let doc: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(!doc.is_empty(), "{} begins with what the room is", door.display());
        assert!(doc.contains("**Invariant:**"), "{} says what always holds", door.display());
    }
}

#[test]
fn no_file_is_called_mod_or_is_too_long_to_read() {
    for file in rooms().into_iter().flat_map(files_of) {
        assert_ne!(
            file.file_name().expect("a name"),
            "mod.rs",
            "{}: foo.rs stands beside foo/",
            file.display()
        );
        let lines = fs::read_to_string(&file).expect("the file is read").lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_places_where_things_are_changed_are_there() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page is read");
    let table = page.split("## To change something").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows: Vec<&str> =
        table.expect("the table").lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 13, "{rows:?}");
    for row in rows {
        let named = row.split('`').skip(1).step_by(2).filter(|name| name.contains('/'));
        let places: Vec<&str> = named.collect();
        assert!(!places.is_empty(), "{row} names a place");
        for place in places {
            assert!(root().join(place).exists(), "{place} is not there");
        }
    }
}
