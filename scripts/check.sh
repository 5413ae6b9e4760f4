#!/usr/bin/env bash
# What must hold of the sources without running them: format, lints, where dependencies come from
# and under which licence, that the scripts are readable to bash, the containers to those who start them, and the rules to
# Prometheus.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

# Whether a dependency is known to be vulnerable. Their list is fetched, which not every machine can: then
# nothing is known, and that must not pass for nothing being wrong.
check_advisories() {
    local said
    if said=$("$deny" --log-level error check advisories 2>&1); then return; fi
    if [[ $said == *"failed to fetch advisory database"* ]]; then
        say "NOT CHECKED: whether a dependency is known to be vulnerable. The list of https://github.com/RustSec/advisory-db" \
            "could not be fetched; run \`cargo deny check advisories\` where it can."
        return
    fi
    echo "$said" >&2
    return 1
}

# Whether Prometheus can read the rules by which it calls somebody, and calls when it is to. Its words are for failures.
check_rules() {
    local said
    if said=$("$promtool" check rules "$1" 2>&1 && "$promtool" test rules "$2" 2>&1); then return; fi
    echo "$said" >&2
    return 1
}

use_cargo
need_compiler >/dev/null
need_cargo >/dev/null
need_lints
deny=$(need_cargo_deny)
promtool=$(need_promtool)

for script in scripts/*.sh deploy/compose/*.sh .ci/run; do bash -n "$script"; done
scripts/containers.sh check
check_rules deploy/prometheus/waybill.rules.yml deploy/prometheus/waybill.rules.test.yml
cargo fmt --all --check
"$deny" --log-level error check licenses bans sources
check_advisories
cargo clippy --workspace --all-targets -- -D warnings
# What is built for those who have brokers, and for images.
cargo clippy --workspace --all-targets --features worker/kafka,worker/amqp,cli/brokers,bundle/processes -- -D warnings
