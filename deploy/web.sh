#!/usr/bin/env bash
# The web app: `build` makes web/dist where it is older than its sources, `types` makes the API's types anew from what the
# built api says of itself, `check` compares them with that, lints, type-checks and tests.
set -euo pipefail
cd "$(dirname "$0")/../web"

export NO_UPDATE_NOTIFIER=1 npm_config_audit=false npm_config_fund=false

# The installed tree keeps its own lock file, younger than ours when it is complete.
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    echo "Installing npm packages"
    npm ci --loglevel=error
fi

types=src/api/schema.d.ts
api=${CARGO_TARGET_DIR:-../target}/debug/api

# The types as they should be, on standard output.
types_of_api() {
    [ -x "$api" ] || { echo "$api is not built; run: cargo build --workspace --bins" >&2; return 1; }
    "$api" openapi | npx --no-install openapi-typescript
}

case "${1:-}" in
types)
    fresh=$(types_of_api)
    printf '%s\n' "$fresh" >"$types"
    ;;
build)
    sources=(src public index.html package-lock.json vite.config.ts)
    if [ -f dist/index.html ] && [ -z "$(find "${sources[@]}" -newer dist/index.html -print -quit)" ]; then
        exit
    fi
    echo "Building the web app"
    npm run build --silent -- --logLevel warn
    ;;
check)
    if ! diff -q <(types_of_api) "$types" >/dev/null; then
        echo "web/$types is not what the API says of itself; run: make types, and commit the change" >&2
        exit 1
    fi
    npm run lint --silent
    npm test --silent
    ;;
*)
    echo "usage: deploy/web.sh build|types|check" >&2
    exit 2
    ;;
esac
