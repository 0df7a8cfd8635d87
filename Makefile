# The two commands that a newcomer needs: `make demo` and `make test`. Before each commit: `make check`.
PYTHON ?= python3
# A release of MLflow, such as 3.18.0: has an environment of its own, and `make test` runs what is about MLflow. Empty is
# the newest that pip can install, with all tests.
MLFLOW ?=
VENV ?= .venv$(if $(MLFLOW),-mlflow-$(MLFLOW))
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The path of uv, which installs the same packages as pip ten times as fast: make UV_PROGRAM=$(command -v uv)
UV_PROGRAM ?=
installer = $(if $(UV_PROGRAM),$(UV_PROGRAM) pip install --quiet --python $(1)/bin/python,\
  $(1)/bin/python -m pip install --quiet --disable-pip-version-check)
PIP := $(call installer,$(VENV))
DEMO_ARGS ?=
# What rests on our own tables and pages alone is the same on each release, and is left out there.
OURS_ALONE := $(addprefix tests/contract/test_,accounts.py audit_log.py consents.py first_requests.py housekeeping.py \
  key_mail.py legacy_keys.py local_admins.py ownership.py rebinds.py session_mapping.py teams.py user_names.py workloads.py) \
  $(addprefix tests/security/test_,browsers.py credentials.py large_requests.py odd_values.py one_name.py openapi.py \
  own_routes.py)
ABOUT_MLFLOW := tests/contract tests/security $(addprefix --ignore=,$(OURS_ALONE)) \
  $(addprefix tests/unit/test_,artifacts.py guards.py ids.py kinds.py limits.py one_writer.py properties.py unpacking.py \
  work.py) \
  $(addprefix tests/server/test_,sharing.py search_narrowing.py workspaces.py client.py) tests/browser/test_journey.py
# So is what differs by gunicorn or a prefix.
NOT_OTHERWISE_SERVED := 'not gunicorn and not static-prefix'
TEST_ARGS ?= $(if $(MLFLOW),$(ABOUT_MLFLOW) -k $(NOT_OTHERWISE_SERVED))
BENCH_ARGS ?=
KEYCLOAK_ARGS ?= --port 8080
WORKERS ?= 2

# What builds the docs shares packages with MLflow, in other versions: it has an environment of its own.
DOCS := .venv-docs

.PHONY: demo keycloak bench check test mlflow-report docs lint format types clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed, found $$($(PYTHON) -V). Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV); this takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -e '.[dev]'
	@test -z "$(MLFLOW)" || $(PIP) $(foreach part,mlflow mlflow-skinny mlflow-tracing,$(part)==$(MLFLOW)) 2>/dev/null || \
	  { echo "pip does not find all parts of MLflow $(MLFLOW). Installing its main wheel, which contains the whole server."; \
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

$(DOCS)/.installed: pyproject.toml
	@$(PYTHON) -m venv $(DOCS)
	@$(call installer,$(DOCS)) -e '.[docs]'
	@touch $@

# The docs as pages, in build/docs. A link that leads nowhere ends the build, and so does a page outside the navigation;
# with --quiet neither would, since MkDocs counts only the warnings that it prints.
docs: $(DOCS)/.installed
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	@echo "Open build/docs/index.html"

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
