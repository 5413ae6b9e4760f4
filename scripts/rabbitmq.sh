#!/usr/bin/env bash
# A RabbitMQ broker of one node, on 127.0.0.1, which keeps its data in a folder.
#
#   scripts/rabbitmq.sh serve FOLDER PORT      runs it in the foreground, in this very process
#   scripts/rabbitmq.sh ready PORT [SECONDS]   waits until it takes connections; 60 s unless told otherwise
#
# Its user is `guest` with the password `guest`. Serving a folder again goes on with what is there, whichever
# way the broker ended. WAYBILL_RABBITMQ_CONFIG holds further lines for its rabbitmq.conf, for example
# `consumer_timeout = 10000`. A quorum queue that was declared less than a second before the server is killed may be
# lost: which queues there are, RabbitMQ 3.10 writes down twice a second.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"

usage() { fail "usage: scripts/rabbitmq.sh serve FOLDER PORT | ready PORT [SECONDS]"; }

write_settings() {
    cat >"$folder/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$port
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.file = false
log.console = true
log.console.level = warning
${WAYBILL_RABBITMQ_CONFIG:-}
END
    # Named, so that those of the system are not read.
    echo '[].' | tee "$folder/advanced.config" >"$folder/enabled_plugins"
}

# Erlang's directory of nodes, which would outlive the server that starts it. This one is ours alone and ends
# with the server: that holds the other end of the pipe, however it ends.
start_epmd() {
    exec 8> >(
        epmd -address 127.0.0.1 -port "$1" </dev/null &
        cat >/dev/null
        kill -KILL $!
        wait
    )
    for _ in {1..200}; do
        ! port_is_taken "$1" || return 0
        sleep 0.05
    done
    fail "epmd, a part of Erlang, did not start on port $1."
}

serve() {
    local programs pid epmd_port distribution_port
    programs=$(need_rabbitmq)
    mkdir -p "$1"
    folder=$(cd "$1" && pwd -P)
    pid=$(cat "$folder/pid" 2>/dev/null) || pid=
    if [[ -n $pid ]] && is_program "$pid" beam.smp; then
        fail "RabbitMQ runs on $folder already (process $pid)." "End it and try again:  kill $pid"
    fi
    ! port_is_taken "$port" || fail "port $port for RabbitMQ is taken." "End what listens there, or choose another port."
    # Others learn both from the environment, so they may be other ones each time.
    epmd_port=$(free_port_beside "$port")
    distribution_port=$(free_port_beside "$port" "$epmd_port")
    write_settings
    # The Erlang that came with it, where it was not installed.
    PATH="$programs/../../../../erlang/bin:$PATH"
    start_epmd "$epmd_port"

    unset "${!RABBITMQ_@}"
    export HOME="$folder" ERL_CRASH_DUMP="$folder/erl_crash.dump"
    export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port"
    export RABBITMQ_NODENAME=waybill@localhost RABBITMQ_DIST_PORT="$distribution_port"
    export RABBITMQ_CONF_ENV_FILE="$folder/none" RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf"
    export RABBITMQ_ADVANCED_CONFIG_FILE="$folder/advanced.config" RABBITMQ_GENERATED_CONFIG_DIR="$folder/generated"
    export RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" RABBITMQ_FEATURE_FLAGS_FILE="$folder/feature_flags"
    export RABBITMQ_MNESIA_BASE="$folder" RABBITMQ_MNESIA_DIR="$folder/data" RABBITMQ_PID_FILE="$folder/rabbitmq.pid"
    export RABBITMQ_LOG_BASE="$folder" RABBITMQ_LOGS=-
    # +Bd: an interrupt ends it, and does not ask at the keyboard what to do.
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +Bd"
    # Under systemd the script becomes the server, and does not stay beside it.
    export RUNNING_UNDER_SYSTEMD=true
    echo $$ >"$folder/pid"
    cd "$folder"
    exec "$programs/rabbitmq-server"
}

# The greeting of AMQP 0-9-1, to which the server answers with a frame of type 1. It listens last of all.
is_ready() {
    local LC_ALL=C answer
    {
        printf 'AMQP\0\0\11\1' >&3 && IFS= read -r -d '' -n 1 -t 10 answer <&3
    } 3<>"/dev/tcp/127.0.0.1/$port" && [[ $answer == $'\1' ]]
} 2>/dev/null

ready() {
    local seconds=${1:-60} deadline
    deadline=$((SECONDS + seconds))
    until is_ready; do
        ((SECONDS < deadline)) || fail "RabbitMQ did not come to take connections on port $port within $seconds s." \
            "What it said is where the output of \`scripts/rabbitmq.sh serve FOLDER $port\` goes."
        sleep 0.1
    done
}

[[ $# -ge 2 ]] || usage
case "$1" in
    serve)
        [[ $# -eq 3 ]] || usage
        port=$3
        serve "$2"
        ;;
    ready)
        port=$2
        ready "${@:3}"
        ;;
    *) usage ;;
esac
