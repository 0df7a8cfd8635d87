"""Settings that are complete."""

from __future__ import annotations

GOOD = {
    "PROKUBE_AUTH_OIDC_ISSUER": "https://keycloak.test/realms/r",
    "PROKUBE_AUTH_OIDC_CLIENT_ID": "mlflow",
    "PROKUBE_AUTH_OIDC_CLIENT_SECRET": "hush-hush",
    "PROKUBE_AUTH_EXTERNAL_URL": "https://mlflow.test/mlflow/",
    "PROKUBE_AUTH_SECRET_KEY": "k" * 32,
}
ELSEWHERE = (
    "MLflow's tracking tables may be there: set PROKUBE_AUTH_DATABASE_URI to a database of PostgreSQL or SQLite, "
    "such as postgresql://user@host/db"
)
