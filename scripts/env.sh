# Sourced by all scripts: where build products and caches live. They stay outside the clone, so that a fresh clone builds warm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# A service or a bare container may start without a home.
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"
export JEROBOAM_CACHE="${JEROBOAM_CACHE:-$HOME/.cache/jeroboam}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$JEROBOAM_CACHE/target}"
export CCACHE_DIR="${CCACHE_DIR:-$HOME/.cache/ccache}"
# RocksDB's C++ is compiled under a path that differs from clone to clone and from target to target.
export CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros
export PATH="$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin"
mkdir -p "$JEROBOAM_CACHE" "$CCACHE_DIR"

bold() { if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi; }
fail() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else fail "needs root or sudo for: $*"; fi; }
