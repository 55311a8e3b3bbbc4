# Every target first installs what it needs into .venv. Only `tools` changes anything outside this folder.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin

# Otherwise each process that a test starts, and each that runs tests, would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

# Tests spend about as much time waiting as computing, so one more worker than there are processors keeps them all busy.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST = $(BIN)/pytest -q -n $(WORKERS) --dist worksteal

# $(call timed,TARGET...) makes the targets one by one and prints how long each took.
timed = @for target in $(1); do begin=$$(date +%s); \
	$(MAKE) --no-print-directory $$target || exit; echo "== $$target: $$(($$(date +%s) - begin)) s"; done

.PHONY: demo check test bench lint types floors fast slow plain tools docs filters clean

demo: $(BIN)/bootjack
	@command -v curl >/dev/null || { echo "the demo's runtime needs curl: install curl" >&2; exit 2; }
	$(BIN)/bootjack invoke examples/bash-runtime -e '{"text":"Hello"}'

check: .venv/ready
	$(call timed,lint types floors fast)

test: tools .venv/ready .venv/peers/ready
	$(call timed,check slow plain)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/mypy

floors: .venv/ready
	$(BIN)/lint-imports

fast: .venv/ready
	$(PYTEST) -m "not slow"

slow: tools .venv/peers/ready
	$(PYTEST) -m slow

plain: tools .venv/peers/ready
	BOOTJACK_SANDBOX=process $(PYTEST) -m both_sandboxes

bench: tools .venv/ready .venv/peers/ready
	$(BIN)/python -m benchmarks

docs: .venv/ready
	$(BIN)/python docs/draw.py
	$(BIN)/python docs/draw_cli.py
	$(BIN)/python docs/rules.py
	$(BIN)/python docs/draw_service.py
	$(BIN)/python docs/draw_conformance.py
	$(BIN)/python docs/draw_subjects.py

# The filters of system calls as bytes, after a change of their table.
filters: .venv/ready
	$(BIN)/python -m runtime_api.sandbox.seccomp

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

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

# Programs that the tests run and pip cannot install: bubblewrap with slirp4netns, pasta and ip; Node, npm, Ruby and gcc
# for runtimes in those languages; a C++ toolchain to build AWS's Node.js runtime; cargo, which cargo-lambda calls; the
# AWS CLI 2, as the one of pip has no `logs tail`. Root gets them from apt-get.
tools:
	@for tool in bwrap:bubblewrap slirp4netns:slirp4netns pasta:passt ip:iproute2 node:nodejs npm:npm ruby:ruby gcc:gcc cargo:cargo make:make g++:g++ cmake:cmake \
			autoreconf:autoconf libtoolize:libtool xz:xz-utils; do \
		command -v "$${tool%:*}" >/dev/null || missing="$$missing $${tool#*:}"; done; \
	prefix=$$(dirname "$$(dirname "$$(readlink -f "$$(command -v node || echo /usr/bin/node)")")"); \
	test -f "$$prefix/include/node/node.h" || missing="$$missing libnode-dev"; \
	which -a aws | xargs -n 1 -I {} {} --version 2>&1 | grep -q aws-cli/2 || missing="$$missing awscli"; \
	test -z "$$missing" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		{ apt-get update && apt-get install -y $$missing; } >/dev/null; } || \
		{ echo "the tests need these packages:$$missing. Install them and run make again." >&2; exit 2; }

# Other implementations that tests and benchmarks compare with: AWS's RIE and Node.js runtime, cargo-lambda, @vercel/fun.
.venv/peers/ready: $(wildcard tests/peers/*.py) | .venv/ready
	$(BIN)/python -m tests.peers .venv/peers
	@touch $@
