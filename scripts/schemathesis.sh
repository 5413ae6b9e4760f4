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

place="${tool_folder%/bin}/schemathesis-$SCHEMATHESIS_VERSION-$HYPOTHESIS_VERSION"
packages=("schemathesis==$SCHEMATHESIS_VERSION" "hypothesis==$HYPOTHESIS_VERSION")

need_python() {
    command -v python3 >/dev/null ||
        install_packages "Python 3" "python3 python3-venv python3-pip" "python3 python3-pip" \
            "python3 py3-pip" python3
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "Python $(python3 --version | cut -d' ' -f2) is too old; schemathesis needs 3.10." \
            "Put a newer python3 on PATH and try again."
}

# A virtual environment, or a folder of packages where the system's Python cannot make one.
install() {
    say "installing schemathesis $SCHEMATHESIS_VERSION from PyPI, once"
    rm -rf "$place"
    mkdir -p "$place"
    if python3 -m venv "$place" >/dev/null 2>&1; then
        "$place/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
    else
        python3 -m pip install --quiet --disable-pip-version-check --target "$place/packages" "${packages[@]}" >&2
    fi && touch "$place/complete"
}

# run_schemathesis ARGUMENT ...: in a folder that is thrown away, for it keeps what it found in the folder
# it runs in and begins with that the next time.
run_schemathesis() (
    work=$(mktemp -d "${TMPDIR:-/tmp}/waybill-schemathesis.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    if [[ -d $place/packages ]]; then
        PYTHONPATH="$place/packages" python3 -m schemathesis.cli "$@"
    else
        "$place/bin/python" -m schemathesis.cli "$@"
    fi
)

need_python
if [[ ! -e $place/complete ]]; then
    install || fail "schemathesis could not be installed; pip says above why." \
        "It comes from PyPI (https://pypi.org): make that, or the index that pip is configured with, reachable." \
        "Without pip, install it first (Debian: apt-get install python3-venv python3-pip)."
fi

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
