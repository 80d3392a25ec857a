# Two commands matter: `make demo` shows the main job, `make test` proves it. Both need Python 3.11+, pip and make only.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ONCE ?=
PYTEST ?=

.PHONY: demo test peers bench lint types layers generated generate clean help

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.dev ## the quickstart on simulators and a real Envoy (ONCE=1: end after the calls)
	@$(BIN)/mlgate dev examples/quickstart $(if $(ONCE),--once)

test: $(VENV)/.test ## every test, on a real API server and a real Envoy (PYTEST="-k name": some; "-n 0": one after another)
	@PYTHONPATH=tests $(BIN)/python -m controlplane build
	@$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 $(PYTEST)

peers: $(VENV)/.test ## other people's clients against the simulated tenant (npm, terraform; skips what is missing)
	@$(BIN)/python -m pytest tests/peers tests/sim/auth0/test_sdk_over_https.py -rs $(PYTEST)

bench: $(VENV)/.test ## benchmarks, as ratios (docs/benchmarks.md)
	@PYTHONPATH=tests $(BIN)/python -m controlplane build
	@for name in many_clients requests tenant azure memory first_minute; do PYTHONPATH=tests $(BIN)/python -m bench.$$name || exit 1; done

lint: $(VENV)/.test ## format and lint
	@$(BIN)/ruff format --check operator tests
	@$(BIN)/ruff check operator tests

types: $(VENV)/.test ## mypy --strict
	@$(BIN)/mypy

layers: $(VENV)/.test ## who may import whom
	@$(BIN)/lint-imports

generated: $(VENV)/.test ## generated files are what their sources say
	@$(BIN)/python -m mlgate.api.crd --out crds --check
	@$(BIN)/python -m mlgate.api.docs --out docs/reference --check
	@$(BIN)/python -m mlgate.cli.rbac --out deploy/base/rbac.yaml --check
	@$(BIN)/python -m mlgate.gateway.descriptors --check

generate: $(VENV)/.test ## write generated files anew
	@$(BIN)/python -m mlgate.api.crd --out crds
	@$(BIN)/python -m mlgate.api.docs --out docs/reference
	@$(BIN)/python -m mlgate.cli.rbac --out deploy/base/rbac.yaml
	@$(BIN)/python -m mlgate.gateway.descriptors

clean: ## remove the environment
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "mlgate needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Setting up the environment (once, about a minute) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.dev
	@echo "Adding what the tests need ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@
