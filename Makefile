# Two commands to begin with: `make demo` and `make test`. Each target sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
READY := .venv/.bootstrapped
DEMO := build/demo

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9.-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml scripts/bootstrap.sh
	@scripts/bootstrap.sh

.PHONY: install
install: $(READY) ## Make .venv with the locked dependencies and the package

.PHONY: demo
demo: $(READY) ## Lint, compile and explain the examples; judge two runs on this machine with a real Prometheus
	@echo "== validationrun lint examples"
	@$(BIN)/validationrun lint examples
	@echo; echo "== validationrun compile examples -o $(DEMO)"
	@$(BIN)/validationrun compile examples -o $(DEMO)
	@echo; echo "== validationrun explain examples/nightly.yaml"
	@$(BIN)/validationrun explain examples/nightly.yaml
	@echo; echo "The spec:     examples/nightly.yaml"
	@echo "Its template: $(DEMO)/eng-ada/nightly/workflowtemplate.yaml"
	@echo "Its bundle:   $(DEMO)/eng-ada/nightly/bundle.yaml (everything that holds your text)"
	@echo "Your own:     .venv/bin/validationrun init nightly > run.yaml"
	@found=$$(scripts/prometheus.sh) && exec $(BIN)/python -m demo "$$found"

.PHONY: test
test: $(READY) ## Run the tests
	@$(BIN)/pytest -q -n 2 --dist worksteal

.PHONY: test-fast
test-fast: $(READY) ## Run the tests that need neither a Prometheus nor a build: some minutes
	@$(BIN)/pytest -q -n auto --dist worksteal tests/unit tests/golden tests/cli

.PHONY: test-prometheus-3
test-prometheus-3: $(READY) ## The tests that a real Prometheus judges, by Prometheus 3, which is built from its Go module
	@found=$$($(BIN)/python -m tests.cluster prometheus-3) && PROMETHEUS_BIN=$$found $(BIN)/pytest -q -n 2 --dist worksteal \
	  tests/prometheus tests/ruletest tests/evaluator tests/history tests/worlds

.PHONY: test-victoria-metrics
test-victoria-metrics: $(READY) ## The worlds on VictoriaMetrics, and alert rules where vmalert evaluates (both Debian's, installed when missing)
	@WORLDS_ON=victoria-metrics $(BIN)/pytest -q -n 2 --dist worksteal tests/worlds/test_worlds.py tests/relatives

.PHONY: test-thanos
test-thanos: $(READY) ## The worlds on a Thanos Query over two replicas, which is built from its Go module
	@WORLDS_ON=thanos $(BIN)/pytest -q tests/worlds/test_worlds.py

.PHONY: test-examples
test-examples: $(READY) ## Prove each rule of the examples: seen Passed, and seen Failed
	@$(BIN)/validationrun test --strict examples-tests

.PHONY: cluster
cluster: $(READY) ## Bring up a cluster of real parts on this machine (root, Linux); see tests/cluster/README.md
	@$(BIN)/python -m tests.cluster up
	@$(BIN)/python -m tests.cluster images

.PHONY: cluster-build
cluster-build: $(READY) ## Build the programs of the cluster, once; start nothing
	@$(BIN)/python -m tests.cluster build

.PHONY: cluster-down
cluster-down: ## Take the cluster down; nothing is left of it
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m tests.cluster down; else python3 -m tests.cluster down; fi

.PHONY: older-argo
older-argo: $(READY) cluster ## Build the older line of Argo for the cluster
	@$(BIN)/python -m tests.cluster older-argo

# With E2E_CONTEXT the tests run on a cluster of yours, whose installation they leave alone; see tests/e2e/README.md.
E2E_CLUSTER := $(if $(E2E_CONTEXT),,cluster)
E2E_PYTEST := $(BIN)/python -m pytest -q -n $(or $(E2E_WORKERS),4) --dist load --maxschedchunk 1
.PHONY: e2e
e2e: $(READY) $(E2E_CLUSTER) $(if $(E2E_CONTEXT),,older-argo) ## Run whole validations on a real cluster, and every generated object by its API server
ifdef E2E_CONTEXT
	@$(E2E_PYTEST) -m "not installation and not alone and not rest" tests/cron tests/chain tests/e2e
else
	@status=0; \
	$(E2E_PYTEST) -m "not alone and not rest" tests/cron tests/chain tests/e2e || status=1; \
	$(BIN)/python -m pytest -q -m "alone and not rest" tests/e2e || status=1; \
	exit $$status
endif

.PHONY: e2e-rest
e2e-rest: $(READY) older-argo ## The end-to-end cases that `make e2e` leaves out
	@status=0; \
	$(E2E_PYTEST) -m "rest and not alone" tests/e2e || status=1; \
	$(BIN)/python -m pytest -q -m "rest and alone" tests/e2e || status=1; \
	exit $$status

.PHONY: e2e-3.7
e2e-3.7: $(READY) older-argo ## The cases that hold on Argo 3.7 too, on it alone
	@$(E2E_PYTEST) tests/e2e/test_older_argo.py

.PHONY: e2e-all
e2e-all: $(READY) ## What takes longer than a change may wait: Prometheus 3, VictoriaMetrics, Thanos, k6, Locust, all end-to-end cases, 10 random faults, and 5 over suites
	@status=0; \
	for target in test-prometheus-3 test-victoria-metrics test-thanos test-generators e2e e2e-rest; do $(MAKE) $$target || status=1; done; \
	$(MAKE) e2e-random E2E_COUNT=$(or $(E2E_COUNT),10) || status=1; \
	$(MAKE) e2e-random-suites E2E_COUNT=$(or $(E2E_COUNT),5) || status=1; \
	exit $$status

LOCUST := build/locust

$(LOCUST)/bin/locust: requirements/locust.txt | $(READY)
	@$(BIN)/python -m venv $(LOCUST)
	@$(LOCUST)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/locust.txt
	@touch $@

.PHONY: test-generators
test-generators: $(READY) $(LOCUST)/bin/locust ## The wrappers of k6 and Locust in docs/workload.md; k6 is built from its Go module
	@found=$$($(BIN)/python -m tests.cluster k6) && K6_BIN=$$found LOCUST_BIN=$(CURDIR)/$(LOCUST)/bin/locust \
	  $(BIN)/pytest -q tests/generators

.PHONY: demo-cluster
demo-cluster: $(READY) $(E2E_CLUSTER) ## Run a validation on the cluster; show its verdict, and the Workflow as Argo tells it
	@$(BIN)/python -m tests.e2e.demo

.PHONY: image
image: ## Build the runner's image with docker, podman or buildah
	@for tool in docker podman buildah; do command -v $$tool >/dev/null && exec $$tool build -t validationrun-runner:v1 .; done; \
	  echo "image: needs docker, podman or buildah" >&2; exit 1

.PHONY: coverage
coverage: $(READY) ## Run the tests and hold the compiler's rooms to 95 % branch coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -q -p no:cacheprovider tests/unit tests/golden tests/cli
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report --fail-under=95 \
	  --include='*/validationrun/spec/*,*/validationrun/compiling/*'
	@$(BIN)/coverage report

.PHONY: fmt
fmt: $(READY) ## Format the code
	@$(BIN)/ruff format compiler tests
	@$(BIN)/ruff check --fix-only -q compiler tests

.PHONY: check
check: $(READY) ## Style, types, import directions, size and shape of the code, paths in the docs, drift of generated files
	@$(BIN)/ruff check compiler tests
	@$(BIN)/ruff format --check compiler tests
	@$(BIN)/mypy
	@MYPYPATH=tests $(BIN)/mypy --explicit-package-bases --follow-imports=silent -p tests.e2e
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest -qq -p no:cacheprovider tests/house
	@$(BIN)/validationrun compile examples -o generated --check
	@diff -u schemas/validationrun.schema.json <($(BIN)/validationrun schema) || { echo "run: make schemas"; exit 1; }
	@$(BIN)/python tests/update_schemas.py --check

.PHONY: ratchet
ratchet: $(READY) ## Lower the bounds of tests/house/ratchet.toml to the present counts
	@$(BIN)/python -m tests.house.ratchet

.PHONY: rooms
rooms: $(READY) ## Draw the rooms of the product: a floor a line, with what each room imports
	@$(BIN)/python -m tests.house.imports

.PHONY: schemas
schemas: $(READY) ## Write schemas/ from the models
	@$(BIN)/validationrun schema > schemas/validationrun.schema.json
	@$(BIN)/python tests/update_schemas.py

.PHONY: generate
generate: $(READY) ## Compile examples/ to generated/
	@$(BIN)/validationrun compile examples -o generated

.PHONY: fixtures
fixtures: $(READY) ## Write the expected messages of tests/fixtures/invalid; read the diff before committing it
	@$(BIN)/python tests/update_fixtures.py

.PHONY: examples
examples: $(READY) ## Write examples/ from the scenarios of `init`
	@for scenario in nightly release soak shadow early-stop; do \
	  $(BIN)/validationrun init $$scenario --schema ../schemas/validationrun.schema.json > examples/$$scenario.yaml; done
	@mkdir -p examples/seinodedeployment; for older in nightly release soak early-stop; do \
	  $(BIN)/validationrun init $$older --api SeiNodeDeployment --name $$older-snd \
	    --schema ../../schemas/validationrun.schema.json > examples/seinodedeployment/$$older.yaml; done

.PHONY: argo-lint
argo-lint: $(READY) ## Judge generated/ by the real Argo (newest line) and by Kubernetes' own schemas
	@$(BIN)/python tests/judge/judge.py --self-test
	@$(BIN)/python tests/judge/judge.py --line 4 generated

.PHONY: argo-lint-all
argo-lint-all: argo-lint ## The same by both supported Argo lines
	@$(BIN)/python tests/judge/judge.py --line 3.7 generated

.PHONY: bench
bench: $(READY) ## Measure: compiler beside bare libraries, steps' start times, evaluator under load, backtest beside instant queries; compare 100,000 runs with the model
	@status=0; \
	$(BIN)/python tests/benchmarks/run.py || status=1; \
	$(BIN)/python tests/benchmarks/suite.py || status=1; \
	$(BIN)/python tests/benchmarks/start_times.py || status=1; \
	PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.backtest || status=1; \
	PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.evaluator --minutes 10 || status=1; \
	PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.hostile_answers || status=1; \
	PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.history || status=1; \
	PYTHONPATH=tests $(BIN)/python -m tests.model.agree --count 100000 || status=1; \
	exit $$status

.PHONY: bench-short
bench-short: $(READY) ## The same measurements in about a minute; judges that they run and agree, never how fast
	@$(BIN)/python tests/benchmarks/run.py --short
	@$(BIN)/python tests/benchmarks/suite.py --short
	@$(BIN)/python tests/benchmarks/start_times.py --short
	@PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.backtest --short
	@PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.evaluator --short
	@PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.hostile_answers --short
	@PYTHONPATH=tests $(BIN)/python -m tests.benchmarks.history --short
	@PYTHONPATH=tests $(BIN)/python -m tests.model.agree --count 2000

.PHONY: bench-cluster
bench-cluster: $(READY) cluster ## Measure real runs: overhead next to a do-nothing Workflow, breach to the load's end, size
	@status=0; \
	$(BIN)/python -m tests.benchmarks.cluster_overhead || status=1; \
	$(BIN)/python -m tests.benchmarks.cluster_scale || status=1; \
	$(BIN)/python -m tests.benchmarks.cluster_suites || status=1; \
	exit $$status

.PHONY: report-pages
report-pages: $(READY) ## Look at the report's pages in a real browser (Debian's chromium); pictures in build/report-pages
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }
	@$(BIN)/python -m tests.report.browser_check

.PHONY: mutate
mutate: $(READY) ## Remove each check in turn; each removal must turn a test red
	@$(BIN)/python tests/mutate/mutate.py

.PHONY: lock
lock: $(READY) ## Resolve pyproject.toml to requirements/*.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  requirements/locust.in -o requirements/locust.txt

.PHONY: package
package: $(READY) ## Build the wheel and the source distribution into dist/
	@$(BIN)/hatchling build

.PHONY: clean
clean: ## Remove what the targets made
	@rm -rf .venv .cache build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: e2e-random
e2e-random: $(READY) $(E2E_CLUSTER) ## Hit E2E_COUNT (100) passing runs by one random fault each; E2E_SEED repeats or resumes a series
	@$(BIN)/python -m tests.e2e.random_faults --count $(or $(E2E_COUNT),100) --workers $(or $(E2E_WORKERS),3) \
	  $(if $(E2E_SEED),--seed $(E2E_SEED))

.PHONY: e2e-random-suites
e2e-random-suites: $(READY) $(E2E_CLUSTER) ## Hit E2E_COUNT (60) passing suites by one random fault each
	@$(BIN)/python -m tests.e2e.random_suites --count $(or $(E2E_COUNT),60) --workers $(or $(E2E_WORKERS),2) \
	  $(if $(E2E_SEED),--seed $(E2E_SEED))
