#!/usr/bin/env bash
# The developers' manual, without warnings.
. "$(dirname "$0")/env.sh"
scripts/install.sh
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
echo "open $CARGO_TARGET_DIR/doc/node/index.html"
