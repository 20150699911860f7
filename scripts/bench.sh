#!/usr/bin/env bash
# The benches of `benches`, optimised. Arguments go to them.
source "$(dirname "$0")/common.sh"

cargo bench --package benches -- "$@"
