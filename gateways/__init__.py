"""Adapters to the outside world: mail and letters."""
