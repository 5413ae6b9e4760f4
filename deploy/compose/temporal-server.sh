#!/bin/sh
# Temporal's server reads its password from a variable alone, so it is read from its file here, inside the container.
set -eu
POSTGRES_PWD=$(cat /run/secrets/temporal-database-password)
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
