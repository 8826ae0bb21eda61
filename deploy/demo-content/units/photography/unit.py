"""Fotografie: Blende, Zeit, ISO (German): page, computed photographs, diagrams, a two-page sheet."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

from canvas import Canvas, alpha, encode, mix
from cover import cover, title
from handout import Handout
from page import licence, stylesheet
from units.photography.chessboard import Scene
from units.photography.fountain import Park
from units.photography.lens import at_iso, develop
from units.photography.pieces import PIECES

HERE = Path(__file__).parent
ACCENT, INK = "#8a3d1c", "#241a15"
NAME = "Fotografie: Blende, Zeit, ISO"
META = {
    "title": NAME,
    "description": "Drei Regler bestimmen, wie hell ein Foto wird, und jeder verändert das Bild auf seine Art: Schärfentiefe, "
    "Bewegung, Rauschen. Mit Vergleichsaufnahmen zu jedem Regler, Tauschen in Blendenstufen, Histogramm, "
    "drei Übungen, einem kurzen Test und einem Spickzettel für die Fototasche.",
    "language": "de",
    "level": 1,
    "format": "mixed",
    "license": "CC-BY",
    "duration_minutes": 12,
    "categories": ["photography"],
    "expect": "published",
}
STOPS = -0.15  # the chess pictures are exposed a little lower than metered, for their mood


def iris(c, x, y, r, opening):
    """An iris diaphragm: ring, seven blades, the opening as a share of the ring's radius."""
    c.circle(x, y, r * 1.16, "#2b2522")
    c.circle(x, y, r * 1.08, "#4a413c")
    c.circle(x, y, r, "#6a5f58")
    hole = r * opening
    corners = [(x + hole * math.cos(a), y + hole * math.sin(a)) for a in (2 * math.pi * i / 7 + 0.3 for i in range(7))]
    for i, corner in enumerate(corners):
        after = corners[(i + 1) % 7]
        dx, dy = after[0] - corner[0], after[1] - corner[1]
        length = math.hypot(dx, dy)
        # From each corner along the edge out to the ring.
        ux, uy = dx / length, dy / length
        px, py = corner[0] - x, corner[1] - y
        reach = -(px * ux + py * uy) + math.sqrt(max(0, (px * ux + py * uy) ** 2 - px * px - py * py + r * r))
        c.line([corner, (corner[0] + ux * reach, corner[1] + uy * reach)], "#3a322e", 2)
    c.polygon(corners, "#fff6e0")


def aperture_row():
    c = Canvas(1400, 430, "#fbf8f4")
    numbers = [1.4, 2, 2.8, 4, 5.6, 8, 11, 16]
    for i, number in enumerate(numbers):
        x = 105 + i * 170
        iris(c, x, 170, 62, 0.96 * 1.4 / number)
        c.text(x, 282, ("f/%g" % number).replace(".", ","), 28, INK, "bold", anchor="mm")
        light = "1" if i == 0 else "1/%d" % 2**i
        c.text(x, 322, light, 21, "#8a7a6e", anchor="mm")
    c.arrow(105, 378, 1295, 378, ACCENT, 3, 16)
    words = "Lichtmenge, bezogen auf f/1,4: mit jedem Schritt die Hälfte"
    wide = c.measure(words, 20, "medium") + 30
    c.rect(700 - wide / 2, 362, wide, 32, "#fbf8f4")
    c.text(700, 378, words, 20, "#5f4c40", "medium", anchor="mm")
    return c.finish()


def stops_picture():
    c = Canvas(1400, 620, "#fbf8f4")
    rows = [
        (
            "Blende",
            ["f/1,4", "f/2", "f/2,8", "f/4", "f/5,6", "f/8", "f/11", "f/16"],
            3,
            "weniger Licht, mehr Schärfentiefe",
            "#8a3d1c",
        ),
        (
            "Zeit",
            ["1/8 s", "1/15 s", "1/30 s", "1/60 s", "1/125 s", "1/250 s", "1/500 s", "1/1000 s"],
            3,
            "weniger Licht, Bewegung eingefroren",
            "#1f5f8b",
        ),
        (
            "ISO",
            ["12.800", "6400", "3200", "1600", "800", "400", "200", "100"],
            5,
            "unempfindlicher, weniger Rauschen",
            "#3f7d3a",
        ),
    ]
    for n, (name, steps, chosen, words, colour) in enumerate(rows):
        y = 110 + n * 190
        c.text(60, y - 62, name, 30, colour, "black", anchor="lm")
        c.text(1340, y - 62, words + "  →", 21, "#5f4c40", "medium", anchor="rm")
        for i, step in enumerate(steps):
            x = 60 + i * 161
            fill = mix(colour, "#ffffff", 0.88)
            on = i == chosen
            c.rect(x, y - 34, 153, 74, colour if on else fill, radius=12)
            c.text(x + 76.5, y + 3, step, 25, "#ffffff" if on else colour, "bold", anchor="mm")
    c.text(60, 592, "Hervorgehoben: f/4, 1/60 s, ISO 400, die Messung aus dem Beispiel.", 20, "#8a7a6e", anchor="lm")
    return c.finish()


def histogram_picture(linear):
    c = Canvas(1500, 640, "#fbf8f4")
    for i, (stops, name) in enumerate(((-2, "zwei Stufen zu dunkel"), (0, "passend"), (2, "zwei Stufen zu hell"))):
        shot = develop(linear, STOPS + stops, seed=9)
        x, w = 40 + i * 480, 460
        c.paste(Image.fromarray(shot), x, 40, w, w * 2 / 3, 10)
        grey = shot @ np.array([0.2126, 0.7152, 0.0722])
        counts, _ = np.histogram(grey, 115, (0, 256))
        top, h = 400, 150
        c.rect(x, top, w, h, "#ffffff", "#d9cfc6", 1, 8)
        peak = np.sort(counts)[-3] * 1.08
        for k, count in enumerate(counts):
            high = min(1.0, count / peak) * (h - 14)
            c.rect(x + k * w / 115, top + h - high, w / 115 + 0.5, high, mix("#241a15", "#e6b48a", k / 114))
        for k in (1, 2, 3):
            c.line([(x + w * k / 4, top), (x + w * k / 4, top + h)], alpha("#241a15", 0.10), 1)
        c.text(x, top + h + 14, "dunkel", 18, "#8a7a6e")
        c.text(x + w, top + h + 14, "hell", 18, "#8a7a6e", anchor="ra")
        c.text(x + w / 2, top + h + 12, name, 23, INK, "bold", anchor="ma")
    return c.finish()


def cover_picture(photo):
    c = cover("#120b08", "#120b08")
    wide = 1680
    c.paste(Image.fromarray(photo), 220, -130, wide, wide * 2 / 3)
    mask = Image.new("L", (1600, 1), 0)
    for x in range(1600):
        t = min(1, max(0, (x - 220) / 640))
        mask.putpixel((x, 0), round(255 * (1 - t * t * (3 - 2 * t))))
    c.blend("#120b08", mask.resize((1600, 900)))
    title(
        c,
        "FOTOGRAFIE · 12 MINUTEN",
        ["Blende,", "Zeit, ISO"],
        "Drei Regler für die Helligkeit. Jeder verändert das Bild auf seine Art.",
        108,
        width=470,
    )
    return c.finish()


def sheet(pictures):
    doc = Handout(
        "Blende, Zeit, ISO", "Spickzettel für die Fototasche", ACCENT, "de", "Seite", "Nano-Beispielinhalte · CC BY 4.0"
    )
    doc.heading("Welcher Regler wofür?")
    doc.table(
        ["Regler", "mehr Licht", "weniger Licht", "verändert außerdem"],
        [
            [
                "<b>Blende</b>",
                "kleine Zahl (f/1,8)",
                "große Zahl (f/16)",
                "Schärfentiefe: kleine Zahl, weicher Hintergrund",
            ],
            ["<b>Zeit</b>", "lang (1 s)", "kurz (1/1000 s)", "Bewegung: kurz friert ein, lang verwischt"],
            ["<b>ISO</b>", "hoch (6400)", "niedrig (100)", "Rauschen: hoch rauscht mehr"],
        ],
        [0.13, 0.2, 0.2, 0.47],
    )
    doc.picture(pictures["blendenreihe"], (1400, 430))
    doc.picture(
        pictures["stufen"],
        (1400, 620),
        "Ein Feld nach rechts ist eine Stufe. Wer an einem Regler eine Stufe gibt, nimmt an einem anderen eine weg.",
    )
    doc.page_break()
    doc.heading("Ausgangswerte")
    doc.table(
        ["Motiv", "Modus", "Blende", "Zeit", "ISO"],
        [
            ["Porträt draußen", "A / Av", "f/1,8 bis f/2,8", "mindestens 1/200 s", "100 bis 400"],
            ["Landschaft", "A / Av", "f/8 bis f/11", "Stativ: beliebig", "100"],
            ["Spielende Kinder", "S / Tv", "so offen wie nötig", "1/500 s", "Auto"],
            ["Sport, Tiere", "S / Tv", "offen", "1/1000 s und kürzer", "Auto"],
            ["Wasser als Schleier", "S / Tv", "f/11 bis f/16", "1/2 s bis 2 s, Stativ", "100"],
            ["Innenraum aus der Hand", "A / Av", "so offen wie möglich", "mindestens 1/60 s", "800 bis 3200"],
            ["Stadt bei Nacht, Stativ", "A / Av", "f/8", "mehrere Sekunden", "100 bis 200"],
        ],
        [0.26, 0.12, 0.22, 0.24, 0.16],
    )
    doc.heading("Histogramm")
    doc.picture(pictures["histogramm"], (1500, 640))
    doc.box(
        "Vor dem Auslösen",
        "<b>1.</b> Was soll scharf sein? Das bestimmt die Blende. <b>2.</b> Bewegt sich etwas? Das bestimmt die Zeit. "
        "<b>3.</b> Reicht das Licht dafür nicht, steigt der ISO-Wert. <b>4.</b> Auslösen, Histogramm ansehen, korrigieren.",
    )
    return doc.render()


def build():
    scene = Scene()
    focus = next(piece.distance for piece in PIECES if piece.kind == "king")
    shots, files = {}, []
    for number in ("1.8", "4", "16"):
        shots[number] = scene.photograph(float(number), focus)
    open_shot = develop(shots["1.8"], STOPS, falloff=0.45)
    for number, falloff in (("1.8", 0.45), ("4", 0.25), ("16", 0.2)):
        photo = open_shot if number == "1.8" else develop(shots[number], STOPS, falloff=falloff)
        files.append(("fotos/blende-f%s.jpg" % number, encode(Image.fromarray(photo), "jpg", 89)))
    park = Park()
    for name, seconds in (("1-1000", 1 / 1000), ("1-60", 1 / 60), ("1s", 1.0)):
        files.append(
            ("fotos/zeit-%s.jpg" % name, encode(Image.fromarray(develop(park.photograph(seconds), 0.25)), "jpg", 89))
        )
    part = shots["4"][285:605, 520:840] * 0.55
    for iso in (100, 1600, 12800):
        close = Image.fromarray(develop(at_iso(part, iso), 0.9, grain=0, falloff=0)).resize((640, 640), Image.BICUBIC)
        files.append(("fotos/iso-%d.jpg" % iso, encode(close, "jpg", 92)))
    pictures = {
        "blendenreihe": encode(aperture_row(), "png", colours=200),
        "stufen": encode(stops_picture(), "png", colours=200),
        "histogramm": encode(histogram_picture(shots["4"]), "jpg", 92),
    }
    return (
        [
            ("index.html", (HERE / "index.html").read_bytes()),
            ("style.css", stylesheet(ACCENT)),
            ("cover.jpg", encode(cover_picture(open_shot), "jpg", 90)),
            ("Spickzettel.pdf", sheet(pictures)),
        ]
        + files
        + [
            ("grafiken/%s.%s" % (name, "jpg" if name == "histogramm" else "png"), content)
            for name, content in pictures.items()
        ]
        + [("LIZENZ.txt", licence("de", NAME))]
    )
