#!/usr/bin/env python3
"""Do the documents name commands that exist, and link to places that are there?

Each `worker …`, `api …`, `scheduler …`, `dev …` and `make …` in the code of README.md, docs/ and their like is compared with what the
built programs say with --help (subcommands and options) and with the Makefile (targets and variables); each relative link with the files
and their headings.
"""

import functools
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["*.md", "docs/**/*.md", "deploy/**/*.md", "migrations/*.md", "clients/*/*.md"]
PROGRAMS = ["api", "worker", "scheduler", "dev"]
# Where a command may begin: a line or a piece of code, behind what joins commands, or behind what runs our programs elsewhere.
BEGINS = r"(?:^|[;&|(`]|\bship |\brun --rm -T |\bnice |\bthen )\s*(?:[A-Z_]+=(?:'[^']*'|\"[^\"]*\"|\S*) +)*(?:[\w.$/-]+/)?"
COMMAND = re.compile(BEGINS + rf"({'|'.join(PROGRAMS)}|make)(?=\s|$)([^;&|)`#]*)")
# A word that stands for another one: TEXT, ID, <file>, …, [--flow] without its brackets.
STANDS_FOR = re.compile(r"[A-Z][A-Z0-9_|:=]*$|.*[…<>$].*|\W+$")


def code(text):
    """Line numbers and pieces of code: lines of blocks, and what stands between backticks. JSON, SQL and drawings have no commands."""
    fenced = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = line.strip("` ") if fenced is None else None
        elif fenced in ("json", "sql", "text"):
            continue
        elif fenced is not None or line.startswith("    "):
            yield number, line.strip()
        else:
            yield from ((number, piece) for piece in re.findall(r"`([^`]+)`", line))


def commands(text):
    for number, piece in code(text):
        for found in COMMAND.finditer(piece):
            try:
                words = shlex.split(found[2].replace("[", " ").replace("]", " "))
            except ValueError:  # a quote that ends on the next line
                words = found[2].split()
            yield number, found[1], words


def subcommands(text):
    block = re.search(r"^Commands:\n((?:  .*\n|\n(?=  ))+)", text, re.MULTILINE)
    return set(re.findall(r"^  ([a-z][\w-]*)", block[1], re.MULTILINE)) if block else set()


def options(text):
    """Name to whether it takes a value."""
    found = {name: bool(value) for name, value in re.findall(r"^ +(?:-\w, )?--([\w-]+)( <)?", text, re.MULTILINE)}
    aliases = re.findall(r"--([\w-]+)", " ".join(re.findall(r"\[alias(?:es)?: ([^]]+)\]", text)))
    return {**dict.fromkeys(aliases, True), **found}


def unknown(program, words, ask):
    path, known, words = (program,), options(ask((program,))), iter(words)
    for word in words:
        if word.startswith("--"):
            name, _, given = word[2:].partition("=")
            if name and name not in known:
                return f"{' '.join(path)} has no option --{name}"
            if name and known[name] and not given:
                next(words, None)
        elif word.startswith("-") or STANDS_FOR.match(word):
            continue
        elif there := subcommands(ask(path)):
            if word not in there:
                return f"{' '.join(path)} has no command {word}"
            path += (word,)
            known = {**known, **options(ask(path))}
    return None


def unmakeable(words, makefile):
    for word in words:
        name, assigned, _ = word.partition("=")
        if assigned and not re.search(rf"\b{re.escape(name)}\b", makefile):
            return f"the Makefile knows no {name}"
        if not assigned and not word.startswith("-") and not STANDS_FOR.match(word) and not re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE):
            return f"make has no {word}"
    return None


def wrong_commands(text, ask, makefile):
    for number, program, words in commands(text):
        fault = unmakeable(words, makefile) if program == "make" else unknown(program, words, ask)
        if fault:
            yield number, fault


def anchors(text):
    """As GitHub makes them of headings."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in re.findall(r"^#+ +(.+)$", prose, re.MULTILINE)]
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken_links(path, text, read):
    for number, line in enumerate(text.splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:|/", target):
                continue
            file, _, anchor = target.partition("#")
            there = read(path.parent / file if file else path)
            if there is None:
                yield number, f"{target} is not there"
            elif anchor and file.endswith(".md") | (not file) and anchor not in anchors(there):
                yield number, f"{target}: no such heading"


def read(path):
    if path.is_dir():
        return ""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def prove_it_can_fail():
    helps = {
        ("worker",): "Commands:\n  jobs   Jobs\n  run    Run\n\nOptions:\n  -h, --help  Help\n",
        ("worker", "jobs"): "Commands:\n  list  List\n\n",
        ("worker", "jobs", "list"): "Options:\n      --state <STATE>  State\n      --json\n",
        ("worker", "run"): "Options:\n",
        ("api",): "Options:\n",
    }
    makefile = "N ?= 3\nrun: x ## Run\n"
    good = "`worker jobs list --state discarded --json`, `worker run`, `make run N=7`, worker eats, `worker-light`, `worker jobs list ID|NAME`\n"
    good += "```\nA=1 /usr/bin/worker jobs list --state=x && make run   # make sense\n{ \"a\": \"worker takes it\" }\n```\n"
    assert not list(wrong_commands(good, helps.get, makefile)), list(wrong_commands(good, helps.get, makefile))
    bad = "`worker reindex`, `worker jobs list --states x`\n```\nx | worker jobs empty\nmake walk\nmake run M=1\napi --port 1\n```\n"
    assert [number for number, _ in wrong_commands(bad, helps.get, makefile)] == [1, 1, 3, 4, 5, 6], list(wrong_commands(bad, helps.get, makefile))
    page = "# A title: `x`\n[a](#a-title-x) [b](#b) [c](no.md) [d](https://x.example/)\n"
    assert [number for number, _ in broken_links(pathlib.Path("a.md"), page, lambda path: page if path.name == "a.md" else None)] == [2, 2]


def main():
    prove_it_can_fail()
    folder = pathlib.Path(sys.argv[1]).resolve()
    if missing := [program for program in PROGRAMS if not (folder / program).exists()]:
        sys.exit(f"{', '.join(missing)} not built: cargo build --workspace --bins")

    @functools.cache
    def ask(path):
        return subprocess.run([folder / path[0], *path[1:], "--help"], capture_output=True, text=True, check=True, env={}).stdout

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = sorted({page for pattern in PAGES for page in ROOT.glob(pattern) if "node_modules" not in page.parts and page.name != "CHANGELOG.md"})
    problems, count = [], 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        count += len(list(commands(text)))
        faults = [*wrong_commands(text, ask, makefile), *broken_links(page, text, read)]
        problems += [f"{page.relative_to(ROOT)}:{number}: {fault}" for number, fault in faults]
    print("\n".join(problems) or f"note: {count} commands in {len(pages)} pages")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
