# Each target as a newcomer would type it; `make` alone lists them. Durations are for two cores.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Test processes side by side. A test module stays in one of them, so that its fixtures are built once; long modules come first.
JOBS   ?= 2
# OpenBLAS starts no threads of its own, as in the workers' units. Bytecode is kept, whatever the shell's environment:
# the tests start many processes, and without it each of them compiles the package again.
PYTEST := PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: help install lint fast test test-slow coverage demo truth train mot eval bench colour plates chaos fire soak docs clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(VENV)/installed: requirements.txt requirements-dev.txt requirements-metrics.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/pip install --disable-pip-version-check --no-deps -e .
	$(BIN)/pip check
	touch $@

install: $(VENV)/installed  ## .venv with the workers, the tests and the package (2 to 5 minutes, mostly downloads)

.typecheck/video_analysis:
	mkdir -p .typecheck && ln -s .. $@

lint: install .typecheck/video_analysis  ## ruff, mypy in strict mode, and the documentation's links (1 minute; later runs 15 s)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.typecheck $(BIN)/mypy -p video_analysis
	$(BIN)/mkdocs build --strict --quiet

fast: install  ## unit tests (at most 30 s)
	$(PYTEST) --hypothesis-profile=fast tests/unit

test: install  ## unit and integration tests and one whole journey: real PostgreSQL, SQS and S3 over HTTP (at most 5 minutes)
	$(PYTEST) --hypothesis-profile=fast -m "not slow"

test-slow: install  ## all that `make test` leaves out, the short part of `make chaos` included (at most 15 minutes)
	$(PYTEST) --hypothesis-profile=thorough -m "slow or thorough"

coverage: install  ## `make test` with the workers' coverage, which must reach a minimum; out/coverage has the lines (at most 7 minutes)
	$(PYTEST) --hypothesis-profile=fast -m "not slow" --cov --cov-report=term --cov-report=html:out/coverage

demo: install  ## a clip through both workers into PostgreSQL and out/demo/report.html; yours: VIDEO= WEIGHTS= MAIN_MODEL= (1 to 3 minutes)
	$(BIN)/python -m video_analysis.demo.run $(if $(VIDEO),--video "$(VIDEO)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") \
		$(if $(MAIN_MODEL),--main-model "$(MAIN_MODEL)")

truth: install  ## snapshots of real clips scored by their true vehicles; writes out/truth.json and contact sheets (up to 20 minutes)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m video_analysis.benchmarks.truth

train: install  ## the demo weights, from synthetic traffic and ../shared/data; continues an interrupted run (hours)
	$(BIN)/python -m video_analysis.training

mot: install  ## tracking against ground truth: recall, id switches, tracks per vehicle; writes out/mot.json (5 minutes)
	$(BIN)/python -m video_analysis.benchmarks.mot $(if $(WEIGHTS),--weights "$(WEIGHTS)")

eval: install  ## both workers on 20 held-out synthetic scenes, compared with targets; writes out/eval.json (up to 45 minutes)
	$(BIN)/python -m video_analysis.benchmarks.eval

bench: install  ## speed of both workers, compared with this machine's limit and the usual wiring; writes out/bench.json (up to 20 minutes)
	$(BIN)/python -m video_analysis.benchmarks.bench $(if $(WEIGHTS),--weights "$(WEIGHTS)")

colour: install  ## colours on photographs and synthetic traffic; writes out/colour.json and sheets of the worst (5 minutes)
	$(BIN)/python -m video_analysis.benchmarks.colour

plates: install  ## installs the optional part and reads plates of known text; writes out/plates.json and a sheet of the worst (5 minutes)
	$(BIN)/pip install --disable-pip-version-check -r requirements-plate.txt
	$(BIN)/python -m video_analysis.benchmarks.plates

chaos: install  ## kills, stops, outages, stale leases and bad input, on both workers; writes out/chaos.json (up to 40 minutes)
	$(BIN)/python -m video_analysis.tests.chaos

fire: chaos  ## former name of `make chaos`

soak: install  ## PART=stage1: an hour of video; PART=stage2: 20,000 snapshots; checked for leaks; writes out/soak-PART.json (up to 150 minutes each)
	$(BIN)/python -m video_analysis.tests.chaos.soak $(PART)

docs: install  ## the documentation as HTML in out/site (5 s)
	$(BIN)/mkdocs build --strict --quiet

clean:  ## removes what the other targets created (1 s)
	rm -rf $(VENV) .typecheck .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage build out *.egg-info
