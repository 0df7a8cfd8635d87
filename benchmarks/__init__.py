"""How fast it is, beside plain MLflow and MLflow's basic-auth on the same machine. ``make bench`` runs all of it."""
