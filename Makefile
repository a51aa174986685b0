# The commands of this repository. `make demo` and `make test` do all set-up by themselves.
.DEFAULT_GOAL := help
PYTHON ?= python3
MATRIX = $(PYTHON) tools/matrix

.PHONY: wheels wheel-test test-outside cross sdist wheel-release
.PHONY: help demo picture interpreters test test-full test-doors test-peers check lint fmt clean
.PHONY: asan tsan fuzz stress refs mutants
.PHONY: bench bench-workloads bench-filters bench-debug bench-embed bench-peers bytecode-proof
.PHONY: bench-ask bench-install lint-release

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/ -/'

demo: ## build, record examples/shop.py, show what happened
	@tools/system.sh
	@$(MATRIX) demo

picture: ## draw docs/terminal.svg: the commands of README.md in a terminal
	@tools/system.sh
	@$(MATRIX) picture

interpreters: ## bring CPython 3.14 and 3.15 into a cache
	@tools/system.sh tests
	@tools/interpreters.sh

test: ## all on 3.8 and 3.12, most on 3.11 and 3.14, less elsewhere; ONLY="3.12 3.8" K=values
	@tools/system.sh tests
	@$(MATRIX) test --only "$(ONLY)" -k "$(K)"

test-full: ## everything on every interpreter; ONLY and K as above
	@tools/system.sh tests
	@$(MATRIX) full --only "$(ONLY)" -k "$(K)"

test-doors: ## servers, task queues and pools from PyPI, recorded; ONLY="3.12" K=celery
	@tools/system.sh tests doors
	@$(MATRIX) doors --only "$(ONLY)" -k "$(K)"

check: ## two minutes: C tests, Python tests and lint on one interpreter
	@tools/system.sh tests
	@$(MATRIX) check

asan: ## C tests and Python tests under AddressSanitizer and UBSan
	@tools/system.sh tests
	@$(MATRIX) asan

tsan: ## C tests under ThreadSanitizer
	@tools/system.sh tests
	@$(MATRIX) tsan

fuzz: ## changed recordings through every verb, libFuzzer on the reader (needs clang); SECONDS=60
	@tools/system.sh tests
	@$(MATRIX) fuzz --seconds $${SECONDS:-60}

stress: ## recordings begun and ended by many threads at once; SECONDS=60
	@tools/system.sh tests
	@$(MATRIX) stress --seconds $${SECONDS:-60}

refs: ## leaked references, on a debug CPython: PYTHON_DEBUG=PATH or python3-dbg
	@$(MATRIX) refs

mutants: ## small wrong changes to the C core: a test must notice each (tests/mutants.toml)
	@tools/system.sh tests
	@$(MATRIX) mutants

bench: ## costs on each interpreter, as paired ratios; writes build/bench.md
	@tools/system.sh tests bench
	@$(MATRIX) bench

bench-workloads: ## six programs beside VizTracer; ONLY="3.13" BEFORE="pythons of an older tree"
	@tools/system.sh tests
	@$(MATRIX) workloads --only "$(ONLY)" --before "$(BEFORE)"

bench-ask: ## questions to a recording of ten million calls, with an index and without; ONLY="3.12"
	@tools/system.sh tests
	@$(MATRIX) ask --only "$(ONLY)"

bench-filters: ## filter rules beside CodeTracer's recorder; fails on a missed ratio
	@tools/system.sh tests
	@$(MATRIX) filters

bench-debug: ## breakpoints that are not reached, beside pdb and debugpy; fails on a missed ratio
	@tools/system.sh tests
	@$(MATRIX) debug

bench-embed: ## what callbacks inside a program cost, by backend, and sessions of a web application
	@tools/system.sh tests
	@$(MATRIX) embed

bench-install: ## what an installation costs, beside other tools; writes build/install.md
	@$(MATRIX) install

bytecode-proof: ## rewritten code of 3.8 to 3.11: standard library, 22 packages, tests run with it
	@tools/system.sh tests
	@$(MATRIX) proof

test-peers: ## CPython's own tests of pdb and bdb on Relive's debugger; ONLY="3.12"
	@tools/system.sh tests
	@$(MATRIX) pdb-tests --only "$(ONLY)"

bench-peers: ## other recorders from PyPI beside ours on 3.11 to 3.13
	@tools/system.sh tests
	@$(MATRIX) peers

wheels: ## manylinux_2_17 wheels for every interpreter; ONLY="3.12"
	@tools/system.sh
	@$(MATRIX) wheels --only "$(ONLY)"

wheel-test: ## each wheel in an empty environment without a compiler; ONLY="3.12"
	@$(MATRIX) wheel-test --only "$(ONLY)"

test-outside: ## uvx, pipx, uv run, other environments, PyInstaller; after make wheels
	@$(MATRIX) outside --only "$(ONLY)"

cross: ## other platforms: C tests under qemu-user and on musl, wheels; ONLY="3.12"
	@tools/system.sh tests cross
	@$(MATRIX) cross --only "$(ONLY)"

sdist: ## the source package of the last commit, and a wheel built from it
	@tools/system.sh
	@$(MATRIX) sdist

wheel-release: ## wheels for this machine, trained on six workloads; ONLY="3.13"
	@tools/system.sh tests
	@$(MATRIX) trained --only "$(ONLY)"

lint: ## formats, ruff, analysers of C, rooms, words, spelling
	@$(MATRIX) lint

lint-release: ## actionlint on the workflow of a release; needs Go
	@$(MATRIX) lint-release

fmt: ## rewrite to the pinned format
	@$(MATRIX) fmt

clean: ## remove build/
	rm -rf build
