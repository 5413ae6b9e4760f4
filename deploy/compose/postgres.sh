#!/bin/sh
# Run once, by PostgreSQL's image, when the data folder is made: a role and databases for Temporal beside Waybill's.
set -eu
psql --no-password --no-psqlrc -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/temporal-database-password)" \
    --username "$POSTGRES_USER" --dbname postgres <<'END'
CREATE ROLE temporal LOGIN PASSWORD :'password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
END
