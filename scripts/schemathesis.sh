#!/usr/bin/env bash
# Holds a running API against its own description with schemathesis, which sends it what the
# description allows and what it does not: no server error, no answer that is not described, nothing
# taken that should have been refused, nothing open that asks for a token.
#
#   scripts/schemathesis.sh BASE_URL [TOKEN ...]     a run with each token, or one without any
#
# It leaves orders, items and users behind: point it at a demo, never at a real Waybill. The tool is
# installed once, into ~/.cache/waybill.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"

# Both decide which requests are made, so both are pinned.
readonly SCHEMATHESIS_VERSION=4.32.5
readonly HYPOTHESIS_VERSION=6.170.15
readonly MOST_EXAMPLES=60

[[ $# -gt 0 ]] || fail "usage: scripts/schemathesis.sh BASE_URL [TOKEN ...]"
base=${1%/}
shift

place=$(need_from_pypi schemathesis "schemathesis==$SCHEMATHESIS_VERSION" "hypothesis==$HYPOTHESIS_VERSION")

# run_schemathesis ARGUMENT ...: in a folder that is thrown away, for it keeps what it found in the folder
# it runs in and begins with that the next time.
run_schemathesis() (
    work=$(mktemp -d "${TMPDIR:-/tmp}/waybill-schemathesis.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    from_pypi "$place" schemathesis "$@"
)

[[ $# -gt 0 ]] || set -- ""
for token in "$@"; do
    arguments=()
    [[ -z $token ]] || arguments+=(--header "Authorization: Bearer $token")
    # Left out is whether everything that the description allows is taken: it cannot say that a cursor
    # has to be one of ours, an item stocked, and a warehouse known.
    run_schemathesis run "$base/openapi.json" --url "$base" ${arguments[@]+"${arguments[@]}"} \
        --checks all --exclude-checks positive_data_acceptance \
        --phases examples,coverage,fuzzing --max-examples "$MOST_EXAMPLES" --generation-deterministic \
        --suppress-health-check all --request-timeout 15 --max-response-time 11 \
        --warnings off --continue-on-failure --no-color
done
