#!/usr/bin/env bash
# Puts docker-registry, a real registry of charts and images, into a folder: registry.sh FOLDER
#
# It comes from Debian's package, 5 MB, and is kept in the user's cache, which outlives checkouts. Needs no root; apt's own
# state stays as it is.
set -euo pipefail
folder=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dagster-workspace
mkdir -p "$cache" "$folder"

# One download at a time; whoever waited finds it done.
exec 9>"$cache/docker-registry.lock"
flock 9
if [ ! -x "$cache/docker-registry" ]; then
    scratch=$(mktemp -d -p "$cache")
    trap 'rm -rf "$scratch"' EXIT
    mkdir -p "$scratch/parts" "$scratch/lists/partial" "$scratch/archives/partial"
    # Debian's own mirror alone: another one of the machine may be out of reach.
    for sources in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources; do
        if grep -qs debian-archive-keyring "$sources"; then cp "$sources" "$scratch/parts/debian.sources" && break; fi
    done
    {
        printf 'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "%s/parts";\n' "$scratch"
        printf 'Dir::State::lists "%s/lists";\nDir::Cache "%s";\nAcquire::http::Timeout "30";\n' "$scratch" "$scratch"
    } > "$scratch/conf"
    export APT_CONFIG=$scratch/conf
    (
        cd "$scratch"
        apt-get -q update >/dev/null
        apt-get -q download docker-registry >/dev/null 2>&1
        dpkg -x docker-registry_*.deb package
    )
    # Complete or absent: a run that was ended half way leaves nothing to be taken for it.
    mv "$scratch/package/usr/bin/docker-registry" "$cache/docker-registry"
fi
cp "$cache/docker-registry" "$folder/docker-registry.part"
mv "$folder/docker-registry.part" "$folder/docker-registry"
