#!/usr/bin/env bash
# Before every commit: formatting, lints, unit tests. Under three minutes once built.
. "$(dirname "$0")/env.sh"
. scripts/step.sh
scripts/lint.sh
step "unit tests" cargo test --workspace --lib --bins --locked
