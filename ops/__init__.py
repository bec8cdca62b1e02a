"""Settings, keys, Temporal's client and codec, logs, the command line and the all-in-one system."""
