#!/usr/bin/env python3
"""Finds SQL that one of our databases does not understand: MySQL 8.0.28 (Aurora MySQL 3.04) to 9.7 LTS, MariaDB >= 10.11.

Reads migrations/*.sql and the string literals of the rooms that have SQL. Exits 1 with one line per finding.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# (who refuses it, pattern, what to write instead, an example the pattern must find)
RULES = [
    ("MySQL", r"\bRETURNING\b", "read the row back by its key", "DELETE FROM a WHERE b = 1 RETURNING b"),
    ("MySQL", r"\b(ADD|MODIFY|CHANGE)\s+(COLUMN\s+)?IF\s+(NOT\s+)?EXISTS\b", "plain ADD in its own migration", "ALTER TABLE a ADD COLUMN IF NOT EXISTS b INT"),
    ("MySQL", r"\bDROP\s+(COLUMN|INDEX|KEY|CONSTRAINT|FOREIGN\s+KEY)\s+IF\s+EXISTS\b", "plain DROP in its own migration", "ALTER TABLE a DROP COLUMN IF EXISTS b"),
    ("MySQL", r"\b(INDEX|KEY)\s+IF\s+NOT\s+EXISTS\b", "plain CREATE INDEX", "CREATE INDEX IF NOT EXISTS i ON a (b)"),
    ("MySQL", r"\bCREATE\s+OR\s+REPLACE\s+(TABLE|INDEX|DATABASE|SCHEMA)\b", "DROP TABLE IF EXISTS, then CREATE", "CREATE OR REPLACE TABLE a (b INT)"),
    ("MySQL", r"\b(CREATE|ALTER|DROP)\s+SEQUENCE\b|\bNEXT\s+VALUE\s+FOR\b", "AUTO_INCREMENT or UUID v7", "SELECT NEXT VALUE FOR s"),
    ("MySQL", r"\bSYSTEM\s+VERSIONING\b|\bFOR\s+SYSTEM_TIME\b", "a history table", "ALTER TABLE a ADD SYSTEM VERSIONING"),
    ("MySQL", r"\bFOR\s+UPDATE\s+WAIT\b", "NOWAIT or SKIP LOCKED", "SELECT b FROM a FOR UPDATE WAIT 3"),
    ("MySQL", r"\bSET\s+STATEMENT\b", "set the variable for the session", "SET STATEMENT max_statement_time=1 FOR SELECT 1"),
    ("MySQL", r"\b(INET4|INET6)\b(?!_)", "VARBINARY(16)", "CREATE TABLE a (b INET6)"),
    ("MySQL", r"^\s*\w+\s+UUID\b(?!\s*\()", "BINARY(16)", "CREATE TABLE a (\n  id UUID NOT NULL)"),
    ("MySQL", r"\bJSON_(DETAILED|LOOSE|COMPACT|EQUALS|NORMALIZE|QUERY|EXISTS)\s*\(", "JSON_EXTRACT", "SELECT JSON_DETAILED(b) FROM a"),
    ("MySQL", r"\bROWS\s+EXAMINED\b", "LIMIT", "SELECT b FROM a LIMIT ROWS EXAMINED 5"),
    ("MySQL", r"\buca1400_", "utf8mb4_unicode_ci", "COLLATE uca1400_ai_ci"),
    ("MySQL", r"\b(NVL2|TO_CHAR|ADD_MONTHS|ROWNUM|DECODE_ORACLE)\s*\(", "standard SQL", "SELECT TO_CHAR(b) FROM a"),
    ("MySQL", r"\([^;()]*\bSELECT\b(?:(?!\b(?:LIMIT|DISTINCT)\b)(?:[^()]|\((?:[^()]|\([^()]*\))*\)))*\bSKIP\s+LOCKED\s*\)", "LIMIT in the derived table: MySQL merges one without, and then waits for locked rows", "UPDATE a JOIN (SELECT b FROM a WHERE b IN (1) FOR UPDATE SKIP LOCKED) c ON a.b = c.b SET a.d = 1"),
    ("MySQL 9.7", r"\b(MD5|SHA|SHA1)\s*\(", "SHA2(…, 256), or compute it in Rust", "SELECT UNHEX(MD5(b)) FROM a"),
    ("MySQL 9.7", r"\b(WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS|MASTER_POS_WAIT)\s*\(|\bSHOW\s+(MASTER|SLAVE)\s+STATUS\b", "ask nothing about replication", "SHOW SLAVE STATUS"),
    ("MySQL 8.0.28", r"\bALTER\s+TABLE\b[^;]*\b(AFTER\s+\w+|FIRST)\b[^;]*\bALGORITHM\s*=?\s*INSTANT\b", "no ALGORITHM, so that the server takes the best it has", "ALTER TABLE a ADD COLUMN b INT AFTER c, ALGORITHM=INSTANT"),
    ("MySQL 8.0.28", r"\bALTER\s+TABLE\b[^;]*\bDROP\s+(COLUMN\s+\w+|(?!COLUMN|KEY|INDEX|PRIMARY|FOREIGN|CONSTRAINT|CHECK|PARTITION)\w+)[^;]*\bALGORITHM\s*=?\s*INSTANT\b", "ALGORITHM=INPLACE, LOCK=NONE", "ALTER TABLE a DROP COLUMN b, ALGORITHM = INSTANT"),
    ("MySQL 8.0.28", r"\b(INTERSECT|EXCEPT)\s+((ALL|DISTINCT)\s+)?(\(|SELECT\b)", "EXISTS, NOT EXISTS", "SELECT b FROM a EXCEPT SELECT b FROM c"),
    ("MySQL 8.0.28", r"\bCREATE\s+(FUNCTION|PROCEDURE|TRIGGER)\s+IF\s+NOT\s+EXISTS\b|\b(REVOKE\s+IF\s+EXISTS|IGNORE\s+UNKNOWN\s+USER)\b", "plain CREATE in its own migration", "CREATE TRIGGER IF NOT EXISTS t BEFORE INSERT ON a FOR EACH ROW SET @b = 1"),
    ("MySQL 8.0.28", r"\b(QUALIFY|TABLESAMPLE)\b|\bVECTOR\s*\(|\b(STRING_TO_VECTOR|TO_VECTOR|VECTOR_DIM|JSON_DUALITY_OBJECT)\s*\(", "a derived table with WHERE; BLOB", "SELECT b, ROW_NUMBER() OVER () r FROM a QUALIFY r = 1"),
    ("MySQL 8.0.28", r"\bFULL\s+(OUTER\s+)?JOIN\b", "LEFT JOIN, UNION ALL", "SELECT 1 FROM a FULL OUTER JOIN c ON a.b = c.b"),
    ("MariaDB", r"\bVALUES\s+ROW\s*\(", "SELECT … UNION ALL SELECT …", "SELECT * FROM (VALUES ROW(1), ROW(2)) a"),
    ("MariaDB", r"->>?(?=\s*['\"$])", "JSON_EXTRACT, JSON_UNQUOTE", "SELECT b->'$.c' FROM a"),
    ("MariaDB", r"\bFOR\s+SHARE\b", "LOCK IN SHARE MODE", "SELECT b FROM a FOR SHARE"),
    ("MariaDB", r"\bFOR\s+UPDATE\s+OF\b", "FOR UPDATE of the whole statement", "SELECT b FROM a JOIN c FOR UPDATE OF a SKIP LOCKED"),
    ("MariaDB", r"\butf8mb4_0900_", "utf8mb4_unicode_ci", "COLLATE utf8mb4_0900_ai_ci"),
    ("MariaDB", r"\b(UUID_TO_BIN|BIN_TO_UUID|IS_UUID)\s*\(", "convert in Rust", "SELECT BIN_TO_UUID(id) FROM a"),
    ("MariaDB", r"\b(KEY|INDEX)\s+\w+\s*(\bON\s+\w+\s*)?\(\s*\(", "a generated column with an index", "CREATE INDEX i ON a ((b + 1))"),
    ("MariaDB", r"\)\s*AS\s+\w+\s*(\([^)]*\)\s*)?ON\s+DUPLICATE\s+KEY\b", "VALUES(column)", "INSERT INTO a VALUES (1) AS new ON DUPLICATE KEY UPDATE b = new.b"),
    ("MariaDB", r"\bLATERAL\b", "a join or a derived table", "SELECT b FROM a, LATERAL (SELECT 1) c"),
    ("MariaDB", r"\bAS\s+JSON\s*\)", "JSON_EXTRACT(text, '$')", "SELECT CAST(b AS JSON) FROM a"),
    ("MariaDB", r"\bMEMBER\s+OF\b", "JSON_CONTAINS", "SELECT 1 MEMBER OF (b) FROM a"),
    ("MariaDB", r"\b(INVISIBLE|VISIBLE)\b(?=\s*[,);]|\s*$)", "drop the index", "ALTER TABLE a ALTER INDEX i INVISIBLE"),
    ("MariaDB", r"\bJSON_(OVERLAPS|STORAGE_SIZE|STORAGE_FREE|PRETTY|SCHEMA_VALID)\s*\(", "JSON_CONTAINS", "SELECT JSON_OVERLAPS(b, c) FROM a"),
    ("MariaDB", r"\b(ANY_VALUE|REGEXP_LIKE|GROUPING|ROLES_GRAPHML)\s*\(", "MIN(), REGEXP", "SELECT ANY_VALUE(b) FROM a"),
    ("MariaDB", r"\bSET\s+PERSIST\b", "configuration", "SET PERSIST a = 1"),
]
COMPILED = [(who, re.compile(pattern, re.IGNORECASE | re.MULTILINE), instead) for who, pattern, instead, _ in RULES]

# Migrations that take something away say so: older programs must not start on what they leave. Earlier ones had no such row.
TAKES_AWAY = re.compile(
    r"\bDROP\s+(?!(?:INDEX|KEY|PRIMARY|FOREIGN|CONSTRAINT|CHECK|DEFAULT)\b)\w+|\bRENAME\b|\bCHANGE\s+(?:COLUMN\s+)?\w+", re.IGNORECASE
)
SAYS_SO = re.compile(r"\bUPDATE\s+schema_compat\s+SET\s+needs\b", re.IGNORECASE)
FIRST_TO_SAY_SO = "20261129000104"

RUST_STRING = re.compile(r'r(#*)"(.*?)"\1|"((?:[^"\\]|\\.)*)"', re.DOTALL)
LOOKS_LIKE_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|FROM|WHERE|JOIN|ORDER BY|FOR UPDATE|SET)\b")


def blank(match):
    """Spaces of the same length: offsets, and so line numbers, stay right."""
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(sql):
    return re.sub(r"--[^\n]*|/\*(?!\+).*?\*/", blank, sql, flags=re.DOTALL)


def statements(path, text):
    """(line, SQL) pairs."""
    if path.suffix == ".sql":
        yield 1, without_comments(text)
        return
    # Column aliases of checked queries, `id as "id: Uuid"`, are quoted inside raw strings only.
    code = re.sub(r"^\s*//[^\n]*", blank, text, flags=re.MULTILINE)
    for match in RUST_STRING.finditer(code):
        literal = match.group(2) if match.group(2) is not None else match.group(3)
        if LOOKS_LIKE_SQL.search(literal):
            yield code.count("\n", 0, match.start()) + 1, without_comments(literal)


def findings(line, sql):
    for who, pattern, instead in COMPILED:
        for match in pattern.finditer(sql):
            found = " ".join(match.group(0).split())
            yield f"{line + sql.count(chr(10), 0, match.start())}: {who} refuses {found!r}; instead: {instead}"


def unsaid(name, sql):
    """What a migration takes away without saying so."""
    taken = TAKES_AWAY.search(sql)
    if name < FIRST_TO_SAY_SO or not taken or SAYS_SO.search(sql):
        return []
    return [f"{' '.join(taken.group(0).split())!r} takes something away: raise schema_compat.needs first (migrations/README.md)"]


def prove_it_can_fail():
    for taking in ["ALTER TABLE a DROP COLUMN b", "ALTER TABLE a DROP b", "DROP TABLE a", "RENAME TABLE a TO b", "ALTER TABLE a CHANGE b c INT"]:
        assert unsaid("20990101000001_a.sql", taking), taking
        assert not unsaid("20990101000001_a.sql", "UPDATE schema_compat SET needs = 1;\n" + taking), taking
    assert not unsaid("20990101000001_a.sql", "ALTER TABLE a DROP INDEX b, ADD COLUMN c INT")
    for (who, pattern, _, example), (_, compiled, _) in zip(RULES, COMPILED):
        assert compiled.search(without_comments(example)), f"the rule {pattern} misses {example!r}"
    fine = """
        -- RETURNING in a comment
        CREATE TABLE IF NOT EXISTS a (id BINARY(16) NOT NULL PRIMARY KEY, visible BOOLEAN, KEY a_b (b, c));
        SELECT a.id, JSON_EXTRACT(b, '$.c'), x AS json_text FROM a FOR UPDATE SKIP LOCKED;
        INSERT INTO a (b) VALUES (1) ON DUPLICATE KEY UPDATE b = VALUES(b);
        SELECT SHA2(b, 256) FROM a WHERE c IN (1, 2) AND (d = 1 OR e IS NULL) ORDER BY b LIMIT 9 FOR UPDATE SKIP LOCKED;
        UPDATE (SELECT b FROM a WHERE b IN (1) LIMIT 1 FOR UPDATE SKIP LOCKED) c STRAIGHT_JOIN a ON a.b = c.b SET a.d = 1;
        ALTER TABLE a ADD COLUMN b INT AFTER c; ALTER TABLE a ADD COLUMN b INT, DROP KEY d, ALGORITHM=INSTANT;
    """
    assert not list(findings(1, without_comments(fine))), list(findings(1, without_comments(fine)))
    rust = pathlib.Path("x.rs")
    code = '// SELECT 1 RETURNING\nlet a = r#"SELECT id as "id: Uuid" FROM a RETURNING id"#; fn f() -> X {}\n'
    assert [line for line, sql in statements(rust, code) if list(findings(line, sql))] == [2]


def main():
    prove_it_can_fail()
    rooms = ("infra/src/db", "queue/src/ledger", "db/src")
    code = [path for room in rooms for path in sorted((ROOT / room).rglob("*.rs"))]
    paths = [*sorted(ROOT.glob("migrations/*.sql")), *code]
    count = 0
    found = []
    for path in paths:
        for line, sql in statements(path, path.read_text(encoding="utf-8")):
            count += 1
            if path.suffix == ".sql":
                found += [f"{path.relative_to(ROOT)}: {finding}" for finding in unsaid(path.name, sql)]
            found += [f"{path.relative_to(ROOT)}:{finding}" for finding in findings(line, sql)]
    print("\n".join(found) or f"note: {len(paths)} files, {count} pieces of SQL, {len(RULES)} rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
