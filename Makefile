# What can be done here; `make` lists it. Everything works from a fresh clone, as root or not, with or without a terminal.

.DEFAULT_GOAL := help
.PHONY: help run test check sentences audit bench dev clean toolchain
SHELL := /bin/sh
.SHELLFLAGS := -euc
MAKEFLAGS += --no-print-directory

target := $(or $(CARGO_TARGET_DIR),target)
# On a terminal cargo shows how far it is; elsewhere only what is wrong.
quiet := $(shell test -t 2 || echo --quiet)

help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile
	@echo "  Words in ARGS are handed on: make test ARGS=deals, make run PORT=4000, make bench ARGS=\"W1 --rounds 1\""

run: toolchain ## Build Kith and serve it with a demo tenant on http://127.0.0.1:3001
	@test -e "$(target)/quick/kith" || echo "Kith is built first. That takes some minutes once, and seconds later."
	@exec cargo run $(quiet) --profile quick --bin kith -- serve --demo $(ARGS)

test: toolchain ## Run all tests, on SQLite and on a throwaway PostgreSQL; installs what they lack
	@exec scripts/test.sh $(ARGS)

check: toolchain ## Look at formatting, lints, arrows between crates, and documentation
	@cargo fmt --all --check
	@cargo clippy $(quiet) --workspace --all-targets -- -D warnings
	@if cargo nextest --version >/dev/null 2>&1; then \
	   cargo nextest run $(if $(quiet),--cargo-quiet) --workspace --test kith --status-level fail -E 'test(arrows)'; \
	 else \
	   cargo test --quiet --workspace --test kith arrows; \
	 fi
	@RUSTDOCFLAGS="-D warnings" cargo doc $(quiet) --workspace --no-deps

sentences: toolchain ## Look at the sentence model, a feature that is off by default, and test it
	@cargo clippy $(quiet) -p kith-sentences --features model --all-targets -- -D warnings
	@cargo test $(quiet) -p kith-sentences --features model

audit: toolchain ## Look at licences, advisories and unused dependencies (cargo-deny, cargo-machete)
	@status=0; \
	 if cargo deny --version >/dev/null 2>&1; then \
	   cargo deny --log-level error check licenses bans sources || status=1; \
	   cargo deny --log-level error check advisories \
	     || { echo "audit: advisories were found, or their database could not be reached (see above)" >&2; status=1; }; \
	 else echo "audit: cargo-deny is missing: cargo install --locked cargo-deny" >&2; status=1; fi; \
	 if cargo machete --version >/dev/null 2>&1; then cargo machete || status=1; \
	 else echo "audit: cargo-machete is missing: cargo install --locked cargo-machete" >&2; status=1; fi; \
	 exit $$status

bench: toolchain ## Measure a release build beside its peers; see bench/README.md
	@cargo build $(quiet) --release --bin kith
	@exec python3 bench/run.py $(if $(CARGO_TARGET_DIR),--kith "$(CARGO_TARGET_DIR)/release/kith") $(ARGS)

dev: toolchain ## Serve, and restart when the source changes
	@exec scripts/dev.sh

clean: ## Remove what builds, tests and benchmarks made; ./data and bench/results stay
	@cargo clean $(quiet)
	@rm -rf bench/peers/*/node_modules bench/peers/*/venv
	@find bench tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@if test -d data; then echo "The folder ./data stays: it holds databases and secrets."; fi

toolchain:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust (https://rustup.rs)." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing, which SQLite needs: apt-get install gcc libc6-dev" >&2; exit 1; }
