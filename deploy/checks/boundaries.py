#!/usr/bin/env python3
"""Which room may use which: domain <- infra <- jobs <- {api, worker, scheduler}, {domain, archive} <- content <- jobs; one
room for each outside system; the archive's hostile corpus only where it is tested.

Reads the real dependency graph (`cargo metadata`) and the source text. Exits 1 with one line per breach.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Rooms of ours that a room may depend on.
MAY_USE = {
    "archive": set(),
    "content": {"archive", "domain"},
    "domain": set(),
    "infra": {"domain"},
    "jobs": {"archive", "content", "domain", "infra"},
    "api": {"domain", "infra", "jobs"},
    "worker": {"archive", "content", "domain", "infra", "jobs"},
    "scheduler": {"domain", "infra", "jobs"},
    "dev": set(),
    "tests": {"archive", "content", "domain", "infra", "jobs", "api", "worker", "scheduler", "dev"},
    "benches": {"archive", "content", "domain", "infra", "jobs", "dev"},
    "bench-archive": {"archive"},
}

# Crates from outside, and the only rooms that may name them.
RESERVED = [
    (r"sqlx($|-)|tantivy$|opensearch$|lettre$|redis$|aws-", {"infra"}),
    (r"apalis($|-)", {"jobs"}),
    (r"axum($|-)|utoipa-axum$|utoipa-scalar$", {"api"}),
    (r"s3s($|-)", {"dev"}),
]

# Features of our rooms that released programs must not carry, and the only rooms that may ask for them.
TEST_FEATURES = {("archive", "hostile"): {"tests", "bench-archive"}}

# The whole suite may look at everything; the dev servers are tested with the clients the product uses; the benchmarks
# hold the peers: a bare SQL loop (sqlx), stock apalis-redis, and what they ask Redis.
EXEMPT = {("tests", None), ("dev", "dev"), ("benches", None)}

SQL_TEXT = re.compile(r"\bsqlx::|\bSELECT\s[^;]{1,200}\sFROM\s|\bINSERT\s+(IGNORE\s+)?INTO\s|\bUPDATE\s+\w+\s+SET\s|\bDELETE\s+FROM\s")
SQL_ROOM = "infra/src/db/"
SQL_FREE = ["archive", "content", "domain", "infra", "jobs", "api", "worker", "scheduler"]


def crate_breaches(packages):
    rooms = {package["name"] for package in packages}
    for package in packages:
        room = package["name"]
        if room not in MAY_USE:
            yield f"{room}: a new room; add it to MAY_USE in deploy/checks/boundaries.py"
            continue
        for dependency in package["dependencies"]:
            name, kind = dependency["name"], dependency["kind"]
            if name in rooms and name not in MAY_USE[room]:
                yield f"{room} -> {name}: not in the direction domain <- infra <- jobs <- binaries"
            for feature in dependency.get("features", []):
                if room not in TEST_FEATURES.get((name, feature), {room}):
                    yield f"{room} -> {name}: the feature {feature} is for tests and benchmarks"
            if (room, None) in EXEMPT or (room, kind) in EXEMPT:
                continue
            for pattern, owners in RESERVED:
                if re.match(pattern, name) and room not in owners:
                    yield f"{room} -> {name}: only {', '.join(sorted(owners))} may name it"


def sql_breaches(files):
    for path, text in files:
        if path.startswith(SQL_ROOM):
            continue
        code = re.sub(r"//[^\n]*", "", text)
        for match in SQL_TEXT.finditer(code):
            yield f"{path}: {match.group(0)[:60].strip()!r}: SQL lives in {SQL_ROOM} and nowhere else"


def source_files():
    for room in SQL_FREE:
        for path in sorted((ROOT / room).rglob("*.rs")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def prove_it_can_fail():
    """A check that never fails proves nothing: each kind of breach, made up, must be found."""
    bad = [
        {"name": "domain", "dependencies": [{"name": "infra", "kind": None}]},
        {"name": "infra", "dependencies": []},
        {"name": "jobs", "dependencies": [{"name": "sqlx", "kind": None}, {"name": "axum", "kind": "dev"}]},
        {"name": "api", "dependencies": [{"name": "apalis-redis", "kind": None}, {"name": "worker", "kind": None}]},
        {"name": "worker", "dependencies": [{"name": "archive", "kind": None, "features": ["hostile"]}]},
        {"name": "archive", "dependencies": [{"name": "domain", "kind": None, "features": []}]},
        {"name": "dev", "dependencies": [{"name": "lettre", "kind": "dev"}]},
        {"name": "tests", "dependencies": [{"name": "axum", "kind": None}]},
    ]
    assert len(list(crate_breaches(bad))) == 7, list(crate_breaches(bad))
    texts = [
        ("api/src/a.rs", 'sqlx::query("x")'),
        ("jobs/src/b.rs", '"SELECT id FROM jobs WHERE"'),
        ("jobs/src/c.rs", "// SELECT id FROM jobs: in a comment\n"),
        ("infra/src/db/users.rs", '"SELECT id FROM users "'),
    ]
    assert len(list(sql_breaches(texts))) == 2, list(sql_breaches(texts))


def main():
    prove_it_can_fail()
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    breaches = sorted({*crate_breaches(metadata["packages"]), *sql_breaches(source_files())})
    print("\n".join(breaches) or "note: " + str(len(metadata["packages"])) + " rooms, no breach")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
