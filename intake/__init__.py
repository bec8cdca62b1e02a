"""The payer's files become the directory."""
