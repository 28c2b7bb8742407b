#!/bin/sh
# Installs InvestIQ from this folder, or removes it again. Needs no Python and no network.
#
#   ./install.sh [--prefix DIR]      for you alone: ~/.local; as root: /usr/local
#   DIR/lib/investiq/uninstall.sh [--remove-profiles]
#
# Installing over an older version replaces the program and touches no profile. Profiles, backups and logs are
# in ~/.local/share/InvestIQ, outside of what is installed; they stay unless --remove-profiles is given.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

say() { printf '%s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

profiles() { printf '%s' "${INVESTIQ_DATA_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/InvestIQ}"; }

remove() { # prefix: takes away what the list names, then the folders of these that this leaves empty
    list=$1/lib/investiq/installed
    [ -f "$list" ] || return 0
    while IFS= read -r name; do rm -f -- "$1/$name"; done <"$list"
    while IFS= read -r name; do
        (cd -- "$1" && rmdir -p -- "$(dirname -- "$name")" 2>/dev/null) || true
    done <"$list"
    rm -rf -- "$1/lib/investiq"
    (cd -- "$1" && rmdir -- lib 2>/dev/null) || true
}

uninstall() {
    prefix=$(CDPATH='' cd -- "$here/../.." && pwd -P)
    [ -f "$here/installed" ] || fail "$here is no installation of InvestIQ"
    all=
    case ${1-} in
        '') ;;
        --remove-profiles) all=yes ;;
        *) fail "expected --remove-profiles or nothing, found $1" ;;
    esac
    remove "$prefix"
    say "InvestIQ is removed from $prefix."
    folder=$(profiles)
    if [ -n "$all" ]; then
        rm -rf -- "$folder"
        say "Profiles, backups and logs in $folder are removed too."
    elif [ -d "$folder" ]; then
        say "Your profiles, backups and logs stay in $folder."
    fi
}

install() {
    if [ "$(id -u)" -eq 0 ]; then prefix=/usr/local; else prefix=$HOME/.local; fi
    case ${1-} in
        '') ;;
        --prefix) [ -n "${2-}" ] || fail "--prefix needs a folder"; prefix=$2 ;;
        *) fail "expected --prefix DIR or nothing, found $1" ;;
    esac
    case $prefix in /*) ;; *) fail "--prefix: expected a path from the root, found $prefix" ;; esac
    [ -x "$here/lib/investiq/investiq" ] || fail "$here is not an unpacked archive of InvestIQ"
    remove "$prefix"
    mkdir -p -- "$prefix"
    (cd -- "$here" && find bin share -type f -o -type l) | grep -E '^(bin|share)/' >"$here/.list"
    (cd -- "$here" && tar -cf - bin lib share) | (cd -- "$prefix" && tar -xf -)
    for name in share/applications/investiq.desktop share/systemd/user/investiq.service; do
        sed "s|@BIN@|$prefix/bin/investiq|" "$here/$name" >"$prefix/$name"
    done
    cp -- "$here/.list" "$prefix/lib/investiq/installed"
    cp -- "$here/install.sh" "$prefix/lib/investiq/uninstall.sh"
    rm -f -- "$here/.list"
    say "InvestIQ is installed in $prefix; run: $prefix/bin/investiq"
    say "To remove it: $prefix/lib/investiq/uninstall.sh"
}

case $(basename -- "$0") in
    uninstall.sh) uninstall "$@" ;;
    *) install "$@" ;;
esac
