# Every verb of the project. A fresh machine needs python3 (3.11 to 3.13, with venv) and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PARTS ?= parts# what `make test-real` runs; `real` leaves out the embedded servers, on which `make test` has run the same tests

.PHONY: help setup demo notebooks test test-real fuzz chaos lint types layers bench soak lock schema clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with all that the project needs (once; again when the lock changes)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "orderwatch needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d; name another one: make setup PYTHON=python3.12" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## a simulated shop, its incidents, and the alerts as they come (about a minute)
	$(BIN)/orderwatch demo

notebooks: setup ## the data scientist's loop in JupyterLab: look, write a feature, train, tune, backtest, promote
	$(BIN)/jupytext --quiet --sync notebooks/*.py
	$(BIN)/jupyter lab --notebook-dir=notebooks

test: lint types layers ## lint, types, layers, then every test
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

test-real: setup ## what talks to a broker or Redis, on Apache Kafka and redis-server too (Java 17, mvn)
	@$(BIN)/python -m tests.parts
	$(BIN)/python -m pytest -m $(PARTS) tests

chaos: setup ## faults on Apache Kafka and redis-server: alerts and state beside an undisturbed run
	@$(BIN)/python -m tests.parts
	$(BIN)/python -m tests.chaos

fuzz: setup ## hostile messages, files and stream entries that atheris looks for (Linux; three minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[fuzz]'
	for target in event file entry; do $(BIN)/python -m tests.parts.fuzz $$target -max_total_time=60 -max_len=4096; done

lint: setup ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup ## mypy --strict, no exempted module
	$(BIN)/mypy

layers: setup ## import-linter: imports go down only
	$(BIN)/lint-imports

bench: setup ## speed, latency and memory, beside peers on the same events
	$(BIN)/python -m tests.benchmarks

soak: setup ## half an hour at 5,000 orders/s with a million live orders, and a burst
	$(BIN)/python -m tests.benchmarks.soak

schema: setup ## write config/schema/ from the code
	$(BIN)/python -m stream.schema

lock: setup ## resolve requirements.lock afresh from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		--upgrade --quiet --output-file requirements.lock

clean: ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .parts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
