#!/usr/bin/env bash
# Tells many stories of orders with much happening to them and compares each with what must be true at rest.
#
#   scripts/soak.sh
#
# WAYBILL_STORIES says how many (2000), WAYBILL_STORIES_SEED from which seed (the clock's). The last line
# says stories, seed and what came out wrong.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export WAYBILL_STORIES=${WAYBILL_STORIES:-2000} WAYBILL_STORIES_SEED=${WAYBILL_STORIES_SEED:-$(date +%s)}
echo "$WAYBILL_STORIES stories, seed $WAYBILL_STORIES_SEED"

said=$(mktemp)
trap 'rm -f "$said"' EXIT
result=0
scripts/test.sh --test it -- --nocapture proof::stories | tee "$said" || result=$?
grep -E '^[0-9]+ stories, seed [0-9]+: ' "$said" ||
    echo "$WAYBILL_STORIES stories, seed $WAYBILL_STORIES_SEED: did not come to their end"
exit "$result"
