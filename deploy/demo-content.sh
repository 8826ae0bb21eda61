#!/usr/bin/env bash
# Builds the demo content into .dev/demo, with the Python packages it needs in .dev/venv. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=deploy/demo-content/requirements.txt
venv=.dev/venv
stamp=$venv/requirements.txt
log=.dev/logs/pip.log

if ! cmp -s "$requirements" "$stamp"; then
    echo "Installing Python packages into $venv (log: $log)"
    mkdir -p .dev/logs
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$requirements" >"$log" 2>&1 || {
        tail -20 "$log" >&2
        echo "pip could not install the packages of $requirements" >&2
        exit 1
    }
    cp "$requirements" "$stamp"
fi
echo "Demo content"
"$venv/bin/python" deploy/demo-content/build.py | sed 's/^/  /'
