"""Pages for people, thin over portal."""
