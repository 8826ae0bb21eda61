#!/usr/bin/env bash
# The web app: `build` makes web/dist where it is older than its sources, `check` lints, type-checks and tests.
set -euo pipefail
cd "$(dirname "$0")/../web"

export NO_UPDATE_NOTIFIER=1 npm_config_audit=false npm_config_fund=false

# The installed tree keeps its own lock file, younger than ours when it is complete.
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    echo "Installing npm packages"
    npm ci --loglevel=error
fi

case "${1:-}" in
build)
    sources=(src public index.html package-lock.json vite.config.ts)
    if [ -f dist/index.html ] && [ -z "$(find "${sources[@]}" -newer dist/index.html -print -quit)" ]; then
        exit
    fi
    echo "Building the web app"
    npm run build --silent -- --logLevel warn
    ;;
check)
    npm run lint --silent
    npm test --silent
    ;;
*)
    echo "usage: deploy/web.sh build|check" >&2
    exit 2
    ;;
esac
