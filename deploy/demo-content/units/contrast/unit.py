"""Lesbare Farben (German): page, contrast ladder, colour vision, a slide before and after, checklist."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from canvas import Canvas, encode, mix
from cover import cover, title
from handout import Handout
from page import fill, licence, stylesheet

HERE = Path(__file__).parent
ACCENT, INK, SOFT = "#9d174d", "#22131b", "#6b5560"
NAME = "Lesbare Farben: Kontrast auf Folien und Webseiten"
META = {
    "title": NAME,
    "description": "Kontrast als Zahl verstehen, die Grenzwerte 3, 4,5 und 7 anwenden, Diagramme gestalten, die auch ohne "
    "Farbe funktionieren, und eine Folie in fünf Schritten lesbar machen. Mit berechnetem Farbsehen, "
    "geprüfter Palette (JSON), Checkliste als PDF, Übungen und Test.",
    "language": "de",
    "level": 2,
    "format": "text",
    "license": "CC-BY",
    "duration_minutes": 6,
    "categories": ["design", "office"],
    "expect": "published",
}
PALETTE = [
    ("Tinte", "#1c2733"),
    ("Beere", "#9d174d"),
    ("Meer", "#155e75"),
    ("Wald", "#1d6b3f"),
    ("Rost", "#a63d0f"),
    ("Pflaume", "#5b3a9e"),
]
# Machado, Oliveira, Fernandes 2009, full severity, on linear RGB.
PROTAN = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTAN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]


def luminance(colour):
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other="#ffffff"):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def german(value):
    return ("%.1f" % value).replace(".", ",")


def grey_for(ratio):
    """The grey whose contrast to white comes nearest to `ratio`."""
    return min(("#%02x%02x%02x" % (v, v, v) for v in range(256)), key=lambda grey: abs(contrast(grey) - ratio))


def ladder():
    c = Canvas(1400, 640, "#ffffff")
    verdicts = [
        (1.6, "unlesbar", "#b91c1c"),
        (2.3, "zu schwach", "#b91c1c"),
        (3.0, "nur große Schrift", "#a16207"),
        (4.5, "Mindestwert für Text", "#15803d"),
        (7.0, "gut (AAA)", "#15803d"),
        (12.0, "sehr gut", "#15803d"),
    ]
    for i, (ratio, verdict, colour) in enumerate(verdicts):
        y = 30 + i * 98
        grey = grey_for(ratio)
        c.line([(60, y + 92), (1340, y + 92)], "#eceff1", 1.5)
        c.text(60, y + 48, "Bitte im Brandfall nicht den Aufzug benutzen.", 33, grey, "medium", anchor="lm")
        c.text(950, y + 48, "%s : 1" % german(ratio), 34, INK, "bold", anchor="rm")
        c.circle(1002, y + 48, 15, colour)
        if colour == "#15803d":
            c.line([(995, y + 48), (1000, y + 53), (1009, y + 42)], "#ffffff", 3)
        elif colour == "#b91c1c":
            c.line([(996, y + 42), (1008, y + 54)], "#ffffff", 3)
            c.line([(1008, y + 42), (996, y + 54)], "#ffffff", 3)
        else:
            c.text(1002, y + 48, "!", 22, "#ffffff", "black", anchor="mm")
        c.text(1034, y + 48, verdict, 25, INK, "medium", anchor="lm")
    return c.finish()


def as_seen(picture, matrix):
    """The picture as seen without red (protan) or green (deutan) cones."""
    values = np.asarray(picture, np.float32) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(matrix, np.float32).T, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return Image.fromarray((back * 255 + 0.5).astype(np.uint8))


SERIES = [("geplant", [20, 26, 31, 39, 46, 52, 60]), ("erreicht", [22, 24, 35, 34, 41, 43, 47])]


def line_chart(better):
    c = Canvas(420, 400, "#ffffff")
    x, y, w, h = 40, 30, 270 if better else 350, 290
    for k in range(4):
        c.line([(x, y + h * k / 3), (x + w, y + h * k / 3)], "#e8e4e6", 1.5)
    for k, day in enumerate(("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")):
        c.text(x + w * k / 6, y + h + 14, day, 17, SOFT, anchor="ma")
    colours = ("#1f5fa8", "#b8520a") if better else ("#3f9a3c", "#c8492f")
    for (name, values), colour in zip(SERIES, colours):
        points = [(x + w * k / 6, y + h - h * (v - 15) / 50) for k, v in enumerate(values)]
        if better and name == "geplant":
            for a, b in zip(points, points[1:]):
                c.dashes(*a, *b, colour, 5, 13, 9)
        else:
            for a, b in zip(points, points[1:]):
                c.curve([a, b], colour, 5)
        for px, py in points:
            if better and name == "erreicht":
                c.rect(px - 7, py - 7, 14, 14, colour)
            elif better:
                c.circle(px, py, 8, "#ffffff", colour, 3.5)
            else:
                c.circle(px, py, 7, colour)
        if better:
            c.text(points[-1][0] + 18, points[-1][1], name, 20, colour, "bold", anchor="lm")
    if not better:
        at = x
        for (name, _), colour in zip(SERIES, colours):
            c.rect(at, y + h + 50, 18, 18, colour, radius=4)
            c.text(at + 28, y + h + 59, name, 18, INK, anchor="lm")
            at += 140
    return c.finish()


def vision(better):
    c = Canvas(1400, 560, "#f7f4f5")
    chart = line_chart(better)
    for i, (name, picture) in enumerate(
        (
            ("normales Farbensehen", chart),
            ("ohne Rotzapfen", as_seen(chart, PROTAN)),
            ("ohne Grünzapfen", as_seen(chart, DEUTAN)),
        )
    ):
        x = 40 + i * 450
        c.shadow(x, 90, 420, 430, 16, 12, 0.10, 5)
        c.rect(x, 90, 420, 430, "#ffffff", radius=16)
        c.paste(picture, x, 105, 420, 400)
        c.text(x + 210, 54, name, 25, INK, "bold", anchor="mm")
    return c.finish()


BEFORE = {"back": "#ffffff", "title": "#e58fb0", "text": "#b3b3b3", "note": "#f2c200"}
AFTER = {"back": "#ffffff", "title": "#9d174d", "text": "#2b2b33", "note": "#22131b"}


def slide(better):
    style = AFTER if better else BEFORE
    c = Canvas(800, 450, style["back"])
    if better:
        c.rect(0, 0, 14, 450, "#9d174d")
    c.text(54, 46, "Besucher im Frühjahr", 42 if better else 38, style["title"], "black" if better else "light")
    size = 23 if better else 18
    for i, words in enumerate(
        ("18 % mehr Besucher als im Vorjahr", "Samstag ist der stärkste Tag", "Führungen sind ausgebucht")
    ):
        y = 140 + i * (46 if better else 38)
        c.circle(62, y + size * 0.62, 4.5, style["text"])
        c.text(80, y, words, size, style["text"], "regular" if better else "light")
    if better:
        c.rect(54, 330, 330, 70, "#ffe08a", radius=10)
        c.text(219, 365, "Neu ab Mai: Abendführung", 23, style["note"], "bold", anchor="mm")
    else:
        c.text(54, 345, "Neu ab Mai: Abendführung", 23, style["note"], "medium")
    x, y, w, h = 490, 150, 270, 220
    values = [("Mo", 22), ("Di", 30), ("Mi", 38), ("Do", 41), ("Fr", 63), ("Sa", 100), ("So", 86)]
    for i, (day, value) in enumerate(values):
        bx, tall = x + i * w / 7, h * value / 100
        if better:
            best = day == "Sa"
            c.rect(bx + 4, y + h - tall, w / 7 - 8, tall, "#9d174d" if best else "#987c88", radius=4)
            c.text(bx + w / 14, y + h + 10, day, 18, INK, "bold" if best else "regular", anchor="ma")
            if best:
                c.text(bx + w / 14, y + h - tall - 8, "412", 21, INK, "black", anchor="ms")
        else:
            c.rect(bx + 10, y + h - tall, w / 7 - 20, tall, mix("#e58fb0", "#ffffff", 0.45))
            c.text(bx + w / 14, y + h + 10, day, 13, "#c9c9c9", "light", anchor="ma")
    if not better:
        c.line([(x, y + h), (x + w, y + h)], "#e6e6e6", 1)
    c.rect(0, 0, 800, 450, None, "#d9d0d4", 1.5)
    return c.finish()


def cover_picture():
    c = cover("#5b0f2e", "#b3245f")
    title(
        c,
        "DESIGN · 6 MINUTEN",
        ["Lesbare", "Farben"],
        "Kontrast auf Folien und Webseiten: messen, wählen, prüfen.",
        120,
        width=560,
    )
    tiles = [
        ("#9d174d", "#c2547f"),
        ("#f6d860", "#ffffff"),
        ("#155e75", "#3f8196"),
        ("#ffffff", "#b9b9b9"),
        ("#ffe08a", "#22131b"),
        ("#ffffff", "#9d174d"),
        ("#1c2733", "#ffffff"),
        ("#e9f3ee", "#1d6b3f"),
    ]
    for i, (back, front) in enumerate(tiles):
        x, y = 790 + (i % 2) * 370, 82 + (i // 2) * 188
        c.shadow(x, y, 346, 164, 20, 16, 0.30)
        c.rect(x, y, 346, 164, back, radius=20)
        c.text(x + 28, y + 80, "Aa", 78, front, "black", anchor="lm")
        ratio = contrast(back, front)
        good = ratio >= 4.5
        c.text(x + 318, y + 62, german(ratio), 40, front, "bold", anchor="rm")
        c.circle(x + 300, y + 116, 17, "#15803d" if good else "#b91c1c", "#ffffff", 2.5)
        if good:
            c.line([(x + 292, y + 116), (x + 298, y + 122), (x + 308, y + 110)], "#ffffff", 3)
        else:
            c.line([(x + 294, y + 110), (x + 306, y + 122)], "#ffffff", 3)
            c.line([(x + 306, y + 110), (x + 294, y + 122)], "#ffffff", 3)
    return c.finish()


def checklist():
    doc = Handout(
        "Lesbare Farben",
        "Checkliste für Folien, Diagramme und Webseiten",
        ACCENT,
        "de",
        "Seite",
        "Nano-Beispielinhalte · CC BY 4.0",
    )
    doc.heading("Grenzwerte")
    doc.table(
        ["Wofür", "Mindestens (AA)", "Besser (AAA)"],
        [
            ["normaler Text", "4,5 : 1", "7 : 1"],
            ["großer Text (ab 24 px, fett ab 19 px)", "3 : 1", "4,5 : 1"],
            ["Symbole, Eingabefelder, Linien in Diagrammen", "3 : 1", "–"],
        ],
        [0.56, 0.22, 0.22],
        right=(1, 2),
    )
    doc.heading("Vor dem Abgeben prüfen")
    doc.steps(
        [
            "Jeder Text hat mindestens 4,5 : 1, auch Fußnoten, Achsen und Platzhalter.",
            "Keine gelbe oder hellgrüne Schrift auf Weiß.",
            "In Graustufen bleibt jede Aussage verständlich.",
            "Linien und Flächen sind direkt beschriftet, nicht nur über eine Legende.",
            "Fehler, Pflicht und Erfolg sind auch ohne Farbe erkennbar: Wort, Symbol, Form.",
            "Text auf Fotos steht auf einer abgedunkelten Fläche.",
            "Links im Fließtext sind unterstrichen.",
            "Die Folie ist aus sechs Metern Entfernung lesbar.",
        ],
        marks=["□"] * 8,
    )
    doc.heading("Geprüfte Palette auf Weiß")
    doc.table(
        ["Name", "Farbwert", "Kontrast", "Beispiel"],
        [
            [name, colour, "%s : 1" % german(contrast(colour)), "<font color='%s'><b>Gut lesbar</b></font>" % colour]
            for name, colour in PALETTE
        ],
        [0.25, 0.25, 0.2, 0.3],
        right=(2,),
        code=(1,),
    )
    doc.box(
        "Merksatz",
        "Erst hell und dunkel, dann bunt: Was in Schwarz und Weiß funktioniert, wird durch Farbe nur besser.",
    )
    return doc.render()


def build():
    rows = ['<table>\n<tr><th>Name</th><th>Farbwert</th><th class="n">Kontrast zu Weiß</th><th>Beispiel</th></tr>']
    for name, colour in PALETTE:
        rows.append(
            '<tr><td>%s</td><td><code>%s</code></td><td class="n">%s : 1</td><td style="color: %s; font-weight: 700">'
            "Gut lesbar</td></tr>" % (name, colour, german(contrast(colour)), colour)
        )
    facts = {
        "palette": "\n".join(rows) + "\n</table>",
        "yellow": german(contrast("#ffff00")),
        "blue": german(contrast("#0000ff")),
        "before_title": german(contrast(BEFORE["title"])),
        "before_text": german(contrast(BEFORE["text"])),
        "before_note": german(contrast(BEFORE["note"])),
        "after_title": german(contrast(AFTER["title"])),
        "after_text": german(contrast(AFTER["text"])),
        "after_note": german(contrast(AFTER["note"], "#ffe08a")),
    }
    palette = {
        "background": "#ffffff",
        "colours": [
            {"name": name, "value": colour, "contrast": round(contrast(colour), 2)} for name, colour in PALETTE
        ],
    }
    pictures = {
        "kontrastleiter": ladder(),
        "farbsehen": vision(False),
        "farbsehen-besser": vision(True),
        "folie-vorher": slide(False),
        "folie-nachher": slide(True),
    }
    return (
        [
            ("index.html", fill((HERE / "index.html").read_text("utf-8"), facts).encode("utf-8")),
            ("style.css", stylesheet(ACCENT)),
            ("cover.png", encode(cover_picture(), "png", colours=256)),
            ("Checkliste.pdf", checklist()),
            ("palette.json", (json.dumps(palette, indent=2, ensure_ascii=False) + "\n").encode("utf-8")),
        ]
        + [("bilder/%s.png" % name, encode(picture, "png", colours=200)) for name, picture in pictures.items()]
        + [("LIZENZ.txt", licence("de", NAME))]
    )
