# Each target does all its own set-up in .venv; needed are Python >= 3.11, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
SUITE := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not external" -rs

.PHONY: demo test external pictures coverage versions check docs bench matrix clean

demo: $(STAMP)          ## a table in, the same table with answers out, on our own server: no key, no cost
	$(BIN)/prefect-openai-batch demo

test: check             ## everything that pip can bring; names the tests it leaves out
	$(SUITE) $(PYTEST_ARGS)

external: $(DEV_STAMP)  ## the tests it leaves out: Prefect's form in a real browser, which needs Chromium
	$(BIN)/pytest -m external -rs $(PYTEST_ARGS)

pictures: $(DEV_STAMP)  ## the pictures of the pages, made anew: the demo's, and what the browser test of the whole way sees
	$(BIN)/python docs/make_picture.py
	OPENAI_BATCH_PICTURES=docs/pictures $(BIN)/pytest -m external tests/deployments/browser/test_journey.py $(PYTEST_ARGS)

coverage: $(DEV_STAMP)  ## the tests that pip suffices for; what they do not reach
	$(SUITE) --cov --cov-report=term $(PYTEST_ARGS)

versions:               ## the suite on each Python that is here, on the lowest versions we name and on the newest
	$(PYTHON) tests/versions.py $(PYTEST_ARGS)

check: $(DEV_STAMP)     ## format, lint, types, and which room may know which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DEV_STAMP)      ## the site of docs/ in build/site, with the reference; a link that leads nowhere is an error
	$(BIN)/python docs/make_site.py

# Each prints its table; the last run's is kept beside it.
BENCHMARKS := building fetching typed_answers against_a_script memory overhead suspended_jobs waiting enqueued \
	simulation trials lakes.many_files databases.sql_reading answers.second_runs answers.kept

bench: $(DEV_STAMP)     ## how fast, how large, at what cost; all tables in benchmarks/RESULTS.md
	for name in $(BENCHMARKS); do table=benchmarks/$$(echo $$name | tr . /).txt; \
	$(BIN)/python -m benchmarks.$$name > $$table || failed=1; cat $$table; done; test -z "$$failed"
	$(BIN)/python -m benchmarks.results > benchmarks/RESULTS.md

MATRICES := crash_matrix fault_matrix twins suspended_crashes budgets engines load_crashes nights

matrix: $(DEV_STAMP)    ## every crash, fault and race, and 200 budgets: an hour or more on 2 cores
	for name in $(MATRICES); do $(BIN)/python -m benchmarks.matrices.$$name > benchmarks/matrices/$$name.txt \
	|| failed=1; cat benchmarks/matrices/$$name.txt; done; test -z "$$failed"

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	@echo "making an environment for Python in $(VENV) …"
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing the package and what it needs; pip is silent, and takes minutes on a busy machine …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

# Strict: the type checker follows the layout only so. A new file needs a new install.
SOURCES := $(shell git ls-files '*.py' 2>/dev/null)
$(DEV_STAMP): pyproject.toml constraints.txt $(SOURCES) | $(VENV)/bin/python
	@echo "installing the package with what its tests need; pip is silent, and takes minutes on a busy machine …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' -C editable_mode=strict
	@touch $@ $(STAMP)
