"""The screens, the chart and the cover of the spreadsheet unit, drawn from the exercise data."""

from canvas import Canvas, alpha, mix
from cover import cover, title
from sheet import Cell, euro, field_panel, window
from units.pivot.sales import BRANCHES, GROUPS, HEADINGS, MONTHS, total

ACCENT = "#1e7a4c"
SERIES = {"Husum": "#f0a63a", "Kiel": "#1e7a4c", "Lübeck": "#3f8fc4"}
SIZE = (1440, 810)
HEAD_FILL, BAND = "#dceee4", "#f3f9f6"


def source_screen(data):
    cells = {}
    for i, words in enumerate(HEADINGS):
        cells[1, i] = Cell(words, right=i > 3, bold=True, fill=ACCENT, ink="#ffffff", mark=True)
        if i > 3:
            cells[1, i].words = words + "     "
    for n, row in enumerate(data[:26], 2):
        band = BAND if n % 2 == 0 else "#ffffff"
        shown = [row[0].strftime("%d.%m.%Y"), row[1], row[2], row[3], str(row[4]), euro(row[5])]
        for i, words in enumerate(shown):
            cells[n, i] = Cell(words, right=i > 3, fill=band)
    c, box = window(
        *SIZE,
        "Nordlicht.xlsx",
        "Start",
        "C4",
        data[2][2],
        [150, 150, 190, 170, 130, 160],
        cells,
        ["Verkäufe"],
        "Verkäufe",
        selected=(4, 2),
    )
    # A note beside the data: what makes the list fit.
    x, y, w = 1056, 250, 330
    c.shadow(x, y, w, 300, 14, 16, 0.16)
    c.rect(x, y, w, 300, "#fffbea", "#ecd98b", 1.5, 14)
    c.text(x + 24, y + 22, "Bereit für die Pivot-Tabelle", 20, "#6b5300", "bold")
    for i, words in enumerate(
        (
            "eine Überschrift je Spalte",
            "ein Verkauf je Zeile",
            "keine leeren Zeilen",
            "keine Zwischensummen",
            "echte Datumswerte",
        )
    ):
        yy = y + 76 + i * 42
        c.circle(x + 36, yy, 11, "#2f8f5b")
        c.line([(x + 31, yy), (x + 35, yy + 4), (x + 42, yy - 5)], "#ffffff", 2.5)
        c.text(x + 58, yy, words, 18, "#3d3a2a", anchor="lm")
    return c.finish()


def pivot_cells(corner, across, down, values, first_row=3):
    """Cells of a pivot table with totals; `values[(down, across)]` in euro."""
    cells = {
        (first_row, 0): Cell("Summe von Umsatz", bold=True, fill=HEAD_FILL),
        (first_row, 1): Cell(corner[1], bold=True, fill=HEAD_FILL, mark=True),
    }
    last = len(across) + 1
    for i in range(2, last + 1):
        cells[first_row, i] = Cell("", fill=HEAD_FILL)
    cells[first_row + 1, 0] = Cell(corner[0], bold=True, fill=HEAD_FILL, mark=True)
    for i, words in enumerate(across, 1):
        cells[first_row + 1, i] = Cell(words, right=True, bold=True, fill=HEAD_FILL)
    cells[first_row + 1, last] = Cell("Gesamtergebnis", right=True, bold=True, fill=HEAD_FILL)
    for n, name in enumerate(down, first_row + 2):
        cells[n, 0] = Cell(name, indent=8)
        for i, other in enumerate(across, 1):
            amount = values[name, other]
            cells[n, i] = Cell(euro(amount) if amount else "", right=True)
        cells[n, last] = Cell(euro(sum(values[name, o] for o in across)), right=True)
    end = first_row + 2 + len(down)
    cells[end, 0] = Cell("Gesamtergebnis", bold=True, fill=HEAD_FILL, top="#7fb99b")
    for i, other in enumerate(across, 1):
        cells[end, i] = Cell(
            euro(sum(values[d, other] for d in down)), right=True, bold=True, fill=HEAD_FILL, top="#7fb99b"
        )
    cells[end, last] = Cell(euro(sum(values.values())), right=True, bold=True, fill=HEAD_FILL, top="#7fb99b")
    return cells


def branch_screen(data):
    values = {(b, g): total(data, branch=b, group=g) for b in BRANCHES for g in GROUPS}
    cells = pivot_cells(("Zeilenbeschriftungen", "Spaltenbeschriftungen"), GROUPS, BRANCHES, values)
    c, box = window(
        *SIZE,
        "Nordlicht.xlsx",
        "PivotTable",
        "B6",
        str(values["Kiel", "Räder"]),
        [210, 190, 130, 130, 170],
        cells,
        ["Verkäufe", "Auswertung"],
        "Auswertung",
        selected=(6, 1),
        panel_width=380,
    )
    field_panel(
        c,
        380,
        HEADINGS,
        {"Filiale", "Gruppe", "Umsatz"},
        [("Filter", []), ("Spalten", ["Gruppe"]), ("Zeilen", ["Filiale"]), ("Werte", ["Summe von Umsatz"])],
    )
    # Arrows from the three answers of the question to their places.
    x, y, w, h = box(11, 0)
    notes = [
        ("Zeilen", "Welche Filiale?", 60),
        ("Spalten", "Welche Warengruppe?", 360),
        ("Werte", "Wie viel Umsatz?", 660),
    ]
    for area, question, left in notes:
        c.shadow(left, y + 30, 270, 96, 12, 12, 0.12)
        c.rect(left, y + 30, 270, 96, "#ffffff", "#a9d2bd", 1.5, 12)
        c.text(left + 22, y + 48, area.upper(), 15, ACCENT, "black", spacing=1.5)
        c.text(left + 22, y + 76, question, 22, "#24303a", "medium")
    return c.finish()


def month_screen(data):
    values = {(m, b): total(data, branch=b, month=i) for i, m in enumerate(MONTHS, 1) for b in BRANCHES}
    cells = pivot_cells(("Zeilenbeschriftungen", "Spaltenbeschriftungen"), BRANCHES, MONTHS, values)
    best = max(MONTHS, key=lambda m: sum(values[m, b] for b in BRANCHES))
    n = 5 + MONTHS.index(best)
    for i in range(5):
        cells[n, i].fill, cells[n, i].bold = "#fff3cf", True
    c, box = window(
        *SIZE,
        "Nordlicht.xlsx",
        "PivotTable",
        "A%d" % n,
        best,
        [210, 190, 130, 130, 170],
        cells,
        ["Verkäufe", "Auswertung", "Monate"],
        "Monate",
        selected=(n, 0),
        panel_width=380,
    )
    field_panel(
        c,
        380,
        HEADINGS,
        {"Datum", "Filiale", "Umsatz"},
        [("Filter", []), ("Spalten", ["Filiale"]), ("Zeilen", ["Monate (Datum)"]), ("Werte", ["Summe von Umsatz"])],
    )
    x, y, w, h = box(14, 0)
    c.shadow(60, y + 20, 560, 108, 12, 12, 0.12)
    c.rect(60, y + 20, 560, 108, "#ffffff", "#a9d2bd", 1.5, 12)
    c.text(84, y + 38, "GRUPPIEREN", 15, ACCENT, "black", spacing=1.5)
    c.text(84, y + 66, "Rechtsklick auf ein Datum → Gruppieren → Monate", 21, "#24303a", "medium")
    c.text(84, y + 96, "Aus 240 Verkäufen werden sechs Zeilen.", 16, "#65717b")
    return c.finish()


def stacked_columns(c, data, x, y, w, h, size=18, ink="#24303a", grid="#e3e8eb", step=5000, totals=True):
    """The chart itself, so that screen, handout and cover show the same one."""
    top = 20000 if max(total(data, month=m) for m in range(1, 7)) <= 20000 else 25000
    for amount in range(0, top + 1, step):
        yy = y + h - h * amount / top
        c.line([(x, yy), (x + w, yy)], grid, 1)
        c.text(x - 12, yy, "{:,}".format(amount).replace(",", "."), size * 0.8, mix(ink, "#ffffff", 0.3), anchor="rm")
    slot = w / 6
    for i, month in enumerate(MONTHS):
        base, left = y + h, x + slot * (i + 0.2)
        for branch in reversed(BRANCHES):
            high = h * total(data, branch=branch, month=i + 1) / top
            c.rect(left, base - high, slot * 0.6, high, SERIES[branch])
            base -= high
        if totals:
            # A white plate keeps the label readable where it meets a grid line.
            wide = c.measure(euro(total(data, month=i + 1)), size * 0.85, "bold") + 12
            c.rect(x + slot * (i + 0.5) - wide / 2, base - 10 - size, wide, size + 6, "#ffffff")
            c.text(
                x + slot * (i + 0.5), base - 8, euro(total(data, month=i + 1)), size * 0.85, ink, "bold", anchor="ms"
            )
        c.text(x + slot * (i + 0.5), y + h + 12, month, size, ink, anchor="ma")


def chart_picture(data):
    c = Canvas(*SIZE, "#ffffff")
    c.text(84, 54, "Umsatz je Monat, gestapelt nach Filiale", 34, "#1c2733", "bold")
    c.text(84, 102, "Januar bis Juni 2025, in Euro", 20, "#65717b")
    x = 960
    for branch in BRANCHES:
        c.rect(x, 68, 22, 22, SERIES[branch], radius=4)
        c.text(x + 32, 79, branch, 20, "#24303a", "medium", anchor="lm")
        x += 60 + c.measure(branch, 20, "medium") + 20
    stacked_columns(c, data, 150, 170, 1210, 540, 20)
    return c.finish()


def cover_picture(data):
    c = cover("#0f5f3b", "#2aa267")
    for i in range(14):
        c.line([(0, 70 * i), (1600, 70 * i)], alpha("#ffffff", 0.04), 1.5)
    for i in range(13):
        c.line([(140 * i, 0), (140 * i, 900)], alpha("#ffffff", 0.04), 1.5)
    title(
        c,
        "EXCEL · 10 MINUTEN",
        ["Pivot-", "Tabellen"],
        "Aus 240 Zeilen Daten wird eine Antwort. Ohne eine einzige Formel.",
        116,
    )
    # Data sheet behind, chart card in front.
    x, y = 800, 130
    c.shadow(x, y, 560, 400, 18, 30, 0.35, 16)
    c.rect(x, y, 560, 400, "#ffffff", radius=18)
    c.rect(x, y, 560, 52, HEAD_FILL, radius=18)
    c.rect(x, y + 30, 560, 22, HEAD_FILL)
    for i, words in enumerate(("Filiale", "Produkt", "Umsatz")):
        c.text(
            x + (500 if i == 2 else 28 + i * 180), y + 27, words, 21, "#145a37", "bold", anchor="rm" if i == 2 else "lm"
        )
    for n, row in enumerate(data[:8]):
        yy = y + 74 + n * 40
        c.text(x + 28, yy + 12, row[1], 20, "#44515c", anchor="lm")
        c.text(x + 208, yy + 12, row[2], 20, "#44515c", anchor="lm")
        c.text(x + 500, yy + 12, euro(row[5]), 20, "#44515c", anchor="rm")
        c.line([(x + 20, yy + 34), (x + 540, yy + 34)], "#e8ecef", 1)
    x, y, w, h = 930, 390, 590, 400
    c.shadow(x, y, w, h, 18, 30, 0.45, 16)
    c.rect(x, y, w, h, "#ffffff", radius=18)
    c.text(x + 36, y + 26, "Umsatz je Monat", 26, "#1c2733", "bold")
    stacked_columns(c, data, x + 90, y + 96, w - 120, h - 160, 17, totals=False)
    return c.finish()
