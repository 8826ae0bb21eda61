#!/usr/bin/env python3
"""The api must not contain the code that opens what people upload: image, PDF and ZIP decoders, scan rules.

Looks at the symbols of the built programs: none in `api`, and, so that this check can fail, all of them in `worker`.
"""

import pathlib
import re
import shutil
import subprocess
import sys

# Crate names as they stand in symbols; the C library by its functions.
CODECS = {
    "image": rb"image::",
    "PDF": rb"hayro\w*::",
    "scan rules": rb"boreal::",
    "WebP": rb"WebPEncode\b|VP8EncAnalyze\b",
    "resizing": rb"fast_image_resize::",
    "ZIP": rb"zip::(?:read|write)::",
}
PATTERN = re.compile(rb"\b(?:" + b"|".join(rb"(%s)" % pattern for pattern in CODECS.values()) + rb")")


def symbols(program):
    """Codec -> its symbols in the program."""
    nm = shutil.which("nm") or shutil.which("llvm-nm")
    if nm is None:
        sys.exit("nm is not installed (package binutils); run: deploy/install.sh")
    found = {codec: [] for codec in CODECS}
    names = list(CODECS)
    with subprocess.Popen([nm, "--demangle", "--defined-only", program], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            for match in PATTERN.finditer(line):
                found[names[match.lastindex - 1]].append(line.split(b" ", 2)[-1].strip().decode("utf-8", "replace"))
        if process.wait() != 0:
            sys.exit(f"nm cannot read {program}")
    return found


def main():
    folder = pathlib.Path(sys.argv[1])
    api, worker = symbols(folder / "api"), symbols(folder / "worker")
    problems = []
    for codec in CODECS:
        if api[codec]:
            problems.append(f"api contains {codec} code, {len(api[codec])} symbols, such as {api[codec][0][:160]}")
        if not worker[codec]:
            problems.append(f"worker contains no {codec} code: it moved, or its symbols have other names now")
    print("\n".join(problems) or f"note: {len(CODECS)} codecs in worker, none in api")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
