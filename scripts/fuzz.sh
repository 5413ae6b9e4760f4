#!/usr/bin/env bash
# Gives odd inputs to everything that reads what strangers send, for a while each.
#
#   scripts/fuzz.sh [TARGET ...]     without any: all of them
#
# FUZZ_SECONDS says how long each (60). An input that makes one panic is kept in fuzz/artifacts and named; make it a
# test, and put it into fuzz/corpus/TARGET.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

use_cargo
fuzz=$(need_cargo_fuzz)
export RUSTUP_TOOLCHAIN=nightly
seconds=${FUZZ_SECONDS:-60}

[[ $# -gt 0 ]] || set -- webhook_body signature_headers graphql_answer callback cursor
say "building the targets: some twenty minutes at first, two cores given"
for target in "$@"; do "$fuzz" build "$target"; done

# What a run finds worth keeping stays out of the corpus that is committed.
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
for target in "$@"; do
    say "$target, for $seconds s"
    mkdir -p "$found/$target"
    "$fuzz" run "$target" "$found/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 2>&1 |
        grep -E 'Done|stat::(number_of_executed_units|peak_rss_mb)|ERROR|SUMMARY|panicked|artifact' ||
        fail "$target panics on an input; it is kept in fuzz/artifacts/$target."
done
