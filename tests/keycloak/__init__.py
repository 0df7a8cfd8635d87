"""A real Keycloak, and what our server does with it."""
