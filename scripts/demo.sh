#!/usr/bin/env bash
# From a fresh clone to a fulfilled order: finds or installs what the demo needs, builds Waybill,
# and hands over to `waybill demo`, which starts everything and ends it again.
#
#   scripts/demo.sh [--once]
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

export WAYBILL_DIR="${WAYBILL_DIR:-.waybill}"
logs="$WAYBILL_DIR/demo/logs"
mkdir -p "$logs"

# Each background job is a process group of its own, which can be ended whole.
set -m
names=() jobs_started=()

finish() {
    local result=$? job
    trap '' INT TERM HUP
    trap - EXIT
    for job in ${jobs_started[@]+"${jobs_started[@]}"}; do kill -TERM -- "-$job" 2>/dev/null || true; done
    wait 2>/dev/null || true
    exit "$result"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# in_background NAME COMMAND ...: its output goes to a log of that name.
in_background() {
    local name=$1
    shift
    "$@" >"$logs/$name.log" 2>&1 </dev/null &
    names+=("$name")
    jobs_started+=($!)
}

build() {
    need_compiler
    need_cargo
    cargo build --workspace --bins
}

# What a long step has come to, from its log.
progress() {
    case "$1" in
        build) echo "$(grep -c Compiling "$logs/build.log" || true) crates so far" ;;
        *) tail -n 1 "$logs/$1.log" | cut -c 1-60 ;;
    esac
}

report() { printf '  %-12s %s\n' "$1" "$2"; }

# Waits for all jobs and says how they are doing: at once when one ends, else every 15 s.
await_jobs() {
    local index name next_report=$((SECONDS + 15)) still
    while ((${#jobs_started[@]} > 0)); do
        for index in "${!jobs_started[@]}"; do
            name=${names[index]}
            kill -0 "${jobs_started[index]}" 2>/dev/null && continue
            if ! wait "${jobs_started[index]}"; then
                tail -n 25 "$logs/$name.log" >&2
                fail "the step \"$name\" failed; its log is $logs/$name.log." \
                    "Mend what it says above and run \`make demo\` again: it goes on from there."
            fi
            report "$name" "ready after $SECONDS s"
            unset "jobs_started[index]" "names[index]"
        done
        if ((SECONDS >= next_report)); then
            for still in "${names[@]}"; do report "$still" "$SECONDS s, $(progress "$still")"; done
            next_report=$((SECONDS + 15))
        fi
        sleep 0.2
    done
}

echo "Getting ready (logs in $logs)"
in_background build build
in_background temporal scripts/tools.sh temporal
[[ -n ${DATABASE_URL:-} ]] || in_background postgresql scripts/tools.sh postgres
await_jobs

trap - EXIT INT TERM HUP
exec "${CARGO_TARGET_DIR:-target}/debug/waybill" demo "$@"
