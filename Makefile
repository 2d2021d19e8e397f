# Each target as a newcomer would type it; `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help install test lint demo clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(VENV)/installed: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/pip install --disable-pip-version-check --no-deps -e .
	$(BIN)/pip check
	touch $@

install: $(VENV)/installed  ## .venv with the workers, the tests and the package

.typecheck/video_analysis:
	mkdir -p .typecheck && ln -s .. $@

lint: install .typecheck/video_analysis  ## ruff and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.typecheck $(BIN)/mypy -p video_analysis

test: install  ## everything, against a real PostgreSQL and SQS and S3 over HTTP
	$(BIN)/pytest

demo: install  ## a real clip through both workers into PostgreSQL: make demo VIDEO=clip.mp4 WEIGHTS=detector.pt
	$(BIN)/python -m video_analysis.demo.run $(if $(VIDEO),--video "$(VIDEO)") $(if $(WEIGHTS),--weights "$(WEIGHTS)")

clean:  ## removes what the other targets made
	rm -rf $(VENV) .typecheck .mypy_cache .ruff_cache .pytest_cache out *.egg-info
