# Thin names for what tools/ and pytest do; without make, run the commands in README.md.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif

.DEFAULT_GOAL := help
.PHONY: help book serve test lab notebooks lint clean

help:      ## list the commands
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

book: .venv/.installed-book      ## build the book into _build/html
	$(BIN)/python tools/book.py

serve: .venv/.installed-book     ## build the book and serve it on http://localhost:8000
	$(BIN)/python tools/book.py --serve

test: .venv/.installed-test      ## build the book and run every test
	$(BIN)/python tools/book.py
	$(BIN)/python -m pytest --numprocesses auto $(PYTEST)

lab: .venv/.installed-book       ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks/index.ipynb

notebooks: .venv/.installed-book ## bring the notebook pairs together and execute what changed
	$(BIN)/python tools/notebooks.py sync

lint: .venv/.installed-test      ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

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
