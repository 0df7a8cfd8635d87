# The two commands that a newcomer needs: `make demo` and `make test`. Before each commit: `make check`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?=
KEYCLOAK_ARGS ?= --port 8080
WORKERS ?= 2

.PHONY: demo keycloak bench check test lint format types clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed, found $$($(PYTHON) -V). Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV); this takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
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

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .venv-* build dist demo-data test-artifacts
