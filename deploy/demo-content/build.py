#!/usr/bin/env python3
"""Builds the demo content: six learning units as ZIP files, a damaged and a hostile one, and metadata.json.

    build.py [--out DIR] [--force]      needs the packages of requirements.txt and ffmpeg
    build.py --big SIZE_MIB FILE        one honest large ZIP; needs nothing but Python

What is newer than its sources is left alone. Equal sources give equal files.
"""

import argparse
import concurrent.futures
import importlib
import importlib.util
import json
import os
import shutil
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from archive import replace_file, zip_bytes  # noqa: E402

# folder -> file; the slowest first, so that two processes finish together
UNITS = {
    "photography": "fotografie-blende-zeit-iso.zip",
    "sound": "how-sound-becomes-numbers.zip",
    "pivot": "excel-pivot-tabellen.zip",
    "git": "git-in-fifteen-minutes.zip",
    "averages": "mean-median-outliers.zip",
    "contrast": "lesbare-farben-kontrast.zip",
}
# The order on the first page a person opens.
SHELF = ["pivot", "git", "photography", "sound", "averages", "contrast"]
REFUSED = {
    "damaged.zip": {
        "title": "Abgebrochene Übertragung (Beispiel)",
        "description": "Eine echte Lerneinheit, deren Datei nach 60 Prozent abgeschnitten ist, wie nach einem abgebrochenen "
        "Kopiervorgang. Zeigt, wie eine Ablehnung mit Bericht aussieht.",
        "language": "de",
        "level": 1,
        "format": "text",
        "license": "CC-BY",
        "duration_minutes": 15,
        "categories": ["programming"],
        "expect": "rejected",
    },
    "hostile.zip": {
        "title": "Feindliches Archiv (Beispiel)",
        "description": "Ein Eintrag, der aus seinem Ordner ausbrechen will, ein Programm und eine Dekompressionsbombe. Alles "
        "harmlos nachgebaut, um die Ablehnung mit Bericht zu zeigen.",
        "language": "de",
        "level": 1,
        "format": "text",
        "license": "CC-BY",
        "duration_minutes": 5,
        "categories": ["office"],
        "expect": "rejected",
    },
}


def newest(paths):
    return max(path.stat().st_mtime for path in paths if path.is_file())


def sources(unit):
    """Everything the file of this unit is made from."""
    shared = [path for path in HERE.iterdir() if path.suffix in (".py", ".css", ".txt")]
    return shared + [path for path in (HERE / "units" / unit).rglob("*") if "__pycache__" not in path.parts]


def fresh(target, inputs):
    return target.is_file() and target.stat().st_mtime > newest(inputs)


def pack(unit, target):
    """Builds one unit; returns the number of its files. Runs in a process of its own."""
    from archive import Entry

    files = importlib.import_module("units.%s.unit" % unit).build()
    replace_file(target, zip_bytes([Entry.of(name, content) for name, content in files]))
    return len(files)


def say(target, started, words):
    print(
        "%-34s %7.2f MB  %s"
        % (
            target.name,
            target.stat().st_size / 1e6,
            words if started is None else "%s, %.1f s" % (words, time.monotonic() - started),
        ),
        flush=True,
    )


def build_units(out, force):
    """All units that are older than their sources, two at a time; returns the failures."""
    failed, stale = [], []
    for unit, name in UNITS.items():
        if force or not fresh(out / name, sources(unit)):
            stale.append(unit)
        else:
            say(out / name, None, "up to date")
    if not stale:
        return failed
    missing = [name for name in ("PIL", "numpy", "reportlab") if not importlib.util.find_spec(name)]
    if missing:
        raise SystemExit(
            "demo content: %s missing (pip install -r %s)" % (", ".join(missing), HERE / "requirements.txt")
        )
    if "sound" in stale and not shutil.which("ffmpeg"):
        raise SystemExit("demo content: ffmpeg is missing (apt install ffmpeg)")
    started = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(max_workers=min(len(stale), os.cpu_count() or 2)) as pool:
        running = {pool.submit(pack, unit, out / UNITS[unit]): unit for unit in stale}
        for done in concurrent.futures.as_completed(running):
            unit = running[done]
            try:
                say(out / UNITS[unit], started, "%d files" % done.result())
            except (Exception, SystemExit) as error:  # one broken unit must not hide the others
                failed.append("%s: %s" % (UNITS[unit], error))
    return failed


def build_refused(out, force):
    """The two archives that a demo shows being rejected."""
    whole, damaged, hostile = out / UNITS["git"], out / "damaged.zip", out / "hostile.zip"
    own = [HERE / "build.py", HERE / "archive.py", HERE / "hostile.py"]
    for target, inputs in ((damaged, own + [whole]), (hostile, own)):
        if not force and fresh(target, inputs):
            say(target, None, "up to date")
            continue
        if target is damaged:
            content = whole.read_bytes()
            replace_file(target, content[: len(content) * 6 // 10])
        else:
            from hostile import hostile_zip

            replace_file(target, hostile_zip())
        say(target, None, "to be rejected")


def write_metadata(out):
    """The list that the seeding client reads, in the order in which it uploads."""
    rows = []
    for unit in SHELF:
        meta = importlib.import_module("units.%s.unit" % unit).META
        rows.append(dict(file=UNITS[unit], **meta))
    rows += [dict(file=name, **meta) for name, meta in REFUSED.items()]
    replace_file(out / "metadata.json", (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
    say(out / "metadata.json", None, "%d entries" % len(rows))


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument(
        "--out", type=Path, default=HERE.parents[1] / ".dev" / "demo", help="output folder (default: .dev/demo)"
    )
    words.add_argument("--force", action="store_true", help="build everything again")
    words.add_argument(
        "--big", nargs=2, metavar=("SIZE_MIB", "FILE"), help="write only one ZIP of just under this size"
    )
    given = words.parse_args()
    if given.big:
        from big import write_big

        try:
            size = int(given.big[0])
        except ValueError:
            words.error("SIZE_MIB must be a whole number")
        if not 1 <= size <= 4000:
            words.error("SIZE_MIB must be between 1 and 4000")
        write_big(size, Path(given.big[1]))
        say(Path(given.big[1]), None, "written")
        return 0
    out = given.out
    out.mkdir(parents=True, exist_ok=True)
    try:
        failed = build_units(out, given.force)
        if failed:
            print(
                "demo content: %d of %d units failed\n  %s" % (len(failed), len(UNITS), "\n  ".join(failed)),
                file=sys.stderr,
            )
            return 1
        build_refused(out, given.force)
        everything = [path for unit in UNITS for path in sources(unit)]
        if given.force or not fresh(out / "metadata.json", everything):
            write_metadata(out)
        else:
            say(out / "metadata.json", None, "up to date")
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
