#!/usr/bin/env python3
"""Does .env.sample name every setting the programs read, and no other?"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Read by the AWS library, not by our own argument structs.
BY_LIBRARIES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def main():
    sources = [path for room in ("queue", "content", "infra", "jobs", "api", "worker", "scheduler") for path in (ROOT / room / "src").rglob("*.rs")]
    read = {name for path in sources for name in re.findall(r'\benv = "([A-Z][A-Z0-9_]+)"', path.read_text(encoding="utf-8"))}
    sample = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.sample").read_text(encoding="utf-8"), re.MULTILINE))
    problems = [f".env.sample does not name {name}" for name in sorted(read - sample)]
    problems += [f".env.sample names {name}, which no program reads" for name in sorted(sample - read - BY_LIBRARIES)]
    print("\n".join(problems) or f"note: {len(read)} settings")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
