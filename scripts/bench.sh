#!/usr/bin/env bash
# Measures the API beside pgbench running the same SQL: with release builds, on a PostgreSQL of its own
# that is safe against power cuts, as one in earnest is.
#
#   scripts/bench.sh [ARGUMENT ...]     arguments go to `waybill-bench`; --help lists them
#
# Everything is on free ports and in a temporary folder, and is ended at the end.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

set -m
place=$(mktemp -d "${TMPDIR:-/tmp}/waybill-bench.XXXXXX")
chmod 711 "$place"
programs="${CARGO_TARGET_DIR:-$PWD/target}/release"

finish() {
    local result=$?
    trap '' INT TERM HUP
    trap - EXIT
    end_jobs
    scripts/postgres.sh remove "$place/postgres" >/dev/null 2>&1 || true
    rm -rf "$place"
    exit "$result"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# pgbench comes with the server on Debian, elsewhere with the contributed programs.
need_pgbench() {
    local folder
    folder=$(find_postgres)
    if [[ -x $folder/pgbench ]]; then
        echo "$folder/pgbench"
        return
    fi
    command -v pgbench && return
    install_packages pgbench postgresql-contrib postgresql-contrib postgresql-contrib postgresql@17
    command -v pgbench || fail "pgbench was installed, but it is not on PATH."
}

# No worker and nobody on the other ports: orders are taken while Temporal is away. Each order that is
# not dispatched would be a warning in the log, so those of the dispatcher are left out.
start_api() {
    local deadline=$((SECONDS + 30)) log="$place/api.log"
    in_background env -u WAYBILL_CONFIG -u INVENTORY_SERVICE_URL -u AUTH_JWKS_URL API_REQUESTS_PER_SECOND=1000000 \
        RUST_LOG=info,sqlx=warn,dispatch=error "$programs/waybill-api" >"$log" 2>&1
    api_job=$!
    until port_is_taken "${API_LISTEN##*:}"; do
        if ! kill -0 "$api_job" 2>/dev/null || ((SECONDS > deadline)); then
            cat "$log" >&2
            fail "the API did not start."
        fi
        sleep 0.1
    done
}

use_cargo
need_compiler >/dev/null
need_cargo >/dev/null
need_postgres >/dev/null
pgbench=$(need_pgbench)

in_background cargo build --release -p api -p cli -p bench
wait $!

start_postgres "$place/postgres"
DATABASE_URL=$(scripts/postgres.sh url "$place/postgres" "$(cat "$place/postgres.port")")
export DATABASE_URL
"$programs/waybill" migrate

# What runs here is told the same as in the demo, but on ports of its own and with a secret that nobody knows.
port=$(free_ports 4)
API_LISTEN="127.0.0.1:$port" API_METRICS_LISTEN="127.0.0.1:$((port + 1))"
SIM_SHOPIFY_LISTEN="127.0.0.1:$((port + 2))" SIM_WMS_LISTEN=$SIM_SHOPIFY_LISTEN WAYBILL_TEMPORAL_PORT=$((port + 3))
AUTH_HS256_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
use_local_settings

BENCH_ADMIN_TOKEN=$("$programs/waybill" token --role admin --expires-in 24h)
BENCH_SERVICE_TOKEN=$("$programs/waybill" token --role order-service --expires-in 24h)
export BENCH_ADMIN_TOKEN BENCH_SERVICE_TOKEN

start_api
mkdir "$place/pgbench"
in_background "$programs/waybill-bench" --api "$API_LISTEN" --api-process "$api_job" --pgbench "$pgbench" \
    --folder "$place/pgbench" "$@"
wait $!
