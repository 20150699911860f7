#!/usr/bin/env bash
# All tests, in the order in which they fail fastest. What a machine without the shared folder, helm or the like leaves out
# is said at the end; under CI that is a failure.
source "$(dirname "$0")/common.sh"

mkdir -p "$local"
rm -f "$left_out"

scripts/setup.sh
scripts/lint.sh
if in_ci; then
    step "control plane"
    # With it the tests on a cluster run among the Rust tests; without it they say that they are left out.
    scripts/control-plane/with.sh scripts/test-rust.sh
else
    scripts/test-rust.sh
fi
scripts/test-python.sh

if [ -s "$left_out" ]; then
    step "left out"
    sort -u "$left_out"
    in_ci && fail "CI leaves no test out"
fi
step "all tests passed"
