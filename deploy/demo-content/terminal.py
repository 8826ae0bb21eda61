"""Draws a terminal window from plain text. `$ ` starts a command; a leading mark colours a line."""

from canvas import Canvas

BACK, BAR, INK, SOFT = "#141b24", "#222c38", "#d6dee7", "#7f8d9c"
GREEN, RED, BLUE, YELLOW = "#7ee0a1", "#ff8f87", "#8cc7ff", "#f2cf7a"
PADDING, SIZE, LEADING = 34, 21, 32


def terminal(name, lines, width=1200, rules=()):
    """`rules` are (start of a line, colour); the first that fits wins. Returns a picture."""
    height = 64 + PADDING * 2 + len(lines) * LEADING - 10
    c = Canvas(width, height, BACK)
    c.rect(0, 0, width, 52, BAR)
    for i, colour in enumerate(("#ff6b60", "#f7bf4f", "#5dcb76")):
        c.circle(30 + i * 26, 26, 7.5, colour)
    c.text(width / 2, 26, name, 18, SOFT, anchor="mm")
    y = 52 + PADDING
    for line in lines:
        if line.startswith("$ "):
            c.text(PADDING, y, "$", SIZE, GREEN, "bold", "mono")
            c.text(PADDING + c.measure("$ ", SIZE, "regular", "mono"), y, line[2:], SIZE, "#ffffff", "bold", "mono")
        else:
            colour = next((shade for start, shade in rules if line.strip().startswith(start)), INK)
            c.text(PADDING, y, line, SIZE, colour, "regular", "mono")
        y += LEADING
    return c.finish()
