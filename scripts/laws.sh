#!/usr/bin/env bash
# The laws of editing and merging over documents that nobody has seen: as many for each law as the first argument says, others
# in every run, optimised. What breaks a law is written beside its test, where `make test` finds it again.
source "$(dirname "$0")/common.sh"

export DAGSTER_WORKSPACE_CASES=${1:-20000}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/laws
# The checks of debug builds stay: short merges are compared with long ones.
export CARGO_PROFILE_TEST_OPT_LEVEL=2
cargo test --package dagster-workspace-core --all-features --test merge_laws --test edit_laws
