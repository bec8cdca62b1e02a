#!/bin/sh
# Runs once, when the volume is new: Gatehouse and Temporal get a role and databases of their own, and neither
# can read the other's. Expects GATEHOUSE_DATABASE_PASSWORD and TEMPORAL_DATABASE_PASSWORD.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set gatehouse_password="$GATEHOUSE_DATABASE_PASSWORD" --set temporal_password="$TEMPORAL_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE gatehouse LOGIN PASSWORD :'gatehouse_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE gatehouse OWNER gatehouse;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE gatehouse, temporal, temporal_visibility FROM PUBLIC;
SQL
