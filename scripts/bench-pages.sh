#!/usr/bin/env bash
# Measures how soon the console's pages and the API's lists are there with few orders and with many: release builds, a
# PostgreSQL of its own with two databases, and an API on each.
#
#   scripts/bench-pages.sh [ARGUMENT ...]     arguments go to `waybill-bench-pages`; --help lists them
#
# WAYBILL_BENCH_ORDERS (110000) are many, a tenth of which are open, at most 10,000. Everything is on free ports and in a
# temporary folder, and is ended at the end.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

set -m
place=$(mktemp -d "${TMPDIR:-/tmp}/waybill-bench.XXXXXX")
chmod 711 "$place"
profile=${WAYBILL_BENCH_PROFILE:-release}
programs="${CARGO_TARGET_DIR:-$PWD/target}/$profile"
[[ $profile != dev ]] || programs="${programs%dev}debug"
many=${WAYBILL_BENCH_ORDERS:-110000}

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

# serve NAME ORDERS PORT: an API on a database of its own with that many orders. Nobody is on the other ports.
serve() {
    local name=$1 orders=$2 port=$3 deadline=$((SECONDS + 60)) url
    url="${cluster%/*}/$name"
    "$psql" "$cluster" -q -c "CREATE DATABASE $name"
    DATABASE_URL=$url "$programs/waybill" migrate
    say "making $orders orders"
    "$psql" "$url" -q -v ON_ERROR_STOP=1 -v orders="$orders" -v open=$((orders < 100000 ? orders / 10 : 10000)) \
        -f bench/scripts/many_orders.sql
    (
        API_LISTEN="127.0.0.1:$port" API_METRICS_LISTEN="127.0.0.1:$((port + 1))"
        SIM_SHOPIFY_LISTEN="127.0.0.1:$((port + 2))" SIM_WMS_LISTEN=$SIM_SHOPIFY_LISTEN
        WAYBILL_TEMPORAL_PORT=$((port + 3)) DATABASE_URL=$url
        use_local_settings
        exec env -u WAYBILL_CONFIG -u INVENTORY_SERVICE_URL RUST_LOG=info,sqlx=warn,dispatch=error \
            "$programs/waybill-api"
    ) >"$place/$name.log" 2>&1 </dev/null &
    local job=$!
    jobs_started+=("$job")
    until port_is_taken "$port"; do
        if ! kill -0 "$job" 2>/dev/null || ((SECONDS > deadline)); then
            cat "$place/$name.log" >&2
            fail "the API did not start."
        fi
        sleep 0.1
    done
}

use_cargo
need_compiler >/dev/null
need_cargo >/dev/null
need_postgres >/dev/null
psql=$(find_postgres)/psql
[[ -x $psql ]] || psql=$(command -v psql) || fail "psql is missing." "Install PostgreSQL's client programs and try again."

in_background cargo build --profile "$profile" -p api -p cli -p bench
wait $!

start_postgres "$place/postgres"
cluster=$(scripts/postgres.sh url "$place/postgres" "$(cat "$place/postgres.port")")
ports=$(free_ports 8)
serve few 1000 "$ports"
serve many "$many" "$((ports + 4))"
in_background "$programs/waybill-bench-pages" --few "127.0.0.1:$ports" --many "127.0.0.1:$((ports + 4))" "$@"
wait $!
