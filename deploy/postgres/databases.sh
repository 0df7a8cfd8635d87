#!/bin/sh
# Run once by PostgreSQL's image, on an empty data folder: MLflow and Keycloak each get a database and a user of their
# own, so that neither can read the other's.
set -eu
for name in mlflow keycloak; do
  case $name in
    mlflow) password=$MLFLOW_DB_PASSWORD ;;
    keycloak) password=$KEYCLOAK_DB_PASSWORD ;;
  esac
  psql --no-psqlrc --username "$POSTGRES_USER" --dbname postgres \
    --set ON_ERROR_STOP=1 --set name="$name" --set password="$password" <<'SQL'
CREATE USER :"name" PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
