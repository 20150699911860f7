#!/usr/bin/env bash
# What jobs on a cluster cost, on the control plane of the tests.
source "$(dirname "$0")/common.sh"

scripts/setup.sh

step "control plane"
KUBEBUILDER_ASSETS=$(scripts/control-plane/get.sh)
export KUBEBUILDER_ASSETS

step "jobs on a cluster"
cargo bench --quiet --package dagster-workspace-kube --features cli --bench cluster
