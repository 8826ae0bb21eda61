#!/usr/bin/env bash
# Installs what `make run`, `make test` and `make check` need and this machine lacks; says nothing when it lacks nothing.
# Debian and Ubuntu by apt-get, macOS by brew. With --test-tools also what only the tests need (hurl and the programs of
# deploy/python-tools.txt among it), with --bench-tools what the peers of the benchmarks need; with --check-tools also
# cargo-deny and cargo-machete, with --fuzz-tools cargo-fuzz, all under .dev/tools, and nightly Rust; with --deploy-tools what
# checks of deploy/ need that nobody else does.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo_deny=0.20.2
cargo_machete=0.9.2
cargo_fuzz=0.13.2
hurl=8.0.1
rust=1.95
node=20

# Debian keeps servers where a user's PATH does not look.
export PATH=$PATH:/usr/sbin:/usr/local/sbin

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

# The toolchains are the person's own choice; they are checked, not installed.
have cargo || fail "Rust is missing. Install it from https://rustup.rs, then open a new shell."
version=$(cargo --version 2>/dev/null | cut -d' ' -f2) ||
    fail "cargo does not start. With rustup, run: rustup toolchain install $(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)"
at_least "$rust" "$version" || fail "Rust $version is too old, $rust is needed. Run: rustup update stable"
if [ -f web/package.json ]; then
    # The archive check for browsers is compiled to it.
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then
        have rustup || fail "Rust cannot compile for browsers: install the target wasm32-unknown-unknown, or Rust from https://rustup.rs."
        echo "Installing Rust's target wasm32-unknown-unknown"
        rustup target add wasm32-unknown-unknown 2>/dev/null || fail "rustup could not install the target wasm32-unknown-unknown."
    fi
    have node || fail "Node.js is missing; version $node or later is needed, see https://nodejs.org."
    at_least "$node" "$(node --version | tr -d v)" || fail "Node.js $(node --version) is too old, $node or later is needed."
fi

missing=()
need() { # program, Debian package, brew formula
    have "$1" || missing+=("$2:$3")
}
need cc build-essential -
need make build-essential make
need nm binutils -
need mariadbd mariadb-server mariadb
need mariadb mariadb-client mariadb
need mariadb-install-db mariadb-server mariadb
need redis-server redis-server redis
need ffmpeg ffmpeg ffmpeg
if [ "${1:-}" = --test-tools ]; then
    # It reads what our programs measure, and promtool checks how they tell it.
    need prometheus prometheus prometheus
    need promtool prometheus prometheus
    # They pack and unpack what the archive check lets in.
    need python3 python3 python3
    need zip zip zip
    need unzip unzip unzip
    have 7zz || need 7z p7zip-full sevenzip
    need bsdtar libarchive-tools libarchive
    [ -x /opt/homebrew/opt/openjdk/bin/javac ] || need javac default-jdk-headless openjdk
    # They call the API.
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=("python3-venv:python3")
    if [ ! -x .dev/tools/bin/hurl ]; then
        # It is compiled with bindings of libxml2, which libclang makes.
        need pkg-config pkg-config pkgconf
        pkg-config --exists libxml-2.0 2>/dev/null || missing+=("libxml2-dev:libxml2")
        pkg-config --exists openssl 2>/dev/null || missing+=("libssl-dev:openssl@3")
        compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null || missing+=("libclang-dev:llvm")
    fi
fi
if [ "${1:-}" = --fuzz-tools ]; then
    # libFuzzer is compiled from C++.
    need c++ build-essential -
fi
if [ "${1:-}" = --check-tools ]; then
    # Most checks are Python programs, and one of them is linted with a program of deploy/python-tools.txt.
    need python3 python3 python3
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=("python3-venv:python3")
fi
if [ "${1:-}" = --deploy-tools ]; then
    need python3 python3 python3
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=("python3-venv:python3")
    # It checks alert rules and tries them on series.
    need promtool prometheus prometheus
    # Images are built without a daemon, on Linux alone, from base images made of Debian's packages.
    if [ "$(uname -s)" = Linux ]; then
        need buildah buildah -
        need debootstrap debootstrap -
        need curl curl -
        need jq jq -
    fi
fi
if [ "${1:-}" = --bench-tools ]; then
    need python3 python3 python3
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=("python3-venv:python3")
    # Some peers keep their jobs in it. Packages put its programs where no PATH looks.
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || [ -x /opt/homebrew/opt/postgresql@17/bin/initdb ] ||
        need initdb postgresql postgresql@17
fi

# A package install must not start a server of its own: ours are private and run beside it.
keep_services_off() {
    [ -e /usr/sbin/policy-rc.d ] && return
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${root[@]}" chmod 755 /usr/sbin/policy-rc.d
    trap '"${root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
}

# Package lists older than a day, or none at all.
lists_are_old() {
    [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 -print -quit 2>/dev/null)" ]
}

install_by_apt() {
    root=()
    if [ "$(id -u)" != 0 ]; then
        have sudo || fail "These packages are missing and neither root nor sudo is at hand: $*"
        root=(sudo)
    fi
    keep_services_off
    export DEBIAN_FRONTEND=noninteractive
    local log=.dev/logs/install.log
    mkdir -p .dev/logs
    echo "Installing $* (log: $log)"
    apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null; }
    # A source that is out of reach must not matter as long as the packages can be had.
    if lists_are_old; then apt update || true; fi
    if ! apt install -y --no-install-recommends "$@"; then
        apt update || true
        apt install -y --no-install-recommends "$@" || fail "$(tail -20 "$log")" "apt-get could not install: $*"
    fi
}

if [ ${#missing[@]} -gt 0 ]; then
    # Package names have no spaces; macOS has a bash without mapfile.
    # shellcheck disable=SC2207
    debian=($(printf '%s\n' "${missing[@]}" | cut -d: -f1 | sort -u))
    # shellcheck disable=SC2207
    brew=($(printf '%s\n' "${missing[@]}" | cut -d: -f2 | grep -v '^-$' | sort -u))
    if have apt-get; then
        install_by_apt "${debian[@]}"
    elif have brew; then
        echo "Installing ${brew[*]}"
        brew install --quiet "${brew[@]}"
    else
        fail "Please install these, by their Debian names: ${debian[*]}"
    fi
    for program in cc nm mariadbd mariadb mariadb-install-db redis-server ffmpeg; do
        have "$program" || fail "$program is still missing after the install."
    done
fi

tool() { # crate, version
    local program=.dev/tools/bin/$1
    [ -x "$program" ] && [ "$("$program" --version 2>/dev/null | grep -o '[0-9][0-9.]*' | head -1)" = "$2" ] && return
    echo "Installing $1 $2 into .dev/tools (log: .dev/logs/$1.log)"
    mkdir -p .dev/logs
    # Without optimisation: they take seconds longer to run and minutes less to compile.
    cargo install --quiet --locked --debug --root .dev/tools "$1@$2" >".dev/logs/$1.log" 2>&1 </dev/null ||
        fail "$(tail -20 ".dev/logs/$1.log")" "cargo could not install $1 $2"
}
# What the tests run and can do without, except where everything must be tested.
optional() {
    ("$@") && return
    [ "${CI:-}" != true ] || exit 1
    echo "What needs it is left out." >&2
}

python_tools() {
    local list=deploy/python-tools.txt dir=.dev/tools/python
    cmp -s "$list" "$dir/installed.txt" && return
    echo "Installing $(grep -E '^(schemathesis|openapi-python-client|cfn-lint|standardwebhooks)==' "$list" | cut -d' ' -f1 | paste -sd' ') into $dir (log: .dev/logs/python.log)"
    mkdir -p .dev/logs
    rm -rf "$dir"
    { python3 -m venv "$dir" && "$dir/bin/pip" install --disable-pip-version-check --require-hashes -r "$list"; } \
        >.dev/logs/python.log 2>&1 </dev/null || fail "$(tail -5 .dev/logs/python.log)" "pip could not install $list"
    cp "$list" "$dir/installed.txt"
}

# The official library for webhooks in JavaScript.
node_tools() {
    local list=tests/webhooks/package-lock.json dir=.dev/tools/node
    cmp -s "$list" "$dir/package-lock.json" && [ -d "$dir/node_modules" ] && return
    have npm || fail "npm is missing: please install Node.js."
    echo "Installing standardwebhooks for JavaScript into $dir (log: .dev/logs/node.log)"
    mkdir -p .dev/logs "$dir"
    cp tests/webhooks/package.json "$list" "$dir/"
    (cd "$dir" && npm ci --no-audit --no-fund --ignore-scripts) >.dev/logs/node.log 2>&1 </dev/null ||
        fail "$(tail -5 .dev/logs/node.log)" "npm could not install $list"
}

if [ "${1:-}" = --test-tools ]; then
    optional tool hurl "$hurl"
    optional python_tools
    optional node_tools
fi
if [ "${1:-}" = --deploy-tools ]; then
    python_tools
fi
if [ "${1:-}" = --check-tools ]; then
    optional python_tools
    tool cargo-deny "$cargo_deny"
    tool cargo-machete "$cargo_machete"
fi
if [ "${1:-}" = --fuzz-tools ]; then
    if ! cargo +nightly --version >/dev/null 2>&1; then
        have rustup || fail "Fuzzing needs nightly Rust, and rustup to install it: see https://rustup.rs."
        echo "Installing nightly Rust"
        rustup toolchain install nightly --profile minimal --no-self-update >/dev/null || fail "rustup could not install it."
    fi
    tool cargo-fuzz "$cargo_fuzz"
fi
