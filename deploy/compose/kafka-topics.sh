#!/bin/sh
# Creates the topics that events are published to, those of scripts/demo.sh.
set -eu
for topic in order-placed order-events inventory-events; do
    /opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:19092 --create --if-not-exists --topic "$topic" \
        --partitions 8 --replication-factor 1
done
