#!/bin/sh
# Measures everything and puts the report behind `## One run` in `benches/README.md`.
set -eu
cd "$(dirname "$0")/.."
report=$(cargo bench --quiet -p benches --bench compare)
head=$(sed '/^## One run$/q' benches/README.md)
printf '%s\n\n%s\n' "$head" "$report" > benches/README.md
