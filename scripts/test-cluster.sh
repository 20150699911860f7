#!/usr/bin/env bash
# The tests on a real Kubernetes API server, which is built at the first run and kept in the user's cache. Arguments go to
# the tests: names of those to run.
source "$(dirname "$0")/common.sh"

step "control plane"
KUBEBUILDER_ASSETS=$(scripts/control-plane/get.sh)
export KUBEBUILDER_ASSETS
echo "$KUBEBUILDER_ASSETS"

step "cluster tests"
cargo test --package dagster-workspace-kube --features cluster --test cluster -- "$@"
