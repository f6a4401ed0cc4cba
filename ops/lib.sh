# Shared by ops/box, ops/demo, ops/drill and ops/test: the root, Debian packages, the build folder, timed steps. Sourced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/exchequer/target}

# What the build needs: bindgen reads headers with libclang, RocksDB is C++, mold links.
readonly BUILD_PACKAGES=(build-essential clang cmake libclang-dev mold pkg-config protobuf-compiler)
# What the drills on network namespaces and the fault tests need on top.
readonly DRILL_PACKAGES=(curl e2fsprogs faketime iproute2 mount nftables perl-base util-linux)

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# as_root COMMAND...: as it is for root, through sudo for others.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        die "this needs root, and there is no sudo: $*"
    fi
}

# need_packages NAME...: installs what is missing. Needs the network only when something is.
need_packages() {
    command -v dpkg-query > /dev/null || die "this machine has no dpkg; install by hand: $*"
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2> /dev/null || true)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return 0
    say "installing: ${missing[*]}"
    as_root apt-get update --quiet=2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
}

need_rust() {
    command -v cargo > /dev/null || die "no Rust toolchain: see https://rustup.rs"
}

# drill XTASK ARGUMENT...: namespaces need root. A build as root would leave root's files behind, so only the drill
# itself, which is built already, is run as root.
drill() {
    local xtask=$1
    shift
    if [ "$1" = run ] && [[ " $* " != *" vagrant "* ]] && [ "$(id -u)" != 0 ]; then
        as_root env CARGO_TARGET_DIR="$CARGO_TARGET_DIR" "$xtask" drill "$@"
    else
        "$xtask" drill "$@"
    fi
}

steps=()

# step NAME COMMAND...: runs it, shows what runs, keeps how long it took.
step() {
    local name=$1 begun=$SECONDS code=0
    shift
    say "== $name"
    "$@" || code=$?
    if [ "$code" = 0 ]; then steps+=("$(printf '%6d s  %s' $((SECONDS - begun)) "$name")"); else
        steps+=("$(printf '%6d s  %s (failed: %d)' $((SECONDS - begun)) "$name" "$code")")
    fi
    return "$code"
}

show_steps() {
    [ ${#steps[@]} = 0 ] && return 0
    say
    say "time of each step:"
    printf '%s\n' "${steps[@]}"
}
