#!/usr/bin/env bash
# Makes the Python client of an OpenAPI document: clients/python/make.sh openapi.json FOLDER, and FOLDER/nano_client is the
# package. Anything that the generator would leave out is an error.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=$here/../../.dev/tools/python/bin
[ $# = 2 ] || { echo "usage: clients/python/make.sh openapi.json FOLDER" >&2; exit 2; }
[ -x "$tools/openapi-python-client" ] || { echo "The generator is missing; run: deploy/install.sh --test-tools" >&2; exit 1; }
mkdir -p "$2"
# It formats what it has made with ruff, which stands beside it.
PATH=$tools:$PATH openapi-python-client generate --path "$1" --config "$here/config.yaml" --meta none \
    --output-path "$2/nano_client" --overwrite --fail-on-warning
