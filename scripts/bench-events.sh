#!/usr/bin/env bash
# Measures how fast a worker drains events to Kafka and to RabbitMQ, and how soon an event is there when nothing else
# is: release builds, a PostgreSQL of its own that is safe against power cuts, and both brokers.
#
#   scripts/bench-events.sh [ARGUMENT ...]     arguments go to `waybill-bench-events`; --help lists them
#
# Everything is on free ports and in a temporary folder, and is ended at the end.
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

use_cargo
need_compiler >/dev/null
need_cargo >/dev/null
need_postgres >/dev/null
need_kafka >/dev/null
need_rabbitmq >/dev/null

in_background cargo build --profile "$profile" -p cli -p worker -p bench --features worker/kafka,worker/amqp
wait $!

start_postgres "$place/postgres"
DATABASE_URL=$(scripts/postgres.sh url "$place/postgres" "$(cat "$place/postgres.port")")
export DATABASE_URL
"$programs/waybill" migrate

kafka=$(free_ports 2)
rabbitmq=$((kafka + 1))
in_background scripts/kafka.sh serve "$place/kafka" "$kafka" >"$place/kafka.log" 2>&1
in_background scripts/rabbitmq.sh serve "$place/rabbitmq" "$rabbitmq" >"$place/rabbitmq.log" 2>&1
scripts/kafka.sh ready "$kafka"
for topic in order-placed order-events inventory-events; do scripts/kafka.sh topic "$kafka" "$topic" 8; done
scripts/rabbitmq.sh ready "$rabbitmq"

in_background "$programs/waybill-bench-events" --worker "$programs/waybill-worker" \
    --kafka "127.0.0.1:$kafka" --rabbitmq "amqp://127.0.0.1:$rabbitmq/%2f" "$@"
wait $!
