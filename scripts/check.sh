#!/usr/bin/env bash
# What must hold of the sources without running them: format, lints, where dependencies come from
# and under which licence, and that the scripts are readable to bash.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

use_cargo
need_compiler >/dev/null
need_cargo >/dev/null
need_lints
deny=$(need_cargo_deny)

for script in scripts/*.sh .ci/run; do bash -n "$script"; done
cargo fmt --all --check
# Vulnerability advisories are left out: their database cannot be fetched everywhere.
"$deny" --log-level error check licenses bans sources
cargo clippy --workspace --all-targets -- -D warnings
