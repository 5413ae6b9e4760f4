//! The rooms keep to the table in ARCHITECTURE.md: who may use whom, and what each must not know.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which rooms each may use, beside `domain`. `tests` may use all and is not listed.
const MAY_USE: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("inventory", &[]),
    ("orders", &[]),
    ("shopify", &[]),
    ("warehouse", &[]),
    ("workflows", &[]),
    ("activities", &["workflows", "inventory", "orders", "shopify", "warehouse"]),
    ("intake", &["workflows", "orders", "shopify", "warehouse"]),
    (
        "worker",
        &["workflows", "activities", "intake", "inventory", "orders", "shopify", "warehouse", "migrations"],
    ),
    ("api", &["workflows", "intake", "inventory", "orders", "shopify", "warehouse"]),
    ("migrations", &[]),
    ("simulators", &[]),
    ("cli", &["workflows", "migrations", "intake"]),
];

/// The longest file under `src`.
const MOST_LINES: usize = 450;

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().expect("cargo describes the workspace")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn rooms(metadata: &Metadata) -> BTreeMap<&str, &Package> {
    metadata.workspace_packages().into_iter().map(|package| (package.name.as_str(), package)).collect()
}

/// What a package depends on when it is built to run.
fn uses(package: &Package) -> BTreeSet<&str> {
    let runs = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    package.dependencies.iter().filter(|d| runs(d.kind)).map(|d| d.name.as_str()).collect()
}

/// Everything a package depends on, however far away.
fn reaches(metadata: &Metadata, room: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("dependencies are resolved");
    let name = |id| metadata[id].name.to_string();
    let start = resolve.nodes.iter().find(|node| name(&node.id) == room).expect("the room");
    let mut found = BTreeSet::new();
    let mut open = vec![&start.id];
    while let Some(id) = open.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == *id).expect("a node");
        for dependency in &node.deps {
            let runs = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if runs && found.insert(name(&dependency.pkg)) {
                open.push(&dependency.pkg);
            }
        }
    }
    found
}

#[test]
fn every_room_uses_only_the_rooms_its_row_allows() {
    let metadata = metadata();
    let rooms = rooms(&metadata);
    let listed: BTreeSet<&str> = MAY_USE.iter().map(|(room, _)| *room).chain(["tests"]).collect();
    assert_eq!(rooms.keys().copied().collect::<BTreeSet<_>>(), listed, "every room has a row");
    for (room, allowed) in MAY_USE {
        let ours: BTreeSet<&str> =
            uses(rooms[room]).into_iter().filter(|used| rooms.contains_key(used) && *used != "domain").collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        // A library may share its name with a room; ours come by path.
        let by_path = |used: &&str| {
            rooms[room].dependencies.iter().any(|d| d.name == **used && d.path.is_some())
        };
        let foreign: Vec<&str> =
            ours.difference(&allowed).copied().filter(|used| by_path(used)).collect();
        assert!(foreign.is_empty(), "{room} may not use {foreign:?}");
    }
}

#[test]
fn the_story_can_name_neither_a_database_nor_http() {
    let reached = reaches(&metadata(), "workflows");
    for forbidden in ["sqlx", "reqwest", "axum", "temporalio-client", "temporalio-sdk"] {
        assert!(!reached.contains(forbidden), "workflows reaches {forbidden}");
    }
}

#[test]
fn domain_knows_no_input_and_no_output() {
    let reached = reaches(&metadata(), "domain");
    for forbidden in ["sqlx", "reqwest", "tokio", "axum", "tracing", "temporalio-common"] {
        assert!(!reached.contains(forbidden), "domain reaches {forbidden}");
    }
}

#[test]
fn the_stand_ins_share_no_type_with_us() {
    let metadata = metadata();
    let rooms = rooms(&metadata);
    let simulators = rooms["simulators"];
    let ours: Vec<&str> =
        simulators.dependencies.iter().filter(|d| d.path.is_some()).map(|d| d.name.as_str()).collect();
    assert!(ours.is_empty(), "a shared type would share the mistake: {ours:?}");
}

#[test]
fn every_room_says_what_it_is_and_its_one_invariant() {
    for (room, _) in MAY_USE {
        let sources = ["src/lib.rs", "src/main.rs"].map(|file| root().join(room).join(file));
        let map = sources.iter().find_map(|file| fs::read_to_string(file).ok()).expect("a first file");
        let doc: String = map.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(doc.contains("**Invariant:**"), "{room} states its invariant");
    }
}

#[test]
fn files_are_short_and_none_is_called_mod() {
    let mut wrong = Vec::new();
    for (room, _) in MAY_USE {
        visit(&root().join(room).join("src"), &mut |file, text| {
            if file.ends_with("mod.rs") || text.lines().count() > MOST_LINES {
                wrong.push(file.display().to_string());
            }
        });
    }
    assert!(wrong.is_empty(), "too long, or called mod.rs: {wrong:?}");
}

fn visit(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &fs::read_to_string(&path).expect("a source"));
        }
    }
}
