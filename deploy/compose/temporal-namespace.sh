#!/bin/sh
# Creates the namespace if it is not there. The server listens before it takes commands, hence the attempts.
set -eu
attempts=0
until temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 7d; do
    attempts=$((attempts + 1))
    [ "$attempts" -lt 60 ] || exit 1
    sleep 2
done
