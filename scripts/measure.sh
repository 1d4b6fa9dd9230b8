#!/usr/bin/env bash
# The measurements among the tests: they print times and check nothing, so `make test` leaves them out.
. "$(dirname "$0")/env.sh"
scripts/install.sh
cargo test --locked -p api --test it cost -- --ignored --nocapture
cargo test --locked -p raft --test it speed -- --ignored --nocapture --test-threads=1
