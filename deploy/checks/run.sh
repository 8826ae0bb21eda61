#!/usr/bin/env bash
# All checks of `make check`, or only those named as arguments. Every step runs even when an earlier one failed;
# the output of a failed step is shown, and all failures are listed at the end.
set -uo pipefail
cd "$(dirname "$0")/../.."

logs=.dev/logs/check
mkdir -p "$logs"
target=${CARGO_TARGET_DIR:-target}
tools=.dev/tools/bin
# The code must build from the query cache alone, whatever the caller's environment says.
export SQLX_OFFLINE=true
unset DATABASE_URL

names=()
failed=()
wanted=("$@")
# Who names checks wants them whole.
promtool=
[ $# -eq 0 ] || promtool=--promtool

step() {
    local name=$1
    shift # what is left is the function to call
    if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then
        return
    fi
    names+=("$name")
    local log=$logs/$name.log start=$SECONDS
    printf '%-14s ' "$name"
    if "$@" >"$log" 2>&1 </dev/null; then
        printf 'ok      %4d s  %s\n' $((SECONDS - start)) "$(grep -a '^note: ' "$log" | tail -1 | cut -c7-)"
    else
        failed+=("$name")
        printf 'FAILED  %4d s  log: %s\n' $((SECONDS - start)) "$log"
        # Compiler messages first mention the cause, other tools last.
        { if [ "$(wc -l <"$log")" -gt 160 ]; then head -80 "$log"; echo '…'; tail -80 "$log"; else cat "$log"; fi; } | sed 's/^/    /'
    fi
}

# Names the files only; `make fmt` changes them.
# The fuzz targets and the Rust programs we are compared with are workspaces of their own.
formatting() {
    cargo fmt --all --check -- -l || return
    local manifest
    for manifest in fuzz/Cargo.toml benches/peers/*/Cargo.toml; do
        cargo fmt --manifest-path "$manifest" --check -- -l || return
    done
}
lints() { cargo clippy --workspace --all-targets --keep-going --quiet -- -D warnings; }
boundaries() { python3 deploy/checks/boundaries.py; }
sql() { python3 deploy/checks/sql.py; }
settings() { python3 deploy/checks/settings.py; }
metrics() { python3 deploy/checks/metrics.py; }
site() { python3 deploy/checks/site.py; }
alerts() { python3 deploy/checks/alerts.py $promtool; }
aws() { python3 deploy/checks/aws.py; }
units() { python3 deploy/checks/units.py; }
images() { deploy/checks/images.sh; }
query_cache() { deploy/checks/query-cache.sh; }
programs() { cargo build --workspace --bins --quiet; }
codecs() { python3 deploy/checks/codecs.py "$target/debug"; }
handbook() { python3 deploy/checks/handbook.py "$target/debug"; }
# Addresses in the texts of settings are bare, because --help shows the same texts.
docs() { RUSTDOCFLAGS="-D warnings -A rustdoc::bare_urls" cargo doc --no-deps --workspace --quiet; }
# Room by room: from the top it would read target/ and .dev/ as well.
unused() { find . -mindepth 2 -name Cargo.toml -not -path './target/*' -not -path './.dev/*' -exec dirname {} + | xargs "$tools/cargo-machete"; }
scripts() { deploy/checks/scripts.sh; }

licences() {
    "$tools/cargo-deny" --all-features check --hide-inclusion-graph licenses bans sources || return
    # The advisory database comes over the network; where it cannot be had, that must not fail the build.
    if "$tools/cargo-deny" fetch db >"$logs/advisories.log" 2>&1; then
        "$tools/cargo-deny" check --disable-fetch --hide-inclusion-graph advisories
    else
        echo "note: advisories: skipped (the database cannot be fetched here, see $logs/advisories.log)"
    fi
}

web() { deploy/web.sh check; }

step formatting formatting
step boundaries boundaries
step sql sql
step settings settings
step metrics metrics
step site site
step alerts alerts
step aws aws
step units units
step scripts scripts
step licences licences
step unused unused
step lints lints
step query-cache query_cache
step programs programs
step codecs codecs
step handbook handbook
step docs docs
[ ! -f web/package.json ] || step web web
# Only when it is named: it takes minutes, root and Linux.
[ ${#wanted[@]} -eq 0 ] || step images images

if [ ${#names[@]} -eq 0 ]; then
    echo "no such check: ${wanted[*]}" >&2
    exit 2
fi
if [ ${#failed[@]} -gt 0 ]; then
    echo
    echo "${#failed[@]} of ${#names[@]} checks failed: ${failed[*]}"
    echo "one alone: deploy/checks/run.sh ${failed[0]}"
    exit 1
fi
echo
echo "all ${#names[@]} checks passed in $SECONDS s"
