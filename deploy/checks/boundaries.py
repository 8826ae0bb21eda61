#!/usr/bin/env python3
"""The dependency rule: which room may use which, and one room for each outside system. And no test where none is run.

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
    "words": set(),
    "db": {"words"},
    "queue": {"db", "words"},
    "domain": {"words"},
    "archive": set(),
    "archive-wasm": {"archive"},
    "content": {"archive", "domain"},
    "infra": {"db", "domain"},
    "jobs": {"archive", "content", "db", "domain", "infra", "queue"},
    "api": {"db", "domain", "infra", "jobs", "queue"},
    "worker": {"archive", "content", "db", "domain", "infra", "jobs", "queue"},
    "scheduler": {"db", "infra", "jobs", "queue"},
    "servers": set(),
    "chaos": {"servers"},
    "dev": {"servers", "chaos"},
    "tests": {"archive", "content", "db", "domain", "infra", "jobs", "queue", "api", "worker", "scheduler", "servers"},
    "benches": {"archive", "db", "domain", "queue", "servers"},
    "bench-archive": {"archive"},
}

# What they may use besides in tests and examples: the WebAssembly's corpus says which formats allow scripts.
MAY_USE_IN_TESTS = {"archive-wasm": {"domain"}}

# Crates from outside, and the only rooms that may name them.
RESERVED = [
    (r"sqlx($|-)", {"words", "db", "queue", "infra"}),
    (r"redis$", {"queue", "infra"}),
    (r"opensearch$|lettre$|aws-(?!lc-)", {"infra"}),
    # Chaos reads the index past the product.
    (r"tantivy$", {"infra", "chaos"}),
    (r"apalis($|-)", {"queue"}),
    (r"axum($|-)|utoipa-axum$|utoipa-scalar$", {"api"}),
    (r"s3s($|-)", {"servers"}),
]

# Features of our rooms that released programs must not carry, and the only rooms that may ask for them.
TEST_FEATURES = {("archive", "hostile"): {"archive-wasm", "tests", "benches", "bench-archive"}}
# Of those, the rooms that may ask for them in tests and examples alone.
TEST_FEATURES_IN_TESTS = {("archive", "hostile"): {"archive-wasm"}}
# Ids and words know their columns only for rooms that have SQL.
SQL_FEATURES = {("words", "sql"): {"db", "queue"}}

# The whole suite may look at everything; the private servers are tested with the clients the product uses; the benchmarks
# hold the peers: a bare SQL loop (sqlx), stock apalis-redis, and what they ask Redis.
EXEMPT = {("tests", None), ("servers", "dev"), ("benches", None)}

SQL_TEXT = re.compile(r"\bsqlx::|\bSELECT\s[^;]{1,200}\sFROM\s|\bINSERT\s+(IGNORE\s+)?INTO\s|\bUPDATE\s+\w+\s+SET\s|\bDELETE\s+FROM\s")
SQL_ROOMS = ("infra/src/db/", "queue/src/ledger/", "db/")
SQL_FREE = ["db", "queue", "domain", "archive", "content", "infra", "jobs", "api", "worker", "scheduler"]


def crate_breaches(packages):
    rooms = {package["name"] for package in packages}
    for package in packages:
        room = package["name"]
        if room not in MAY_USE:
            yield f"{room}: a new room; add it to MAY_USE in deploy/checks/boundaries.py"
            continue
        for dependency in package["dependencies"]:
            name, kind = dependency["name"], dependency["kind"]
            in_tests = MAY_USE_IN_TESTS.get(room, set()) if kind == "dev" else set()
            if name in rooms and name not in MAY_USE[room] | in_tests:
                yield f"{room} -> {name}: MAY_USE says which rooms it may use"
            for feature in dependency.get("features", []):
                for features in (TEST_FEATURES, SQL_FEATURES):
                    if room not in features.get((name, feature), {room}):
                        yield f"{room} -> {name}: the feature {feature} is not for this room"
                if kind != "dev" and room in TEST_FEATURES_IN_TESTS.get((name, feature), set()):
                    yield f"{room} -> {name}: the feature {feature} is for its tests alone"
            if (room, None) in EXEMPT or (room, kind) in EXEMPT:
                continue
            for pattern, owners in RESERVED:
                if re.match(pattern, name) and room not in owners:
                    yield f"{room} -> {name}: only {', '.join(sorted(owners))} may name it"


def sql_breaches(files):
    for path, text in files:
        if path.startswith(SQL_ROOMS):
            continue
        code = re.sub(r"//[^\n]*", "", text)
        for match in SQL_TEXT.finditer(code):
            yield f"{path}: {match.group(0)[:60].strip()!r}: SQL lives in {', '.join(SQL_ROOMS)} and nowhere else"


def silent_tests(targets, read):
    """Targets without tests and examples are built without looking for them; one that is written there would never run."""
    for target in targets:
        root = pathlib.Path(target["src_path"])
        files = sorted(root.parent.rglob("*.rs")) if "bin" not in target["kind"] else [root]
        for path in files:
            text = read(path)
            if not target["test"] and re.search(r"#\[(tokio::)?test\b", text):
                yield f"{path}: its tests do not run: {target['name']} has `test = false` in its Cargo.toml"
            fences = re.findall(r"^\s*//[/!] ```(.*)$", text, re.MULTILINE)
            if not target["doctest"] and "lib" in target["kind"] and any(kind in ("", "rust") for kind in fences[::2]):
                yield f"{path}: its example does not run: {target['name']} has `doctest = false` in its Cargo.toml"


def shared_names(files):
    """Types of the OpenAPI document that have one name: the document would have the last of them, whatever is answered."""
    seen = {}
    for path, text in files:
        for block in re.finditer(r"#\[derive\(([^)]*)\)\]((?:\s*#\[[^\n]*\]|\s*///[^\n]*)*)\s*pub(?:\([a-z]+\))? (?:struct|enum) (\w+)", text):
            derived, attributes, name = block.groups()
            if "ToSchema" not in derived or "(as =" in attributes:
                continue
            if name in seen:
                yield f"{path}: {name} is a schema of {seen[name]} as well: the OpenAPI document has room for one"
            seen[name] = path


def source_files():
    for room in SQL_FREE:
        for path in sorted((ROOT / room).rglob("*.rs")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def prove_it_can_fail():
    """A check that never fails proves nothing: each kind of breach, made up, must be found."""
    bad = [
        {"name": "queue", "dependencies": [{"name": "domain", "kind": None}, {"name": "infra", "kind": None}]},
        {"name": "domain", "dependencies": [{"name": "words", "kind": None, "features": ["sql"]}]},
        {"name": "words", "dependencies": [{"name": "sqlx", "kind": None}]},
        {"name": "infra", "dependencies": [{"name": "queue", "kind": None}]},
        {"name": "jobs", "dependencies": [{"name": "sqlx", "kind": None}, {"name": "axum", "kind": "dev"}]},
        {"name": "api", "dependencies": [{"name": "apalis-redis", "kind": None}, {"name": "worker", "kind": None}]},
        {"name": "worker", "dependencies": [{"name": "archive", "kind": None, "features": ["hostile"]}]},
        {"name": "archive", "dependencies": [{"name": "domain", "kind": None, "features": []}]},
        {"name": "servers", "dependencies": [{"name": "lettre", "kind": "dev"}]},
        {"name": "chaos", "dependencies": [{"name": "servers", "kind": None}, {"name": "dev", "kind": None}]},
        {"name": "dev", "dependencies": [{"name": "chaos", "kind": None}, {"name": "s3s", "kind": None}]},
        {"name": "tests", "dependencies": [{"name": "axum", "kind": None}]},
        {"name": "archive-wasm", "dependencies": [{"name": "domain", "kind": None}, {"name": "domain", "kind": "dev"}]},
        {"name": "archive-wasm", "dependencies": [{"name": "archive", "kind": None, "features": ["hostile"]}]},
        {"name": "archive-wasm", "dependencies": [{"name": "archive", "kind": "dev", "features": ["hostile"]}]},
    ]
    assert len(list(crate_breaches(bad))) == 14, list(crate_breaches(bad))
    texts = [
        ("api/src/a.rs", 'sqlx::query("x")'),
        ("jobs/src/b.rs", '"SELECT id FROM jobs WHERE"'),
        ("jobs/src/c.rs", "// SELECT id FROM jobs: in a comment\n"),
        ("infra/src/db/users.rs", '"SELECT id FROM users "'),
        ("queue/src/ledger/claim.rs", '"SELECT id FROM jobs "'),
        ("queue/src/worker/claimer.rs", '"SELECT id FROM jobs "'),
    ]
    assert len(list(sql_breaches(texts))) == 3, list(sql_breaches(texts))
    schema = "#[derive(Serialize, ToSchema)]\n/// Text.\n#[serde(tag = \"a\")]\npub struct A {"
    assert len(list(shared_names([("api/src/a.rs", schema), ("api/src/b.rs", schema)]))) == 1
    assert not list(shared_names([("api/src/a.rs", schema), ("api/src/b.rs", schema.replace("ToSchema", "Clone"))]))
    here = {"src_path": __file__, "name": "x", "kind": ["bin"], "test": False, "doctest": False}
    assert len(list(silent_tests([here], lambda _: "#[tokio::test]\nasync fn a() {}"))) == 1
    library = {**here, "src_path": str(ROOT / "db/words/src/lib.rs"), "kind": ["lib"]}
    assert list(silent_tests([library], lambda _: "/// ```\n/// a();\n/// ```\n"))
    assert not list(silent_tests([library], lambda _: "/// ```text\n/// a\n/// ```\n"))


def main():
    prove_it_can_fail()
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    targets = [target for package in metadata["packages"] for target in package["targets"] if "example" not in target["kind"]]
    silent = silent_tests(targets, lambda path: path.read_text(encoding="utf-8"))
    breaches = sorted({*crate_breaches(metadata["packages"]), *sql_breaches(source_files()), *shared_names(source_files()), *silent})
    print("\n".join(breaches) or "note: " + str(len(metadata["packages"])) + " rooms, no breach")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
