# Every target works on a machine with nothing but Python 3.11 or newer, Node 20 or newer, Git and
# make: the first run makes .venv and builds the side panel, later runs use both. LAB=0 leaves
# JupyterLab unstarted; COUNT is how many faults `make mutants` puts into the code; SCALE is how many
# times as many faults `make torture` tries as `make test`, and how big the data of `make bench` is.
# DVC names the program that `make bench` compares with, where it is not on PATH.

PYTHON ?= python3
LAB ?= 1
DEMO ?= demo
WORKERS ?= auto
COUNT ?= 400

BIN := .venv/bin
PANEL := $(filter-out labextension/node_modules labextension/lib labextension/dist, \
	$(wildcard labextension/* labextension/src/* labextension/src/*/* labextension/schema/* \
	labextension/style/*)) jupyter_mlops/metrics/chart.js jupyter_mlops/_version.py
FAULTS := tests/crash tests/hostile tests/fuzz
UNIT := not slow and not demo and not browser

.DEFAULT_GOAL := help
.PHONY: help demo test check bench torture coverage mutants

help:
	@echo 'make demo    a project with real data and real runs, then JupyterLab on it (LAB=0: without)'
	@echo 'make test    all tests'
	@echo 'make check   format, lint, types, layers, and the unit tests'
	@echo 'make torture many more faults and attacks than make test tries (SCALE=10; hours)'
	@echo 'make coverage which lines and branches of what keeps data the tests reach (an hour)'
	@echo 'make mutants how many small faults in the write path the tests notice (COUNT=400; an hour)'
	@echo 'make bench   what operations cost, and beside DVC (SCALE=0.1; SCALE=1 writes docs/benchmarks.md)'

demo: .venv/lab.stamp
	@[ -e '$(DEMO)' ] || echo 'Running the notebooks of the demo in $(DEMO) (a minute or two) ...'
	@$(BIN)/jupyter mlops demo '$(DEMO)'
ifneq ($(LAB),0)
	@cd '$(DEMO)' && exec '$(CURDIR)/$(BIN)/jupyter' lab $(ALLOW_ROOT) start-here.ipynb
endif

test: .venv/test.stamp
	@$(BIN)/python -m pytest -q -n $(WORKERS)

check: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm --prefix labextension run --silent lint
	$(BIN)/python -m pytest -q -n $(WORKERS) -m '$(UNIT)'

torture: SCALE ?= 10
torture: .venv/test.stamp
	@$(BIN)/python -m pytest -q -n $(WORKERS) --scale $(SCALE) $(FAULTS)

coverage: .venv/test.stamp
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest -q -n $(WORKERS)
	@$(BIN)/python -m coverage combine --quiet
	@for package in files formats objects snapshots; do \
		$(BIN)/python -m coverage report --include="jupyter_mlops/$$package/*" --fail-under=95 \
			|| exit 1; \
	done

mutants: .venv/mutation.stamp
	@$(BIN)/python -m tests.mutation --count $(COUNT)

bench: SCALE ?= 0.1
bench: .venv/test.stamp
	@$(BIN)/python -m tests.benchmarks
	@$(BIN)/python -m tests.benchmarks.targets --scale $(SCALE) $(if $(DVC),--dvc '$(DVC)') \
		$(if $(filter 1,$(SCALE)),--write)

# JupyterLab refuses to be started by root unless it is told to.
ALLOW_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root)

.venv/lab.stamp: .venv/python.stamp pyproject.toml $(PANEL)
	@echo 'Building the side panel, and installing it with JupyterLab and scikit-learn into .venv'
	@echo '(once, two minutes) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab]'
	@touch $@

.venv/test.stamp: .venv/lab.stamp pyproject.toml tests/support/programs.py \
		tests/support/azurite/package-lock.json
	@echo 'Installing the test tools into .venv (once) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab,test]'
	@$(BIN)/python -m tests.support.programs
	@touch $@

.venv/mutation.stamp: .venv/test.stamp
	@echo 'Installing cosmic-ray into .venv (once) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[mutation]'
	@touch $@

.venv/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@
