"""Tables, sessions and the repositories that implement the ports of `domain`."""
