"""The only room that knows MLflow's server: what it touches there is in :mod:`.seams`, one table."""
