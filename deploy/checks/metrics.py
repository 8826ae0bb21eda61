#!/usr/bin/env python3
"""Is every metric the programs measure in the table (infra/src/telemetry/metrics.rs), and on the page (docs/metrics.md)?

Also the other way: nothing in the table that nobody measures, nothing on the page that is not in the table.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "infra/src/telemetry/metrics.rs"
PAGE = ROOT / "docs/metrics.md"
DASHBOARDS = ROOT / "deploy/dashboards"
USED = re.compile(r'metrics::(?:counter|gauge|histogram)!\(\s*"(\w+)"')
ROW = re.compile(r'^\s*(?:counter|gauge|histogram)\(\s*"(\w+)"', re.MULTILINE)


def product(text):
    """Without the tests at the end of a file: they make up names."""
    return text.split("#[cfg(test)]\nmod tests", 1)[0]


def breaches(used, table, page, panels):
    yield from (f"{name} is measured, but not in METRICS" for name in sorted(used - table))
    yield from (f"{name} is in METRICS, but nobody measures it" for name in sorted(table - used))
    yield from (f"{name} is not in docs/metrics.md" for name in sorted(table - page))
    yield from (f"{name} is in docs/metrics.md, but not in METRICS" for name in sorted(page - table))
    yield from (f"{name} is on a dashboard, but not in METRICS" for name in sorted(panels - table))


def main():
    assert len(list(breaches({"a"}, {"b"}, {"c"}, {"d"}))) == 5, "a check that never fails proves nothing"
    rooms = ("db", "queue", "content", "infra", "jobs", "api", "worker", "scheduler")
    sources = [path for room in rooms for path in (ROOT / room / "src").rglob("*.rs")]
    used = {name for path in sources for name in USED.findall(product(path.read_text(encoding="utf-8")))}
    table = set(ROW.findall(TABLE.read_text(encoding="utf-8")))
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    page = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    panels = set()
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", []):
                names = re.findall(r"\b([a-z]+(?:_[a-z]+)+)\s*(?=[\[{)])|\b([a-z]+(?:_[a-z]+)+)$", target["expr"])
                panels |= {re.sub(r"_(bucket|sum|count)$", "", one or other) for one, other in names}
    panels -= {"histogram_quantile", "label_replace"}
    found = list(breaches(used, table, page, panels))
    print("\n".join(found) or f"note: {len(table)} metrics")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
