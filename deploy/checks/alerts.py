#!/usr/bin/env python3
"""Do the alert rules (deploy/alerts) name series that exist, a section of docs/alerts.md, and does a test raise each of them?
Does each section say what the alert means, where to look, what to do, and what to do after?

With promtool, which comes with Prometheus, the rules and their tests are run as well; --promtool wants it to be there.
"""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/alerts/rules.yaml"
TESTS = ROOT / "deploy/alerts/tests.yaml"
PAGE = ROOT / "docs/alerts.md"
METRICS = ROOT / "docs/metrics.md"
PARTS = ["Means", "Look", "Do", "After"]
SERIES = re.compile(r"\b([a-z]+(?:_[a-z]+)+)\s*(?=[\[{)])")


def rules(text):
    """Name and text of each rule, without its annotations."""
    for block in text.split("- alert: ")[1:]:
        yield block.split("\n", 1)[0].split(" #")[0].strip(), block


def expression(block):
    return block.split("expr:", 1)[1].split("\n        labels:", 1)[0]


def anchor(name):
    """JobsWaitTooLong: jobs-wait-too-long."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def headings(page):
    return {re.sub(r"[^a-z0-9 -]", "", line[3:].lower()).strip().replace(" ", "-") for line in page.splitlines() if line.startswith("## ")}


def incomplete(page):
    for section in page.split("\n## ")[1:]:
        title, text = section.split("\n", 1)
        yield from (f"docs/alerts.md, {title}: no line begins with **{part}**" for part in PARTS if f"\n**{part}** " not in text)


def breaches(text, tests, page, metrics, linked=frozenset()):
    names = []
    for name, block in rules(text):
        names.append(name)
        link = f"runbook: docs/alerts.md#{anchor(name)} "
        if link not in block:
            yield f"{name} does not say {link.strip()}"
        if anchor(name) not in headings(page):
            yield f"docs/alerts.md has no section for {name}"
        if f'ALERTS{{alertname="{name}", alertstate="firing"}}' not in tests:
            yield f"no test raises {name}"
        if f"alertname: {name} }}" not in tests:
            yield f"no test says that a quiet system does not raise {name}"
        for series in SERIES.findall(expression(block)):
            if re.sub(r"_(bucket|sum|count)$", "", series) not in metrics:
                yield f"{name} names {series}, which is not in docs/metrics.md"
    yield from (f"two rules are called {name}" for name in sorted(set(names)) if names.count(name) > 1)
    known = {anchor(name) for name in names} | linked
    yield from (f"docs/alerts.md has a section {heading} that no alert leads to" for heading in sorted(headings(page) - known))


def main():
    bad = "- alert: A\n        expr: no_such_series{} > 0\n        labels: {}\n      - alert: A\n        expr: up\n        labels: {}\n"
    assert len(list(breaches(bad, "", "## Nothing\n", set()))) == 11, "a check that never fails proves nothing"
    assert list(incomplete("\n## A\n\n**Means** x\n**Look** y\n**Do** z\n")) == ["docs/alerts.md, A: no line begins with **After**"]
    rows = [line.split("|")[1] for line in METRICS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    metrics = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    # CloudWatch's alarms lead to the same page.
    linked = set(re.findall(r"\$\{Runbooks\}#([a-z-]+)", (ROOT / "deploy/aws/observability.yaml").read_text(encoding="utf-8")))
    text = RULES.read_text(encoding="utf-8")
    problems = list(breaches(text, TESTS.read_text(encoding="utf-8"), PAGE.read_text(encoding="utf-8"), metrics, linked))
    problems += incomplete(PAGE.read_text(encoding="utf-8"))
    note = f"{len(list(rules(text)))} alerts"
    if shutil.which("promtool"):
        for command in (["check", "rules", str(RULES)], ["test", "rules", str(TESTS)]):
            done = subprocess.run(["promtool", *command], capture_output=True, text=True, cwd=TESTS.parent)
            if done.returncode:
                problems.append(done.stdout + done.stderr)
    elif "--promtool" in sys.argv[1:]:
        problems.append("promtool is not there: deploy/install.sh --deploy-tools installs it")
    else:
        note += "; not run, since promtool is not there"
    print("\n".join(problems) or f"note: {note}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
