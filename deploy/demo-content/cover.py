"""The cover pictures, 1600 x 900: title on the left, an illustration on the right."""

from canvas import Canvas, alpha

WIDTH, HEIGHT = 1600, 900


def cover(top, bottom):
    c = Canvas(WIDTH, HEIGHT)
    c.gradient(top, bottom)
    return c


def title(c, chip, lines, subtitle, size=96, ink="#ffffff", x=96, y=None, width=640, chip_fill=0.16):
    """Chip, title lines and a wrapped subtitle; centred on the height unless `y` is given."""
    below = c.wrap(subtitle, width, 32)
    tall = 96 + len(lines) * size * 1.08 + 30 + len(below) * 45
    y = y if y is not None else (HEIGHT - tall) / 2 - 6
    wide = c.measure(chip, 24, "bold", spacing=1.5) + 48
    c.rect(x, y, wide, 50, alpha(ink, chip_fill), radius=25)
    c.text(x + 24, y + 25, chip, 24, ink, "bold", anchor="lm", spacing=1.5)
    y += 96
    for line in lines:
        c.text(x - 3, y, line, size, ink, "black", anchor="la")
        y += size * 1.08
    y += 30
    for line in below:
        c.text(x, y, line, 32, alpha(ink, 0.88), "regular")
        y += 45
