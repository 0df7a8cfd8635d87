"""Keycloak login, access keys and private-by-default resources for a shared MLflow server."""

__version__ = "0.1.0"
