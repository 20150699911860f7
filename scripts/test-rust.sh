#!/usr/bin/env bash
# The Rust tests. Under CI a test that was found but not run is a failure, whoever decided to skip it.
source "$(dirname "$0")/common.sh"

scripts/setup.sh

# Bindings link against the Python that the tests use.
export PYO3_PYTHON=$venv/bin/python
# Generated cases are the same in every run: a test that fails by chance tells nothing of a change. Where cargo is called by
# hand they are others in every run, and with `make laws` many.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
# A new snapshot is a finding, not a file to write.
export INSTA_UPDATE=no
# Its output is read below.
export CARGO_TERM_COLOR=never
log=$local/test-rust.txt

step "cargo tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --all-features --no-fail-fast 2>&1 | tee "$log"
    grep -qE 'tests? run: [1-9][0-9]* passed.*, 0 skipped' "$log" || skipped=yes
else
    cargo test --workspace --all-features --lib --bins --tests --no-fail-fast 2>&1 | tee "$log"
    grep -qE '^test result: .* [1-9][0-9]* (ignored|filtered out)' "$log" && skipped=yes
fi

step "documentation tests"
cargo test --quiet --workspace --all-features --doc 2>&1 | tee "$log"
grep -qE '^test result: .* [1-9][0-9]* (ignored|filtered out)' "$log" && skipped=yes

if [ -n "${skipped:-}" ]; then
    in_ci && fail "a Rust test was found but not run"
    echo "left out: some Rust tests were found but not run"
fi
