"""Python's view of archives. First writes some of the folder it is given, then reads those it is told of on standard
input, one a line. For each file a line: reader, archive, name (hex), SHA-256.
"""

import hashlib
import io
import pathlib
import sys
import zipfile


class Pipe(io.RawIOBase):
    """Takes bytes and cannot go back, as a socket: zipfile then writes descriptors."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def write(source, archive):
    for path in sorted(source.rglob("*")):
        archive.write(path, path.relative_to(source))


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    for name, method in [("Python zipfile", zipfile.ZIP_DEFLATED), ("Python zipfile, stored", zipfile.ZIP_STORED)]:
        with zipfile.ZipFile(target / f"{name}.zip", "w", method) as archive:
            write(source, archive)
    with open(target / "Python zipfile, streamed.zip", "wb") as file:
        with zipfile.ZipFile(Pipe(file), "w", zipfile.ZIP_DEFLATED) as archive:
            write(source, archive)
    print("written", flush=True)
    for archive in sys.stdin.read().splitlines():
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                digest = hashlib.sha256(opened.read(info)).hexdigest()
                print("Python zipfile", archive, info.filename.encode().hex(), digest, sep="\t")
    print("read", flush=True)


if __name__ == "__main__":
    main()
