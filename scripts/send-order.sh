#!/usr/bin/env bash
# Has the simulated Shopify of a running demo take an order, which it announces by a signed webhook.
#
#   scripts/send-order.sh        SIM_SHOPIFY_LISTEN says where that Shopify is (127.0.0.1:9090)
#
# Prints what Shopify answers. The order's number is the time of day, in seconds since 1970.
set -euo pipefail
number=$(date +%s)
sed -e "s/ORDER_ID/$number/g" -e "s/PLACED_AT/$(date -u +%Y-%m-%dT%H:%M:%SZ)/g" \
    "$(dirname "${BASH_SOURCE[0]}")/../cli/src/demo/order.json" |
    curl -sS --fail-with-body --noproxy '*' -H 'Content-Type: application/json' --data-binary @- \
        "http://${SIM_SHOPIFY_LISTEN:-127.0.0.1:9090}/_orders?announce=true"
echo
