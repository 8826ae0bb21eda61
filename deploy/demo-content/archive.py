"""Writes the ZIP files byte by byte.

Python's own zipfile leaves bit 11 off for ASCII names and cannot write the broken
archives we need, so the few headers are written here (APPNOTE 4.3.7, 4.3.12, 4.3.16).
"""

import io
import struct
import zlib
from pathlib import Path

# 2025-01-15 09:00:00, the same for every entry: equal input gives equal bytes.
DOS_TIME = 9 << 11
DOS_DATE = (2025 - 1980) << 9 | 1 << 5 | 15

STORED, DEFLATED = 0, 8
UTF8_NAMES = 1 << 11
# Already compressed: deflating them again costs time and gains nothing.
COMPRESSED_TYPES = {".jpg", ".png", ".webp", ".mp4", ".mp3", ".xlsx", ".pdf"}


class Entry:
    """One file of an archive, already compressed. `name` is written as it is, even a bad one."""

    def __init__(self, name, method, crc, size, packed):
        self.name, self.method, self.crc, self.size, self.packed = name, method, crc, size, packed

    @classmethod
    def of(cls, name, content):
        method, packed = STORED, content
        if Path(name).suffix.lower() not in COMPRESSED_TYPES:
            deflated = deflate([content])
            if len(deflated) < len(content):
                method, packed = DEFLATED, deflated
        return cls(name, method, zlib.crc32(content), len(content), packed)

    def local_header(self):
        return local_header(self.name, self.method, self.crc, len(self.packed), self.size)


def deflate(chunks):
    """Raw deflate stream of the chunks, without a zlib wrapper."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join([packer.compress(chunk) for chunk in chunks] + [packer.flush()])


def local_header(name, method, crc, packed_size, size):
    raw = name.encode("utf-8")
    return (
        struct.pack(
            "<4s5H3I2H", b"PK\x03\x04", 20, UTF8_NAMES, method, DOS_TIME, DOS_DATE, crc, packed_size, size, len(raw), 0
        )
        + raw
    )


def central_header(name, method, crc, packed_size, size, offset):
    raw = name.encode("utf-8")
    made_by_unix = 3 << 8 | 20
    regular_file = 0o100644 << 16
    return (
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02",
            made_by_unix,
            20,
            UTF8_NAMES,
            method,
            DOS_TIME,
            DOS_DATE,
            crc,
            packed_size,
            size,
            len(raw),
            0,
            0,
            0,
            0,
            regular_file,
            offset,
        )
        + raw
    )


def end_record(count, directory_size, directory_offset):
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, directory_size, directory_offset, 0)


def zip_bytes(entries):
    """The whole archive of `entries`, for archives that fit in memory."""
    out, directory = io.BytesIO(), []
    for entry in entries:
        offset = out.tell()
        out.write(entry.local_header())
        out.write(entry.packed)
        directory.append(central_header(entry.name, entry.method, entry.crc, len(entry.packed), entry.size, offset))
    start = out.tell()
    out.write(b"".join(directory))
    out.write(end_record(len(directory), out.tell() - start, start))
    return out.getvalue()


def replace_file(path, content):
    """Writes beside the target and renames, so that an interrupted build leaves no half file."""
    path = Path(path)
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(content)
    draft.replace(path)
