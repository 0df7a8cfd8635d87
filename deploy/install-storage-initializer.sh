#!/bin/sh
# Installs the storage initializer with what writes model.joblib beside MLflow's model.skops, and no server.
# Dockerfile.storage-initializer and a test run it alike: deploy/install-storage-initializer.sh WHEEL PYTHON [PACKAGE...]
# PACKAGE is what else is wanted, such as the scikit-learn of the model servers: "scikit-learn==1.5.2".
set -eu
wheel=$1
python=$2
shift 2
"$python" -m pip install --no-cache-dir --disable-pip-version-check "$wheel[kserve-sklearn]" "$@"
"$python" -m pip check --disable-pip-version-check
# Find what is missing or broken now, not when a model is served.
"$python" -c 'import joblib, mlflow.utils.rest_utils, skops.io, sklearn'
"$(dirname "$python")/mlflow-storage-initializer" --version
