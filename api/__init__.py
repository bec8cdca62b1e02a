"""The HTTP API, thin over portal."""
