"""``mlflow-prokube-auth doctor``: what is wrong with a deployment, before people find out."""
