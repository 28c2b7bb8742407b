# `make run` opens the demo, `make test` is everything that CI runs. Each target does its own set-up first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench mutation torture dist dist-check dist-twice lock golden docs

BIN := .venv/bin
READY := .venv/.ready
OFFSCREEN := QT_QPA_PLATFORM=offscreen
PYTEST := $(OFFSCREEN) $(BIN)/pytest --quiet

# Cores that the suite may use, cycles of the kill torture, examples of the property tests.
JOBS ?= 2
N ?= 1000
EXAMPLES ?= 5000
# COVER=1 adds the branch coverage of the money path to a test run.
COVER ?=
COVERAGE := $(if $(COVER),--cov --cov-branch --cov-report=term-missing:skip-covered)

# What has windows runs in processes of its own: what a window leaves behind meets no other test.
WINDOWS := tests/ui tests/golden tests/e2e tests/integration/test_window_api.py tests/integration/test_review_bridge.py

# Runs a checker and shows what it says only when it finds something.
quiet = @out=$$($(1) 2>&1) || { printf '%s\n' "$$out"; exit 1; }

# Of variables only fields and words of enums are left at this point; a database or a person may read them.
DEAD := ! { $(BIN)/vulture 2>&1 || true; } | grep -v "unused variable"

help:
	@echo "make run | test | check | setup | bench | torture | mutation | golden | docs | lock | dist | dist-check"

setup: $(READY)
	@:

$(READY): requirements.lock pyproject.toml .ci/setup
	@.ci/setup

run: $(READY)
	@$(BIN)/investiq --demo

check: $(READY)
	@$(BIN)/ruff format --check --quiet . || { echo "ruff format would change files: run $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	$(call quiet,$(BIN)/mypy --no-error-summary)
	$(call quiet,$(BIN)/lint-imports)
	$(call quiet,$(DEAD))

test: check
	@$(PYTEST) --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(COVERAGE) $(WINDOWS)
	@$(PYTEST) --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(COVERAGE) $(if $(COVER),--cov-append) $(WINDOWS:%=--ignore=%)

bench: $(READY)
	@$(BIN)/python -m benchmarks

torture: $(READY)
	@$(PYTEST) --numprocesses $(JOBS) --dist loadfile --timeout 0 --torture $(N) --examples $(EXAMPLES) tests/crash tests/property

mutation: $(READY)
	@$(BIN)/python -m tests.mutation --jobs $(JOBS)

golden: $(READY)
	@$(PYTEST) --rewrite-golden tests/golden tests/unit/test_risk_findings.py tests/unit/test_risk_typed.py tests/integration/test_order_record.py \
	    tests/integration/test_desk_record.py tests/integration/test_numbers_record.py \
	    tests/integration/test_rooms_record.py

docs: $(READY)
	@$(OFFSCREEN) $(BIN)/python -c "from pathlib import Path; from app.docs import write; write(Path('docs'))"

# Packages of this system in dist/, listed and signed. KEY=FILE signs with a release key; without one it says so.
dist: $(READY)
	@$(BIN)/python -m resources.packaging $(if $(KEY),--key $(KEY))

# Installs what `make dist` made into an empty Debian, uses it, upgrades it and removes it. As root.
dist-check: $(READY)
	@$(PYTEST) --timeout 0 --packaging dist tests/packaging

# Builds the same commit a second time, and names what is not the same.
dist-twice: $(READY)
	@$(BIN)/python -m resources.packaging --folder --out build/again --work build/work-again
	@$(BIN)/python -m resources.packaging.contents dist/investiq build/again/investiq

# Universal: one lock for Linux, macOS and Windows. UPGRADE=1 moves every pin, otherwise only what must move does.
lock: $(READY)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes \
	    --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --output-file requirements.lock pyproject.toml
