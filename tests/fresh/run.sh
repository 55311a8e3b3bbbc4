#!/usr/bin/env bash
# README's first commands on a Debian that has nothing yet: a root made by debootstrap, a clean clone of this checkout's
# HEAD, and no more packages than README names. Needs Linux, root and debootstrap; takes the mirror that apt uses here.
#
#   tests/fresh/run.sh [--with 'PACKAGE...'] SUITE USER [COMMAND]
#
# SUITE is a release of Debian's (bookworm, trixie), USER is root or ordinary. COMMAND runs in the clone after `make
# demo`; by default it is `make check`. What debootstrap has made is kept below ${XDG_CACHE_HOME:-~/.cache}; what the
# commands change is not.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(git -C "$here" rev-parse --show-toplevel)
packages=(make git curl python3 python3-venv)   # README's prerequisites of `make demo`
variables=(SSL_CERT_FILE PIP_CERT PIP_INDEX_URL REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS
    http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY)   # how clients reach the registries from here

fail() { echo "run.sh: $1" >&2; exit 2; }
mirror() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/\?$' | head -n 1; }

make_base() {
    [[ -e $base/made ]] && return
    rm -rf "$base" && mkdir -p "$base"
    echo "== debootstrap $suite (log: $base/log)" >&2
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$base/root" "$(mirror)" >"$base/log" 2>&1 \
        || fail "debootstrap failed: see $base/log"
    touch "$base/made"
}

# What this host needs to reach the network, and the clone.
furnish() {
    cp --remove-destination /etc/resolv.conf /etc/hosts "$1/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
    git clone --quiet --no-local "$checkout" "$1/clone"
    cp "$here/inside.sh" "$1/inside.sh"
}

# In mount and process namespaces of its own: make the root the only one there is. A chroot would not do, since the
# kernel makes no user namespaces, and so no sandbox, inside one.
enter() {
    local work=$1; shift
    mount -t overlay overlay -o "lowerdir=$base/root,upperdir=$work/upper,workdir=$work/work" "$work/merged"
    for folder in dev sys; do mount --rbind "/$folder" "$work/merged/$folder"; done
    mount -t proc proc "$work/merged/proc"
    furnish "$work/merged"
    mkdir "$work/merged/old"
    cd "$work/merged" && pivot_root . old && umount --lazy /old
    local kept=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
    for name in "${variables[@]}"; do [[ -z ${!name-} ]] || kept+=("$name=${!name}"); done
    exec env --ignore-environment "${kept[@]}" bash /inside.sh "$@"
}

if [[ ${1-} == --inside ]]; then
    base=$2; shift 2
    enter "$@"
fi

if [[ ${1-} == --with ]]; then read -ra more <<<"$2"; packages+=("${more[@]}"); shift 2; fi
suite=${1-} who=${2-} command=${3-make check}
[[ $suite && ($who == root || $who == ordinary) ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" >&2; exit 2; }
[[ $(id -u) == 0 ]] || fail "mounts need root"
command -v debootstrap >/dev/null || fail "install debootstrap"
base=${XDG_CACHE_HOME:-$HOME/.cache}/bootjack-fresh/$suite
make_base
work=$(mktemp -d "${TMPDIR:-/tmp}/fresh-XXXXXX")
inside=
trap 'kill ${inside:-} 2>/dev/null || true; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/upper" "$work/work" "$work/merged"
unshare --mount --pid --fork --kill-child=KILL bash "$here/run.sh" --inside "$base" "$work" "$who" "$command" "${packages[@]}" &
inside=$!
wait "$inside"
