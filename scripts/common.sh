# Sourced by every script here: goes to the workspace's top folder and names what they share.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Git-ignored, and all that these scripts write beside `target`.
local=$PWD/.local
venv=$local/venv
left_out=$local/left-out.txt

# Under CI nothing may be left out: as in the crate `testing`.
in_ci() { [ -n "${CI:-}" ] && [ "${CI:-}" != false ]; }

step() { printf '\n== %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
