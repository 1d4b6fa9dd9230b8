#!/usr/bin/env bash
# Builds the member with fault points (deploy/fault-points.md): quickly, with little optimisation of our own crates, because it is there to fail.
. "$(dirname "$0")/env.sh"
quick=()
for crate in model storage raft drivers certificates conductor api node; do quick+=(--config "profile.dev.package.$crate.opt-level=1"); done
# All packages are named, so that libraries are built with the features that they have in the other builds, too.
cargo build --locked --workspace --features node/faults --bin jeroboam-faulty "${quick[@]}"
