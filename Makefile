# Every target sets itself up: Python 3.11 or newer is all a machine needs.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
# Files of tests side by side, one thread of torch each, in the order of tests/conftest.py; one more than there are
# cores (at most 4): a quarter of the time of two on two cores was waiting.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n + 1 : 4)))
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: setup chat run test crash coverage check format reports interviews faces screens dashboard-load clean

setup: $(VENV)/.installed
chat: setup
	@$(BIN)/python main.py chat $(ARGS)
run: setup
	@exec $(BIN)/python main.py run $(ARGS)
test: $(VENV)/.installed-dev
	$(PYTEST) $(ARGS)
crash: $(VENV)/.installed-dev
	OHLORA_TEST_KILLS=200 $(BIN)/python -m pytest tests/e2e/test_crash.py tests/e2e/test_sanction_crash.py
coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-fail-under=90
check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
reports: $(VENV)/.installed-dev
	$(BIN)/python main.py evaluate dialogue --golden models/evaluation/golden/dialogue_unseen.jsonl --report docs/evaluation
	$(BIN)/python main.py evaluate ethics --data models/evaluation/golden/ethics_unseen.csv --report docs/evaluation
	$(BIN)/python main.py evaluate memory --data models/evaluation/golden/memory_unseen.csv --report docs/evaluation
	$(BIN)/python main.py evaluate held-out --task dialogue --limit 300 --report docs/evaluation
	$(BIN)/python main.py evaluate held-out --task memory --limit 300 --report docs/evaluation
	$(BIN)/python main.py evaluate held-out --task ethics --report docs/evaluation
	$(BIN)/python main.py evaluate interview --report docs/evaluation
screens: $(VENV)/.installed-dev
	$(BIN)/python -m tests.e2e.dashboard_screens docs/dashboard
dashboard-load: $(VENV)/.installed-dev
	$(BIN)/python -m tests.e2e.dashboard_load
interviews: $(VENV)/.installed
	$(BIN)/python main.py interview simulate --write docs/interview.md
faces: $(VENV)/.installed
	$(BIN)/python -m bot.face_sheet docs/faces
clean:
	rm -rf $(VENV) build dist *.egg-info

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or give PYTHON=/path/to/python"; exit 2; }
	@echo "making $(VENV) with $(PYTHON)" >&2
	@$(PYTHON) -m venv $(VENV)
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing (some minutes the first time)" >&2
	@$(PIP) torch
	@$(PIP) --editable .
	@touch $@
$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing, with what the tests need (some minutes the first time)" >&2
	@$(PIP) torch
	@$(PIP) --editable '.[train,dev]'
	@touch $(VENV)/.installed $@
