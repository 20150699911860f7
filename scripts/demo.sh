#!/usr/bin/env bash
# The main job on a copy of examples/directory: adds, edits and removes code locations, shows what changed and what did not.
source "$(dirname "$0")/common.sh"

step "building the command"
cargo build --quiet --package dagster-workspace-kube --features cli --bin dagster-workspace
target=${CARGO_TARGET_DIR:-target}
PATH=$(cd "$target/debug" && pwd):$PATH

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -R examples/directory "$scratch/now"

# Runs the command in the copy, then shows what it changed there.
run() {
    printf '\n$ dagster-workspace'
    printf ' %q' "$@"
    printf '\n'
    rm -rf "$scratch/before"
    cp -R "$scratch/now" "$scratch/before"
    (cd "$scratch/now" && dagster-workspace "$@")
    # 1 says that the files differ, which is no failure here.
    (cd "$scratch" && diff -ru before now) || [ $? -eq 1 ]
}

step "a directory with two documents, values.yaml and workspace.yaml"
run list
run add marketing --image ghcr.io/acme/marketing:1.10 --port 3031 \
    --arg=--module-name --arg=marketing --env LOG_LEVEL=on --env-secret marketing-api
run add marketing --image ghcr.io/acme/marketing:1.10 --port 3031 \
    --arg=--module-name --arg=marketing --env LOG_LEVEL=on --env-secret marketing-api
run update reports --port 3032
run set-image sales ghcr.io/acme/sales:12e0345
run remove legacy
run check
run list

for file in values.yaml workspace.yaml; do
    step "$file afterwards"
    cat "$scratch/now/$file"
done
