# The two commands for newcomers: make demo, make test. All of it lives in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# with PYTHON, a venv of another version is replaced; without it, the venv is used as it is
# (side by side: make test PYTHON=python3.13 VENV=.venv-3.13)
VERSION := -c 'import sys; print(sys.version)'
ifneq ($(origin PYTHON),file)
OTHER := $(shell [ ! -e $(BIN)/python ] || [ "$$($(BIN)/python $(VERSION))" = "$$($(PYTHON) $(VERSION))" ] || echo --clear)
endif

.PHONY: install secrets influxd demo test test-unit check faults mutants bench quality docs schema lock clean other

install: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml $(if $(OTHER),other)
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or later is needed, this is {v.major}.{v.minor}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(OTHER) $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# passwords for docker-compose.yml, created once; needs only the standard library
secrets:
	$(PYTHON) config/deploy/make_secrets.py

demo: install
	@$(BIN)/firmware-sim demo $(DEMO)

test: install
	$(BIN)/python -m pytest -n auto --dist worksteal tests/unit
	$(BIN)/python -m pytest tests/integration tests/acceptance

# without the tests marked slow
test-unit: install
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" tests/unit

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# the InfluxDB that tests forward to; built once, some minutes
influxd:
	@tests/influxd/build.sh

faults: install
	SENSORHUB_KILLS=20 $(BIN)/python -m pytest tests/acceptance
	$(BIN)/python tests/acceptance/faults_table.py

# one-line changes that the tests must detect; some minutes
mutants: install
	$(BIN)/python -m tests.mutants $(MUTANTS)

bench: install
	$(BIN)/python -m tests.bench $(BENCH)

# compares alerts with the simulator's truth; some minutes a seed
quality: install
	$(BIN)/python -m tests.quality $(QUALITY)

docs: install
	$(BIN)/python docs/generate.py

# writes the schema that all migrations give; run it after a new migration
schema: install
	$(BIN)/python -m tests.support.schema

# pins every dependency with its hashes, without download addresses
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --all-extras --custom-compile-command "make lock" --quiet --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build data/demo
