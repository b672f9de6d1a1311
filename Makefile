# Two commands on a fresh machine: `make demo` and `make test`. Everything lives in .venv; PYTHON chooses the interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SAMPLE ?= $(firstword $(sort $(wildcard datasets/*.parquet)))
OUT ?= reports/demo
PYTEST ?= -q
WORKERS ?= 2

.PHONY: help install demo test checked lint types coverage bench clean

help: ## say what the targets do
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

install: $(STAMP) ## make .venv and install mmsim into it, once

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"mmsim needs Python 3.11 to 3.13, and {sys.executable} is %d.%d; try: make demo PYTHON=python3.12" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(STAMP) ## replay the sample tape: a table, a run folder, a picture
	@rm -rf $(OUT)
	$(BIN)/mmsim demo --out $(OUT)
	@echo "run folder: $(OUT)"
	@echo "report:     $(OUT)/report.html"
	@echo "picture:    $(OUT)/plots/quotes.png"
	@test -s $(OUT)/report.html && test -s $(OUT)/plots/quotes.png

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest $(PYTEST) -n $(WORKERS)

checked: $(STAMP) ## run the tests of the kernels with array bounds checked in machine code
	MMSIM_CHECKED=1 $(BIN)/python -m pytest $(PYTEST) -n $(WORKERS) tests/property tests/oracle

lint: $(STAMP) ## ruff and import-linter
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

coverage: $(STAMP) ## which lines the tests reach; kernels in plain Python, since machine code leaves no trace
	$(BIN)/coverage run --data-file=.coverage.compiled -m pytest $(PYTEST)
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run --data-file=.coverage.plain -m pytest $(PYTEST) tests/kernels tests/regression
	$(BIN)/coverage combine .coverage.compiled .coverage.plain
	$(BIN)/coverage report

bench: $(STAMP) ## measure speed on all captures and hold it beside the peer's: one table, reports/bench.md
	$(BIN)/python -m pytest $(PYTEST) -n 0 -m bench tests/bench

clean: ## remove .venv, caches and the demo run
	rm -rf $(VENV) $(OUT) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
