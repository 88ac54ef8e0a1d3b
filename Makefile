# Two commands do all the set-up: `make run` and `make test`.
.PHONY: help run test lint ui build bench deny deploy-check soak clean

help:
	@echo "make run    build everything and start a demo workspace"
	@echo "make test   install what it needs and run every test"
	@echo "make lint   formatting, clippy, the web UI's linter and types"
	@echo "make bench  print the figures of the README"
	@echo "make soak   the long forms of the fault and load tests"
	@echo "make deny   licences, bans and sources of dependencies"
	@echo "make deploy-check  build the container's content by hand, and run it"

run: build
	target/debug/usher serve --demo

build: ui
	cargo build -p usher --locked

# The web UI is built anew only when something in it has changed.
UI_SOURCES := $(shell find web-ui -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/screenshots/*' 2>/dev/null)

ui: web-ui/dist/index.html

web-ui/dist/index.html: web-ui/node_modules/.package-lock.json $(UI_SOURCES)
	npm --prefix web-ui run build

web-ui/node_modules/.package-lock.json: web-ui/package-lock.json
	npm --prefix web-ui ci --no-audit --no-fund

test:
	@scripts/test

lint: ui
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	npm --prefix web-ui run lint
	npm --prefix web-ui run typecheck

# The peers' engines are compiled for these figures only, which takes minutes. Criterion's run is for comparing one
# state of the code with another.
BENCH := cargo run -p usher-bench --features peers --release --locked --

bench:
	$(BENCH) --form markdown evaluate
	$(BENCH) --form markdown ofrep
	sdk/ffi/build
	sdk/python/build
	sdk/kotlin/build
	cargo build -p usher --release --locked
	$(BENCH) --form markdown bindings
	$(BENCH) --form markdown seats
	$(BENCH) --form markdown releases
	$(BENCH) --form markdown fanout
	$(BENCH) --form markdown storm
	cargo bench -p usher-bench --features peers --locked --bench evaluate

soak:
	scripts/fuzz 10000000
	cargo build -p usher --release --locked
	cargo run -p usher-bench --release --locked -- fanout --rounds 200
	cargo run -p usher-bench --release --locked -- storm --rounds 100
	USHER_KILL_ROUNDS=1000 cargo test -p usher --release --locked --test fault_tests an_acknowledged_commit_survives_kill_nine -- --nocapture
	USHER_FLEET_ROUNDS=100 cargo test -p usher --release --locked --test fault_tests a_fleet_loses_nothing_whoever_dies -- --nocapture
	USHER_FLEET_ROUNDS=100 cargo test -p usher --release --locked --test redis_fails_over -- --nocapture
	USHER_FLEET_ROUNDS=100 cargo test -p usher --release --locked --test fault_tests a_fleet_loses_nothing_whatever_fails -- --nocapture
	USHER_LINK_ROUNDS=100 cargo test -p usher --release --locked --test fault_tests a_venue_is_parted -- --nocapture
	USHER_PHONES=200 USHER_NETWORK_SECONDS=300 cargo test -p usher --release --locked --test fault_tests phones_have_a_bad_network -- --nocapture
	USHER_RELEASE_ROUNDS=50 cargo test -p usher --release --locked --test fault_tests a_release_is_never_half_done -- --nocapture
	USHER_OUTAGE_SECONDS=600 cargo test -p usher-edge --release --locked --test edge_tests an_edge_goes_on_without_its_upstream::gates -- --nocapture
	USHER_REDIS_KILLS=100 cargo test -p usher-journal --release --locked --test journal_tests what_redis_loses_is_put_back -- --nocapture
	USHER_BIN=$(CURDIR)/target/release/usher USHER_SCALE_CHANGES=1000 USHER_SCALE_SECONDS=60 npm --prefix web-ui run e2e -- scale

# Compiles for minutes, so it is not part of `make test`.
deny:
	@cargo deny --version >/dev/null 2>&1 || cargo install cargo-deny --version 0.20.2 --locked
	cargo deny check bans licenses sources

# A release build of its own, so it is not part of `make test`; as root, for it runs in a root of its own.
deploy-check:
	deploy/check-image

clean:
	cargo clean
	rm -rf web-ui/dist web-ui/node_modules
