#!/usr/bin/env bash
# Creates and reads over REST through all members, beside a three-node etcd on the same machine. Arguments go to the benchmark.
. "$(dirname "$0")/env.sh"
scripts/install.sh
cargo build --locked --workspace --bin jeroboam --bin bench
exec "$CARGO_TARGET_DIR/debug/bench" --jeroboam "$CARGO_TARGET_DIR/debug/jeroboam" "$@"
