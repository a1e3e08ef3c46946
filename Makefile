# lorekeep on one machine. `make` alone lists the verbs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BUF_VERSION := 1.75.0
SYSTEM_PACKAGES := tesseract-ocr poppler-utils libmagic1

DISTRIBUTIONS := services/chassis services/gateway services/parser services/embedder services/search sdk
# What is installed depends on these files alone; the stamp carries their hash, so nothing is done twice.
BENCH_INPUTS := bench/peers.txt bench/peers-no-deps.txt
INPUTS := $(sort $(wildcard requirements/*.txt)) $(addsuffix /pyproject.toml,$(DISTRIBUTIONS))
HASH := $(shell cat $(INPUTS) | sha256sum | cut -c1-16)
LOCAL := .venv/installed-$(HASH)
TEST := .venv-test/installed-$(HASH)
BENCH_EMBEDDER_INPUTS := requirements/torch.txt bench/embedder/peers.txt
BENCH := .venv-bench/installed-$(shell cat $(BENCH_INPUTS) | sha256sum | cut -c1-16)
BENCH_EMBEDDER := .venv-bench-embedder/installed-$(shell cat $(BENCH_EMBEDDER_INPUTS) | sha256sum | cut -c1-16)

SUITE := .venv/bin/python -m lorekeep_chassis.suite
BIN := .venv-test/bin

.PHONY: help
help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- running ---------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: ## Install the system packages that OCR (and tests) want, or print the command that does
	@missing=$$(for each in $(SYSTEM_PACKAGES); do
	  dpkg-query -W -f '$${Status}' $$each 2>/dev/null | grep -q 'install ok installed' || echo -n " $$each"; done)
	[ -n "$$missing" ] || exit 0
	root=; [ "$$(id -u)" = 0 ] || root="sudo -n"
	if command -v apt-get >/dev/null && $$root true 2>/dev/null; then
	  echo "setup: installing$$missing"
	  mkdir -p build
	  $$root apt-get update -qq >build/setup.log 2>&1 || true
	  if $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing \
	    >>build/setup.log 2>&1; then rm -f build/setup.log; exit 0; fi
	  tail -n 5 build/setup.log; rm -f build/setup.log
	fi
	echo "setup: OCR, file types or tests want$$missing. Everything else works without. To install them:"
	echo "  sudo apt-get install$$missing"

.PHONY: up
up: setup $(LOCAL) ## Start everything, wait until ready
	@$(SUITE) up

.PHONY: down
down: ## Stop everything, keep the data
	@if [ -x .venv/bin/python ]; then $(SUITE) down; else echo "lorekeep does not run"; fi

.PHONY: status
status: ## Show processes, readiness and memory
	@if [ -x .venv/bin/python ]; then $(SUITE) status; else echo "lorekeep is not installed: make up"; exit 1; fi

.PHONY: logs
logs: ## Show the logs; ROLE=gateway for one, FOLLOW=1 to go on
	@$(SUITE) logs $(ROLE) $(if $(FOLLOW),-f)

# --- checking --------------------------------------------------------------------------------------------------------

.PHONY: test
test: check $(LOCAL) ## All tests: the checks, then all that starts real processes, the suite from .venv
	@$(BIN)/pytest -m "slow or e2e"

SEED ?= 1
MINUTES ?= 10
DOCUMENTS ?= 200
KILLS ?= 40

.PHONY: chaos
chaos: setup $(TEST) $(LOCAL) ## Kill everything during ingest, judge every promise: SEED=1 DOCUMENTS=200 KILLS=40
	@$(BIN)/python -m tests.chaos --seed $(SEED) --documents $(DOCUMENTS) --kills $(KILLS)

.PHONY: test-hostile
test-hostile: setup $(TEST) ## Bombs, liars and broken files against a running parser: outcome, seconds, peak memory
	@$(BIN)/python -m tests.hostile

.PHONY: check
check: SYSTEM_PACKAGES += pgbouncer
check: setup $(TEST) lint types protos-lint ## Lint, types, contracts, protos, and the quick tests
	@$(BIN)/pytest -m "not slow and not e2e"

.PHONY: lint
lint: $(TEST) ## Formatting, style and import contracts
	@$(BIN)/ruff format --check --quiet . || { echo "hint: make format" >&2; exit 1; }
	$(BIN)/ruff check --quiet . || { echo "hint: make format repairs some of these" >&2; exit 1; }
	mkdir -p build
	$(BIN)/lint-imports --no-cache >build/imports.log || { cat build/imports.log; rm -f build/imports.log; exit 1; }
	rm -f build/imports.log

.PHONY: types
types: $(TEST) ## Strict mypy
	@$(BIN)/mypy

.PHONY: format
format: $(TEST) ## Format, and repair what ruff can
	@$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

.PHONY: protos
protos: $(TEST) ## Write the stubs of the protos
	@PYTHON=$(BIN)/python ./protos/generate

.PHONY: docs
docs: $(TEST) ## Write the page of settings and the table of models from the code
	@$(BIN)/python -m lorekeep_chassis.configuration >docs/configuration.md
	@$(BIN)/python -m lorekeep_embedder.models.model_table docs/models.md

.PHONY: protos-lint
protos-lint: ## Lint the protos and hold them against the last release, where npm is
	@if command -v npm >/dev/null; then
	  [ -x build/buf/node_modules/.bin/buf ] \
	    || npm install --silent --no-fund --no-audit --prefix build/buf @bufbuild/buf@$(BUF_VERSION) >/dev/null \
	    || { echo "hint: npm could not install @bufbuild/buf $(BUF_VERSION)" >&2; exit 1; }
	  cd protos
	  ../build/buf/node_modules/.bin/buf lint
	  ../build/buf/node_modules/.bin/buf breaking --against released.json
	else
	  echo "protos-lint: buf lint is skipped, there is no npm here"
	fi

.PHONY: protos-release
protos-release: protos-lint ## Make the protos as they are the ones that later changes must not break
	@cd protos && ../build/buf/node_modules/.bin/buf build --exclude-source-info -o released.json

# --- measuring -------------------------------------------------------------------------------------------------------

.PHONY: bench-suite
bench-suite: $(TEST) ## Start times, idle memory and a first ingest; tables, and build/bench/suite.json
	@$(BIN)/python -m bench.suite

.PHONY: bench-quality
bench-quality: $(TEST) ## nDCG@10 of each mode on the judged collection; a table, and build/bench/quality.json
	@$(BIN)/python -m bench.quality

.PHONY: bench-ingest
bench-ingest: $(TEST) $(LOCAL) ## 200 documents against their stages alone, memory over 2 GB; build/bench/ingest.json
	@$(BIN)/python -m bench.ingest

.PHONY: bench-parser
bench-parser: setup $(TEST) $(BENCH) ## PDFs, a long book, a large workbook beside four other engines; build/bench/parser.json
	@$(BIN)/python -m bench.parser

.PHONY: bench-gpu
bench-gpu: $(TEST) ## The embedder on this machine's CUDA device: ARGUMENTS="--precision bfloat16"; build/bench/gpu.json
	@$(BIN)/python -m bench.gpu $(ARGUMENTS)

.PHONY: bench-embedder
bench-embedder: $(TEST) $(BENCH_EMBEDDER) ## Embedder beside infinity, under load, against the GEMM limit; embedder.json
	@$(BIN)/python -m bench.embedder

.PHONY: bench-embedder-soak
bench-embedder-soak: $(TEST) ## Embedder at twice its capacity for MINUTES=10: goodput, waits, memory; embedder-soak.json
	@$(BIN)/python -m bench.embedder.soak --minutes $(MINUTES)

.PHONY: bench-fuzz
bench-fuzz: setup $(TEST) ## Damaged documents against a parser for MINUTES=10; a table, and build/bench/fuzz.json
	@$(BIN)/python -m bench.fuzz --minutes $(MINUTES) --seed $(SEED)

.PHONY: clean
clean: ## Remove environments, caches and build results; the data in .lorekeep stays
	@if [ -x .venv/bin/python ]; then $(SUITE) down >/dev/null; fi
	rm -rf .venv .venv-test .venv-bench .venv-bench-embedder build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find services sdk -name '*.egg-info' -prune -exec rm -rf {} +

# --- environments ----------------------------------------------------------------------------------------------------

define venv
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "lorekeep needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	"$(PYTHON)" -m venv $(1) || { echo "hint: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	pip() {
	  $(1)/bin/python -m pip --disable-pip-version-check -qq install --progress-bar off "$$@" || {
	    echo "hint: pip failed on: $$*. Are the network and 4 GB of disk there? Then run make again." >&2; exit 1; }
	}
endef

$(LOCAL):
	@echo "installing into .venv (once, some minutes)"
	$(call venv,.venv)
	pip -r requirements/local.txt -c requirements/constraints.txt
	pip --no-deps -r requirements/no-deps.txt
	pip --no-deps --no-build-isolation $(addprefix -e ,$(DISTRIBUTIONS))
	rm -f .venv/installed-* && touch $@

# torch goes first: nothing later may replace its build.
$(TEST):
	@echo "installing into .venv-test (once, some minutes)"
	$(call venv,.venv-test)
	pip -r requirements/torch.txt
	pip -r requirements/test.txt -c requirements/constraints.txt
	pip --no-deps -r requirements/no-deps.txt
	pip --no-deps --no-build-isolation $(addprefix -e ,$(DISTRIBUTIONS))
	rm -f .venv-test/installed-* && touch $@

$(BENCH):
	@echo "installing into .venv-bench (once, some minutes)"
	$(call venv,.venv-bench)
	pip -r bench/peers.txt
	pip --no-deps -r bench/peers-no-deps.txt
	rm -f .venv-bench/installed-* && touch $@

# torch goes first here too.
$(BENCH_EMBEDDER):
	@echo "installing into .venv-bench-embedder (once, some minutes)"
	$(call venv,.venv-bench-embedder)
	pip -r requirements/torch.txt
	pip -r bench/embedder/peers.txt
	rm -f .venv-bench-embedder/installed-* && touch $@
