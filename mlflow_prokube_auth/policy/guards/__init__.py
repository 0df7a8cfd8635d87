"""What MLflow's engine does not ask before it lets a request through: ``table`` lists it, with the reason of each."""
