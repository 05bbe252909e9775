# Set-up, demo and checks. `make demo` and `make test` do all set-up themselves; nothing needs root or a display.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
# Extra words for pip when it installs torch, such as `--index-url URL` of an index with CPU builds.
TORCH_INDEX ?=
DEMO ?= demo
# Processes of the default tests.
WORKERS ?= 2
BIN := $(VENV)/bin
PACKAGES := geometry body capture calibration registration texture hps humanrig
export OMP_NUM_THREADS ?= 1
# Compiled tests and modules are kept, whatever the caller's environment says: half of the time of collecting them.
unexport PYTHONDONTWRITEBYTECODE

GLTF_VALIDATOR := gltf-validator@2.0.0-dev.3.10

.PHONY: gltf-validator setup demo test test-slow check lint types imports format lock clean help

help:
	@echo "make demo       set up, simulate a rig, reconstruct, and show where the results are"
	@echo "make test       set up, run the tests"
	@echo "make check      lint, types, import rules and the tests"
	@echo "make test-slow  the long tests"
	@echo "make gltf-validator  fetch Khronos' validator for the tests of exported models"
	@echo "make lock       renew requirements.lock from pyproject.toml"

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml scripts/check_machine.py
	$(PYTHON) scripts/check_machine.py before
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH_INDEX) $(TORCH)
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/python scripts/check_machine.py after
	touch $@

demo: setup
	$(BIN)/humanrig demo $(DEMO)

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-slow: setup
	$(BIN)/python -m pytest -m "slow and not gpu and not device and not licensed" --timeout 2400

check: lint types imports test

# The official validator of Khronos, for the tests of exported models (they are skipped without it); needs npm.
gltf-validator:
	npm install --no-save --no-package-lock --prefix build/gltf $(GLTF_VALIDATOR)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/basedpyright

imports: setup
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A fresh environment resolves pyproject.toml; torch stays out of the file because it is installed on its own.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet $(TORCH_INDEX) $(TORCH)
	build/lock/bin/python -m pip freeze --all | grep -iE '^(torch|nvidia|triton)' > build/lock/torch.txt
	build/lock/bin/python -m pip install --quiet '.[dev]'
	( echo "# Tested versions, read by pip; made by 'make lock'. torch is installed first, on its own (see Makefile)."; \
	  build/lock/bin/python -m pip freeze --all | grep -viE '^(torch|nvidia|triton|humanrig|pip|setuptools|wheel)\b' ) > requirements.lock

clean:
	rm -rf $(VENV) build demo
