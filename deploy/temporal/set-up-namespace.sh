#!/bin/sh
# Makes the namespace with its retention and search attributes. Again is the same as once.
# Expects TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

# Workflow ids stay unique for as long as closed workflows are kept.
retention=90d

attempts=60
until temporal operator cluster health >/dev/null 2>&1; do
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "Temporal does not answer at $TEMPORAL_ADDRESS" >&2
    exit 1
  fi
  sleep 1
done

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$retention"
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$retention"
fi

# The server takes a moment to know a new namespace everywhere.
attempts=30
until temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
  --name GatehouseState --type Keyword \
  --name GatehouseWaitsFor --type Keyword \
  --name GatehouseReference --type Keyword \
  --name GatehouseDeadline --type Datetime \
  --name GatehouseOverdue --type Keyword; do
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "the search attributes can't be made" >&2
    exit 1
  fi
  sleep 1
done
