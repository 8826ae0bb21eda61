"""The exercise data: half a year of sales of an invented bicycle shop, and the pivots over it."""

import datetime
import random

BRANCHES = ["Husum", "Kiel", "Lübeck"]
GROUPS = ["Räder", "Service", "Zubehör"]
MONTHS = ["Januar", "Februar", "März", "April", "Mai", "Juni"]
# product, group, price in euro, how often it sells
PRODUCTS = [
    ("Stadtrad", "Räder", 649, 7),
    ("Trekkingrad", "Räder", 899, 5),
    ("E-Bike", "Räder", 2490, 3),
    ("Kinderrad", "Räder", 329, 4),
    ("Helm", "Zubehör", 59, 12),
    ("Schloss", "Zubehör", 39, 11),
    ("Licht-Set", "Zubehör", 45, 9),
    ("Packtasche", "Zubehör", 79, 8),
    ("Inspektion", "Service", 69, 13),
    ("Reifenwechsel", "Service", 25, 10),
]
HEADINGS = ["Datum", "Filiale", "Produkt", "Gruppe", "Menge", "Umsatz"]


def rows():
    """240 rows (date, branch, product, group, pieces, euro), ordered by date."""
    dice = random.Random(2025)
    out = []
    for _ in range(240):
        # More is sold in spring: the larger of two draws leans to the later days.
        day = max(dice.randrange(179), dice.randrange(179)) if dice.random() < 0.6 else dice.randrange(179)
        date = datetime.date(2025, 1, 2) + datetime.timedelta(days=day)
        if date.weekday() == 6:
            date -= datetime.timedelta(days=1)
        branch = dice.choices(BRANCHES, [3, 6, 5])[0]
        product, group, price, _ = dice.choices(PRODUCTS, [p[3] for p in PRODUCTS])[0]
        pieces = 1 if group == "Räder" else dice.choices([1, 2, 3, 4], [6, 4, 2, 1])[0]
        out.append((date, branch, product, group, pieces, pieces * price))
    return sorted(out)


def total(data, **wanted):
    """Sum of euro over the rows that match, e.g. total(data, branch="Kiel", month=3)."""
    return sum(
        row[5]
        for row in data
        if wanted.get("branch") in (None, row[1])
        and wanted.get("product") in (None, row[2])
        and wanted.get("group") in (None, row[3])
        and wanted.get("month") in (None, row[0].month)
    )
