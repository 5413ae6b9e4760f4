//! All processes in one program, so that an image has what they share once. The name it is called by says which one it is:
//! `waybill-api`, `waybill-worker`, `waybill-simulators`; by any other it is the command `waybill`.
//!
//! **Invariant:** a process does here what the program of that name does.

use std::{env, path::Path, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    let called = env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ended = match name {
        "waybill-api" => api::run().await,
        "waybill-worker" => worker::run().await,
        "waybill-simulators" => simulators::run().await,
        _ => return cli::run().await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:?}");
            ExitCode::FAILURE
        }
    }
}
