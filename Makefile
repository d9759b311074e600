# The README's two commands are `make demo` and `make test`; each does its own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup demo test lint format docs bench

setup: $(STAMP)

# Made afresh only when the pins change; the stamp is written last, so an install that was cut short is redone.
$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV); this takes some minutes and happens once."
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[torch,spark,dev]'
	touch $@

demo: setup
	$(BIN)/kempelen demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m console.settings_page

bench: setup
	$(BIN)/python -m benchmarks.drift_speed
	$(BIN)/python -m benchmarks.drift_detection
	$(BIN)/python -m benchmarks.selection
	$(BIN)/python -m benchmarks.estimation
	$(BIN)/python -m benchmarks.consensus
	$(BIN)/python -m benchmarks.scrubbing
	$(BIN)/python -m benchmarks.label_studio
	$(BIN)/python -m benchmarks.effort
	$(BIN)/python -m benchmarks.ledger
