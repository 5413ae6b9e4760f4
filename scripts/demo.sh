#!/usr/bin/env bash
# From a fresh clone to a fulfilled order: finds or installs what the demo needs, builds Waybill, starts everything on
# this machine, and has `waybill demo` send an order and follow it.
#
#   scripts/demo.sh [--once] [--with-brokers]
#
# With brokers, a Kafka and a RabbitMQ are started too, and the events of the order are shown as they arrive in both.
# However it ends (Ctrl-C, a signal, a failure, the order's arrival), it leaves nothing running; what a killed demo
# could not end, the next one does. Where everything listens: scripts/local.env.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"
use_local_settings

listeners=(
    "API_LISTEN the API" "API_METRICS_LISTEN the API's metrics" "WORKER_METRICS_LISTEN the worker's metrics"
    "SIM_SHOPIFY_LISTEN the simulated Shopify" "SIM_WMS_LISTEN the simulated WMS"
    "WAYBILL_TEMPORAL_PORT Temporal" "WAYBILL_TEMPORAL_UI_PORT the Temporal Web UI"
)
with_brokers=''
[[ " $* " != *" --with-brokers "* ]] || with_brokers=yes
[[ -z $with_brokers ]] || listeners+=("WAYBILL_KAFKA_PORT Kafka" "WAYBILL_RABBITMQ_PORT RabbitMQ")
[[ -n ${DATABASE_URL:-} ]] || listeners+=("WAYBILL_POSTGRES_PORT PostgreSQL")
# In the order in which they end: what needs others first.
readonly SERVERS=(worker api simulators)
readonly WORKER=0 API=1 SIMULATORS=2
# A killed worker or API is started again after so many seconds, as a cluster's supervisor would. One that ended
# within TOO_SOON of its start, and TOO_OFTEN in a row, did not end because somebody killed it.
readonly START_AGAIN_AFTER=3 TOO_SOON=5 TOO_OFTEN=3
readonly READY_WITHIN=60

folder="$WAYBILL_DIR/demo"
logs="$folder/logs"
pids="$folder/pids"
programs="${CARGO_TARGET_DIR:-target}/debug"

# What is being done, and what runs: nothing yet.
names=() steps=()
is_ours='' stack_job='' order_job='' start_anew=''
brokers=()
running=() started_at=() ended_at=() quick_ends=()

set -m
# A reader that went away (`make demo | head`) does not end the demo.
trap '' PIPE
show() { printf '%s\n' "$@" 2>/dev/null || true; }

headline() {
    show ""
    if [[ -t 1 && -z ${NO_COLOR:-} ]]; then show $'\e[1m'"$1"$'\e[0m'; else show "$1"; fi
}

give_up() {
    tail -n 12 "$logs/$1.log" >&2
    fail "$2" "Its log is $logs/$1.log." "Mend what it says above and run \`make demo\` again: it goes on from there."
}

claim() {
    local holder
    mkdir -p "$logs" "$pids"
    holder=$(cat "$folder/lock" 2>/dev/null) || true
    if [[ -n $holder && $holder != $$ && $(ps -o args= -p "$holder" 2>/dev/null) == *demo.sh* ]]; then
        fail "a demo already runs here (process $holder)." "End it with Ctrl-C where it runs, or:  kill $holder"
    fi
    echo $$ >"$folder/lock"
    is_ours=yes
}

# Ends what a killed demo left running.
end_leftovers() {
    local name found=''
    for name in "${SERVERS[@]}" demo; do
        [[ -f $pids/$name ]] || continue
        end_program "$(cat "$pids/$name")" waybill
        rm -f "$pids/$name"
        found=yes
    done
    for name in kafka:java rabbitmq:beam.smp; do
        [[ -f $pids/${name%%:*} ]] || continue
        end_program "$(cat "$pids/${name%%:*}")" "${name#*:}"
        rm -f "$pids/${name%%:*}"
        found=yes
    done
    if [[ -f $folder/temporal.pid ]]; then
        scripts/stack.sh stop "$folder"
        found=yes
    fi
    [[ -z $found ]] || show "Ended what an earlier demo left running."
}

# step NAME COMMAND ...: done in the background; its output goes to a log of that name.
step() {
    local name=$1
    shift
    "$@" >"$logs/$name.log" 2>&1 </dev/null &
    names+=("$name")
    steps+=($!)
}

build() {
    need_compiler
    need_cargo
    local features=()
    [[ -z $with_brokers ]] || features=(--features "cli/brokers,worker/kafka,worker/amqp")
    # Of the whole workspace, so that what is built here serves the tests too.
    cargo build --workspace --bin waybill --bin waybill-api --bin waybill-simulators --bin waybill-worker \
        ${features[@]+"${features[@]}"}
}

# What a long step has come to, from its log.
progress() {
    case "$1" in
        build) echo "$(grep -c Compiling "$logs/build.log" || true) crates so far" ;;
        *) tail -n 1 "$logs/$1.log" | cut -c 1-60 ;;
    esac
}

# Waits for all steps and says how they are doing: at once when one ends, else every 15 s.
await_steps() {
    local index name next_report=$((SECONDS + 15)) still
    while ((${#steps[@]} > 0)); do
        for index in "${!steps[@]}"; do
            name=${names[index]}
            kill -0 "${steps[index]}" 2>/dev/null && continue
            wait "${steps[index]}" || give_up "$name" "the step \"$name\" failed."
            show "$(printf '  %-12s ready after %s s' "$name" "$SECONDS")"
            unset "steps[index]" "names[index]"
        done
        if ((SECONDS >= next_report)); then
            for still in "${names[@]}"; do
                show "$(printf '  %-12s %s s, %s' "$still" "$SECONDS" "$(progress "$still")")"
            done
            next_report=$((SECONDS + 15))
        fi
        sleep 0.2
    done
}

# launch INDEX: starts a server of SERVERS; its log goes on.
launch() {
    local name=${SERVERS[$1]}
    "$programs/waybill-$name" >>"$logs/$name.log" 2>&1 </dev/null &
    running[$1]=$!
    # Or bash would say on its own that one was killed.
    disown
    started_at[$1]=$SECONDS
    echo $! >"$pids/$name"
}

# answers ADDRESS PATH: whether HTTP says 200 there.
answers() (
    exec 3<>"/dev/tcp/${1%:*}/${1##*:}" || exit 1
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$2" "$1" >&3
    IFS= read -r -t 5 answer <&3 && [[ $answer == *" 200 "* ]]
) 2>/dev/null

# await INDEX ADDRESS PATH: until the server answers there.
await() {
    local name=${SERVERS[$1]} deadline=$((SECONDS + READY_WITHIN))
    until answers "$2" "$3"; do
        kill -0 "${running[$1]}" 2>/dev/null || give_up "$name" "the $name ended while starting."
        ((SECONDS < deadline)) || give_up "$name" "the $name was not ready within $READY_WITHIN s."
        sleep 0.05
    done
}

# end_group PID: a broker and what it has started, whichever program that is by now.
end_group() {
    kill -TERM -- "-$1" 2>/dev/null || return 0
    for _ in {1..240}; do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.05
    done
    kill -KILL -- "-$1" 2>/dev/null || true
}

# Both brokers, with the topics that we publish to; whoever listens learns of them by the environment.
start_brokers() {
    local topic
    scripts/kafka.sh serve "$folder/kafka" "$WAYBILL_KAFKA_PORT" >"$logs/kafka.log" 2>&1 </dev/null &
    brokers[0]=$! && disown
    scripts/rabbitmq.sh serve "$folder/rabbitmq" "$WAYBILL_RABBITMQ_PORT" >"$logs/rabbitmq.log" 2>&1 </dev/null &
    brokers[1]=$! && disown
    echo "${brokers[0]}" >"$pids/kafka"
    echo "${brokers[1]}" >"$pids/rabbitmq"
    scripts/kafka.sh ready "$WAYBILL_KAFKA_PORT" || give_up kafka "Kafka did not start."
    for topic in order-placed order-events inventory-events; do
        scripts/kafka.sh topic "$WAYBILL_KAFKA_PORT" "$topic" 8 || give_up kafka "the topic $topic was not created."
    done
    report Kafka "127.0.0.1:$WAYBILL_KAFKA_PORT"
    scripts/rabbitmq.sh ready "$WAYBILL_RABBITMQ_PORT" || give_up rabbitmq "RabbitMQ did not start."
    report RabbitMQ "127.0.0.1:$WAYBILL_RABBITMQ_PORT"
    export KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:$WAYBILL_KAFKA_PORT"
    export AMQP_URL="amqp://127.0.0.1:$WAYBILL_RABBITMQ_PORT/%2f"
}

report() { show "$(printf '  %-20s%-26safter %s s' "$1" "$2" $((SECONDS - began)))"; }

# Simulators need nobody, so they start while PostgreSQL and Temporal do.
start() {
    local began=$SECONDS name line
    for name in "${SERVERS[@]}"; do : >"$logs/$name.log"; done
    headline Starting
    launch "$SIMULATORS"
    scripts/stack.sh start "$folder" >"$logs/stack.log" 2>&1 </dev/null &
    stack_job=$!
    wait "$stack_job" || give_up stack "PostgreSQL or Temporal did not start."
    # It may have found it necessary to keep the data elsewhere.
    while IFS= read -r line; do show "  $line"; done <"$logs/stack.log"
    if [[ -n ${DATABASE_URL:-} ]]; then
        report PostgreSQL "the one of DATABASE_URL"
    else
        DATABASE_URL=$(scripts/postgres.sh url "$folder/postgres" "$WAYBILL_POSTGRES_PORT")
        start_anew="To start without it:  scripts/postgres.sh remove $folder/postgres && rm -f $folder/temporal.db*"
        report PostgreSQL "127.0.0.1:$WAYBILL_POSTGRES_PORT"
    fi
    export DATABASE_URL
    "$programs/waybill" migrate || fail "the database is not usable, for the reason above." ${start_anew:+"$start_anew"}
    report Temporal "$TEMPORAL_ADDRESS"
    report "Temporal Web UI" "http://127.0.0.1:$WAYBILL_TEMPORAL_UI_PORT"
    await "$SIMULATORS" "$SIM_SHOPIFY_LISTEN" /_ledger
    report "Shopify, simulated" "$SHOPIFY_ADMIN_URL"
    await "$SIMULATORS" "$SIM_WMS_LISTEN" /_ledger
    report "WMS, simulated" "$WMS_URL"
    [[ -z $with_brokers ]] || start_brokers
    launch "$WORKER"
    launch "$API"
    await "$API" "$API_LISTEN" /ready
    report API "http://$API_LISTEN"
    await "$WORKER" "$WORKER_METRICS_LISTEN" /metrics
    report "Worker, metrics" "http://$WORKER_METRICS_LISTEN"
}

# Looks after what runs: a worker or an API that was killed is started again.
tend() {
    local index name
    for index in "${!running[@]}"; do
        name=${SERVERS[index]}
        if [[ -z ${running[index]} ]]; then
            ((SECONDS - ended_at[index] >= START_AGAIN_AFTER)) || continue
            launch "$index"
            show "The $name runs again."
        elif ! kill -0 "${running[index]}" 2>/dev/null; then
            quick_ends[index]=$((SECONDS - started_at[index] < TOO_SOON ? ${quick_ends[index]:-0} + 1 : 0))
            if [[ $name == simulators ]] || ((quick_ends[index] >= TOO_OFTEN)); then
                running[index]=''
                give_up "$name" "the $name ended."
            fi
            running[index]='' ended_at[index]=$SECONDS
            show "The $name ended; it is started again in $START_AGAIN_AFTER s."
        fi
    done
    if ! kill -0 "$(<"$folder/temporal.pid")" 2>/dev/null; then
        cp "$folder/temporal.log" "$logs/temporal.log"
        give_up temporal "Temporal ended."
    fi
}

# Ends everything, and with what `waybill demo` made of it where that was asked to end.
finish() {
    local result=$? job index
    trap '' INT TERM HUP
    trap - EXIT
    [[ -n $is_ours ]] || exit "$result"
    if [[ -n $order_job ]]; then
        kill -TERM "$order_job" 2>/dev/null || true
        wait "$order_job" 2>/dev/null && ((result > 128)) && result=0
        rm -f "$pids/demo"
    fi
    ((${#running[@]} == 0)) || [[ $result == 0 && $* == *--once* ]] || show "" "Ending everything …"
    for job in ${steps[@]+"${steps[@]}"}; do kill -TERM -- "-$job" 2>/dev/null || true; done
    for index in "${!SERVERS[@]}"; do
        [[ -z ${running[index]:-} ]] || end_program "${running[index]}" "waybill-${SERVERS[index]}"
        rm -f "$pids/${SERVERS[index]}"
    done
    for job in ${brokers[@]+"${brokers[@]}"}; do end_group "$job"; done
    rm -f "$pids/kafka" "$pids/rabbitmq"
    if [[ -n $stack_job ]]; then
        # Only once it has started all: half a start could not be found again.
        wait "$stack_job" 2>/dev/null || true
        scripts/stack.sh stop "$folder" || true
    fi
    wait 2>/dev/null || true
    rm -f "$folder/lock"
    exit "$result"
}
trap 'finish "$@"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

claim
end_leftovers
need_free_ports "${listeners[@]}"
show "Getting ready (logs in $logs)"
step build build
step temporal scripts/tools.sh temporal
[[ -z $with_brokers ]] || step kafka scripts/tools.sh kafka
[[ -z $with_brokers ]] || step rabbitmq scripts/tools.sh rabbitmq
[[ -n ${DATABASE_URL:-} ]] || step postgresql scripts/tools.sh postgres
await_steps
start

in_background "$programs/waybill" demo "$@"
order_job=$!
echo "$order_job" >"$pids/demo"
while kill -0 "$order_job" 2>/dev/null; do
    tend
    sleep 0.2
done
if ! wait "$order_job"; then
    for name in "${SERVERS[@]}"; do
        say "What $logs/$name.log ends with:"
        tail -n 12 "$logs/$name.log" >&2
    done
    exit 1
fi
