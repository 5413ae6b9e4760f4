#!/usr/bin/env bash
# PostgreSQL, Temporal and its Web UI in the background.
#
#   scripts/stack.sh up             starts what does not run yet, for working on Waybill, and says how to use it
#   scripts/stack.sh down           ends it; data and histories stay in .waybill/stack
#   scripts/stack.sh start FOLDER   the same for others, who keep the data elsewhere
#   scripts/stack.sh stop FOLDER
#
# The ports are those of scripts/local.env. With DATABASE_URL that database is used, and none is started.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"
use_local_settings

# The process in temporal.pid, if it still is Temporal.
temporal_pid() {
    local pid
    pid=$(cat "$stack/temporal.pid" 2>/dev/null) && is_program "$pid" temporal && echo "$pid"
}

start_temporal() {
    need_free_ports "WAYBILL_TEMPORAL_PORT Temporal" "WAYBILL_TEMPORAL_UI_PORT the Temporal Web UI"
    need_temporal >/dev/null
    nohup scripts/temporal.sh serve "$WAYBILL_TEMPORAL_PORT" --ui-port "$WAYBILL_TEMPORAL_UI_PORT" \
        --db-filename "$stack/temporal.db" >"$stack/temporal.log" 2>&1 </dev/null &
    temporal_job=$!
    echo "$temporal_job" >"$stack/temporal.pid"
}

# Waits until Temporal is ready, or has ended instead.
await_temporal() {
    local waits
    scripts/temporal.sh ready "$WAYBILL_TEMPORAL_PORT" default &
    waits=$!
    while kill -0 "$waits" 2>/dev/null; do
        if [[ -n $temporal_job ]] && ! kill -0 "$temporal_job" 2>/dev/null; then
            kill "$waits" 2>/dev/null || true
            tail -n 12 "$stack/temporal.log" >&2
            fail "Temporal ended while starting; its log is $stack/temporal.log."
        fi
        sleep 0.05
    done
    wait "$waits"
}

# Both start side by side.
start() {
    temporal_job=
    mkdir -p "$stack"
    temporal_pid >/dev/null || start_temporal
    if [[ -z ${DATABASE_URL:-} ]] && ! scripts/postgres.sh start "$stack/postgres" "$WAYBILL_POSTGRES_PORT"; then
        [[ -z $temporal_job ]] || stop
        exit 1
    fi
    await_temporal
}

stop() {
    local pid
    if pid=$(temporal_pid); then end_program "$pid" temporal; fi
    rm -f "$stack/temporal.pid"
    [[ ! -d $stack/postgres ]] || scripts/postgres.sh stop "$stack/postgres"
}

say_how_to_use_it() {
    if [[ -z ${DATABASE_URL:-} ]]; then
        echo "PostgreSQL   127.0.0.1:$WAYBILL_POSTGRES_PORT; its password is in $stack/postgres/password"
    fi
    cat <<END
Temporal     $TEMPORAL_ADDRESS, namespace $TEMPORAL_NAMESPACE
Web UI       http://127.0.0.1:$WAYBILL_TEMPORAL_UI_PORT

  export DATABASE_URL=${DATABASE_URL:-\$(scripts/postgres.sh url $stack/postgres $WAYBILL_POSTGRES_PORT)}
  export TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS
  cargo run -p cli -- migrate

\`make stack-down\` ends it.
END
}

stack="${2:-$WAYBILL_DIR/stack}"
case "$#${1:-}" in
    1up)
        start
        say_how_to_use_it
        ;;
    1down)
        stop
        echo "The stack is down; its data stays in $stack."
        ;;
    2start) start ;;
    2stop) stop ;;
    *) fail "usage: scripts/stack.sh up | down | start FOLDER | stop FOLDER" ;;
esac
