"""The rules of the gate: pure, without clock, randomness or I/O."""
