"""Deterministic workflow code: what waits for whom, until when."""
