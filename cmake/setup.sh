# shellcheck shell=bash
# What ./run and ./check share: packages, and the few tools that no package brings in the right form.
# `here` is the top of the source tree, set by the caller.
: "${here:?}"

complain() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        complain "this needs root, and there is no sudo: $*"
        return 1
    fi
}

packages_of() { # GROUP...
    local group
    for group in "$@"; do
        sed -n "s/^$group  *//p" "$here/cmake/packages.txt"
    done
}

missing_packages() { # GROUP...
    local package
    for package in $(packages_of "$@"); do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s ' "$package"
    done
}

apt_get() { # what apt-get says is of interest only when it fails
    local log status=0
    log=$(mktemp)
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" \
        >"$log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# Asks apt only for what is not there, so that a machine that has everything needs no network.
install_packages() { # GROUP...
    local missing
    if ! command -v dpkg-query >/dev/null; then
        complain "not a Debian system: what cmake/packages.txt lists must be there already"
        return 0
    fi
    missing=$(missing_packages "$@")
    # shellcheck disable=SC2086 # a list of words
    [ -z "$missing" ] || install_missing $missing
}

# Of a package that is for tests only: it must not start on its own, and a masked service does not.
mask_service() { # NAME
    local unit=/etc/systemd/system/$1.service
    [ -e "$unit" ] || { as_root mkdir -p "${unit%/*}" && as_root ln -s /dev/null "$unit"; }
}

install_missing() { # PACKAGE...
    complain "installing $*"
    case " $* " in
    *" prometheus-alertmanager "*) mask_service prometheus-alertmanager ;;
    esac
    if ! apt_get update || ! apt_get install -y --no-install-recommends "$@"; then
        complain "these Debian packages are needed and could not be installed: $*"
        return 1
    fi
}

# ---- tools ----

# Node.js 20, whose os.totalmem() and os.freemem() the readings are held against.
find_node() {
    local at=$here/build/tools/node_modules/node/bin/node
    if [[ "$(node --version 2>/dev/null)" == v20.* ]]; then
        command -v node
        return 0
    fi
    if [ ! -x "$at" ]; then
        command -v npm >/dev/null || install_missing npm || return 1
        mkdir -p "$here/build/tools"
        npm install --silent --no-save --prefix "$here/build/tools" node@20 >&2 || return 1
    fi
    printf '%s\n' "$at"
}

# The programs that heap snapshots are held against: the loader of Chrome's developer tools, which is
# made for a browser and bundled here, and memlab. Prints their folder.
find_heap_readers() {
    local from=$here/tests/heapsnapshot at=$here/build/tools/heapsnapshot
    local locales=node_modules/chrome-devtools-frontend/front_end/core/i18n/locales.ts
    if ! cat "$from"/package-lock.json "$from"/devtools.ts "$from"/memlab.cjs | cmp -s - "$at/ready"; then
        command -v npm >/dev/null || install_missing npm || return 1
        mkdir -p "$at"
        rm -f "$at/ready"
        cp "$from"/package.json "$from"/package-lock.json "$from"/devtools.ts "$from"/memlab.cjs "$at"
        (
            cd "$at"
            # Scripts of packages are not run: one of them would fetch a whole browser.
            npm ci --silent --no-audit --no-fund --ignore-scripts || exit 1
            # Made by the browser's own build, and not in the package.
            printf "export const %s = %s;\n" LOCALES "['en-US']" BUNDLED_LOCALES "['en-US']" \
                DEFAULT_LOCALE "'en-US'" REMOTE_FETCH_PATTERN "''" LOCAL_FETCH_PATTERN "''" >"$locales"
            node_modules/.bin/esbuild devtools.ts --bundle --platform=node --format=esm \
                --target=node20 --outfile=devtools.mjs --log-level=error || exit 1
            cat package-lock.json devtools.ts memlab.cjs >ready
        ) >&2 || return 1
    fi
    printf '%s\n' "$at"
}

# What judges a part of the tests from outside: packages of npm, as the lockfile in tests/FOLDER has
# them, and the programs there that use them. Prints their folder.
find_judges() { # FOLDER PROGRAM...
    local from=$here/tests/$1 at=$here/build/tools/$1
    shift
    if ! (cd "$from" && cat package-lock.json "$@") | cmp -s - "$at/ready"; then
        command -v npm >/dev/null || install_missing npm || return 1
        mkdir -p "$at"
        rm -f "$at/ready"
        (
            cd "$from" && cp package.json package-lock.json "$@" "$at"
            cd "$at"
            npm ci --silent --no-audit --no-fund --ignore-scripts || exit 1
            cat package-lock.json "$@" >ready
        ) >&2 || return 1
    fi
    printf '%s\n' "$at"
}

# A validator of OpenAPI documents, and one of JSON by their schemas.
find_openapi_judges() {
    find_judges openapi judge.mjs
}

# Grafana's own types of dashboards, and a compiler that checks by them.
find_grafana_judges() {
    find_judges grafana judge.mjs
}

# Puts programs of a Debian package into build/tools/FOLDER without installing it, which would start
# its service.
take_programs() { # FOLDER PACKAGE PROGRAM...
    local at=$here/build/tools/$1 package=$2 name
    shift 2
    rm -rf "$at/deb"
    mkdir -p "$at/deb"
    (
        cd "$at/deb"
        apt-get -qq download "$package" || { apt_get update && apt-get -qq download "$package"; }
        dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x "${@/#/./usr/bin/}"
    ) >&2 || return 1
    for name in "$@"; do
        mv "$at/deb/usr/bin/$name" "$at/$name"
    done
    rm -r "$at/deb"
}

# Debian's exporters, which the compatible paths are held against. Prints their folder.
find_exporters() {
    local name
    for name in prometheus-node-exporter prometheus-process-exporter; do
        [ -x "$here/build/tools/exporters/$name" ] || take_programs exporters "$name" "$name" || return 1
    done
    printf '%s\n' "$here/build/tools/exporters"
}

# Prometheus and its checker, by which metrics and rules are judged. Each prints the program's path.
find_prometheus() {
    find_of_prometheus prometheus
}

find_promtool() {
    find_of_prometheus promtool
}

find_of_prometheus() { # PROGRAM
    local at=$here/build/tools/prometheus
    if command -v "$1"; then
        return 0
    fi
    [ -x "$at/$1" ] || take_programs prometheus prometheus prometheus promtool || return 1
    printf '%s\n' "$at/$1"
}
