# Every target sets up what it needs in .venv; nothing else on the machine is touched, but for what `tools` says.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin

# What is run in bubblewrap with all other tests, and once more as plain processes.
HEART = tests/commands tests/engine tests/test_local.py tests/test_local_functions.py tests/e2e \
	--ignore tests/e2e/test_layers.py --ignore-glob 'tests/e2e/test_sandbox_*'

.PHONY: demo check test bench lint types floors fast tools docs clean

demo: $(BIN)/bootjack
	@command -v curl >/dev/null || { echo "the demo's runtime is bash with curl: install curl" >&2; exit 2; }
	$(BIN)/bootjack invoke examples/bash-runtime -e '{"text":"Hello"}'

check: lint types floors fast

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/mypy

floors: .venv/ready
	$(BIN)/lint-imports

fast: .venv/ready
	$(BIN)/pytest -q -m "not slow"

test: tools check .venv/peers/ready
	$(BIN)/pytest -q -m slow
	BOOTJACK_SANDBOX=process $(BIN)/pytest -q $(HEART)

bench: tools .venv/ready .venv/peers/ready
	$(BIN)/python -m benchmarks

docs: .venv/ready
	$(BIN)/python docs/draw.py
	$(BIN)/python docs/rules.py
	$(BIN)/python docs/draw_conformance.py
	$(BIN)/python docs/draw_subjects.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

.venv/made:
	@test -n "$(PYTHON)" || { echo "bootjack needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

$(BIN)/bootjack: pyproject.toml | .venv/made
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/ready: pyproject.toml | .venv/made
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(BIN)/bootjack

# What tests need and pip cannot bring: bubblewrap, the languages of two reference handlers, a compiler for a runtime that
# is one static program, what AWS's Node.js runtime is built with, and what cargo-lambda asks for its project. Root gets
# them by apt-get.
tools:
	@for tool in bwrap:bubblewrap node:nodejs npm:npm ruby:ruby gcc:gcc cargo:cargo make:make g++:g++ cmake:cmake \
			autoreconf:autoconf libtoolize:libtool xz:xz-utils; do \
		command -v "$${tool%:*}" >/dev/null || missing="$$missing $${tool#*:}"; done; \
	prefix=$$(dirname "$$(dirname "$$(readlink -f "$$(command -v node || echo /usr/bin/node)")")"); \
	test -f "$$prefix/include/node/node.h" || missing="$$missing libnode-dev"; \
	test -z "$$missing" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		{ apt-get update && apt-get install -y $$missing; } >/dev/null; } || \
		{ echo "the tests need:$$missing: install them" >&2; exit 2; }

# The peers that tests and benchmarks stand beside: AWS's own RIE, cargo-lambda, AWS's Node.js runtime and @vercel/fun.
.venv/peers/ready: $(wildcard tests/peers/*.py) | .venv/ready
	$(BIN)/python -m tests.peers .venv/peers
	@touch $@
