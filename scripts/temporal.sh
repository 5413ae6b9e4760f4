#!/usr/bin/env bash
# Temporal's development server, on 127.0.0.1, with Waybill's search attributes.
#
#   scripts/temporal.sh serve PORT [FLAG ...]       runs it in the foreground, in this very process
#   scripts/temporal.sh ready PORT [NAMESPACE ...]  waits until it answers and knows the attributes
#
# FLAGs are those of `temporal server start-dev`, for example --db-filename or --headless.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"

# NAME=Type, as the programs declare them: one key a line.
# shellcheck disable=SC2207
readonly SEARCH_ATTRIBUTES=($(
    sed -nE -e 's/.*SearchAttributeKey::<.*>::keyword\("([A-Za-z]+)"\).*/\1=Keyword/p' \
        -e 's/.*SearchAttributeKey::<.*>::datetime\("([A-Za-z]+)"\).*/\1=Datetime/p' "$checkout/workflows/src/names.rs"
))

serve() {
    local port=$1 attribute flags=()
    shift
    for attribute in "${SEARCH_ATTRIBUTES[@]}"; do flags+=(--search-attribute "$attribute"); done
    # One task queue partition: with more, on one machine, a task may wait for a poller of another. This server (1.29)
    # heeds priorities where it is told to, newer ones by themselves.
    exec "$temporal" server start-dev --ip 127.0.0.1 --port "$port" "${flags[@]}" \
        --dynamic-config-value matching.numTaskqueueReadPartitions=1 \
        --dynamic-config-value matching.numTaskqueueWritePartitions=1 \
        --dynamic-config-value matching.useNewMatcher=true "$@"
}

# The server registers the attributes in namespaces it makes, not in those that an older file
# brought along. Registering again what is there is a success.
register() {
    local port=$1 namespace=$2 attribute flags=()
    for attribute in "${SEARCH_ATTRIBUTES[@]}"; do
        flags+=(--name "${attribute%=*}" --type "${attribute#*=}")
    done
    "$temporal" operator search-attribute create --address "127.0.0.1:$port" \
        --namespace "$namespace" "${flags[@]}" 2>&1
}

# Repeats a command until it succeeds; after 60 s shows what it said last.
until_done() {
    local what=$1 said deadline=$((SECONDS + 60))
    shift
    until said=$("$@" 2>&1); do
        ((SECONDS < deadline)) || fail "$what did not come about within 60 s. It said last:" "$said"
        sleep 0.2
    done
}

ready() {
    local port=$1 namespace
    shift
    until_done "Temporal's readiness on port $port" \
        "$temporal" operator cluster health --address "127.0.0.1:$port"
    for namespace in "${@:-default}"; do
        until_done "registering search attributes in $namespace" register "$port" "$namespace"
    done
}

[[ $# -ge 2 ]] || fail "usage: scripts/temporal.sh serve PORT [FLAG ...] | ready PORT [NAMESPACE ...]"
temporal=$(need_temporal)
case "$1" in
    serve) serve "${@:2}" ;;
    ready) ready "${@:2}" ;;
    *) fail "unknown command $1" ;;
esac
