# One command each; every one makes and installs what it needs, so all of them work in a fresh clone.
# PYTHON=... chooses the interpreter (>= 3.11) that the environment is made with.

VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.spanbook-installed
# what is installed with spanbook, and a file of versions for it
EXTRA := dev
CONSTRAINTS :=
PIP := $(PY) -m pip --quiet --disable-pip-version-check
# most modules are never imported, so none is compiled before it is
PIP_INSTALL := $(PIP) install --no-compile $(addprefix -c ,$(CONSTRAINTS))
UV_INSTALL := $(PY) -m uv pip install --quiet --python $(PY) $(addprefix -c ,$(CONSTRAINTS))
NODE_MODULES := js/node_modules/.package-lock.json
# no test and no demo may spend somebody's money
OFFLINE := env -u OPENAI_API_KEY -u OPENAI_BASE_URL -u ANTHROPIC_API_KEY

# the tests start hundreds of processes, which all compile what they import unless the first may leave it on disk
unexport PYTHONDONTWRITEBYTECODE

TWO_AT_ONCE := xargs -P 2 -n 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo lab test pytest lint format bench torture test-matrix build bundles chromium clean distclean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: bundles ## run the quickstart against the offline model and say where to look
	@$(OFFLINE) $(VENV)/bin/spanbook demo

lab: bundles ## open JupyterLab on notebooks/
	@root=; [ "$$(id -u)" != 0 ] || root=--allow-root; \
	exec $(VENV)/bin/jupyter lab $$root --ServerApp.root_dir=notebooks $(LAB_ARGS)

test: ## lint, vitest, notebooks, pytest
	@printf '%s\n' $(INSTALLED) $(NODE_MODULES) chromium | $(TWO_AT_ONCE) $(MAKE) --no-print-directory
	@printf '%s\n' lint compiled vitest notebooks | $(TWO_AT_ONCE) $(MAKE) --no-print-directory
	@$(MAKE) --no-print-directory pytest

# one process compiles what all workers import; else each of them would, at the same time
.PHONY: compiled
compiled: $(INSTALLED)
	@$(PY) -m pytest --collect-only -q tests >/dev/null || true

.PHONY: vitest
vitest: $(NODE_MODULES)
	npm --prefix js test

# each notebook starts with an empty store of its own
.PHONY: notebooks
notebooks: bundles
	@ls notebooks/*.ipynb | $(OFFLINE) $(TWO_AT_ONCE) sh -c ' \
	  folder=$$(mktemp -d) && export SPANBOOK_STORE="$$folder/store.db" SPANBOOK_JOURNAL="$$folder/journal" && \
	  $(PY) -m pytest -p nbval -q --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval.cfg "$$0"; \
	  code=$$?; rm -rf "$$folder"; exit $$code'

# whole files go to one worker, so that one browser or JupyterLab serves all tests of a file; a worker more than
# there are cores, as they wait for browsers and processes half of the time
pytest: bundles chromium
	$(OFFLINE) $(PY) -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --no-loadscope-reorder tests

lint: $(INSTALLED) $(NODE_MODULES) ## ruff, mypy, tsc
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	npm --prefix js run check

format: $(INSTALLED) ## let ruff rewrite what it can
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

bench: bundles chromium ## print the benchmark figures, as ratios measured in one run; PEERS=1 adds langfuse and mlflow
	$(OFFLINE) PEERS=$(PEERS) $(PY) -m tests.benchmarks

torture: bundles ## the long reliability tests
	@$(OFFLINE) $(PY) -m pytest -m torture --timeout 7200 tests; code=$$?; \
	if [ $$code = 5 ]; then echo "No test carries the marker 'torture' yet: nothing was run."; exit 0; fi; exit $$code

# with 3.11 also the oldest packages that are said to work
test-matrix: ## the Python tests with every Python 3.11 to 3.14 that is found, on PATH or in pyenv
	@ran=; failed=; for version in 3.11 3.12 3.13 3.14; do \
	  for python in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	    "$$python" -c 'import ensurepip' 2>/dev/null || continue; \
	    echo "== Python $$version"; ran="$$ran $$version"; \
	    $(MAKE) --no-print-directory VENV=.venv-$$version PYTHON="$$python" pytest || failed="$$failed $$version"; \
	    [ $$version = 3.11 ] || break; \
	    echo "== Python $$version with the oldest packages"; ran="$$ran oldest"; \
	    $(MAKE) --no-print-directory VENV=.venv-oldest PYTHON="$$python" EXTRA=test CONSTRAINTS=tests/oldest.txt oldest || \
	      failed="$$failed oldest"; \
	    break; \
	  done; \
	done; \
	[ -n "$$ran" ] || { echo "No Python 3.11 to 3.14 was found."; exit 1; }; \
	echo "Run with Python$$ran; failed with:$${failed:- none}"; [ -z "$$failed" ]

# the tests that depend on the versions of packages; the oldest litellm needs a newer openai than we do
.PHONY: oldest
oldest: bundles
	@$(PIP_INSTALL) --no-deps litellm openai
	$(OFFLINE) $(PY) -m pytest $(wildcard tests/*/test_litellm*)
	@$(PIP) uninstall --yes litellm
	@$(PIP) install --no-compile --no-deps openai==2.0.0
	@# and old packages leave sockets open
	$(OFFLINE) $(PY) -m pytest -W ignore::ResourceWarning --ignore-glob '*/test_litellm*' \
	  $(addprefix tests/,integrations otel models receiver frames magics store tracer widgets)

build: bundles ## wheel and sdist into dist/
	$(PY) -m build --no-isolation --outdir dist

clean: ## remove what was built, not the environments
	rm -rf dist .mypy_cache .ruff_cache .pytest_cache .hypothesis src/spanbook/widgets/static
	find src tests js/hatch_build.py -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## remove the environments too
	rm -rf .venv .venv-* js/node_modules

# ------------------------------------------------------------------------------------------- what they need

bundles: $(INSTALLED)
	@$(PY) js/hatch_build.py

$(INSTALLED): pyproject.toml src/spanbook/_version.py $(CONSTRAINTS) | $(PY)
	@echo "Installing spanbook and its tools into $(VENV)"
	@# uv takes a quarter of the time, and does not know the package indexes that pip is configured for
	@export SPANBOOK_SKIP_JS=1; $(PIP_INSTALL) --upgrade pip uv; \
	$(UV_INSTALL) -e '.[$(EXTRA)]' || { echo "Trying pip instead"; $(PIP_INSTALL) -e '.[$(EXTRA)]'; }
	@# it asks for openai<3, and works with newer ones, which the other tests are for
	@$(PIP_INSTALL) --no-deps llama-index-llms-openai
	@# optional, and with it jsonschema takes 3 s to import: in each kernel's server, notebook and worker
	@$(PIP) uninstall --yes rfc3987-syntax
	@touch $@

$(PY):
	@chosen=; found=; for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  found="$$python"; "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	  chosen="$$python"; break; \
	done; \
	if [ -n "$$chosen" ]; then \
	  echo "Making $(VENV) with $$("$$chosen" --version)"; exec "$$chosen" -m venv --clear $(VENV); \
	elif [ -n "$$found" ]; then \
	  echo "$$found cannot make environments: it lacks ensurepip. On Debian, install python3-venv and run again." >&2; \
	else \
	  echo "No Python >= 3.11 among: $(or $(PYTHON),python3.13 python3.12 python3.11 python3)." \
	    "Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	fi; exit 1

$(NODE_MODULES): js/package.json js/package-lock.json
	@node -e 'process.exit(+(parseInt(process.versions.node, 10) < 20))' 2>/dev/null && command -v npm >/dev/null || \
	  { echo "The tests and the widgets' build need Node >= 20 with npm on PATH. Install it and run again." >&2; exit 1; }
	npm ci --prefix js --no-audit --no-fund
	@touch $@

# skipping the browser tests is for a person's machine only: in CI they must run. Debian's headless shell takes half
# of the time of the whole browser, which other systems have
chromium:
	@for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if command -v apt-get >/dev/null; then \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  if $$sudo true 2>/dev/null; then \
	    echo "Installing Chromium for the browser tests"; \
	    $$sudo apt-get update -qq; \
	    for package in chromium-headless-shell chromium; do \
	      $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$package && exit 0; \
	    done; \
	  fi; \
	fi; \
	echo "Chromium is missing: the browser tests will be skipped. Install Chromium or Google Chrome" \
	  "(on Debian: apt-get install chromium-headless-shell) and run again." >&2; [ -z "$$CI" ]
