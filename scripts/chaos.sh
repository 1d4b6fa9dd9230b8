#!/usr/bin/env bash
# Real members under a killer. Without arguments all campaigns in full, an hour or two; with arguments what they say (see --help).
. "$(dirname "$0")/env.sh"
scripts/install.sh
started_docker=no
scripts/docker.sh started || started_docker=yes
scripts/docker.sh up
finish() { [ "$started_docker" = no ] || scripts/docker.sh down; }
trap finish EXIT
cargo build --locked --workspace --bin jeroboam --bin chaos
# Only the crash matrix needs it.
case " ${*:-matrix} " in *" matrix "*) scripts/faulty.sh ;; esac
chaos() { "$CARGO_TARGET_DIR/debug/chaos" --jeroboam "$CARGO_TARGET_DIR/debug/jeroboam" "$@"; }
if [ $# -gt 0 ]; then chaos "$@"; exit; fi
status=0
for campaign in failover durability linearizable membership containers race churn rolling hang storm scale balancer stacks matrix; do
    bold "$campaign"
    chaos "$campaign" || status=$?
done
exit "$status"
