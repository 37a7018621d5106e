# Shared by the scripts beside it, which source it; POSIX sh, so that it runs before anything is installed.
# shellcheck shell=sh

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=$root/.venv
prefix=$root/.cache/debian   # packages unpacked for this working copy alone; `bin` in it holds their commands
log=$root/.cache/$(basename -- "$0").log

say() { printf '%s\n' "tidegate: $*" >&2; }

# die WHAT REMEDY: what went wrong, where the details are, what to do.
die() {
    say "error: $1"
    if [ -s "$log" ]; then
        say "the last lines of $log:"
        tail -n 15 "$log" >&2
    fi
    say "remedy: $2"
    exit 1
}

# quietly COMMAND...: its output goes to the log, which `die` shows.
quietly() {
    mkdir -p "$root/.cache"
    printf '+ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1
}

have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

as_root() {
    if is_root; then "$@"; else sudo -n "$@"; fi
}

may_install() { is_root || { have sudo && sudo -n true 2>/dev/null; }; }

# apt_install PACKAGE...: into the system. A package's daemons are not started: the tests start their own, on their own
# ports, and a `make test` that opens a machine to the network would be a bad surprise.
apt_install() {
    have apt-get && may_install || return 1
    hold=/usr/sbin/policy-rc.d
    held=no
    if [ ! -e "$hold" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$hold" >/dev/null && as_root chmod 755 "$hold" && held=yes
    fi
    quietly as_root apt-get update -q
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
    done_with=$?
    if [ "$held" = yes ]; then as_root rm -f "$hold"; fi
    return "$done_with"
}

# apt_private ARGUMENT...: apt with lists and archives of its own, which needs no rights. What is installed is read from
# the system, so that only what is missing is fetched.
apt_private() {
    quietly apt-get -q -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Dir::State::Lists="$prefix/lists" \
        -o Dir::Cache="$prefix/cache" -o Dir::Cache::Archives="$prefix/archives" -o APT::Install-Recommends=false "$@"
}

# unpack_private PACKAGE...: the packages and what they need beyond the installed ones, into the private prefix.
unpack_private() {
    have apt-get && have dpkg || return 1
    mkdir -p "$prefix/lists/partial" "$prefix/archives/partial" "$prefix/cache" "$prefix/tree" "$prefix/bin"
    apt_private update || return 1
    apt_private install -y --download-only "$@" || return 1
    for archive in "$prefix"/archives/*.deb; do
        quietly dpkg -x "$archive" "$prefix/tree" || return 1
        rm -f "$archive"
    done
    rm -rf "$prefix/lists" "$prefix/cache"
}
