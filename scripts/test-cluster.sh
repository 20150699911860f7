#!/usr/bin/env bash
# The tests on a real Kubernetes API server, which is built at the first run and kept in the user's cache. Arguments go to
# the tests: names of those to run.
source "$(dirname "$0")/common.sh"

scripts/setup.sh
step "control plane and cluster tests"
scripts/control-plane/with.sh \
    cargo test --package dagster-workspace-kube --all-features --test cluster -- "$@"
