"""Draws a spreadsheet window: the "screens" of the spreadsheet unit."""

from canvas import Canvas, alpha

GREEN, DARK, GRID, HEAD, INK = "#1e7a4c", "#145a37", "#dfe3e6", "#f3f5f6", "#24303a"
ROW = 30
MARGIN_COLUMN = 46


class Cell:
    def __init__(self, words, right=False, bold=False, fill=None, ink=INK, top=None, mark=None, indent=0):
        self.words, self.right, self.bold, self.fill, self.ink = words, right, bold, fill, ink
        self.top, self.mark, self.indent = top, mark, indent


def euro(amount):
    return "{:,.0f} €".format(amount).replace(",", ".")


def window(
    width,
    height,
    name,
    active_tab,
    reference,
    formula,
    columns,
    cells,
    sheets,
    active_sheet,
    first_row=1,
    selected=None,
    panel_width=0,
):
    """Returns the canvas and the function (row, column) -> box of a cell, rows counted from `first_row`."""
    c = Canvas(width, height, "#ffffff")
    c.rect(0, 0, width, 44, GREEN)
    for i, shade in enumerate((0.95, 0.6, 0.6)):
        c.circle(24 + i * 20, 22, 6, alpha("#ffffff", shade * 0.55))
    c.text(width / 2, 22, name, 16, "#ffffff", "medium", anchor="mm")
    c.rect(0, 44, width, 40, HEAD)
    x = 22
    for tab in ("Datei", "Start", "Einfügen", "Formeln", "Daten", "Ansicht", "PivotTable"):
        wide = c.measure(tab, 15, "medium")
        on = tab == active_tab
        c.text(x, 64, tab, 15, GREEN if on else "#55616b", "bold" if on else "regular", anchor="lm")
        if on:
            c.rect(x - 2, 80, wide + 6, 4, GREEN)
        x += wide + 34
    c.line([(0, 84), (width, 84)], GRID)
    c.rect(14, 92, 96, 28, "#ffffff", GRID, 1, 4)
    c.text(62, 106, reference, 14, INK, anchor="mm")
    c.text(126, 106, "fx", 15, "#7a8791", "italic", anchor="lm")
    c.rect(152, 92, width - 166, 28, "#ffffff", GRID, 1, 4)
    c.text(164, 106, formula, 14, INK, anchor="lm")

    top, right, bottom = 128, width - panel_width, height - 38
    lefts, x = [], MARGIN_COLUMN
    for wide in columns:
        lefts.append(x)
        x += wide
    while x < right:
        lefts.append(x)
        columns = list(columns) + [100]
        x += 100

    def box(row, column):
        return lefts[column], top + 26 + (row - first_row) * ROW, columns[column], ROW

    c.rect(0, top, right, 26, HEAD)
    count = int((bottom - top - 26) / ROW) + 1
    for (row, column), cell in cells.items():
        if cell.fill:
            c.rect(*box(row, column), fill=cell.fill)
    for i, left in enumerate(lefts):
        on = selected and selected[1] == i
        if on:
            c.rect(left, top, min(columns[i], right - left), 26, "#cfe6da")
        letter = chr(65 + i)
        c.text(
            left + columns[i] / 2,
            top + 13,
            letter,
            14,
            DARK if on else "#65717b",
            "bold" if on else "regular",
            anchor="mm",
        )
        c.line([(left, top), (left, bottom)], GRID)
    for i in range(count):
        y = top + 26 + i * ROW
        row = first_row + i
        on = selected and selected[0] == row
        c.rect(0, y, MARGIN_COLUMN, ROW, "#cfe6da" if on else HEAD)
        c.text(MARGIN_COLUMN / 2, y + ROW / 2, str(row), 13, DARK if on else "#65717b", anchor="mm")
        c.line([(0, y), (right, y)], GRID)
    for (row, column), cell in cells.items():
        left, y, wide, high = box(row, column)
        if y + high > bottom:
            continue
        if cell.fill:
            c.rect(left, y, wide, high, cell.fill)
        if cell.top:
            c.line([(left, y), (left + wide, y)], cell.top, 1.5)
        weight = "bold" if cell.bold else "regular"
        if cell.right:
            c.text(left + wide - 10, y + ROW / 2, cell.words, 15, cell.ink, weight, anchor="rm")
        else:
            c.text(left + 10 + cell.indent, y + ROW / 2, cell.words, 15, cell.ink, weight, anchor="lm")
        if cell.mark:
            c.rect(left + wide - 24, y + 7, 16, 16, "#ffffff", "#b9c3cb", 1, 3)
            c.polygon([(left + wide - 20, y + 13), (left + wide - 12, y + 13), (left + wide - 16, y + 18)], "#55616b")
    if selected:
        left, y, wide, high = box(*selected)
        c.rect(left - 1, y - 1, wide + 2, high + 2, None, GREEN, 2)

    c.rect(0, bottom, width, 38, HEAD)
    c.line([(0, bottom), (width, bottom)], GRID)
    x = 30
    for sheet in sheets:
        wide = c.measure(sheet, 14, "bold") + 36
        if sheet == active_sheet:
            c.rect(x, bottom, wide, 30, "#ffffff")
            c.rect(x, bottom + 28, wide, 3, GREEN)
        c.text(
            x + wide / 2,
            bottom + 16,
            sheet,
            14,
            GREEN if sheet == active_sheet else "#55616b",
            "bold" if sheet == active_sheet else "regular",
            anchor="mm",
        )
        x += wide + 6
    if panel_width:
        c.rect(right, 128, panel_width, bottom - 128, "#fafbfb")
        c.line([(right, 128), (right, bottom)], "#c9d1d7", 1.5)
    return c, box


def field_panel(c, width, fields, checked, areas):
    """The field list on the right: `areas` is [(title, [field, ...]), ...] for the four boxes."""
    left = c.width - width
    x, inner = left + 20, width - 40
    c.text(x, 146, "PivotTable-Felder", 19, DARK, "bold")
    c.text(x, 176, "Felder in die Bereiche ziehen:", 14, "#65717b")
    y = 206
    for field in fields:
        on = field in checked
        c.rect(x, y, 18, 18, GREEN if on else "#ffffff", GREEN if on else "#9aa6af", 1.5, 4)
        if on:
            c.line([(x + 4, y + 9), (x + 8, y + 13), (x + 14, y + 5)], "#ffffff", 2)
        c.text(x + 28, y + 9, field, 15, INK, "bold" if on else "regular", anchor="lm")
        y += 30
    y += 8
    c.line([(x, y), (x + inner, y)], GRID, 1)
    y += 14
    half, high = (inner - 14) / 2, 128
    for i, (title, names) in enumerate(areas):
        bx, by = x + (i % 2) * (half + 14), y + (i // 2) * (high + 40)
        c.text(bx, by, title, 14, "#55616b", "bold")
        c.rect(bx, by + 24, half, high - 6, "#ffffff", "#c9d1d7", 1, 6)
        ty = by + 32
        for name in names:
            size = 14
            while c.measure(name, size, "medium") > half - 32:
                size -= 1
            c.rect(bx + 8, ty, half - 16, 30, "#e3f1e9", "#a9d2bd", 1, 5)
            c.text(bx + 17, ty + 15, name, size, DARK, "medium", anchor="lm")
            ty += 36
