//! Tells Cargo that a new or changed file under `sql/` changes what is embedded.

fn main() {
    println!("cargo::rerun-if-changed=sql");
}
