//! `waybill completion`: a script that lets a shell complete commands and options.

use clap::Command;
use clap_complete::{Shell, generate};

use crate::output::Output;

/// Prints the script.
pub fn run(shell: Shell, mut command: Command, output: Output) {
    let mut script = Vec::new();
    generate(shell, &mut command, "waybill", &mut script);
    output.raw(&script);
}
