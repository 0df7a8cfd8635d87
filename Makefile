# The two commands that a newcomer needs: `make demo` and `make test`. Before each commit: `make check`.
PYTHON ?= python3
# A release of MLflow, such as 3.18.0: has an environment of its own, and `make test` runs what is about MLflow. Empty is
# the newest that pip can install, with all tests.
MLFLOW ?=
VENV ?= .venv$(if $(MLFLOW),-mlflow-$(MLFLOW))
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEMO_ARGS ?=
ABOUT_MLFLOW := tests/contract tests/unit tests/security tests/server/test_demo.py tests/server/test_sharing.py \
  tests/server/test_search_narrowing.py tests/server/test_names_and_refusals.py tests/server/test_model_readers.py \
  tests/server/test_workspaces.py tests/server/test_adoption.py tests/server/test_client.py
TEST_ARGS ?= $(if $(MLFLOW),$(ABOUT_MLFLOW))
BENCH_ARGS ?=
KEYCLOAK_ARGS ?= --port 8080
WORKERS ?= 2

.PHONY: demo keycloak bench check test mlflow-report lint format types clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed, found $$($(PYTHON) -V). Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV); this takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -e '.[dev]'
	@test -z "$(MLFLOW)" || $(PIP) $(foreach part,mlflow mlflow-skinny mlflow-tracing,$(part)==$(MLFLOW)) 2>/dev/null || \
	  { echo "Not all parts of MLflow $(MLFLOW) are to be had: its wheel, which has the whole server, is put over the others."; \
	    $(PIP) --no-deps --force-reinstall mlflow==$(MLFLOW); }
	@touch $@

demo: $(STAMP)
	@exec $(BIN)/mlflow-prokube-auth demo $(DEMO_ARGS)

# A real Keycloak with our realm and three users, until Ctrl-C; needs Java 17 or newer.
keycloak: $(STAMP)
	@exec $(BIN)/python -m tests.support.keycloak.server $(KEYCLOAK_ARGS)

# How fast it is, beside plain MLflow and basic-auth: BENCH_ARGS="overhead", BENCH_ARGS="--quick". See benchmarks/README.md.
bench: $(STAMP)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

# Everything that needs no server but what this project's own code starts: two minutes.
check: lint types
	$(BIN)/python -m pytest -n $(WORKERS) -q tests/unit tests/contract -k 'not postgresql' $(TEST_ARGS)

# Everything that this machine can run; what it lacks is skipped, and said so.
test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

# What another release of MLflow would need, without starting anything: make mlflow-report MLFLOW=3.19.0
mlflow-report: $(STAMP)
	@test -n "$(MLFLOW)" || { echo "Name a release: make mlflow-report MLFLOW=3.19.0"; exit 1; }
	@$(MAKE) --no-print-directory MLFLOW= .venv/.installed
	@.venv/bin/python -m tests.support.mlflow_report $(BIN)/python

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports --no-logo --no-cache

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .venv-* build dist demo-data test-artifacts
