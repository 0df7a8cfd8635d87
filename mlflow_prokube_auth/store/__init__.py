"""Tables and queries: one file per table family."""
