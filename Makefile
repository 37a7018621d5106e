# `make` alone lists the targets: each line below whose target is followed by `##`.
.DEFAULT_GOAL := help
.PHONY: help demo kill-matrix test thorough cluster-test lint types contracts bench fuzz soak lock install clean
MAKEFLAGS += --no-print-directory
# Thousands of processes start in the tests; each would compile all of it where nobody may write what was compiled.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
# Arguments for pytest; two workers are what the smallest machines have.
PYTEST_ARGS ?= -n 2
FUZZ_DOCUMENTS ?= 10000
FUZZ_CALENDARS ?= 2000

# Commands that scripts/debian-packages unpacked for this working copy; sshd and initdb hide where only root looks.
export PATH := $(CURDIR)/.cache/debian/bin:$(PATH):/usr/sbin:/sbin

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## Run a whole release, and one that is taken back, in ./demo-run: a few minutes
	@scripts/bootstrap demo
	@scripts/debian-packages demo
	@.venv/bin/tidegate demo demo-run

test: ## Check everything, as CI does: install what is missing, then lint, types, contracts, tests
	@scripts/bootstrap dev
	@scripts/debian-packages dev
	@$(MAKE) lint types contracts
	@scripts/in-memory $(PYTHON) -m pytest -m "not thorough" $(PYTEST_ARGS)

thorough: ## Run the tests that take too long for make test: what it tells once is told in all its forms
	@scripts/bootstrap dev
	@scripts/debian-packages dev
	@scripts/in-memory $(PYTHON) -m pytest -m thorough $(PYTEST_ARGS)

# The tests that ask a real cluster, and no others; -k picks them by their names.
CLUSTER_TESTS := tests/contract/test_driver_contract.py tests/integration/test_kubernetes_real.py \
  tests/integration/test_kubernetes_semantics.py tests/acceptance/test_story_7d_kubernetes.py

cluster-test: ## Build Kubernetes from Debian's source, once, as root; start a cluster, and test the driver on it: 20 minutes
	@scripts/bootstrap dev
	@scripts/debian-packages dev
	@scripts/kubernetes
	@TIDEGATE_TEST_KUBERNETES=$(CURDIR)/.cache/kubernetes/bin $(PYTHON) -m pytest $(PYTEST_ARGS) -k real $(CLUSTER_TESTS)

kill-matrix: ## Kill rollouts and rollbacks at every point, and print what became of each: some hours
	@scripts/bootstrap dev
	@scripts/debian-packages dev
	@for database in sqlite postgres; do \
	  for story in rollout watched-rollout rollback flag unhealthy errors decisions policy tag emergency train together notices scripted cluster compose blue-green databases django backup incident drill; do \
	    $(PYTHON) -m tests.support.kill_matrix --story $$story --database $$database || exit 1; \
	  done; \
	done

lint: ## Check the style with ruff
	@scripts/bootstrap dev
	@$(PYTHON) -m ruff check .

types: ## Check the types with mypy, strictly
	@scripts/bootstrap dev
	@$(PYTHON) -m mypy

contracts: ## Check that imports point down, floor by floor
	@scripts/bootstrap dev
	@.venv/bin/lint-imports --no-logo

bench: ## Measure medians and ratios; judges nothing
	@scripts/bootstrap dev
	@$(PYTHON) -m bench

fuzz: ## Check FUZZ_DOCUMENTS policy files made at random: whatever they hold, findings in our own words; and FUZZ_CALENDARS calendars: about 15 minutes
	@scripts/bootstrap dev
	@TIDEGATE_FUZZ_DOCUMENTS=$(FUZZ_DOCUMENTS) $(PYTHON) -m pytest -n 0 tests/unit/policyfile/test_fuzz.py
	@TIDEGATE_FUZZ_CALENDARS=$(FUZZ_CALENDARS) $(PYTHON) -m pytest -n 0 tests/unit/core/test_opening.py

soak: ## Do random releases while killing the workers, for SOAK_S seconds, then check that everything holds
	@scripts/bootstrap dev
	@scripts/debian-packages dev
	@$(PYTHON) -m bench.soak

lock: ## Write requirements/*.txt anew from pyproject.toml: make lock ARGS=--upgrade for newer versions
	@scripts/bootstrap dev
	@scripts/lock $(ARGS)
	@scripts/bootstrap dev

install: ## Make .venv with the tidegate command and nothing for development
	@scripts/bootstrap run

clean: ## Remove what these targets made: .venv, caches, packages, builds, ./demo-run
	@rm -rf .venv .cache build dist demo-run .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
