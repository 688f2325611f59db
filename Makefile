# Two commands do all: `make demo` and `make test`. Works with GNU make 3.81 (macOS) and later.
# The interpreter: the first of these on PATH that is 3.11 or later; `make PYTHON=/path/to/python3 ...` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
ARGS ?=
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-install lint style format bench soak lock manifests sbom test-versions docs control-plane programs clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

demo: .venv/installed ## run the main job on a real control plane; ARGS=--once checks each step and ends
	@$(BIN)/auditor demo $(ARGS)

# Types take a minute of one core where nothing is cached, so they are looked at beside the tests, and told at the end.
test: style control-plane programs ## lint, types, layers and all tests
	@types=$$(mktemp); $(BIN)/mypy >$$types 2>&1 & mypy=$$!; \
	trap 'kill $$mypy 2>/dev/null; rm -f $$types' EXIT; trap 'exit 130' INT TERM; \
	$(BIN)/pytest -n 5 --dist worksteal -m "not install and not faults" $(ARGS); tests=$$?; \
	wait $$mypy; typed=$$?; cat $$types; \
	[ $$tests = 0 ] && [ $$typed = 0 ]

test-install: .venv/installed ## clean clones, with and without Go, builds included (20 minutes)
	@$(BIN)/pytest -m install $(ARGS)

VERSIONS ?= 1.34 1.35 1.36

test-versions: .venv/installed ## the smoke tests on several Kubernetes versions; VERSIONS="1.34" chooses (each is built once)
	@.ci/test-versions $(VERSIONS)

lint: style ## ruff, import layers, mypy strict
	@$(BIN)/mypy

style: .venv/installed ## ruff, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

format: .venv/installed ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

ROUNDS ?= 3
FAULT_SEED ?= 1

soak: control-plane ## ROUNDS of all faults and attacks (20 minutes each), ten minutes of rest, longer searches (an hour)
	@round=0; while [ $$round -lt $(ROUNDS) ]; do \
		seed=$$(($(FAULT_SEED) + round)); round=$$((round + 1)); echo "Round $$round of $(ROUNDS), seed $$seed"; \
		FAULT_SEED=$$seed $(BIN)/pytest -q -p no:cacheprovider -n 2 --dist worksteal tests/faults tests/security $(ARGS) \
			|| exit 1; done
	@SOAK_SECONDS=600 $(BIN)/pytest -q -p no:cacheprovider tests/cluster/audit/test_idle.py
	@EXAMPLES=1000 $(BIN)/pytest -q -p no:cacheprovider tests/unit

bench: control-plane ## what it costs, in a table with goals (12 minutes); ARGS=--markdown=docs/performance.md writes it into the page
	@$(BIN)/python -m tests.bench $(ARGS)

control-plane: .venv/installed ## build the control plane if it is not there yet (5 minutes, once)
	@$(BIN)/auditor sandbox build

programs: .venv/installed ## build Helm for the tests, if it is not there yet (2 minutes, once)
	@$(BIN)/python -m tests.programs

manifests: .venv/installed ## write anew what is made of the chart and the CRDs: copies, schema, table, plain manifests
	@$(BIN)/python -m tests.unit.deploy

lock: .venv/installed ## write requirements-dev.lock anew from the ranges in pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --upgrade --quiet --output-file requirements-dev.lock
	@$(BIN)/uv pip compile pyproject.toml --extra otel --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --constraint requirements-dev.lock --quiet --output-file deploy/requirements.lock

sbom: ## write the bill of materials of a release: auditor.cdx.json
	@$(PYTHON) deploy/release/sbom.py > auditor.cdx.json

docs: .venv/installed ## build the site of the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean: ## remove the environment and caches of this checkout
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist site

# Built aside and moved into place by the stamp alone: an interrupted installation is taken up again by the next call.
.venv/installed: pyproject.toml requirements-dev.lock
	@if [ -z "$(PYTHON)" ]; then \
		echo "make: no Python 3.11 or later on PATH. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 2; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $(PYTHON) is older than Python 3.11. Name another: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "make: $(PYTHON) cannot make virtual environments: Debian and Ubuntu ship that apart." >&2; \
		echo "make: install it with: apt-get install python$$version-venv" >&2; exit 2; }
	@echo "Creating the Python environment in .venv (about half a minute, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/installed
