# ecgstudy. Bare `make` lists the words.
PARAMS ?= params/quick.yaml
DATA ?=
export PYTHON

ecgstudy := .venv/bin/ecgstudy
data_option := $(if $(DATA),--data "$(DATA)")

.DEFAULT_GOAL := help
.PHONY: help environment run-all test test-all lab app docs bench lint audit reference rebuild lock clean FORCE

help:  ## list these words
	@awk 'BEGIN {FS = ":.*## "; print "make WORD, where WORD is"} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "PARAMS=params/cpu.yaml chooses a study, DATA=path a folder or a CSV of your own pages."
	@echo "One notebook alone: make outputs/quick/notebooks/04_explainability.ipynb"

environment:  ## create or update .venv from requirements.lock
	@sh environment.sh

run-all: environment  ## run the whole study: data, models, notebooks, report (only what is stale)
	@$(ecgstudy) run "$(PARAMS)" $(data_option)

outputs/%.ipynb: environment FORCE
	@$(ecgstudy) run "params/$(firstword $(subst /, ,$*)).yaml" --only "$(notdir $*)"

test: environment  ## run the tests (a quarter of an hour on two cores)
	@.venv/bin/python -m pytest -m "not slow" -n 2 --dist loadfile

test-all: environment  ## run all tests, the long ones too (an hour at most)
	@.venv/bin/python -m pytest -n 2 --dist loadfile

lab: environment  ## open JupyterLab in notebooks/
	@.venv/bin/jupyter lab --notebook-dir .

app: environment  ## open the page for a picture of your own in the browser
	@$(ecgstudy) app

docs: environment  ## build the documentation into outputs/docs
	@.venv/bin/sphinx-build -W -q docs outputs/docs && echo outputs/docs/index.html

bench: environment  ## measure ratios against what one would use instead (25 minutes; wants a quiet machine)
	@.venv/bin/python -m benchmarks

lint: environment  ## ruff, mypy, import-linter
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports

audit: environment  ## look up known weaknesses of the locked libraries (needs a network)
	@.venv/bin/pip-audit --requirement requirements.lock --disable-pip --strict --progress-spinner off

reference: run-all  ## keep a study's answers and the tables made from them in outputs/reference (they are committed)
	@.venv/bin/python -m ecgstudy.reference "$(PARAMS)" $(DATA)
	@name=$(notdir $(basename $(PARAMS))); cp outputs/$$name*/figures/ladder.svg outputs/reference/$$name/

rebuild: environment  ## make a study's reference tables again from the answers kept beside them, without training
	@.venv/bin/python -m ecgstudy.reference "outputs/reference/$(notdir $(basename $(PARAMS)))"

lock:  ## resolve requirements.lock anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" --extra dev pyproject.toml --output-file requirements.lock

clean:  ## remove the outputs of the studies (not outputs/reference and outputs/bench)
	@find outputs -mindepth 1 -maxdepth 1 -type d ! -name reference ! -name bench -exec rm -r {} +

FORCE:
