#!/usr/bin/env bash
# The story from nothing: installs, builds, and tells it (node/src/bin/demo). Ends with `demo: PASS …` or says what failed.
. "$(dirname "$0")/env.sh"
bold "0. What this machine needs"
scripts/install.sh
started_docker=no
scripts/docker.sh started || started_docker=yes
scripts/docker.sh up || { echo "demo: FAIL no Docker Engine"; exit 1; }
finish() { [ "$started_docker" = no ] || scripts/docker.sh down; }
trap finish EXIT
bold "   Building (the first time about ten minutes, mostly RocksDB)"
cargo build --locked --workspace --bin jeroboam --bin demo || { echo "demo: FAIL it does not build"; exit 1; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/jeroboam-demo.XXXXXX")
"$CARGO_TARGET_DIR/debug/demo" "$folder"
