#!/usr/bin/env bash
# The web app: `build` makes web/dist where it is older than its sources, `types` makes the API's types anew from what the
# built api says of itself, `check` compares them with that, lints that and the app, type-checks, tests and looks at what the build
# makes. A build fails when a public page needs more JavaScript than web/vite.config.ts allows, and says how much each needs. `packages` installs npm's where they are older than the lock file. `wasm` compiles the archive check
# for browsers where it is older than its sources; `build` and `check` do so first. `bench` measures it beside the native
# one.
set -euo pipefail
cd "$(dirname "$0")/../web"

export NO_UPDATE_NOTIFIER=1 npm_config_audit=false npm_config_fund=false
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

# The installed tree keeps its own lock file, younger than ours when it is complete.
install_packages() {
    [ node_modules/.package-lock.json -nt package-lock.json ] && return
    echo "Installing npm packages"
    npm ci --loglevel=error
}

root=$(cd .. && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
types=packages/api-client/types/schema.d.ts
api=$target/debug/api
check=packages/archive-check
made=$check/wasm/archive_check_bg.wasm
# What a person may have to wait for before the first file is checked, in bytes after gzip.
most=400000

# The types as they should be, on standard output.
types_of_api() {
    [ -x "$api" ] || { echo "$api is not built; run: cargo build --workspace --bins" >&2; return 1; }
    "$api" openapi | npx --no-install openapi-typescript
}

# What redocly.yaml demands of the API's document.
lint_document() {
    "$api" openapi >"$target/openapi.json"
    npx --no-install redocly lint --config redocly.yaml --format stylish "$target/openapi.json"
}

# True when nothing of the sources is younger than what was made of them.
fresh() { # made, source…
    [ -f "$1" ] && [ -z "$(find "${@:2}" -newer "$1" -print -quit)" ]
}

wasm() {
    fresh $made ../archive ../Cargo.toml ../Cargo.lock ../rust-toolchain.toml && return
    echo "Compiling the archive check for browsers"
    local size compiled=$target/wasm32-unknown-unknown/wasm/archive_wasm.wasm
    # Where it was compiled is nobody's business, and costs bytes.
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$root=." \
        cargo build --quiet -p archive-wasm --lib --profile wasm --target wasm32-unknown-unknown --target-dir "$target"
    rm -rf $check/wasm
    cargo run --quiet -p archive-wasm --example bindings --target-dir "$target" -- "$compiled" $check/wasm
    size=$(gzip -9 -c $made | wc -c)
    if [ "$size" -gt $most ]; then
        rm -rf $check/wasm
        echo "The archive check for browsers has $size bytes after gzip, more than $most: see which crate in archive/ has grown." >&2
        return 1
    fi
}

# The same verdicts as the server's on the whole corpus.
compare_verdicts() {
    local corpus=$target/archive-corpus
    cargo run --quiet -p archive-wasm --example corpus --target-dir "$target" -- "$corpus"
    ARCHIVE_CORPUS=$corpus npm test --silent --workspace @nano/archive-check
}

case "${1:-}" in
types)
    install_packages
    fresh=$(types_of_api)
    printf '%s\n' "$fresh" >"$types"
    ;;
packages)
    install_packages
    ;;
wasm)
    wasm
    ;;
build)
    install_packages
    wasm
    if fresh dist/index.html src public packages build index.html package-lock.json vite.config.ts; then
        exit
    fi
    echo "Building the web app"
    npm run build --silent -- --logLevel warn
    python3 ../deploy/checks/site.py dist
    ;;
check)
    install_packages
    wasm
    if ! diff -q <(types_of_api) "$types" >/dev/null; then
        echo "web/$types is not what the API says of itself; run: make types, and commit the change" >&2
        exit 1
    fi
    lint_document
    npm run lint --silent
    npm test --silent
    npm run build --silent -- --logLevel warn --outDir "$target/web-check" --emptyOutDir
    python3 ../deploy/checks/site.py "$target/web-check"
    compare_verdicts
    ;;
bench)
    wasm
    mkdir -p "$target/archive-bench"
    echo "WebAssembly: $(wc -c <"$made") bytes, $(gzip -9 -c "$made" | wc -c) after gzip"
    node $check/bench.js "$target/archive-bench"
    echo "The same, native:"
    cargo run --quiet --release -p archive-wasm --example native --target-dir "$target" -- "$target"/archive-bench/*.zip
    ;;
*)
    echo "usage: deploy/web.sh build|types|check|packages|wasm|bench" >&2
    exit 2
    ;;
esac
