"""One large honest archive for measurements: field recordings (WAV) of noise, stored. Standard library only."""

import random
import struct
import zlib
from pathlib import Path

from archive import STORED, Entry, central_header, end_record, local_header

MIB = 1 << 20
RECORDING = 192 * MIB  # at most; every entry stays far below 1 GiB
SLACK = 64 * 1024  # the whole file stays this far below the size asked for

README = """\
# Wind on the dyke: an archive of noise

Recordings of wind are close to white noise. Each file is 16-bit stereo at 48,000 Hz and plays in any player.
The recordings differ in nothing but their random seed; they are here to be large.

*Nano demo content, CC0.*
"""


def wav_header(size):
    """RIFF header for `size` bytes of 16-bit stereo PCM at 48 kHz."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 2, 48000, 192000, 4, 16, b"data", size
    )


def picture():
    """A PNG of 1280 x 720, evening colours fading into each other."""
    rows = []
    for y in range(720):
        t = y / 719
        pixel = bytes((round(24 + 200 * t), round(40 + 90 * t), round(90 + 10 * t)))
        rows.append(b"\0" + pixel * 1280)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1280, 720, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
        + chunk(b"IEND", b"")
    )


def write_big(size_mib, path):
    """Writes just under `size_mib` MiB to `path`; holds about two MiB in memory."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    directory = []
    with draft.open("wb") as out:
        for entry in (Entry.of("README.md", README.encode()), Entry.of("cover.png", picture())):
            offset = out.tell()
            out.write(entry.local_header() + entry.packed)
            directory.append(central_header(entry.name, entry.method, entry.crc, len(entry.packed), entry.size, offset))
        number = 0
        while size_mib * MIB - SLACK - out.tell() > MIB // 2:
            number += 1
            room = size_mib * MIB - SLACK - out.tell()
            directory.append(write_recording(out, number, min(room, RECORDING)))
        start = out.tell()
        out.write(b"".join(directory))
        out.write(end_record(len(directory), out.tell() - start, start))
    draft.replace(path)


def write_recording(out, number, room):
    """Streams one recording of about `room` bytes; the CRC is written into the header afterwards."""
    name = "aufnahmen/wind-%02d.wav" % number
    offset = out.tell()
    samples = (room - 256) // 4 * 4
    size = samples + 44
    noise = random.Random(number)
    out.write(local_header(name, STORED, 0, size, size))
    head = wav_header(samples)
    out.write(head)
    crc, left = zlib.crc32(head), samples
    while left:
        block = noise.getrandbits(8 * min(left, MIB)).to_bytes(min(left, MIB), "little")
        crc = zlib.crc32(block, crc)
        out.write(block)
        left -= len(block)
    end = out.tell()
    out.seek(offset)
    out.write(local_header(name, STORED, crc, size, size))
    out.seek(end)
    return central_header(name, STORED, crc, size, size, offset)
