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

# Each background job is a process group of its own, which can be ended whole.
set -m
jobs_started=()
place=$(mktemp -d "${TMPDIR:-/tmp}/waybill-bench.XXXXXX")
chmod 711 "$place"
programs="${CARGO_TARGET_DIR:-$PWD/target}/release"

finish() {
    local result=$? job
    trap '' INT TERM HUP
    trap - EXIT
    for job in ${jobs_started[@]+"${jobs_started[@]}"}; do kill -TERM -- "-$job" 2>/dev/null || true; done
    for job in ${jobs_started[@]+"${jobs_started[@]}"}; do wait "$job" 2>/dev/null || true; done
    scripts/postgres.sh remove "$place/postgres" >/dev/null 2>&1 || true
    rm -rf "$place"
    exit "$result"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# in_background COMMAND ...: its process id is then in $!.
in_background() {
    "$@" </dev/null &
    jobs_started+=($!)
}

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

# Somebody may take a free port between the look and the start, hence three attempts.
start_postgres() {
    local port
    for _ in 1 2 3; do
        port=$(free_ports)
        if scripts/postgres.sh start "$place/postgres" "$port"; then
            database_url=$(scripts/postgres.sh url "$place/postgres" "$port")
            return
        fi
    done
    return 1
}

# No worker and nobody on the other ports: orders are taken while Temporal is away. Each order that is
# not dispatched would be a warning in the log, so those of the dispatcher are left out.
start_api() {
    local port=$1 deadline=$((SECONDS + 30)) closed="127.0.0.1:$(($1 + 2))"
    in_background env -u WAYBILL_CONFIG -u INVENTORY_SERVICE_URL -u AUTH_JWKS_URL \
        API_LISTEN="127.0.0.1:$port" API_METRICS_LISTEN="127.0.0.1:$((port + 1))" DATABASE_URL="$database_url" \
        TEMPORAL_ADDRESS="$closed" SHOPIFY_SHOP=bench.myshopify.com SHOPIFY_ADMIN_URL="http://$closed" \
        SHOPIFY_ADMIN_TOKEN=bench-admin-token SHOPIFY_WEBHOOK_SECRETS=bench-client-secret WMS_URL="http://$closed" WMS_TOKEN=bench-warehouse-token \
        WMS_WEBHOOK_SECRETS=whsec_d2F5YmlsbC1iZW5jaC13YXJlaG91c2Utc2VjcmV0 API_REQUESTS_PER_SECOND=1000000 \
        RUST_LOG=info,sqlx=warn,dispatch=error "$programs/waybill-api" >"$place/api.log" 2>&1
    api_job=$!
    until port_is_taken "$port"; do
        if ! kill -0 "$api_job" 2>/dev/null || ((SECONDS > deadline)); then
            cat "$place/api.log" >&2
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
start_postgres
DATABASE_URL="$database_url" "$programs/waybill" migrate

AUTH_HS256_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
BENCH_ADMIN_TOKEN=$(AUTH_HS256_SECRET="$AUTH_HS256_SECRET" "$programs/waybill" token --role admin --expires-in 24h)
BENCH_SERVICE_TOKEN=$(AUTH_HS256_SECRET="$AUTH_HS256_SECRET" "$programs/waybill" token --role order-service --expires-in 24h)
export AUTH_HS256_SECRET BENCH_ADMIN_TOKEN BENCH_SERVICE_TOKEN

port=$(free_ports 3)
start_api "$port"
mkdir "$place/pgbench"
in_background env DATABASE_URL="$database_url" "$programs/waybill-bench" --api "127.0.0.1:$port" \
    --api-process "$api_job" --pgbench "$pgbench" --folder "$place/pgbench" "$@"
wait $!
