# What a developer does here. `make` prints the targets; each needs nothing before it but Python (3.11 or newer) and make.

.DEFAULT_GOAL := help
PORT ?= 4566
EVENTS ?= 10000
KILLS ?= 24
RECORDS ?= 20000
STREAM_KILLS ?= 10
WORKERS ?= 4
MINUTES ?= 10
PLOTS ?= .alonzo/plots
RUNNABLE := .venv/.runnable
INSTALLED := .venv/.installed

# pytest takes ten seconds to compile the tests: once, rather than in each of its processes at each run.
PYTEST := PYTHONDONTWRITEBYTECODE= .venv/bin/pytest

.PHONY: help install run test test-thorough lint format bench bench-peers soak soak-streams soak-mixed docs clean compiled collected

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## make .venv with .venv/bin/alonzo and the tools for working on it

run: $(RUNNABLE) compiled ## start the platform with examples/hello deployed, and print what to try (PORT=4566)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" PORT=$(PORT) examples/hello/start.sh

test: $(INSTALLED) compiled collected ## run the tests, in four processes: they wait more than they compute (WORKERS=4)
	$(PYTEST) -n $(WORKERS) --no-loadscope-reorder --durations 30 -m "not thorough"

test-thorough: $(INSTALLED) compiled collected ## run the tests that take long: SAM's and CDK's own tools, further brokers, more restarts and kills
	$(PYTEST) -n $(WORKERS) --no-loadscope-reorder --durations 30 -m thorough

lint: $(INSTALLED) ## check style, types and import floors
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: $(INSTALLED) ## format the code
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench: $(INSTALLED) compiled ## measure what SPECIFICATION.md promises, and draw it (PLOTS=.alonzo/plots)
	.venv/bin/python -m bench --plots $(PLOTS)

bench-peers: $(INSTALLED) ## install other local Lambda servers from PyPI and npm, and measure them beside Alonzo
	.venv/bin/python -m bench --only peers

soak: $(INSTALLED) compiled ## kill the platform, then fill its disk (as root), 24 times while 10,000 events are accepted and run (EVENTS=10000 KILLS=24)
	.venv/bin/python -m tests.crash.event_storm --events $(EVENTS) --kills $(KILLS)
	@if [ "$$(id -u)" = 0 ]; then set -x; .venv/bin/python -m tests.crash.event_storm --events $(EVENTS) --kills $(KILLS) \
	  --kind disk --kind node --kind disk --kind store --kind disk --kind both; else echo "not root: the full disk is left out"; fi

soak-streams: $(INSTALLED) compiled ## kill the platform ten times while 20,000 records of a stream are processed (RECORDS=20000 STREAM_KILLS=10)
	.venv/bin/python -m tests.crash.stream_storm --records $(RECORDS) --kills $(STREAM_KILLS)

soak-mixed: $(INSTALLED) compiled ## ten minutes of everything at once, then count what has leaked (MINUTES=10)
	.venv/bin/python -m tests.crash.mixed_load --minutes $(MINUTES)

docs: $(INSTALLED) ## write the reference pages
	.venv/bin/python -m alonzo.cli.reference > docs/configuration.md
	.venv/bin/python -m tests.support.operations_page > docs/operations.md
	.venv/bin/python -m tests.conformance.page > docs/runtimes.md

clean: ## remove everything that was made here
	rm -rf .venv .alonzo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +

# The newest Python that can make virtual environments; one built with optimizations (as distributions build theirs) if there is one:
# Alonzo runs a third faster on it. An existing .venv keeps its own.
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python
IS_USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
IS_OPTIMIZED := import sys, sysconfig; assert sys.prefix == "/usr" or "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")

$(RUNNABLE): pyproject.toml
	@set -e; if [ ! -x .venv/bin/python ]; then \
	  for check in '$(IS_OPTIMIZED); $(IS_USABLE)' '$(IS_USABLE)'; do \
	    for python in $(PYTHON) $(PYTHONS) $(addprefix /usr/bin/,$(PYTHONS)); do \
	      if "$$python" -c "$$check" >/dev/null 2>&1; then found=$$python; break 2; fi; \
	    done; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Alonzo needs Python 3.11 or newer with venv, and none was found on PATH." >&2; \
	    echo "Install it (Debian, Ubuntu: apt install python3-venv; macOS: brew install python), or name one: make PYTHON=/path/to/python" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making .venv with $$($$found --version) ..."; \
	  "$$found" -m venv .venv; \
	fi
	@echo "Installing Alonzo and the AWS CLI into .venv ..."
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[examples]'
	@touch $@

# Where PYTHONDONTWRITEBYTECODE is set nothing of an editable installation is ever compiled otherwise, and every start takes half a second longer.
compiled: $(RUNNABLE)
	@.venv/bin/python -m compileall -q src

collected: $(INSTALLED)
	@$(PYTEST) --collect-only -qq >/dev/null || true  # the run itself says what is wrong

# The tools are ten times as much as Alonzo, most of it never imported: only what every test run imports again and again is compiled ahead.
$(INSTALLED): $(RUNNABLE)
	@echo "Installing the tools for working on it (0.8 GB) ..."
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	@.venv/bin/python -m compileall -q -j 0 $(addprefix .venv/lib/python3*/site-packages/,_pytest hypothesis xdist ansible)
	@touch $@
