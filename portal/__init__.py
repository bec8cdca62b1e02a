"""What a person can do, one function each: sends to Temporal, reads from the database; knows no HTTP, owns no rule."""
