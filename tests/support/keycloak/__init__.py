"""A real Keycloak: its distribution, a server and its administration."""
