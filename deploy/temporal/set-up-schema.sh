#!/bin/sh
# Brings Temporal's two databases to the schema of this version of its tools. Again is the same as once.
set -eu

set_up() {
  versions=/etc/temporal/schema/postgresql/v12/$2/versioned
  if ! temporal-sql-tool --db "$1" update-schema --schema-dir "$versions"; then
    echo "$1 has no schema yet"
    temporal-sql-tool --db "$1" setup-schema --version 0.0
    temporal-sql-tool --db "$1" update-schema --schema-dir "$versions"
  fi
}

set_up temporal temporal
set_up temporal_visibility visibility
