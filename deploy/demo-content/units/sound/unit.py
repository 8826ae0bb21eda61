"""How sound becomes numbers (English): page, film with captions, listening examples, diagrams."""

import math
from pathlib import Path

import numpy as np

from canvas import Canvas, alpha, encode
from cover import cover, title
from page import licence, stylesheet
from units.sound.film import film, wave
from units.sound.tones import RATE, fewer_bits, melody, mp3, resample, sweep, wav

HERE = Path(__file__).parent
ACCENT, BLUE, AMBER, INK, SOFT, PAPER = "#155e75", "#1283a5", "#d9760a", "#1c2733", "#64748b", "#f8fafc"
NAME = "How sound becomes numbers"
META = {
    "title": NAME,
    "description": "Every song on your phone is a very long list of whole numbers. A short film and five listening examples "
    "show where they come from: sampling and the sampling theorem, aliasing, quantisation, dither, and how "
    "large a recording is. With exercises and a quiz.",
    "language": "en",
    "level": 2,
    "format": "video",
    "license": "CC-BY",
    "duration_minutes": 8,
    "categories": ["audio", "data"],
    "expect": "published",
}


def axes(c, x, y, w, h):
    c.line([(x, y + h / 2), (x + w, y + h / 2)], "#cbd5e1", 2)
    c.line([(x, y), (x, y + h)], "#cbd5e1", 2)


def points(function, x, y, w, h, count=700):
    return [(x + w * t, y + h / 2 - h / 2 * function(t)) for t in (i / (count - 1) for i in range(count))]


def sampling():
    c = Canvas(1400, 560, PAPER)
    x, y, w, h = 80, 70, 1240, 400
    axes(c, x, y, w, h)
    c.curve(points(lambda t: float(wave(np.float64(t))), x, y, w, h), BLUE, 4)
    for i in range(31):
        t = (i + 0.5) / 31
        px, py = x + w * t, y + h / 2 - h / 2 * float(wave(np.float64(t)))
        c.line([(px, y + h / 2), (px, py)], AMBER, 2.5)
        c.circle(px, py, 8, AMBER)
        c.circle(px, py, 3.5, "#ffffff")
    c.text(x + w, y + h + 30, "time", 22, SOFT, "italic", anchor="rm")
    c.text(x + 14, y + 4, "pressure", 22, SOFT, "italic", anchor="lm")
    # The distance between two samples.
    a, b = x + w * 12.5 / 31, x + w * 13.5 / 31
    yy = y + h + 18
    c.line([(a, yy - 14), (a, yy + 14)], SOFT, 2)
    c.line([(b, yy - 14), (b, yy + 14)], SOFT, 2)
    c.line([(a, yy), (b, yy)], SOFT, 2)
    c.text(b + 16, yy, "sampling interval: 1 / 44,100 s on a CD", 21, INK, "medium", anchor="lm")
    return c.finish()


def aliasing():
    c = Canvas(1400, 560, PAPER)
    x, y, w, h = 80, 110, 1240, 340
    axes(c, x, y, w, h)
    fast, slow = (lambda t: math.sin(2 * math.pi * 9 * t)), (lambda t: -math.sin(2 * math.pi * t))
    c.curve(points(fast, x, y, w, h, 900), "#9cc7d8", 3.5)
    c.curve(points(slow, x, y, w, h), AMBER, 5)
    for i in range(11):
        t = i / 10
        px, py = x + w * t, y + h / 2 - h / 2 * fast(t)
        c.dashes(px, y - 14, px, y + h + 14, alpha(SOFT, 0.5), 1.5)
        c.circle(px, py, 11, INK)
        c.circle(px, py, 5, "#ffffff")
    left = x
    for colour, words in (
        ("#6fb0c8", "9 periods: what was there"),
        (AMBER, "1 period: what is heard"),
        (INK, "the samples"),
    ):
        c.circle(left + 12, 52, 10, colour)
        c.text(left + 34, 52, words, 24, INK, "medium", anchor="lm")
        left += c.measure(words, 24, "medium") + 90
    c.text(x + w, y + h + 46, "time", 22, SOFT, "italic", anchor="rm")
    return c.finish()


def quantisation():
    c = Canvas(1400, 660, PAPER)
    x, y, w, h, steps = 120, 60, 1200, 380, 8
    for i in range(steps):
        yy = y + h - (i + 0.5) * h / steps
        c.line([(x, yy), (x + w, yy)], "#dde5ec", 1.5)
        c.text(x - 18, yy, str(i), 20, SOFT, "bold", anchor="rm")
        c.text(x - 44, yy, "{:03b}".format(i), 16, "#94a3b8", "regular", "mono", "rm")
    c.curve(points(lambda t: float(wave(np.float64(t))), x, y, w, h), BLUE, 4)
    count, stair, error = 60, [], []
    for i in range(count):
        t = (i + 0.5) / count
        value = float(wave(np.float64(t)))
        level = min(steps - 1, max(0, int((value + 1) / 2 * steps)))
        rounded = (level + 0.5) * 2 / steps - 1
        px = x + w * i / count
        yy = y + h / 2 - h / 2 * rounded
        stair += [(px, yy), (px + w / count, yy)]
        error.append((px + w / count / 2, 560 - (value - rounded) * h / 2))
    c.line(stair, AMBER, 4)
    c.rect(x, 494, w, 132, "#ffffff", "#dde5ec", 1.5, 10)
    c.line([(x, 560), (x + w, 560)], "#cbd5e1", 1.5)
    for px, py in error:
        c.line([(px, 560), (px, py)], "#b91c1c", 3)
        c.circle(px, py, 4.5, "#b91c1c")
    c.text(x + w - 16, 608, "error, to the same scale", 19, "#b91c1c", "medium", anchor="rm")
    return c.finish()


def cover_picture():
    c = cover("#081426", "#0f4058")
    x, w, middle, tall = 780, 900, 400, 230
    for i in range(17):
        c.line(
            [(x - 60, middle - tall + i * tall / 8), (1600, middle - tall + i * tall / 8)], alpha("#ffffff", 0.05), 1.5
        )
    shape = [(x + w * t, middle - tall * float(wave(np.float64(t)))) for t in (i / 500 for i in range(501))]
    c.curve(shape, "#4fd1e8", 9)
    for i in range(22):
        t = (i + 0.5) / 22
        value = (math.floor((float(wave(np.float64(t))) + 1) * 8) + 0.5) / 8 - 1
        px, py = x + w * t, middle - tall * value
        c.line([(px, middle), (px, py)], alpha("#ffb454", 0.8), 3)
        c.circle(px, py, 11, "#ffb454")
        level = min(15, int((value + 1) * 8))
        for k, bit in enumerate("{:04b}".format(level)):
            c.text(px, 676 + k * 40, bit, 27, "#ffb454" if bit == "1" else "#56708c", "bold", "mono", "mm")
    title(
        c,
        "AUDIO · 8 MINUTES",
        ["How sound", "becomes", "numbers"],
        "Sampling, aliasing, quantisation: to see and to hear.",
        98,
        width=520,
    )
    return c.finish()


def build():
    tune = melody()
    part = tune[: 8 * RATE].copy()
    part[-RATE // 2 :] *= np.linspace(1, 0, RATE // 2)
    half = RATE // 2
    middle = resample(part, half)
    quiet = middle * 0.62
    return [
        ("index.html", (HERE / "index.html").read_bytes()),
        ("style.css", stylesheet(ACCENT)),
        ("cover.jpg", encode(cover_picture(), "jpg", 90)),
        ("video/sound-becomes-numbers.mp4", film(tune)),
        ("video/sound-becomes-numbers.en.vtt", (HERE / "captions.vtt").read_bytes()),
        ("audio/1-original.mp3", mp3(part, RATE)),
        ("audio/2-telephone.wav", wav(resample(part, 8000), 8000)),
        ("audio/3-aliasing.wav", wav(sweep(), 8000)),
        ("audio/4-four-bits.wav", wav(fewer_bits(quiet, 4), half)),
        ("audio/5-four-bits-dithered.wav", wav(fewer_bits(quiet, 4, dither=True), half)),
        ("images/sampling.png", encode(sampling(), "png", colours=128)),
        ("images/aliasing.png", encode(aliasing(), "png", colours=128)),
        ("images/quantisation.png", encode(quantisation(), "png", colours=128)),
        ("transcript.txt", (HERE / "transcript.txt").read_bytes()),
        ("LICENSE.txt", licence("en", NAME)),
    ]
