#!/usr/bin/env bash
# Runs the tests against a PostgreSQL and a Temporal server of their own, and ends both.
#
#   scripts/test.sh [ARGUMENT ...]     arguments go to `cargo test --workspace`, for example --test it -- cancel
#
# Tests find the servers and the built programs in TEST_DATABASE_URL, TEST_TEMPORAL_ADDRESS,
# TEST_TEMPORAL_NAMESPACES and TEST_BIN_DIR, and clients of the brokers that are not ours in the Python packages of
# TEST_BROKER_CLIENTS, and a browser in TEST_CHROMIUM. Pictures of pages are kept in the folder that TEST_SCREENSHOTS
# names. Everything is on free ports and in a temporary folder,
# so it can run beside a demo, a stack or another test run.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

# A worker that publishes to both brokers, and all processes as the one program that images have.
readonly FEATURES=worker/kafka,worker/amqp,bundle/processes
readonly NAMESPACES=(waybill-test-{1..8})

set -m
place=$(mktemp -d "${TMPDIR:-/tmp}/waybill-test.XXXXXX")
chmod 711 "$place"

finish() {
    local result=$?
    trap '' INT TERM HUP
    trap - EXIT
    if ((result)) && [[ -s $place/temporal.log ]]; then
        echo "What Temporal's server said last of trouble:" >&2
        grep -iE 'level=(warn|error)|"level":"(warn|error)"|panic' "$place/temporal.log" | grep -v 'already exists' | tail -n 20 | cut -c1-400 >&2 || true
    fi
    end_jobs
    scripts/postgres.sh remove "$place/postgres" >/dev/null 2>&1 || true
    rm -rf "$place"
    exit "$result"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Somebody may take a free port between the look and the start, hence three attempts.
start_temporal() {
    local port flags=() namespace
    for namespace in "${NAMESPACES[@]}"; do flags+=(--namespace "$namespace"); done
    # A tenth of the usual, so that a test can come to a history that is too long.
    flags+=(--dynamic-config-value limit.historyCount.suggestContinueAsNew=400)
    for _ in 1 2 3; do
        port=$(free_ports)
        in_background scripts/temporal.sh serve "$port" --headless "${flags[@]}" >"$place/temporal.log" 2>&1
        in_background scripts/temporal.sh ready "$port" "${NAMESPACES[@]}"
        if wait $!; then
            temporal_port=$port
            return
        fi
    done
    tail -n 20 "$place/temporal.log" >&2
    fail "Temporal's development server did not start."
}

# The programs twice: with failures planted for tests, kept in a folder of their own, then as they are.
build() {
    local programs=${CARGO_TARGET_DIR:-$PWD/target}/debug
    cargo build --workspace --bin waybill-api --bin waybill-worker --features "api/faults,worker/faults,$FEATURES"
    mkdir -p "$programs/with-faults"
    cp "$programs/waybill-api" "$programs/waybill-worker" "$programs/with-faults/"
    cargo build --workspace --bins --features "$FEATURES"
}

use_cargo
need_compiler >/dev/null
need_cargo >/dev/null
[[ -n $(find_postgres) ]] || need_postgres >/dev/null
need_temporal >/dev/null
need_kafka >/dev/null
need_rabbitmq >/dev/null
need_compose >/dev/null
TEST_BROKER_CLIENTS=$(need_broker_clients)
TEST_CHROMIUM=$(need_chromium)

in_background build
build_job=$!
in_background start_postgres "$place/postgres" fast
postgres_job=$!
start_temporal
wait "$postgres_job"
wait "$build_job"

TEST_DATABASE_URL="postgres://waybill@127.0.0.1:$(cat "$place/postgres.port")/postgres"
TEST_TEMPORAL_ADDRESS="127.0.0.1:$temporal_port"
TEST_TEMPORAL_NAMESPACES=$(IFS=, && echo "${NAMESPACES[*]}")
TEST_BIN_DIR="${CARGO_TARGET_DIR:-$PWD/target}/debug"
# What is shown is compared, never accepted, unless a person asks for it (INSTA_UPDATE=always).
INSTA_UPDATE=${INSTA_UPDATE:-no}
export INSTA_UPDATE TEST_DATABASE_URL TEST_TEMPORAL_ADDRESS TEST_TEMPORAL_NAMESPACES TEST_BIN_DIR TEST_BROKER_CLIENTS TEST_CHROMIUM

# Tests wait for servers more than they compute: with one for each core half of the machine is idle.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
export RUST_TEST_THREADS

# The runner's lines, then their sum. There are no examples in docs to be run as tests.
run_tests() {
    local said="$place/said.txt" result=0
    cargo test --workspace --features "$FEATURES" "$@" 2>&1 | tee "$said" || result=$?
    awk '/^test result: / { passed += $4; failed += $6; ignored += $8 }
         END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$said"
    return "$result"
}

[[ $# -gt 0 ]] || set -- --lib --bins --tests --no-fail-fast
in_background run_tests "$@"
wait $!
