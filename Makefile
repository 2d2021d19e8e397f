# Each target as a newcomer would type it; `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help install test lint demo mot clips train eval bench fire soak colour plates clean

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

demo: install  ## a clip through both workers into PostgreSQL and out/demo/report.html; yours: VIDEO= WEIGHTS= MAIN_MODEL=
	$(BIN)/python -m video_analysis.demo.run $(if $(VIDEO),--video "$(VIDEO)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") \
		$(if $(MAIN_MODEL),--main-model "$(MAIN_MODEL)")

clips: install  ## every real clip at strides 1, 3 and 10 through both workers; contact sheets in out/clips
	$(BIN)/python -m video_analysis.benchmarks.clips

train: install  ## the demo weights from the synthetic traffic world, hours on a CPU; goes on where it was stopped
	$(BIN)/python -m video_analysis.training

mot: install  ## tracking against ground truth: recall, id switches, tracks per vehicle; writes out/mot.json
	$(BIN)/python -m video_analysis.benchmarks.mot $(if $(WEIGHTS),--weights "$(WEIGHTS)")

eval: install  ## both workers on 20 held-out synthetic scenes, targets beside figures; writes out/eval.json, up to 45 minutes
	$(BIN)/python -m video_analysis.benchmarks.eval

bench: install  ## speed of both workers against this machine's bound and the usual wiring; writes out/bench.json, up to 20 minutes
	$(BIN)/python -m video_analysis.benchmarks.bench $(if $(WEIGHTS),--weights "$(WEIGHTS)")

colour: install  ## colours against photographs and the traffic world; writes out/colour.json and sheets of the worst
	$(BIN)/python -m video_analysis.benchmarks.colour

plates: install  ## installs the optional part and reads plates of known text; writes out/plates.json and a sheet of the worst
	$(BIN)/pip install --disable-pip-version-check -r requirements-plate.txt
	$(BIN)/python -m video_analysis.benchmarks.plates

fire: install  ## kills, stops, outages, stale leases and bad input, done to both workers; writes out/fire.json, up to 40 minutes
	$(BIN)/python -m video_analysis.tests.chaos

soak: install  ## an hour of video and 20,000 snapshots, and what grows meanwhile; writes out/soak.json, takes hours
	$(BIN)/python -m video_analysis.tests.chaos.soak

clean:  ## removes what the other targets made
	rm -rf $(VENV) .typecheck .mypy_cache .ruff_cache .pytest_cache .hypothesis build out *.egg-info
