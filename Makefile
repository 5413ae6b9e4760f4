# `make` alone lists the commands.
SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
.PHONY: help demo test soak mutants fuzz check bench bench-events bench-pages histories stack-up stack-down

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a first order, fulfilled; stays up until Ctrl-C (not with ARGS=--once; ARGS=--with-brokers: its events too)
	@scripts/demo.sh $(ARGS)

test: ## all tests, against real servers of their own (ARGS: for cargo test)
	@scripts/test.sh $(ARGS)

soak: ## 2,000 orders with much happening (WAYBILL_STORIES, WAYBILL_STORIES_SEED), 200 races of cancels (WAYBILL_CANCEL_RACES, WAYBILL_CANCEL_RACES_SEED), 1,000 acts in the same stock (WAYBILL_STOCK_ACTS, WAYBILL_STOCK_ACTS_SEED), 10,000 events (WAYBILL_STORM_EVENTS), an outage of two minutes, 500 orders and 10,000 levels of a shop's stock (WAYBILL_CHANNEL_ORDERS, WAYBILL_CHANNEL_LEVELS), mutants
	@scripts/soak.sh
	@WAYBILL_CANCEL_RACES=$${WAYBILL_CANCEL_RACES:-200} WAYBILL_CANCEL_RACES_SEED=$${WAYBILL_CANCEL_RACES_SEED:-$$(date +%s)} scripts/test.sh --test it -- --nocapture proof::cancel_races
	@WAYBILL_STOCK_ACTS=$${WAYBILL_STOCK_ACTS:-1000} WAYBILL_STOCK_ACTS_SEED=$${WAYBILL_STOCK_ACTS_SEED:-$$(date +%s)} scripts/test.sh --test it -- --nocapture proof::stock_turmoil
	@WAYBILL_STORM_EVENTS=$${WAYBILL_STORM_EVENTS:-10000} scripts/test.sh --test it -- events::storm
	@WAYBILL_OUTAGE_ORDERS=200 WAYBILL_OUTAGE_SECONDS=120 scripts/test.sh --test it -- outages::in_an_outage
	@WAYBILL_CHANNEL_ORDERS=$${WAYBILL_CHANNEL_ORDERS:-500} WAYBILL_CHANNEL_LEVELS=$${WAYBILL_CHANNEL_LEVELS:-10000} scripts/test.sh --test it -- --nocapture channel_sync::crowds
	@scripts/mutants.sh

mutants: ## small faults put into the rules, which tests must notice (ARGS: for cargo mutants)
	@scripts/mutants.sh $(ARGS)

fuzz: ## odd inputs for everything that reads what strangers send, a minute each (FUZZ_SECONDS)
	@scripts/fuzz.sh $(ARGS)

check: ## format, lints, dependencies, syntax of the scripts, the containers
	@scripts/check.sh

bench: ## measure the API beside pgbench running the same SQL (ARGS="--seconds 5")
	@scripts/bench.sh $(ARGS)

bench-events: ## measure how fast events are drained to Kafka and RabbitMQ
	@scripts/bench-events.sh $(ARGS)

bench-pages: ## measure the console's pages and the lists with 1,000 orders and with 110,000 (WAYBILL_BENCH_ORDERS; ARGS="--most-ms 300" fails where the first page is slower)
	@scripts/bench-pages.sh $(ARGS)

histories: ## record the histories that later versions must replay
	@WAYBILL_RECORD_HISTORIES=1 scripts/test.sh --test it histories

stack-up: ## PostgreSQL, Temporal and its Web UI in the background
	@scripts/stack.sh up

stack-down: ## end them
	@scripts/stack.sh down
