#!/usr/bin/env bash
# Everything that can be proved on one machine. Nothing else has to be typed before.
. "$(dirname "$0")/env.sh"
. scripts/step.sh
began=$SECONDS
scripts/install.sh
started_docker=no
scripts/docker.sh started || started_docker=yes
scripts/docker.sh up
finish() {
    scripts/keystone.sh down
    [ "$started_docker" = no ] || scripts/docker.sh down
}
trap finish EXIT

step "a Keystone for the tests" scripts/keystone.sh up
step "formatting" cargo fmt --all -- --check
bold "building (from nothing about a quarter of an hour; then minutes)"
cargo build --workspace --bins --locked
step "building the tests" cargo test --workspace --all-targets --no-run --locked
# shellcheck disable=SC2046 # names and values are words
step "tests" env $(scripts/keystone.sh env) cargo test --workspace --locked
step "planted bugs" scripts/planted.sh
tail -n 1 "$JEROBOAM_CACHE/logs/planted-bugs.log"
step "simulation: 200 seeds of the whole product" "$CARGO_TARGET_DIR/debug/simulate" whole --seeds 0..200
step "simulation: power loss of all members, 1,000 seeds" "$CARGO_TARGET_DIR/debug/simulate" power --seeds 0..1000
step "chaos on real members" "$CARGO_TARGET_DIR/debug/chaos" quick --jeroboam "$CARGO_TARGET_DIR/debug/jeroboam"
step "a member with fault points" scripts/faulty.sh
# Always the same cells: what this tells must not depend on luck; `make chaos` goes through all of them.
step "crash matrix: 40 cells of its 2,020" "$CARGO_TARGET_DIR/debug/chaos" matrix --sample 40 --seed 40
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "the developers' manual" scripts/doc.sh
passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$JEROBOAM_CACHE/logs/tests.log" | awk '{sum += $1} END {print sum + 0}')
skipped=$(grep -c SKIPPED "$JEROBOAM_CACHE/logs/tests.log" || true)
echo "$passed passed, 0 failed, $skipped skipped"
bold "test: PASS ($((SECONDS - began)) s)"
