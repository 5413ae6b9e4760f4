//! Compiles the interface description, without `protoc`.

use std::{env, error::Error, fs, path::Path};

use prost::Message;

const INTERFACE: &str = "waybill/inventory/v1/inventory.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile([INTERFACE], ["proto"])?;
    // The server tells the same to whoever asks it by reflection.
    fs::write(Path::new(&env::var("OUT_DIR")?).join("inventory.bin"), files.encode_to_vec())?;
    tonic_prost_build::configure().build_transport(false).compile_fds(files)?;
    Ok(())
}
