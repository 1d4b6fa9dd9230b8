#!/usr/bin/env bash
# Formatting and lints; warnings are errors here, though not in a developer's build.
. "$(dirname "$0")/env.sh"
. scripts/step.sh
scripts/install.sh
step "formatting" cargo fmt --all -- --check
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
