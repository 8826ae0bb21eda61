#!/usr/bin/env python3
"""Are the CloudFormation templates (deploy/aws) what the seed asks for, and safe?

cfn-lint first, then our own assertions: each number of the seed's chapters 3, 4, 5, 8 and 9 (deploy/aws/assertions/seed.py), and rules
over all templates with the parameters of each profile (rules.py). docs/aws.md has the numbers with the line that sets each; this
compares it, and with --write writes it. Runs itself with the Python that deploy/install.sh has installed cfn-lint for.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".dev/tools/python/bin/python"
PAGE = ROOT / "docs/aws.md"
BEGIN, END = "<!-- Written by deploy/checks/aws.py --write -->", "<!-- end -->"


def lint():
    files = sorted(str(path) for path in (ROOT / "deploy/aws").glob("*.yaml"))
    done = subprocess.run([PYTHON.parent / "cfn-lint", *files], capture_output=True, text=True)
    return [done.stdout + done.stderr] if done.returncode else []


def table(seed):
    yield "| seed | it says | set to | by | assertion |"
    yield "| --- | --- | --- | --- | --- |"
    for number in seed.MADE:
        value, file, line = number.found()
        text = f"`{value}`" + (f", {number.note}" if number.note else "") + (" (production)" if getattr(number, "profile", "mvp") == "production" else "")
        link = f"[{pathlib.PurePath(file).name}:{line}](../{file}#L{line})"
        yield f"| {number.seed} | {number.says} | {text} | {link} | `{number.name}` |"
    for chapter, says, why in seed.NOT_SET:
        yield f"| {chapter} | {says} | | {why} | |"


def wrong_numbers(seed):
    names = [number.name for number in seed.MADE]
    yield from (f"two assertions are called {name}" for name in sorted(set(names)) if names.count(name) > 1)
    for number in seed.MADE:
        try:
            value, file, line = number.found()
        except (KeyError, StopIteration) as missing:
            yield f"{number.name}: {missing}"
            continue
        if str(value) != str(number.is_):
            yield f"{number.name}: {file}:{line} says {value}, the seed {number.seed} ({number.says}) wants {number.is_}"


def page(rows):
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return text, f"{before}{BEGIN}\n\n" + "\n".join(rows) + f"\n\n{END}{after}"


def main():
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            print(f"{PYTHON} is not there: deploy/install.sh --check-tools installs it")
            return 1
        print("note: skipped (cfn-lint is not installed; deploy/install.sh --check-tools says why)")
        return 0
    if pathlib.Path(sys.prefix) != PYTHON.parents[1]:
        os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])
    sys.path.insert(0, str(ROOT / "deploy/aws/assertions"))
    import rules
    import seed
    import templates

    rules.prove()
    assert list(wrong_numbers(type("", (), {"MADE": [seed.MADE[0]._replace(is_=8001)]}))), "a check that never fails proves nothing"
    problems = lint() + list(wrong_numbers(seed))
    for profile in templates.PROFILES:
        stacks = templates.all_templates(profile)
        for name, rule in rules.RULES.items():
            problems += [f"{name} ({profile}): {fault}" for fault in rule(stacks)]
    if not problems:
        is_, should = page(table(seed))
        if "--write" in sys.argv[1:]:
            PAGE.write_text(should, encoding="utf-8")
        elif is_ != should:
            problems.append("docs/aws.md has another table of the seed's numbers: deploy/checks/aws.py --write")
    print("\n".join(problems) or f"note: {len(seed.MADE)} numbers of the seed, {len(rules.RULES)} rules")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
