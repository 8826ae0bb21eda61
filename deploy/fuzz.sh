#!/usr/bin/env bash
# Fuzzes the archive gate: `make fuzz`, or with TARGET=, SECONDS_EACH= and JOBS=. Everything it writes is under
# .dev/fuzz: seeds (from the honest and hostile archives of the crate `archive`), corpus (what was found interesting; kept
# for the next run), findings, logs. Exit status 1 when a target found something.
set -uo pipefail
cd "$(dirname "$0")/.."

all=(directory check rebuild content names packages)
seconds=${SECONDS_EACH:-60}
dir=.dev/fuzz
target_dir=${CARGO_TARGET_DIR:-target}/fuzz
platform=$(rustc -vV | sed -n 's/^host: //p')

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# One target, in a process of its own. Memory is bounded well below what a worker may take. AddressSanitizer keeps freed
# memory to find its late use; 16 MiB of it are enough here.
one() {
    local name=$1 findings
    mkdir -p "$dir/corpus/$name" "$dir/findings/$name" "$dir/logs"
    findings=$(find "$dir/findings/$name" -type f | wc -l)
    ASAN_OPTIONS=quarantine_size_mb=16:allocator_may_return_null=1 \
        "$target_dir/$platform/release/$name" "$dir/corpus/$name" "$dir/seeds/$name" \
        -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=256 -timeout=10 \
        -artifact_prefix="$dir/findings/$name/" -print_final_stats=1 >"$dir/logs/$name.log" 2>&1
    local status=$?
    local log=$dir/logs/$name.log runs coverage corpus
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -ao 'cov: [0-9]* ft: [0-9]*' "$log" | tail -1 | sed 's/cov: //; s/ ft:/ edges, features/')
    corpus=$(grep -ao 'corp: [0-9]*/[0-9A-Za-z]*' "$log" | tail -1 | cut -d' ' -f2)
    findings=$(($(find "$dir/findings/$name" -type f | wc -l) - findings))
    printf '%-10s %12s runs  coverage %-28s corpus %-14s findings %d\n' \
        "$name" "${runs:-?}" "${coverage:-?}" "${corpus:-?}" "$findings"
    if [ $status -ne 0 ] || [ "$findings" -gt 0 ]; then
        grep -aE -m 3 'panicked at|ERROR: |SUMMARY: ' "$log" | sed 's/^/    /'
        printf '    %s\n' "again: $target_dir/$platform/release/$name FILE, with a file of $dir/findings/$name; log: $log"
        return 1
    fi
}

if [ "${1:-}" = --one ]; then
    one "$2"
    exit
fi

targets=("${all[@]}")
if [ -n "${TARGET:-}" ]; then
    [[ " ${all[*]} " = *" $TARGET "* ]] || fail "There is no target $TARGET; there are: ${all[*]}"
    targets=("$TARGET")
fi
case $seconds in *[!0-9]* | '') fail "SECONDS_EACH=$seconds is not a number of seconds" ;; esac

deploy/install.sh --fuzz-tools || exit 1
echo "Building ${#targets[@]} of ${#all[@]} targets"
PATH=$PWD/.dev/tools/bin:$PATH
CARGO_TERM_QUIET=true cargo +nightly fuzz build --fuzz-dir fuzz --target-dir "$target_dir" ${TARGET:+"$TARGET"} ||
    fail "The targets do not build, see above."
cargo run --quiet --manifest-path fuzz/Cargo.toml --target-dir "$target_dir" --example seeds -- "$dir/seeds" ||
    fail "The seeds cannot be written, see above."

jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
echo "Fuzzing ${targets[*]}: $seconds s each, $jobs at a time"
export SECONDS_EACH=$seconds
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} "$0" --one {} || exit 1
echo "no findings"
