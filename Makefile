# make run    answers runs/baseline.toml and builds its pages
# make test   runs the tests
# Each makes .venv and installs what it needs; python3 (3.11 or newer) and make are enough.

PYTHON ?= python3
RUN    ?= runs/baseline.toml
# CUDA=12 or CUDA=13 puts JAX on an NVIDIA GPU; left empty, it runs on the CPU.
CUDA   ?=
# Up to four test processes: each compiles its own programs, and more would only fight for the same cores.
PYTEST_FLAGS ?= --numprocesses auto --maxprocesses 4 --dist loadfile
BENCH_FLAGS ?=

VENV := .venv
BIN  := $(VENV)/bin
CUBE := runs/out/$(basename $(notdir $(RUN))).nc
NOTEBOOKS ?= first_look posterior

ifneq ($(filter-out 12 13,$(CUDA)),)
$(error CUDA=$(CUDA): write CUDA=12 or CUDA=13, or leave it out for the CPU)
endif
DEVICE := $(addprefix $(VENV)/with-cuda,$(CUDA))

# An installed copy of the tables lies in .venv/share/ferrocast: it is refreshed when one changes.
SHARED := $(shell find priors runs -type f -not -path 'runs/out/*' 2>/dev/null)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: help run notebooks test slow check format bench clean
.DEFAULT_GOAL := help
# Two installers in one environment would meet half-written packages; a failed one must leave no stamp.
.NOTPARALLEL:
.DELETE_ON_ERROR:

help:
	@echo 'make run            answer runs/baseline.toml, build its pages in reports/out/'
	@echo 'make run RUN=FILE   the same for another run file'
	@echo 'make run CUDA=13    the same on an NVIDIA GPU (CUDA=12 for an older driver)'
	@echo 'make notebooks      run the notebooks on that cube too, and make pages of them'
	@echo 'make test           the tests'
	@echo 'make slow           the tests that take minutes'
	@echo 'make check          ruff, format check, mypy'
	@echo 'make format         write the files as the format check wants them'
	@echo 'make bench          benchmarks, a table and a figure; BENCH_FLAGS=--quick for 5 minutes'
	@echo 'make clean          remove .venv, builds and caches; results in */out/ stay'

run: $(VENV)/with-nothing $(DEVICE)
	$(BIN)/ferrocast run $(RUN) --out $(CUBE) --overwrite
	$(BIN)/ferrocast pareto $(RUN) --out $(CUBE:.nc=.pareto.nc) --overwrite
	$(BIN)/python reports/build.py $(CUBE)

notebooks: $(VENV)/with-notebook $(DEVICE)
	$(BIN)/python reports/build.py $(CUBE) $(addprefix --notebook ,$(NOTEBOOKS))

test: $(VENV)/with-test $(DEVICE)
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

slow: $(VENV)/with-test $(DEVICE)
	$(BIN)/python -m pytest -m slow

check: $(VENV)/with-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/with-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/with-bench $(DEVICE)
	$(BIN)/python benchmarks/run_all.py $(BENCH_FLAGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made anew, without its stamps, when what it must hold has changed.
$(VENV)/pyvenv.cfg: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/with-nothing: $(VENV)/pyvenv.cfg $(SHARED)
	@echo 'Installing into $(VENV): about a minute the first time.'
	$(INSTALL) .
	@touch $@

$(VENV)/with-%: $(VENV)/pyvenv.cfg $(SHARED)
	@echo 'Installing into $(VENV), with $*: about a minute the first time.'
	$(INSTALL) '.[$*]'
	@touch $@
