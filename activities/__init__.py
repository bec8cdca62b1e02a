"""What workflows do to the world, through the ports of domain."""
