#!/usr/bin/env bash
# Shell and Python scripts parse.
set -uo pipefail
cd "$(dirname "$0")/../.."

status=0
while IFS= read -r script; do
    bash -n "$script" || status=1
done < <(find deploy clients .ci -type f \( -name '*.sh' -o -path '.ci/run' \) | sort)
find deploy benches clients tests -type f -name '*.py' -print0 | sort -z | xargs -0 python3 -c '
import ast, pathlib, sys
for path in sys.argv[1:]:
    ast.parse(pathlib.Path(path).read_text(encoding="utf-8"), path)
' || status=1
exit "$status"
