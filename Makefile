# `make` shows what there is. Everything that runs is under deploy/: install.sh, checks/, dev/ (the supervisor).

SHELL := /bin/bash
.DEFAULT_GOAL := help
DEV := $(or $(CARGO_TARGET_DIR),target)/debug/dev
# The checked queries compile from .sqlx; only `make query-cache` asks a database.
export SQLX_OFFLINE := true
# What `make test` passes on, as in: make test ARGS='-p domain'
ARGS ?=
SIZE_MIB ?= 1024
# What `make chaos` does for each seed.
N ?= 1000
KILLS ?= 200
SEEDS ?= 1,2,3,4,5

.PHONY: help run demo memory chaos drill test bench check fmt query-cache install programs supervisor demo-content web

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: programs demo-content web ## Run the marketplace on this machine and print its addresses and logins; Ctrl-C stops it
	@$(DEV) run

demo: programs demo-content ## Carry real uploads from registration to search, and show each job's wait and run time
	@$(DEV) demo

memory: programs ## Upload SIZE_MIB (1024) and print what it costs api and worker in memory, above idle
	@mkdir -p .dev/demo
	@python3 deploy/demo-content/build.py --big $(SIZE_MIB) .dev/demo/big.zip
	@$(DEV) memory .dev/demo/big.zip

chaos: programs ## Upload N (1000) units while KILLS (200) programs die, for SEEDS (1,2,3,4,5); nothing may be lost or doubled
	@$(DEV) chaos --uploads $(N) --kills $(KILLS) --seeds $(SEEDS) $(ARGS)

drill: programs ## One outage under load, with figures: ARGS='redis-down', 'mysql-down --seconds 300', 'kill-worker'
	@$(DEV) drill $(ARGS)

test: supervisor ## All tests against real services; ARGS='name' picks some
	@deploy/install.sh --test-tools
	@$(DEV) test $(ARGS)

bench: install ## The queue beside BullMQ, Celery, apalis-redis and bare SQL; ARGS='--help' lists the parts
	@cargo build --release --workspace --bin bench --bin bench-worker
	@$(or $(CARGO_TARGET_DIR),target)/release/bench $(ARGS)

check: install ## Formatting, lints, crate boundaries, SQL dialects, query cache, licences, docs
	@deploy/install.sh --check-tools
	@deploy/checks/run.sh

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

demo-content: install
	@deploy/demo-content.sh

web: install
	@[ ! -f web/package.json ] || deploy/web.sh build
