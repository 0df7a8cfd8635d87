"""The demo: a development-only OpenID provider, and the program that runs MLflow beside it."""
