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
output=${CARGO_TARGET_DIR:-target} result=0
"$mutants" mutants --output "$output" --no-shuffle --colors never "$@" || result=$?
# 3: a fault made a test go on for ever, which is noticed too; others may not have been.
if ((result == 3)) && [[ ! -s $output/mutants.out/missed.txt ]]; then result=0; fi
((result == 0)) ||
    fail "a fault was not noticed: see the lines with MISSED above." \
        "Write the test that it turns red, or say in .cargo/mutants.toml why it changes nothing."
