"""The listening examples: a plucked melody, the same with fewer samples or bits, and a sweep that aliases."""

import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

RATE = 44100
# (beat, length in beats, MIDI note): an original tune of four bars, then an answer.
TUNE = [
    (0, 1, 64),
    (1, 1, 67),
    (2, 1, 71),
    (3, 1, 69),
    (4, 1.5, 67),
    (5.5, 0.5, 66),
    (6, 2, 64),
    (8, 1, 60),
    (9, 1, 64),
    (10, 1, 67),
    (11, 1, 66),
    (12, 1.5, 62),
    (13.5, 0.5, 64),
    (14, 2, 66),
    (16, 1, 67),
    (17, 1, 71),
    (18, 1, 74),
    (19, 1, 72),
    (20, 1.5, 71),
    (21.5, 0.5, 69),
    (22, 2, 67),
    (24, 1, 64),
    (25, 1, 62),
    (26, 1, 60),
    (27, 1, 59),
    (28, 4, 64),
]
BASS = [(0, 40), (4, 43), (8, 36), (12, 38), (16, 43), (20, 40), (24, 36), (28, 40)]
BEAT = 0.5  # seconds


def pluck(note, seconds, rng, bright=0.5):
    """A plucked string (Karplus and Strong): noise going round a delay line that averages neighbours."""
    frequency = 440 * 2 ** ((note - 69) / 12)
    length = RATE / frequency - 0.5
    period = int(length)
    share = length - period  # the fraction of a sample keeps the string in tune
    line = rng.uniform(-1, 1, period + 2)
    for _ in range(int(3 - 2 * bright)):
        line = 0.5 * (line + np.roll(line, 1))
    count = int(seconds * RATE)
    out = np.zeros(count + period + 2)
    out[: period + 2] = line
    decay = 0.996 if note > 50 else 0.9985
    at = period + 2
    while at < count:
        # One period at a time: each sample needs only samples one period back.
        size = min(period, len(out) - at)
        a, b, c = (out[at - period - k : at - period - k + size] for k in range(3))
        out[at : at + size] = decay * ((1 - share) * (a + b) / 2 + share * (b + c) / 2)
        at += size
    tone = out[:count]
    fade = np.minimum(1, np.arange(count)[::-1] / (0.05 * RATE))
    return tone * fade


def melody():
    """Sixteen seconds of music, mono, between -1 and 1."""
    rng = np.random.default_rng(8)
    total = np.zeros(int((32 * BEAT + 1.5) * RATE))
    for beat, length, note in TUNE:
        tone = pluck(note, length * BEAT + 0.9, rng)
        start = int(beat * BEAT * RATE)
        total[start : start + len(tone)] += tone[: len(total) - start] * 0.5
    for beat, note in BASS:
        for step, up in ((0, 0), (1, 12), (2, 19), (3, 12)):
            tone = pluck(note + up, 1.4, rng, 0.2)
            start = int((beat + step) * BEAT * RATE)
            total[start : start + len(tone)] += tone[: len(total) - start] * 0.30
    room = np.zeros_like(total)
    for delay, level in ((0.031, 0.22), (0.047, 0.18), (0.071, 0.14), (0.113, 0.10)):
        n = int(delay * RATE)
        room[n:] += total[:-n] * level
    total = total + room
    total = total - total.mean()
    total = total[: 16 * RATE]
    fade = np.minimum(1, np.arange(len(total))[::-1] / (0.8 * RATE))
    total = total * fade
    return total / np.abs(total).max() * 0.85


def resample(signal, rate):
    """To a lower rate through a clean low-pass (the spectrum above the new limit is removed)."""
    count = len(signal)
    target = int(count * rate / RATE)
    spectrum = np.fft.rfft(signal)[: target // 2 + 1]
    edge = max(1, len(spectrum) // 20)
    spectrum[-edge:] *= np.linspace(1, 0, edge)
    return np.fft.irfft(spectrum, target) * (target / count)


def fewer_bits(signal, bits, dither=False):
    """Rounds to 2**bits steps; with dither, a random triangle of one step either side is added first."""
    step = 2.0 / 2**bits
    noise = 0
    if dither:
        rng = np.random.default_rng(4)
        noise = (rng.random(len(signal)) - rng.random(len(signal))) * step
    return np.clip(np.round((signal + noise) / step) * step, -1, 1 - step)


def sweep(rate=8000, seconds=4.0, top=7600.0):
    """A tone gliding from 200 Hz far beyond half the sample rate, sampled without a filter."""
    t = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * (200 * t + (top - 200) * t * t / (2 * seconds))
    return 0.5 * np.sin(phase) * np.minimum(1, np.minimum(t, seconds - t) / 0.05)


def wav(signal, rate):
    """16-bit mono PCM in a RIFF file."""
    data = (np.clip(signal, -1, 1) * 32767).round().astype("<i2").tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        rate * 2,
        2,
        16,
        b"data",
        len(data),
    )
    return head + data


def mp3(signal, rate):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.mp3"
        source.write_bytes(wav(signal, rate))
        subprocess.run(
            [
                "ffmpeg",
                "-v",
                "error",
                "-y",
                "-i",
                str(source),
                "-c:a",
                "libmp3lame",
                "-b:a",
                "128k",
                "-map_metadata",
                "-1",
                "-flags",
                "+bitexact",
                "-fflags",
                "+bitexact",
                str(target),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return target.read_bytes()
