# `make demo` and `make test` set everything up by themselves; both reuse what is there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
KERNELS := $(wildcard attribution/native/*.cpp attribution/native/*.hpp) attribution/native/build.py hatch_build.py
PIP    := $(BIN)/python -m pip --disable-pip-version-check install -c constraints.txt
JOBS   := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench clean vsix test-vscode test-editors test-cluster

help:
	@echo "make demo    index the installed packages, complete code, trace both (first run: compiles llama.cpp)"
	@echo "make test    run all tests"
	@echo "make lint    formatting, style, types and the direction of imports"
	@echo "make vsix    package the extension for VS Code"
	@echo "make test-editors  run the tests in real editors: VS Code, Neovim, Emacs, Helix"
	@echo "make test-cluster  build and serve an index on a real Ray cluster of several nodes, and kill parts of it"
	@echo "make bench   run the benchmarks and print their tables"

demo: $(VENV)/installed-demo
	@$(BIN)/sc-attrib demo

test: $(VENV)/installed-dev lint
	$(BIN)/python -m pytest

test-cluster: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/cluster

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# All of it takes an hour or two; SCALE= or SCALE="--sizes 10000 100000 1000000" for the largest corpus.
SCALE ?= --sizes 10000 100000
bench: $(VENV)/installed-bench
	@for program in accuracy "scale $(SCALE)" lexical fingerprint start lsp_overhead ingest; do \
	    set -- $$program; name=$$1; shift; echo; $(BIN)/python benchmarks/$$name.py "$$@" || exit 1; done

# The extension for VS Code; needs Node 20 or newer, and npm once for its tools.
EXTENSION := vscode-ext
vsix: $(EXTENSION)/node_modules/installed
	@cd $(EXTENSION) && npm run --silent package && wc -c dist/extension.js dist/sc-attrib.vsix

test-vscode: $(EXTENSION)/node_modules/installed $(VENV)/installed-dev
	cd $(EXTENSION) && npm run --silent types && npm run --silent lint && npm test --silent

# Every editor for real; npm's packages and the editors lie in folders that git ignores. WORDS="tests/story.test.ts" for less.
EDITORS := $(EXTENSION)/e2e
WORDS ?=
test-editors: test-vscode vsix $(EDITORS)/node_modules/installed
	$(BIN)/python tests/editors/install.py
	$(EDITORS)/run.sh $(WORDS)
	$(BIN)/python -m pytest tests/editors
	-$(EDITORS)/run.sh tests/speed.measure.ts  # prints a table, and decides nothing

$(EDITORS)/node_modules/installed: $(EDITORS)/package-lock.json $(EDITORS)/setup.sh
	@echo "[setup] a real VS Code from npm"
	@$(EDITORS)/setup.sh
	@touch $@

$(EXTENSION)/node_modules/installed: $(EXTENSION)/package-lock.json
	@echo "[setup] what the extension for VS Code is built with"
	@cd $(EXTENSION) && npm ci --silent
	@touch $@

clean:
	rm -rf $(VENV) .demo build dist $(EXTENSION)/dist $(EXTENSION)/node_modules $(EDITORS)/node_modules

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "sc-attrib needs Python 3.11 or newer; name one with: make PYTHON=python3.12 demo" >&2; exit 2; }
	@echo "[setup] making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# llama.cpp is compiled for this very machine; pip keeps the result, so it happens once.
$(VENV)/installed-llama: $(VENV)/created constraints.txt
	@$(BIN)/python -c 'import llama_cpp' 2>/dev/null || { \
	    echo "[setup] llama.cpp: compiling for this machine, about 7 minutes on 2 cores the first time"; \
	    CMAKE_ARGS="-DGGML_NATIVE=ON" CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) $(PIP) llama-cpp-python; }
	@touch $@

$(VENV)/installed-demo: $(VENV)/installed-llama pyproject.toml constraints.txt $(KERNELS)
	@echo "[setup] sc-attrib and what its language server needs"
	@$(PIP) --quiet -e '.[lsp,llama]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed-llama pyproject.toml constraints.txt $(KERNELS)
	@echo "[setup] everything that the tests need; PyTorch is the large part"
	@$(PIP) --quiet -e '.[dev]'
	@touch $@ $(VENV)/installed-demo

$(VENV)/installed-bench: $(VENV)/installed-dev
	@echo "[setup] the peers that the benchmarks measure"
	@$(PIP) --quiet -e '.[dev,bench]'
	@touch $@
