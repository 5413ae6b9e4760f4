#!/usr/bin/env bash
# Puts small faults into the rules, one at a time, and has the tests beside them run: one that they do not notice is a
# test that is missing. What is tried, and which faults change nothing and why, stands in .cargo/mutants.toml.
#
#   scripts/mutants.sh [FLAG ...]     FLAGs are those of `cargo mutants`, for example --re status.rs
#
# The sources stay as they are: it works on a copy. What was found is in target/mutants.out.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

use_cargo
mutants=$(need_cargo_mutants)
"$mutants" mutants --output "${CARGO_TARGET_DIR:-target}" --no-shuffle --colors never "$@" ||
    fail "a fault was not noticed: see the lines with MISSED above." \
        "Write the test that it turns red, or say in .cargo/mutants.toml why it changes nothing."
