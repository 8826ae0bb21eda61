"""An archive with three attacks, all harmless: the entries do nothing even when unpacked."""

import zlib

from archive import DEFLATED, Entry, deflate, zip_bytes

PAGE = b'<!doctype html>\n<html lang="de"><head><meta charset="utf-8"><title>%s</title></head><body><p>%s</p></body></html>\n'
BOMB_MIB = 80  # beyond 64 MiB, where the ratio of the whole archive counts as well


def program():
    """The first bytes of a DOS program and a sentence; there is no code behind them."""
    head = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(48)
    return head + b"Only the first bytes look like a program. Nothing here can run.\r\n" + bytes(383)


def bomb():
    """One line of text again and again: some hundred kilobytes that unfold to 80 MiB."""
    chunk = (b"0" * 63 + b"\n") * 16384
    crc = 0
    for _ in range(BOMB_MIB):
        crc = zlib.crc32(chunk, crc)
    packed = deflate(chunk for _ in range(BOMB_MIB))
    return Entry("messwerte.txt", DEFLATED, crc, len(chunk) * BOMB_MIB, packed)


def hostile_zip():
    return zip_bytes(
        [
            Entry.of("index.html", PAGE % (b"Harmlos", "Dieser Eintrag ist in Ordnung.".encode())),
            Entry.of("../evil.html", PAGE % (b"Ausbruch", "Dieser Eintrag will neben das Zielverzeichnis.".encode())),
            Entry.of("werkzeuge/setup.exe", program()),
            bomb(),
        ]
    )
