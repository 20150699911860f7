#!/usr/bin/env bash
# Removes everything that building and testing wrote.
source "$(dirname "$0")/common.sh"

cargo clean
rm -rf "$local"
