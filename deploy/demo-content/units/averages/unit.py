"""Mean, median, outliers (English): a page with a quiz, charts and the data to calculate along."""

import json
import random
import statistics
from pathlib import Path

from canvas import Canvas, alpha, encode, mix
from cover import cover, title
from page import fill, licence, stylesheet

HERE = Path(__file__).parent
ACCENT, VIOLET, CORAL, TEAL, INK, SOFT, PAPER = (
    "#5b3a9e",
    "#6d4bc0",
    "#e4572e",
    "#0f8b8d",
    "#1f1a2e",
    "#6b6680",
    "#fbfaff",
)
NAME = "Mean, median, outliers"
META = {
    "title": NAME,
    "description": '"The average employee earns 4,000 euros", and nobody does. What mean, median and quartiles answer, how to '
    "read a box plot, when a value is an outlier, and which number is honest in a headline. Eight quiz "
    "questions with worked answers and the data to calculate along.",
    "language": "en",
    "level": 1,
    "format": "quiz",
    "license": "CC-BY",
    "duration_minutes": 7,
    "categories": ["data", "business"],
    "expect": "published",
}
SALARIES = [2300, 2450, 2500, 2600, 2650, 2800, 2900, 3100, 14700]


MINUTES = [
    5,
    7,
    8,
    9,
    10,
    11,
    12,
    12,
    13,
    14,
    14,
    15,
    15,
    16,
    17,
    18,
    18,
    19,
    20,
    20,
    21,
    22,
    23,
    24,
    24,
    25,
    26,
    27,
    28,
    30,
    31,
    32,
    34,
    35,
    37,
    39,
    39,
    41,
    43,
    45,
    48,
    50,
    53,
    56,
    60,
    64,
    85,
    112,
]


def commutes():
    """The answers (minutes, means of transport) in the order in which people were asked."""
    dice = random.Random(31)
    order = MINUTES[:]
    dice.shuffle(order)
    near, middle, far = (
        ["on foot", "bicycle", "bicycle"],
        ["bicycle", "bus", "car", "bus", "train"],
        ["car", "train", "train"],
    )
    return [(m, dice.choice(near if m < 15 else middle if m < 40 else far)) for m in order]


def quartiles(values):
    """As QUARTILE.INC of the spreadsheets: linear between the sorted values."""
    return statistics.quantiles(values, n=4, method="inclusive")


def amount(value):
    return "{:,.0f}".format(value)


def short(value):
    return ("%.1f" % value).rstrip("0").rstrip(".")


def marker(c, x, top, bottom, words, colour, side=0, size=23):
    """A labelled vertical line; `side` -1 puts the label to the left, 1 to the right."""
    c.line([(x, top), (x, bottom)], colour, 3.5)
    wide = c.measure(words, size, "bold") + 28
    left = x - wide / 2 if side == 0 else (x - wide + 2 if side < 0 else x - 2)
    c.rect(left, top - 42, wide, 42, colour, radius=8)
    c.text(left + wide / 2, top - 21, words, size, "#ffffff", "bold", anchor="mm")


def salary_chart():
    c = Canvas(1400, 470, PAPER)
    x, w, y = 90, 1220, 320

    def at(value):
        return x + w * (value - 1500) / 14000

    c.line([(x, y), (x + w, y)], "#cfc8e0", 3)
    for value in range(2000, 15001, 1000):
        c.line([(at(value), y), (at(value), y + 10)], "#cfc8e0", 2)
        if value % 2000 == 0:
            c.text(at(value), y + 22, amount(value), 21, SOFT, anchor="ma")
    c.text(x + w, y + 62, "euros a month", 21, SOFT, "italic", anchor="ra")
    mean, median = statistics.mean(SALARIES), statistics.median(SALARIES)
    marker(c, at(median), 150, y, "median %s" % amount(median), TEAL, -1)
    marker(c, at(mean), 150, y, "mean %s" % amount(mean), CORAL, 1)
    for i, value in enumerate(SALARIES):
        fill = TEAL if value == median else VIOLET
        c.circle(at(value), y - 26 - (38 if i % 2 else 0), 15, fill, "#ffffff", 2.5)
    c.text(at(14700), y - 70, "the boss", 22, INK, "medium", anchor="mm")
    c.text(90, 60, "Nobody earns the average", 32, INK, "black", anchor="lm")
    return c.finish()


def commute_chart(values):
    c = Canvas(1400, 620, PAPER)
    x, y, w, h, step, top = 100, 150, 1220, 370, 5, 120
    counts = [sum(1 for v in values if i * step <= v < (i + 1) * step) for i in range(top // step)]
    high = max(counts) + 1
    for n in range(0, high + 1, 2):
        yy = y + h - h * n / high
        c.line([(x, yy), (x + w, yy)], "#e7e2f2", 1.5)
        c.text(x - 14, yy, str(n), 20, SOFT, anchor="rm")
    bar = w / len(counts)
    for i, count in enumerate(counts):
        tall = h * count / high
        c.rect(x + i * bar + 2, y + h - tall, bar - 4, tall, mix(VIOLET, "#ffffff", 0.15), radius=4)
    for value in range(0, top + 1, 10):
        c.text(x + w * value / top, y + h + 16, str(value), 20, SOFT, anchor="ma")
    c.text(x + w, y + h + 50, "minutes to work", 21, SOFT, "italic", anchor="ra")
    c.text(x - 56, y - 40, "people", 21, SOFT, "italic", anchor="la")
    mean, median = statistics.mean(values), statistics.median(values)
    marker(c, x + w * median / top, y - 4, y + h, "median %s" % short(median), TEAL, -1)
    marker(c, x + w * mean / top, y - 4, y + h, "mean %s" % short(mean), CORAL, 1)
    c.text(100, 52, "How long is your way to work?", 32, INK, "black", anchor="lm")
    return c.finish()


def box_chart(values):
    c = Canvas(1400, 520, PAPER)
    x, w, y, high, top = 100, 1220, 290, 120, 120
    q1, median, q3 = quartiles(values)
    fence = q3 + 1.5 * (q3 - q1)
    inside = [v for v in values if v <= fence]
    low, most = min(values), max(inside)

    def at(value):
        return x + w * value / top

    for value in range(0, top + 1, 10):
        c.line([(at(value), 120), (at(value), 420)], "#ece8f6", 1.5)
        c.text(at(value), 436, str(value), 20, SOFT, anchor="ma")
    c.text(x + w, 470, "minutes to work", 21, SOFT, "italic", anchor="ra")
    c.line([(at(low), y), (at(q1), y)], INK, 3)
    c.line([(at(q3), y), (at(most), y)], INK, 3)
    for value in (low, most):
        c.line([(at(value), y - 34), (at(value), y + 34)], INK, 3)
    c.rect(at(q1), y - high / 2, at(q3) - at(q1), high, mix(VIOLET, "#ffffff", 0.72), VIOLET, 3, 6)
    c.line([(at(median), y - high / 2), (at(median), y + high / 2)], TEAL, 7)
    outliers = sorted(v for v in values if v > fence)
    for value in outliers:
        c.circle(at(value), y, 10, CORAL)
    c.dashes(at(fence), 150, at(fence), 412, CORAL, 2.5)
    labels = [
        (at(low), "smallest\n%d" % low, INK, -1),
        (at(q1), "Q1\n%s" % short(q1), VIOLET, -1),
        (at(median), "median\n%s" % short(median), TEAL, 1),
        (at(q3), "Q3\n%s" % short(q3), VIOLET, -1),
        (at(most), "largest inside\n%d" % most, INK, -1),
        (at(fence), "fence\n%s" % short(fence), CORAL, 1),
        (at(outliers[-1]), "outliers", CORAL, 2),
    ]
    for px, words, colour, side in labels:
        lines = words.split("\n")
        if side == -1:
            base = y - high / 2 - 62
        elif side == 1:
            base = y + high / 2 + 12 if colour == TEAL else 96
        else:
            base = y + 24
        for k, line in enumerate(lines):
            c.text(px, base + k * 27, line, 22, colour, "bold" if k == 0 else "regular", anchor="ma")
    c.text(100, 52, "Anatomy of a box plot", 32, INK, "black", anchor="lm")
    return c.finish()


def cover_picture(values):
    c = cover("#2b1a5a", "#7a4fd0")
    x, base, bar = 790, 720, 44
    counts = [sum(1 for v in values if i * 8 <= v < (i + 1) * 8) for i in range(15)]
    for i, count in enumerate(counts):
        tall = 34 * count
        c.rect(x + i * (bar + 6), base - tall, bar, max(tall, 4), alpha("#ffffff", 0.85 if count else 0.25), radius=7)
    mean, median = statistics.mean(values), statistics.median(values)
    for value, colour, words, top in ((median, "#35d0ba", "median", 190), (mean, "#ff8a65", "mean", 270)):
        px = x + value / 8 * (bar + 6)
        c.line([(px, top), (px, base + 22)], colour, 7)
        wide = c.measure(words, 34, "bold") + 44
        c.rect(px - 3, top - 4, wide, 62, colour, radius=10)
        c.text(px - 3 + wide / 2, top + 26, words, 34, "#241447", "bold", anchor="mm")
    c.line([(x - 20, base + 4), (x + 15 * (bar + 6), base + 4)], alpha("#ffffff", 0.6), 4)
    title(
        c,
        "DATA · QUIZ · 7 MINUTES",
        ["Mean,", "median,", "outliers"],
        "Which number is honest? Eight questions with worked answers.",
        104,
        width=560,
    )
    return c.finish()


def build():
    data = commutes()
    values = [minutes for minutes, _ in data]
    q1, _, q3 = quartiles(values)
    fence = q3 + 1.5 * (q3 - q1)
    rest = sorted(values)[:-1]
    facts = {
        "salaries": " · ".join(amount(v) for v in SALARIES),
        "salary_sum": amount(sum(SALARIES)),
        "salary_mean": amount(statistics.mean(SALARIES)),
        "salary_median": amount(statistics.median(SALARIES)),
        "boss": amount(SALARIES[-1]),
        "mean_after": amount((sum(SALARIES) + SALARIES[-1]) / 9),
        "commute_count": len(values),
        "commute_median": short(statistics.median(values)),
        "commute_mean": short(statistics.mean(values)),
        "q1": short(q1),
        "q3": short(q3),
        "iqr": short(q3 - q1),
        "fence": short(fence),
        "outliers": " and ".join("%d" % v for v in sorted(values) if v > fence) + " minutes",
        "mean_without": short(statistics.mean(rest)),
        "median_without": short(statistics.median(rest)),
    }
    csv = "person,minutes,transport\n" + "".join("%d,%d,%s\n" % (i, m, k) for i, (m, k) in enumerate(data, 1))
    salaries = {"unit": "euros a month", "people": len(SALARIES), "values": SALARIES}
    return [
        ("index.html", fill((HERE / "index.html").read_text("utf-8"), facts).encode("utf-8")),
        ("style.css", stylesheet(ACCENT)),
        ("cover.webp", encode(cover_picture(values), "webp", 90)),
        ("charts/salaries.png", encode(salary_chart(), "png", colours=128)),
        ("charts/commute.png", encode(commute_chart(values), "png", colours=128)),
        ("charts/box-plot.png", encode(box_chart(values), "png", colours=128)),
        ("data/commute-times.csv", csv.encode("utf-8")),
        ("data/salaries.json", (json.dumps(salaries, indent=2) + "\n").encode("utf-8")),
        ("LICENSE.txt", licence("en", NAME)),
    ]
