# Every target works alone in a fresh clone: the first one used makes .venv. On Windows, README has the same lines for Python.
PYTHON ?= python3
TORCH_INDEX ?=
PY := .venv/bin/python

export PIP_DISABLE_PIP_VERSION_CHECK := 1
.DEFAULT_GOAL := help
.PHONY: help run lab test test-fast lint docs mutants wheel lowest wheelhouse clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "PYTHON=python3.12   the Python that makes .venv (3.11 or newer; default: python3)"
	@echo "TORCH_INDEX=URL     where torch comes from, as https://download.pytorch.org/whl/cpu for its CPU-only wheels"

run: .venv/installed ## the main job: handwritten digits to classes, with a scoreboard and a report in runs/
	@$(PY) -m mtlkit.cli course run 00 -p effort=1

lab: .venv/installed ## JupyterLab on the course
	@$(PY) -m jupyterlab notebooks

test: .venv/installed ## all tests, with coverage
	@$(PY) -m pytest -n 2 --dist loadfile --cov=mtlkit --cov-fail-under=90

test-fast: .venv/installed ## the tests that take seconds (under 3 minutes)
	@$(PY) -m pytest -n 2 --dist loadfile -m "not slow"

lint: .venv/installed ## ruff on code and the chapters' sources, mypy on the package
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

docs: .venv/installed ## pages in build/docs/: the package, from its docstrings, and the chapters (no network)
	@$(PY) docs/pages.py

mutants: .venv/installed ## plant 30 faults in the method and see the tests go red (half an hour; not part of make test)
	@$(PY) benchmarks/mutants.py

wheel: .venv/installed ## build the wheel, install it in an empty environment outside the clone, and fit digits there
	@$(PY) benchmarks/installed.py wheel

lowest: .venv/installed ## install the lowest versions that pyproject.toml allows in an environment of their own, and test-fast
	@$(PY) benchmarks/installed.py lowest

wheelhouse: .venv/installed ## all packages as files in wheelhouse/, for a room without a network (see docs/teaching.md)
	@$(PY) -m pip wheel -q -c constraints.txt -w wheelhouse --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch torchvision
	@$(PY) -m pip wheel -q -c constraints.txt -w wheelhouse --find-links wheelhouse ".[course]"

clean: ## remove .venv and what the tools left (runs/ and data/ stay)
	@rm -rf .venv build dist mtlkit.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache .coverage

# torch and torchvision are a pair built for each other, so one command takes both from one place; --no-deps because
# TORCH_INDEX has little else: what they need comes with the second command. The stamp is last: a set-up that broke off
# is gone on with at the next make.
.venv/installed: pyproject.toml constraints.txt
	@"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "mtlkit needs Python 3.11 or newer, and $(PYTHON) is not that: install one (python.org or your system's packages) and name it, as in: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up .venv (once, 2 to 4 minutes; 6.2 GB of disk, 1.8 GB with torch's CPU-only wheels: see make help) ..."
	@"$(PYTHON)" -m venv .venv
	@$(PY) -m pip install -qq -c constraints.txt --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch torchvision
	@$(PY) -m pip install -qq -c constraints.txt -e ".[course,dev,heic,medical]"
	@touch .venv/installed
	@echo "Set up: .venv is ready."
