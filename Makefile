# `make` shows what there is. Everything that runs is under deploy/: install.sh, checks/, servers/
# (databases and other services for one machine), dev/ (the supervisor), chaos/ (what breaks them and looks).

SHELL := /bin/bash
.DEFAULT_GOAL := help
DEV := $(or $(CARGO_TARGET_DIR),target)/debug/dev
# The checked queries compile from .sqlx; only `make query-cache` asks a database.
export SQLX_OFFLINE := true
# Which tests `make test` runs, as in: make test ARGS='ledger:: cron::'
ARGS ?=
# MYSQL=1: on MySQL instead of MariaDB, whatever is started. MYSQL=too, for tests: what the database decides on both.
MYSQL ?=
ifeq ($(MYSQL),1)
export DEV_DATABASE := mysql
endif
SIZE_MIB ?= 1024
MINUTES ?= 60
# What `make chaos` does for each seed.
N ?= 1000
KILLS ?= 200
SEEDS ?= 1,2,3,4,5
# What `make fuzz-api` does.
REQUESTS ?= 50000
SEED ?= 1
# How long `make fuzz` takes for each target, the only one when TARGET names it, and how many run at a time (all cores).
SECONDS_EACH ?= 60
TARGET ?=
JOBS ?=

.PHONY: help run demo memory memory-flat chaos drill test bench fuzz-api fuzz check deploy-check fmt query-cache types install programs supervisor web

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: programs web ## Run the marketplace on this machine and print its addresses and logins; Ctrl-C stops it
	@$(DEV) run

demo: programs ## Carry real uploads from registration to search, and show each job's wait and run time
	@$(DEV) demo

memory: programs ## Upload SIZE_MIB (1024) and print what it costs api and worker in memory, above idle
	@$(DEV) memory --size-mib $(SIZE_MIB)

memory-flat: programs ## Load the api with reads, logins, uploads, streams and attacks for MINUTES (60), and say whether its memory is flat
	@$(DEV) memory-flat --minutes $(MINUTES)

chaos: programs ## Upload N (1000) units while KILLS (200) programs die, for SEEDS (1,2,3,4,5); nothing may be lost or doubled
	@$(DEV) chaos --uploads $(N) --kills $(KILLS) --seeds $(SEEDS) $(ARGS)

drill: programs ## One outage under load, with figures: ARGS='redis-down', 'mysql-down --seconds 300', 'kill-worker', 'frozen-connections', 'read-only', 'disk-full', 'restore'
	@$(DEV) drill $(ARGS)

test: supervisor ## All tests against real services (MYSQL=1: on MySQL); ARGS='name name' picks some, ARGS='--lib' those without
	@deploy/install.sh --test-tools
	@[ ! -f web/package.json ] || deploy/web.sh packages || [ "$$CI" != true ]
	@$(DEV) test $(if $(filter too,$(MYSQL)),--mysql-too) $(ARGS)

bench: ## The queue beside BullMQ, Celery and others, the archive check beside unzip programs; ARGS='--help' lists the parts
	@deploy/install.sh --bench-tools
	@cargo build --release --workspace --bin bench --bin bench-worker --bin bench-reader --bin bench-plain --bin bench-archive --bin api
	@$(or $(CARGO_TARGET_DIR),target)/release/bench $(ARGS)

fuzz-api: supervisor ## Send REQUESTS (50000) generated from the OpenAPI document, from SEED (1) on, as each role: no 5xx, nothing undocumented
	@deploy/install.sh --test-tools
	@FUZZ_REQUESTS=$(REQUESTS) FUZZ_SEED=$(SEED) $(DEV) test --test it -- --nocapture clients::fuzz

fuzz: install ## Fuzz the archive check: every target or TARGET=, for SECONDS_EACH (60), JOBS at a time
	@SECONDS_EACH=$(SECONDS_EACH) TARGET=$(TARGET) JOBS=$(JOBS) deploy/fuzz.sh

check: install ## Formatting, lints, crate boundaries, SQL dialects, query cache, licences, docs
	@deploy/install.sh --check-tools
	@deploy/checks/run.sh

deploy-check: ## What is deployed: templates for AWS, alert rules, units, settings, and images built and started (as root on Linux)
	@deploy/install.sh --deploy-tools
	@deploy/checks/run.sh settings metrics site alerts aws units images

fmt: ## Format all Rust code
	@cargo fmt --all

query-cache: install ## Write .sqlx anew after a change to a query or a migration
	@deploy/checks/query-cache.sh --write

install: # what this machine lacks
	@deploy/install.sh

programs: install
	@echo "Building the programs"
	@cargo build --workspace --bins

supervisor: install
	@cargo build --workspace --bin dev

types: programs ## Make the web app's types of the API anew, after a change to an endpoint
	@deploy/web.sh types

web: install
	@[ ! -f web/package.json ] || deploy/web.sh build
