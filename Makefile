# Thin names for what tools/ and pytest do; without make, run the commands in README.md.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif

.DEFAULT_GOAL := help
.PHONY: help quick fix page watch book serve lab notebooks changed unit test lint clean

help:      ## list the commands
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

# Every day

quick: lint                      ## style, types, and the unit tests that your change can reach
	$(BIN)/python tools/changed.py $(if $(SINCE),--since $(SINCE))

changed: .venv/.installed-test   ## say what changed, and which tests reach it
	@$(BIN)/python tools/changed.py --list $(if $(SINCE),--since $(SINCE))

fix: .venv/.installed-test       ## mend style, text of notebooks, the picture of imports; executes nothing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/architecture.py --write
	$(BIN)/python tools/notebooks.py sync --text

page: .venv/.installed-book      ## build one page: make page PAGE=03_wrong_labels
	$(BIN)/python tools/book.py --page $(or $(PAGE),$(error name a page: make $@ PAGE=03_wrong_labels))

watch: .venv/.installed-book     ## the same again whenever it changes, in a browser that follows
	$(BIN)/python tools/book.py --watch --page $(or $(PAGE),$(error name a page: make $@ PAGE=03_wrong_labels))

notebooks: .venv/.installed-book ## bring the notebook pairs together and execute what changed
	$(BIN)/python tools/notebooks.py sync

lint: .venv/.installed-test      ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The whole

book: .venv/.installed-book      ## build the book into _build/html
	$(BIN)/python tools/book.py

serve: .venv/.installed-book     ## build the book and serve it on http://localhost:8000
	$(BIN)/python tools/book.py --serve

lab: .venv/.installed-book       ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks/index.ipynb

unit: .venv/.installed-test      ## run all unit tests
	$(BIN)/python -m pytest --numprocesses auto $(PYTEST)

test: .venv/.installed-test      ## build the book and run every test
	$(BIN)/python tools/book.py --record
	$(BIN)/python -m pytest --all --numprocesses auto $(PYTEST)

clean:     ## remove everything that was built, the environment included
	rm -rf _build .venv

# The environment is made once, and again whenever pyproject.toml changes.
.venv/.installed-book: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[book]"
	@touch $@

.venv/.installed-test: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[book,test]"
	@touch $@ .venv/.installed-book
