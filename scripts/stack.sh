#!/usr/bin/env bash
# PostgreSQL, Temporal and its Web UI in the background, for working on Waybill.
#
#   scripts/stack.sh up      starts what does not run yet, and says how to use it
#   scripts/stack.sh down    ends all of it; data and histories stay in .waybill/stack
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

stack="${WAYBILL_DIR:-.waybill}/stack"
postgres_port=${WAYBILL_POSTGRES_PORT:-54329}
temporal_port=${WAYBILL_TEMPORAL_PORT:-7233}
ui_port=${WAYBILL_TEMPORAL_UI_PORT:-8233}

# The process in temporal.pid, if it still is Temporal.
temporal_pid() {
    local pid
    pid=$(cat "$stack/temporal.pid" 2>/dev/null) || return 1
    [[ $(ps -p "$pid" -o comm= 2>/dev/null) == *temporal* ]] && echo "$pid"
}

# claim NAME PORT VARIABLE: the port must be free.
claim() {
    ! port_is_taken "$2" || fail "port $2 for $1 is taken." \
        "End what listens there (a running \`make demo\`?), or choose another:  $3=$(($2 + 1)) make stack-up"
}

up() {
    mkdir -p "$stack"
    if ! temporal_pid >/dev/null; then
        claim Temporal "$temporal_port" WAYBILL_TEMPORAL_PORT
        claim "the Temporal Web UI" "$ui_port" WAYBILL_TEMPORAL_UI_PORT
        need_temporal >/dev/null
    fi
    if [[ -z ${DATABASE_URL:-} ]]; then
        [[ -f $stack/postgres.port ]] || claim PostgreSQL "$postgres_port" WAYBILL_POSTGRES_PORT
        scripts/postgres.sh start "$stack/postgres" "$postgres_port"
        echo "$postgres_port" >"$stack/postgres.port"
    fi
    if ! temporal_pid >/dev/null; then
        nohup scripts/temporal.sh serve "$temporal_port" --ui-port "$ui_port" \
            --db-filename "$stack/temporal.db" >"$stack/temporal.log" 2>&1 </dev/null &
        echo $! >"$stack/temporal.pid"
    fi
    scripts/temporal.sh ready "$temporal_port" default
    if [[ -z ${DATABASE_URL:-} ]]; then
        echo "PostgreSQL   127.0.0.1:$postgres_port; its password is in $stack/postgres/password"
    fi
    cat <<END
Temporal     127.0.0.1:$temporal_port, namespace default
Web UI       http://127.0.0.1:$ui_port

  export DATABASE_URL=${DATABASE_URL:-\$(scripts/postgres.sh url $stack/postgres $postgres_port)}
  export TEMPORAL_ADDRESS=127.0.0.1:$temporal_port
  cargo run -p cli -- migrate

\`make stack-down\` ends it.
END
}

down() {
    local pid
    if pid=$(temporal_pid); then
        kill "$pid"
        while ps -p "$pid" >/dev/null; do sleep 0.1; done
    fi
    rm -f "$stack/temporal.pid" "$stack/postgres.port"
    [[ ! -d $stack/postgres ]] || scripts/postgres.sh stop "$stack/postgres"
    echo "The stack is down; its data stays in $stack."
}

case "${1:-}" in
    up) up ;;
    down) down ;;
    *) fail "usage: scripts/stack.sh up | down" ;;
esac
