# make help lists what there is. Python and make are all that a machine needs; everything else is installed into .venv.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Compiled bytecode makes Airflow start in 2 s instead of 5: some images switch it off.
export PYTHONDONTWRITEBYTECODE =
export GX_ANALYTICS_ENABLED = False

DATA ?=
SINCE ?=
UNTIL ?=
SEED ?= 20261102
PEOPLE ?= 60
DAYS ?= 14
FAULTS ?= usual
DEMO := $(if $(DATA),--data "$(DATA)") $(if $(SINCE),--since $(SINCE)) $(if $(UNTIL),--until $(UNTIL)) \
	--seed $(SEED) --people $(PEOPLE) --days $(DAYS) --faults $(FAULTS)

.PHONY: help demo up test test-all check format bench lock clean install install-dev
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Run the whole journey on the sandbox; also DATA=dir SINCE= UNTIL= SEED= PEOPLE= DAYS= FAULTS=
	@$(BIN)/fieldwork demo $(DEMO)

up: $(VENV)/.installed ## Open Airflow's pages on this machine
	@$(BIN)/fieldwork up

test: $(VENV)/.installed-dev ## Run the tests, the slow ones left out
	@$(BIN)/python -m pytest -n 3 --dist loadfile -m "not slow"

test-all: $(VENV)/.installed-dev ## Run all tests, slow and load tests too
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.installed-dev ## Lint, types, import rules, SQL
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/sqlfluff lint --disable-progress-bar -q include

format: $(VENV)/.installed-dev ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## Measure rows per second and memory beside a bare loop over the same bytes
	@$(BIN)/python -m tests.bench

clean: ## Stop the servers and delete the state directory
	@if [ -x $(BIN)/fieldwork ]; then $(BIN)/fieldwork clean; else rm -rf "$${FIELDWORK_HOME:-.fieldwork}"; fi

install: $(VENV)/.installed ## Install what the product needs into .venv

install-dev: $(VENV)/.installed-dev ## Install what tests and checks need too

lock: $(VENV)/.installed ## Compile requirements.txt and requirements-dev.txt from pyproject.toml
	@$(BIN)/python -m pip install --quiet "uv>=0.9" && sh tools/lock.sh $(BIN)/uv

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Fieldwork needs Python 3.11 to 3.13; say which: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) (about two minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
