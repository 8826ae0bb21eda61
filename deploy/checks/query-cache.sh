#!/usr/bin/env bash
# Is .sqlx, from which the checked queries compile without a database, what the migrations and queries say?
# With --write it is brought up to date. The schema is always called nano_dev: its name is part of the cache.
set -euo pipefail
cd "$(dirname "$0")/../.."

schema=nano_dev
rooms=(db/src/lib.rs queue/src/lib.rs infra/src/lib.rs)
stamp=.dev/logs/check/query-cache.ok
target=${CARGO_TARGET_DIR:-target}
current() { { cat migrations/*.sql; find infra/src queue/src db/src .sqlx -type f 2>/dev/null | sort | xargs cat; cat Cargo.lock; } | sha256sum; }

if [ "${1:-}" = --inside ]; then
    client=(mariadb --no-defaults --protocol=TCP --host=127.0.0.1 --port="$(sed 's/.*:\([0-9]*\)\/$/\1/' <<<"$TEST_DATABASE_URL")" -unano -pnano)
    for migration in migrations/*.sql; do
        "${client[@]}" "$schema" <"$migration" || { echo "$migration does not run" >&2; exit 1; }
    done
    # sqlx writes a file for each query it compiles; these rooms have some. A cargo left over from an interrupted check may
    # compile them between the touch and ours, which then finds nothing to do: once more, then.
    export DATABASE_URL=$TEST_DATABASE_URL$schema SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$2
    for _ in 1 2; do
        touch "${rooms[@]}"
        # Clippy, because `make check` has just run it and little is left to compile. That another crate does not
        # compile is not this check's business.
        cargo clippy --workspace --lib --keep-going --quiet >"$2.log" 2>&1 || true
        if grep -qE 'could not compile `(infra|queue|db)`' "$2.log"; then
            cat "$2.log"
            exit 1
        fi
        [ -z "$(ls -A "$2")" ] || break
    done
    exit
fi

if [ "${1:-}" != --write ] && [ "$(current)" = "$(cat "$stamp" 2>/dev/null)" ]; then
    echo "note: unchanged since it was last found right"
    exit
fi

mkdir -p .dev/logs/check
fresh=$(mktemp -d "$PWD/.dev/tmp-query-cache.XXXXXX")
trap 'rm -rf "$fresh" "$fresh.log"; touch "${rooms[@]}"' EXIT
cargo build --workspace --bin dev --quiet
"$target/debug/dev" with -- "$0" --inside "$fresh"

if [ "${1:-}" = --write ]; then
    mkdir -p .sqlx
    rm -f .sqlx/*.json
    cp "$fresh"/*.json .sqlx/ 2>/dev/null || true
    current >"$stamp"
    echo "$(find .sqlx -name '*.json' | wc -l) queries written to .sqlx"
elif diff -rq "$fresh" .sqlx; then
    current >"$stamp"
    echo "note: $(find .sqlx -name '*.json' | wc -l) queries"
else
    echo ".sqlx is not up to date; run: make query-cache, and commit the change"
    exit 1
fi
