#!/bin/sh
# Brings Temporal's two databases up to the version of this image. Running it again changes nothing.
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal-database-password)
export SQL_PASSWORD

# tool DATABASE COMMAND ...
tool() {
    database=$1
    shift
    temporal-sql-tool --plugin postgres12 --ep postgres --port 5432 --user temporal --db "$database" "$@"
}

for pair in temporal:temporal temporal_visibility:visibility; do
    tool "${pair%:*}" setup-schema --version 0.0
    tool "${pair%:*}" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/${pair#*:}/versioned"
done
