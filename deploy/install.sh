#!/bin/sh
# Installs the server: our wheel, the PostgreSQL driver, Prometheus's client, and the S3 client that MLflow takes for
# its artifacts.
# The Dockerfile and a test run it alike: deploy/install.sh WHEEL PYTHON
set -eu
wheel=$1
python=$2
"$python" -m pip install --no-cache-dir --disable-pip-version-check "$wheel[server,postgres,s3]"
"$python" -m pip check --disable-pip-version-check
# Find what is missing or broken now, and an MLflow that the server would not start with.
"$python" -m mlflow_prokube_auth.cli.main doctor --mlflow-only
"$python" -c 'import boto3, sqlalchemy; from mlflow_prokube_auth.entry import create_app
sqlalchemy.create_engine("postgresql://")'
"$python" -m mlflow_prokube_auth.cli.main --version
