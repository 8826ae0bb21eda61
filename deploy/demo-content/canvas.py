"""Drawing with Pillow at twice the size, reduced at the end: smooth edges and unhinted text."""

import functools
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

SCALE = 2

FOLDERS = [
    Path("/usr/share/fonts/truetype/lato"),
    Path("/usr/share/fonts/truetype/jetbrains-mono"),
    Path("/usr/share/fonts/truetype/dejavu"),
    Path("/usr/share/fonts/TTF"),
    Path.home() / "Library/Fonts",
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
]

# First found wins. Lato and JetBrains Mono are what the layouts are made for; the others
# keep the build going where they are missing. Vera comes with reportlab.
FACES = {
    ("sans", "light"): ["Lato-Light.ttf", "DejaVuSans.ttf", "Vera.ttf"],
    ("sans", "regular"): ["Lato-Regular.ttf", "DejaVuSans.ttf", "Vera.ttf"],
    ("sans", "medium"): ["Lato-Medium.ttf", "Lato-Regular.ttf", "DejaVuSans.ttf", "Vera.ttf"],
    ("sans", "bold"): ["Lato-Bold.ttf", "DejaVuSans-Bold.ttf", "VeraBd.ttf"],
    ("sans", "black"): ["Lato-Black.ttf", "DejaVuSans-Bold.ttf", "VeraBd.ttf"],
    ("sans", "italic"): ["Lato-Italic.ttf", "DejaVuSans-Oblique.ttf", "VeraIt.ttf"],
    ("mono", "regular"): ["JetBrainsMono-Regular.ttf", "DejaVuSansMono.ttf", "Menlo.ttc"],
    ("mono", "bold"): ["JetBrainsMono-Bold.ttf", "DejaVuSansMono-Bold.ttf", "Menlo.ttc"],
}


@functools.lru_cache(maxsize=None)
def font_file(family, weight):
    folders = FOLDERS + [Path(entry) / "reportlab/fonts" for entry in sys.path]
    for name in FACES[family, weight]:
        for folder in folders:
            if (folder / name).is_file():
                return str(folder / name)
    raise SystemExit("demo content: no %s font found; install fonts-lato and fonts-jetbrains-mono" % family)


@functools.lru_cache(maxsize=None)
def font(size, weight="regular", family="sans"):
    # The basic layout leaves out the ligatures that programming fonts draw for "--" and "!=".
    engine = ImageFont.Layout.BASIC if family == "mono" else None
    return ImageFont.truetype(font_file(family, weight), size, layout_engine=engine)


def mix(one, other, share):
    """`one` with `share` (0 to 1) of `other`; colours as #rrggbb."""
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join("%02x" % round(a + (b - a) * share) for a, b in pairs)


def alpha(colour, opacity):
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) + (round(opacity * 255),)


class Canvas:
    """All coordinates and sizes are in pixels of the finished picture."""

    def __init__(self, width, height, background="#ffffff"):
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), background)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def over(self, image):
        """A canvas of the same size that draws on `image`."""
        other = object.__new__(Canvas)
        other.width, other.height, other.image = self.width, self.height, image
        other.draw = ImageDraw.Draw(image, "RGBA")
        return other

    def gradient(self, top, bottom, diagonal=0.35):
        """Fills the canvas from `top` (left) to `bottom` (right)."""
        small = Image.new("L", (64, 64))
        small.putdata(
            [
                round(255 * min(1, max(0, (y + x * diagonal) / (63 * (1 + diagonal)))))
                for y in range(64)
                for x in range(64)
            ]
        )
        mask = small.resize(self.image.size, Image.BICUBIC)
        self.image.paste(
            Image.composite(Image.new("RGB", self.image.size, bottom), Image.new("RGB", self.image.size, top), mask)
        )
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def rect(self, x, y, w, h, fill=None, outline=None, width=1, radius=0):
        box = [x * SCALE, y * SCALE, (x + w) * SCALE - 1, (y + h) * SCALE - 1]
        if w * SCALE < 1 or h * SCALE < 1:
            return
        line = max(1, round(width * SCALE))
        if radius:
            self.draw.rounded_rectangle(box, radius * SCALE, fill, outline, line)
        else:
            self.draw.rectangle(box, fill, outline, line)

    def line(self, points, fill, width=1, closed=False):
        """Polyline with round joints and ends."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        if closed:
            scaled.append(scaled[0])
        thick = max(1, round(width * SCALE))
        self.draw.line(scaled, fill, thick, joint="curve")
        if thick > 3:
            r = thick / 2
            for x, y in (scaled[0], scaled[-1]):
                self.draw.ellipse([x - r, y - r, x + r, y + r], fill)

    def curve(self, points, fill, width=4):
        """A thick smooth line: dense discs, because wide polylines show their joints."""
        r = width * SCALE / 2
        for (x1, y1), (x2, y2) in zip(points, points[1:]):
            steps = max(1, int(max(abs(x2 - x1), abs(y2 - y1)) * SCALE))
            for i in range(steps + 1):
                x, y = (x1 + (x2 - x1) * i / steps) * SCALE, (y1 + (y2 - y1) * i / steps) * SCALE
                self.draw.ellipse([x - r, y - r, x + r, y + r], fill)

    def dashes(self, x1, y1, x2, y2, fill, width=1, dash=8, gap=6):
        length = max(1e-6, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
        ux, uy, at = (x2 - x1) / length, (y2 - y1) / length, 0
        while at < length:
            to = min(length, at + dash)
            self.draw.line(
                [(x1 + ux * at) * SCALE, (y1 + uy * at) * SCALE, (x1 + ux * to) * SCALE, (y1 + uy * to) * SCALE],
                fill,
                max(1, round(width * SCALE)),
            )
            at = to + gap

    def circle(self, x, y, r, fill=None, outline=None, width=1):
        self.draw.ellipse(
            [(x - r) * SCALE, (y - r) * SCALE, (x + r) * SCALE, (y + r) * SCALE],
            fill,
            outline,
            max(1, round(width * SCALE)),
        )

    def polygon(self, points, fill):
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill)

    def arrow(self, x1, y1, x2, y2, fill, width=3, head=12):
        length = max(1e-6, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        bx, by = x2 - ux * head, y2 - uy * head
        self.line([(x1, y1), (bx, by)], fill, width)
        self.polygon(
            [(x2, y2), (bx - uy * head * 0.6, by + ux * head * 0.6), (bx + uy * head * 0.6, by - ux * head * 0.6)], fill
        )

    def shadow(self, x, y, w, h, radius=12, blur=18, opacity=0.25, dy=8):
        """A soft shadow below a rounded box."""
        pad = blur * 3
        half = Image.new("L", (round(w + 2 * pad), round(h + 2 * pad)))
        ImageDraw.Draw(half).rounded_rectangle([pad, pad, pad + w, pad + h], radius, round(255 * opacity))
        soft = half.filter(ImageFilter.GaussianBlur(blur)).resize(
            (half.width * SCALE, half.height * SCALE), Image.BILINEAR
        )
        self.image.paste(
            Image.new("RGB", soft.size, "#000814"), (round((x - pad) * SCALE), round((y - pad + dy) * SCALE)), soft
        )

    def text(self, x, y, words, size, fill="#1c2733", weight="regular", family="sans", anchor="la", spacing=0):
        """`anchor` as in Pillow (la, ma, ra, lm, mm, rm, ls, ...); `spacing` adds pixels between letters."""
        face = font(round(size * SCALE), weight, family)
        if not spacing:
            self.draw.text((x * SCALE, y * SCALE), words, fill, face, anchor)
            return
        at = x * SCALE
        if anchor[0] != "l":
            whole = self.measure(words, size, weight, family, spacing) * SCALE
            at -= whole if anchor[0] == "r" else whole / 2
        for letter in words:
            self.draw.text((at, y * SCALE), letter, fill, face, "l" + anchor[1])
            at += face.getlength(letter) + spacing * SCALE

    def measure(self, words, size, weight="regular", family="sans", spacing=0):
        return font(round(size * SCALE), weight, family).getlength(words) / SCALE + spacing * max(0, len(words) - 1)

    def wrap(self, words, width, size, weight="regular", family="sans"):
        lines, line = [], ""
        for word in words.split():
            longer = (line + " " + word).strip()
            if line and self.measure(longer, size, weight, family) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        return lines + [line]

    def paragraph(self, x, y, words, width, size, fill="#1c2733", weight="regular", leading=1.4, anchor="la"):
        """Wrapped text; returns the y below it. A newline forces a break."""
        for part in words.split("\n"):
            for line in self.wrap(part, width, size, weight):
                self.text(x, y, line, size, fill, weight, anchor=anchor)
                y += size * leading
        return y

    def paste(self, picture, x, y, w=None, h=None, radius=0):
        size = (round((w or picture.width) * SCALE), round((h or picture.height) * SCALE))
        scaled = picture.convert("RGB").resize(size, Image.LANCZOS)
        mask = Image.new("L", size, 0 if radius else 255)
        if radius:
            ImageDraw.Draw(mask).rounded_rectangle([0, 0, size[0] - 1, size[1] - 1], radius * SCALE, 255)
        self.image.paste(scaled, (round(x * SCALE), round(y * SCALE)), mask)

    def blend(self, overlay, mask, x=0, y=0):
        """Pastes `overlay` (a colour) through `mask` (L, finished-size pixels)."""
        big = mask.resize((mask.width * SCALE, mask.height * SCALE), Image.BICUBIC)
        self.image.paste(Image.new("RGB", big.size, overlay), (x * SCALE, y * SCALE), big)

    def finish(self):
        return self.image.reduce(SCALE)


def encode(picture, kind, quality=88, colours=None):
    """PNG, JPEG or WebP bytes without metadata. `colours` reduces a PNG to a palette."""
    import io

    out = io.BytesIO()
    if kind == "png":
        if colours:
            picture = picture.quantize(colours, method=Image.MEDIANCUT, dither=Image.Dither.NONE)
        picture.save(out, "PNG", optimize=False, compress_level=9)
    elif kind == "jpg":
        picture.save(
            out, "JPEG", quality=quality, optimize=True, progressive=True, subsampling=0 if quality > 90 else 2
        )
    else:
        picture.save(out, "WEBP", quality=quality, method=4)
    return out.getvalue()
