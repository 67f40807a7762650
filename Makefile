# Each target sets itself up. Needed beforehand: a Rust toolchain, a C compiler, and Python 3.11 or newer.

.PHONY: demo test report simulation planted package conformance templates bench fuzz check fmt tools needs

# The main job on the embedded AWS: weeks in the life of three tables, in under a minute once it is built.
demo: needs
	cargo build --locked $(LOCAL)
	@target/debug/backup-chain-local demo --report target/report.html

# What is built for the embedded AWS by itself. Where all is built anyway it is told so, for features make it another build.
LOCAL ?= --bin backup-chain-local

# Everything that proves it. The functions' binaries are built first: tests run them as Lambda does.
test: needs tools
	cargo build --locked --workspace --all-targets
	cargo test --locked --workspace
	tests/planted/run.sh check
	.tools/py/bin/python tests/python/golden.py check
	.tools/py/bin/python tests/python/errors.py check
	.tools/py/bin/python tests/python/printed.py docs/local.md
	.tools/py/bin/python tests/python/printed.py docs/tutorial.md
	.tools/py/bin/python tests/python/commands.py README.md docs/deploy.md docs/operations.md docs/assumptions.md
	tests/python/conformance/run.sh
	.tools/lint/bin/python tests/python/templates.py
	$(MAKE) report LOCAL="--workspace --all-targets"

# The report of the demo, opened in Chromium (Debian: apt-get install chromium; or CHROMIUM names one) and compared with the
# catalog. Pictures of it are in target/report.
report: needs
	cargo build --locked $(LOCAL)
	@tests/python/setup.sh report
	target/debug/backup-chain-local demo --report target/report.html >target/report.txt || { cat target/report.txt; exit 1; }
	.tools/report/bin/python tests/python/report/check.py target/report.html target/report

# Lives of a deployment in which everything goes wrong that may: 200 of 30 days, or those of BACKUP_CHAIN_SEEDS.
simulation: needs
	cargo test --locked --profile sim --workspace --test simulation -- --nocapture

# That the simulation finds what it is there to find: faults are planted in a copy of the tree, one after another.
planted: needs
	tests/planted/run.sh

# The functions as they are deployed: built by AWS SAM, their size, their samples under AWS's emulator of Lambda, and one
# behind a rule in MiniStack. AWS SAM builds one after another; all at once comes first, so that it finds them built.
ARCHITECTURE ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
package: needs
	@tests/python/setup.sh package
	cargo build --locked $(LOCAL)
	PATH="$(CURDIR)/.tools/package/bin:$$PATH" cargo lambda build --locked --release --$(subst _,-,$(ARCHITECTURE)) \
	    $(addprefix -p backup-chain-,session copy retention restore)
	PATH="$(CURDIR)/.tools/package/bin:$$PATH" SAM_CLI_TELEMETRY=0 \
	    .tools/lint/bin/sam build --parameter-overrides Architecture=$(ARCHITECTURE)
	cd tests/python && ../../.tools/lint/bin/python -m package $(ARCHITECTURE)

# The embedded AWS, judged by the AWS CLI's code, boto3, AWS's descriptions of its services, and other servers.
conformance: needs tools
	cargo build --locked --workspace --all-targets
	tests/python/conformance/run.sh

# The SAM templates: two linters, and a trial in another's AWS.
templates: tools
	.tools/lint/bin/python tests/python/templates.py

# How the embedded AWS bears many tables.
bench: needs
	cargo bench --locked --workspace --bench scale

# Hostile input, for so many seconds for each target. Needs a nightly toolchain, a C++ compiler and cargo-fuzz
# (cargo install cargo-fuzz). What is found goes to fuzz/artifacts; make test takes the corpora and a short run.
SECONDS_EACH ?= 60
fuzz: needs
	@cd fuzz && for target in $$(cargo fuzz list); do \
	    mkdir -p target/corpus/$$target; \
	    cargo +nightly fuzz run $$target target/corpus/$$target corpus/$$target -- \
	        -max_len=8192 -timeout=30 -max_total_time=$(SECONDS_EACH) || exit 1; \
	done

# Formatting, lints, what may be linked, and that no file joins a circle of files.
check: needs tools
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	.tools/lint/bin/cargo-deny --locked --log-level error check licenses bans sources
	.tools/py/bin/python tests/python/layers.py

fmt: needs
	cargo fmt --all

# The official AWS tools and the servers to compare with, in their pinned versions, in .tools.
tools:
	@tests/python/setup.sh

needs:
	@command -v cargo >/dev/null || { echo "make: cargo is missing: install a Rust toolchain (https://rustup.rs)" >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "make: $${CC:-cc} is missing: install a C compiler, such as gcc" >&2; exit 1; }
