#!/usr/bin/env bash
# A Kafka broker of one node, on 127.0.0.1, which keeps its data in a folder.
#
#   scripts/kafka.sh serve FOLDER PORT            runs it in the foreground, in this very process
#   scripts/kafka.sh ready PORT [SECONDS]         waits until it takes records; 60 s unless told otherwise
#   scripts/kafka.sh topic PORT NAME [PARTITIONS] [KEY=VALUE ...]
#                                                 creates the topic, with these settings, if it is missing
#
# Serving a folder again goes on with what is there, whichever way the broker ended. Topics are not made by
# being used, so that a misspelt name is found out. `ready` and `topic` speak Kafka's protocol themselves:
# its own tools take a second for every call.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"

usage() {
    fail "usage: scripts/kafka.sh serve FOLDER PORT | ready PORT [SECONDS] |" \
        "topic PORT NAME [PARTITIONS] [KEY=VALUE ...]"
}

# What it says goes to standard output.
write_logging() {
    cat >"$1" <<'END'
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd HH:mm:ss.SSS} %p %c: %m%n
END
}

# write_settings FILE DATA CONTROLLER_PORT. One partition or replica of each internal topic is enough here; the log
# cleaner's buffer would be 128 MB; and a broker that was killed is let in again only when its session is over,
# which would take 9 s.
write_settings() {
    cat >"$1" <<END
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$3
advertised.listeners=PLAINTEXT://127.0.0.1:$port
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:$3
log.dirs=$2
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
broker.heartbeat.interval.ms=250
broker.session.timeout.ms=2000
END
}

# Made beside its place and moved there, so that an interruption leaves no half made folder.
format() {
    local draft="$folder/data.new" id said
    rm -rf "$draft"
    write_settings "$folder/format.properties" "$draft" "$controller_port"
    id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | cut -c1-22)
    said=$("${java[@]}" kafka.tools.StorageTool format --cluster-id "$id" \
        --config "$folder/format.properties" 2>&1) || fail "Kafka could not format $draft:" "$said"
    rm -f "$folder/format.properties"
    mv "$draft" "$folder/data"
}

serve() {
    local jars program controller_port java
    program=$(need_java)
    jars=$(need_kafka)
    ! port_is_taken "$port" || fail "port $port for Kafka is taken." "End what listens there, or choose another port."
    mkdir -p "$1/tmp"
    folder=$(cd "$1" && pwd -P)
    # Who talks to the controller learns its port from the settings, so it may be another one each time.
    controller_port=$(free_port_beside "$port")
    # Libraries it unpacks for itself go to its own folder, which whoever made it deletes.
    java=("$program" -Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData
        -Djava.io.tmpdir="$folder/tmp" -Dlog4j2.configurationFile="$folder/log4j2.properties" -cp "$jars/*")
    rm -rf "${folder:?}/tmp"/*
    write_logging "$folder/log4j2.properties"
    [[ -f $folder/data/meta.properties ]] || format
    write_settings "$folder/server.properties" "$folder/data" "$controller_port"
    exec "${java[@]}" kafka.Kafka "$folder/server.properties"
}

# Kafka's protocol, its numbers and strings written as hexadecimal digits.
int16() { printf '%04x' $(($1 & 0xffff)); }
int32() { printf '%08x' $(($1 & 0xffffffff)); }
string() {
    int16 "$(printf %s "$1" | wc -c)"
    printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# The bytes that such digits stand for.
bytes() {
    # shellcheck disable=SC2001
    printf %b "$(sed 's/../\\x&/g' <<<"$1")"
}

# receive COUNT: so many bytes from file 3. A byte of value 0 ends a `read`, which then has read nothing.
receive() {
    local LC_ALL=C count byte value
    for ((count = 0; count < $1; count++)); do
        IFS= read -r -d '' -n 1 -t 10 byte <&3 || return 1
        printf -v value %d "'$byte"
        printf '%02x' $((value & 255))
    done
}

# ask API VERSION BODY: the body of the answer. Nobody there is a failure.
ask() {
    local request size answer
    # Behind the version, the answer's number and who asks.
    request="$(int16 "$1")$(int16 "$2")$(int32 1)$(string waybill)$3"
    request="$(int32 $((${#request} / 2)))$request"
    {
        bytes "$request" >&3
        size=$(receive 4) && answer=$(receive $((16#$size)))
    } 3<>"/dev/tcp/127.0.0.1/$port" || return 1
    echo "${answer:8}"
} 2>/dev/null

# A broker lists those that may be given partitions; it is one of them once it has read its data.
is_ready() {
    local answer
    answer=$(ask 3 1 "$(int32 0)") && ((16#${answer:0:8} > 0))
}

ready() {
    local seconds=${1:-60} deadline
    deadline=$((SECONDS + seconds))
    until is_ready; do
        ((SECONDS < deadline)) || fail "Kafka did not come to take records on port $port within $seconds s." \
            "What it said is where the output of \`scripts/kafka.sh serve FOLDER $port\` goes."
        sleep 0.1
    done
}

topic() {
    local name=$1 partitions=-1 settings='' setting answer code
    shift
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        partitions=$1
        shift
    fi
    for setting in "$@"; do
        [[ $setting == ?*=* ]] || fail "$setting: a setting of a topic looks like KEY=VALUE"
        settings+="$(string "${setting%%=*}")$(string "${setting#*=}")"
    done
    # CreateTopics: one topic, one replica, placed as the broker likes; within 30 s; really.
    answer=$(ask 19 4 "$(int32 1)$(string "$name")$(int32 "$partitions")$(int16 1)$(int32 0)$(
        int32 $#)$settings$(int32 30000)00") ||
        fail "no Kafka answers on port $port." "Start it:  scripts/kafka.sh serve FOLDER $port"
    # Behind how long to wait, how many topics and the name: a code, and what was wrong.
    answer=${answer:$((16 + 4 + 2 * 16#${answer:16:4}))}
    code=$((16#${answer:0:4}))
    # 36: it is there already.
    ((code == 0 || code == 36)) ||
        fail "Kafka did not create the topic $name (its error $code):" \
            "$(bytes "${answer:8}")"
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
    topic)
        [[ $# -ge 3 ]] || usage
        port=$2
        topic "${@:3}"
        ;;
    *) usage ;;
esac
