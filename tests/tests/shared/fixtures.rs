//! The folder of published data.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder.
pub fn shared() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("WAYBILL_SHARED").map_or(beside, PathBuf::from);
    assert!(
        folder.is_dir(),
        "this suite reads published data from {}, which is no folder; name it by WAYBILL_SHARED",
        folder.display()
    );
    folder
}

/// A path under its `fixtures/shopify`.
pub fn path(relative: &str) -> PathBuf {
    shared().join("fixtures/shopify").join(relative)
}

/// A file's bytes.
pub fn bytes(relative: &str) -> Vec<u8> {
    let path = path(relative);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file's JSON.
pub fn json(relative: &str) -> Value {
    serde_json::from_slice(&bytes(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The names of a folder's files that end so, sorted; never none.
pub fn names(relative: &str, ending: &str) -> Vec<String> {
    let folder = path(relative);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{} has no file that ends in {ending}", folder.display());
    names
}
