#!/usr/bin/env bash
# Everything that judges the code without running it.
source "$(dirname "$0")/common.sh"

scripts/setup.sh

step "format"
cargo fmt --all --check

# All targets: the benches must compile, too.
step "clippy"
cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings

step "core without std"
cargo build --quiet --package dagster-workspace-core --no-default-features
if rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; then
    cargo build --quiet --package dagster-workspace-core --no-default-features --target wasm32-unknown-unknown
else
    echo "not built for wasm32: its target is not installed (hint: rustup target add wasm32-unknown-unknown)"
fi

# The library alone, as programs take it: half of what is seen with all features is not there. The Kubernetes version is for
# those programs to choose.
step "combinations of features"
for features in "" object-store cluster,k8s-openapi/latest cluster,k8s-openapi/latest,object-store cli; do
    cargo clippy --quiet --package dagster-workspace-kube --no-default-features --features "$features" -- -D warnings
done

step "documentation"
RUSTDOCFLAGS=-Dwarnings cargo doc --quiet --workspace --all-features --no-deps

step "ruff"
"$venv/bin/ruff" check --quiet .
"$venv/bin/ruff" format --quiet --check .
