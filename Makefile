# Two commands do everything: `make demo` and `make test`. Both make the environment they need, in .venv.

# The first Python that really runs and is new enough: a shim on the path may stand for nothing.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
READY_SURFACES := $(VENV)/.ready-surfaces

.PHONY: demo test test-slow test-surfaces test-engines lint types check bench clean help

help:  ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /: /'

demo: $(READY)  ## Make a demonstration incident, investigate it, write the HTML report
	$(BIN)/tsg-agent demo

test: $(READY_DEV)  ## Run the tests
	$(BIN)/python -m pytest -n auto -q -m "not slow and not surfaces" --ignore=tests/engines

test-slow: $(READY_DEV)  ## Run the tests that take seconds each
	$(BIN)/python -m pytest -n auto -q -m "slow and not surfaces"

test-surfaces: $(READY_SURFACES)  ## Run the tests that need extras, or are long: server, page, MCP, OpenTelemetry, examples, workers
	MCP1_PYTHON=$(abspath $(VENV))-mcp1/bin/python $(BIN)/python -m pytest -n auto -q -m surfaces

test-engines: $(READY_DEV)  ## Run the tests of engines at servers, on servers that they start; installs what these need
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group engines
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
	{ test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y postgresql >/dev/null; } || \
	echo "PostgreSQL is not installed, and only root may do so: its tests skip."
	@command -v java >/dev/null || \
	{ test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y default-jre-headless >/dev/null; } || \
	echo "Java is not installed, and only root may do so: Spark's tests skip."
	$(BIN)/python -m pytest -q -rs tests/engines

check: lint types  ## Lint and types

lint: $(READY_DEV)  ## Lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY_DEV)  ## Strict types
	$(BIN)/mypy

bench: $(READY_DEV)  ## Measure: prints tables, gates nothing
	$(BIN)/python -m benchmarks

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(READY): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(READY_DEV): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

$(READY_SURFACES): $(READY_DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group surfaces
	$(PYTHON) -m venv $(VENV)-mcp1
	$(VENV)-mcp1/bin/python -m pip install --quiet --disable-pip-version-check "mcp==1.30.*"
	@command -v chromium > /dev/null || { test "$$(id -u)" = 0 && apt-get update -qq \
		&& apt-get install -y -qq --no-install-recommends chromium > /dev/null; } \
		|| echo "There is no chromium, and it cannot be installed here: the tests of the page are skipped."
	@touch $@

clean:  ## Take away what was made
	rm -rf $(VENV) $(VENV)-mcp1 demo .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
