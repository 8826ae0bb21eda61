"""PDF handouts in A4: headings, text, numbered steps, tables, pictures and boxes in one look."""

import io

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Frame,
    Image,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from canvas import font_file

rl_config.useA85 = 0
INK, SOFT, LINE = colors.HexColor("#1c2733"), colors.HexColor("#5b6873"), colors.HexColor("#d7dde2")
FACES = {
    "Sans": ("sans", "regular"),
    "Sans-Bold": ("sans", "bold"),
    "Sans-Italic": ("sans", "italic"),
    "Sans-Black": ("sans", "black"),
    "Mono": ("mono", "regular"),
    "Mono-Bold": ("mono", "bold"),
}


def register_fonts():
    if "Sans" in pdfmetrics.getRegisteredFontNames():
        return
    for name, (family, weight) in FACES.items():
        try:
            pdfmetrics.registerFont(TTFont(name, font_file(family, weight)))
        except TTFError:
            # An OpenType font with PostScript outlines cannot be embedded by reportlab.
            pdfmetrics.registerFont(TTFont(name, "Vera.ttf"))
    pdfmetrics.registerFontFamily("Sans", "Sans", "Sans-Bold", "Sans-Italic", "Sans-Bold")
    pdfmetrics.registerFontFamily("Mono", "Mono", "Mono-Bold", "Mono", "Mono-Bold")


class Handout:
    """Collects flowables; `render` lays them out. Text may use reportlab's inline tags (<b>, <font>)."""

    def __init__(self, title, subtitle, accent, language, page_word, footer, landscape=False):
        register_fonts()
        self.title, self.subtitle, self.language = title, subtitle, language
        self.accent, self.page_word, self.footer = colors.HexColor(accent), page_word, footer
        self.tint = colors.Color(*[1 - (1 - part) * 0.1 for part in self.accent.rgb()])
        self.size = (A4[1], A4[0]) if landscape else A4
        self.width = self.size[0] - 40 * mm
        self.story = []

        def style(name, face="Sans", size=10.5, leading=15.5, color=INK, **more):
            return ParagraphStyle(
                name, fontName=face, fontSize=size, leading=leading, textColor=color, alignment=TA_LEFT, **more
            )

        self.body = style("body", spaceAfter=6)
        self.small = style("small", size=9, leading=13, color=SOFT)
        self.head = style("head", "Sans-Black", 15.5, 20, self.accent, spaceBefore=13, spaceAfter=5, keepWithNext=1)
        self.sub = style("sub", "Sans-Bold", 11.5, 16, INK, spaceBefore=7, spaceAfter=3, keepWithNext=1)
        self.cell = style("cell", size=9.5, leading=13)
        self.cell_head = style("cell_head", "Sans-Bold", 9.5, 13, colors.white)
        self.code = style("code", "Mono", 9, 13.2)
        self.caption = style("caption", "Sans-Italic", 9, 12.5, SOFT, spaceBefore=3, spaceAfter=9)
        self.number = style("number", "Sans-Black", 11, 15.5, self.accent)

    def heading(self, words, room=35):
        self.story += [CondPageBreak(room * mm), Paragraph(words, self.head)]

    def subheading(self, words):
        self.story.append(Paragraph(words, self.sub))

    def text(self, words):
        self.story.append(Paragraph(words, self.body))

    def steps(self, items, marks=None):
        rows = [
            [Paragraph(marks[i] if marks else str(i + 1), self.number), Paragraph(words, self.body)]
            for i, words in enumerate(items)
        ]
        table = Table(rows, [9 * mm, self.width - 9 * mm])
        table.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 1),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                    ("TOPPADDING", (0, 0), (-1, -1), 1),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), -2),
                ]
            )
        )
        self.story += [table, Spacer(1, 7)]

    def table(self, header, rows, widths=None, right=(), bold_last=False, code=()):
        """`widths` are shares of the page width; `right` and `code` are column numbers."""
        shares = widths or [1 / len(header)] * len(header)

        def cell(words, column, kind):
            if column in code and kind is self.cell:
                return Paragraph(words, self.code)
            if column in right:
                return Paragraph(words, ParagraphStyle("r", parent=kind, alignment=2))
            return Paragraph(words, kind)

        body = [[cell(words, i, self.cell) for i, words in enumerate(row)] for row in rows]
        if bold_last:
            body[-1] = [cell("<b>%s</b>" % words, i, self.cell) for i, words in enumerate(rows[-1])]
        table = Table(
            [[cell(words, i, self.cell_head) for i, words in enumerate(header)]] + body,
            [self.width * share for share in shares],
            repeatRows=1,
        )
        table.setStyle(
            TableStyle(
                [
                    ("BACKGROUND", (0, 0), (-1, 0), self.accent),
                    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                    ("LINEBELOW", (0, 1), (-1, -1), 0.5, LINE),
                    ("TOPPADDING", (0, 0), (-1, -1), 4),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
                    ("LEFTPADDING", (0, 0), (-1, -1), 7),
                    ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, self.tint]),
                ]
                + ([("LINEABOVE", (0, -1), (-1, -1), 1, self.accent)] if bold_last else [])
            )
        )
        self.story += [table, Spacer(1, 9)]

    def box(self, title, words):
        inner = [Paragraph(title, ParagraphStyle("t", parent=self.sub, textColor=self.accent, spaceBefore=0))]
        inner += [Paragraph(part, self.body) for part in words.split("\n")]
        table = Table([[inner]], [self.width])
        table.setStyle(
            TableStyle(
                [
                    ("BACKGROUND", (0, 0), (-1, -1), self.tint),
                    ("LINEBEFORE", (0, 0), (0, -1), 3, self.accent),
                    ("LEFTPADDING", (0, 0), (-1, -1), 12),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 12),
                    ("TOPPADDING", (0, 0), (-1, -1), 8),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
                ]
            )
        )
        self.story += [Spacer(1, 3), KeepTogether(table), Spacer(1, 9)]

    def picture(self, jpeg_or_png, size, caption=None, width=1.0):
        """`size` is (width, height) in pixels, only for the ratio; `width` a share of the page width."""
        wide = self.width * width
        image = Image(io.BytesIO(jpeg_or_png), wide, wide * size[1] / size[0], hAlign="LEFT")
        parts = [Spacer(1, 3), image]
        if caption:
            parts.append(Paragraph(caption, self.caption))
        self.story.append(KeepTogether(parts))

    def page_break(self):
        self.story.append(PageBreak())

    def columns(self, left, right, gap=8):
        """Two lists of flowables side by side."""
        half = (self.width - gap * mm) / 2
        table = Table([[left, "", right]], [half, gap * mm, half])
        table.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                    ("TOPPADDING", (0, 0), (-1, -1), 0),
                ]
            )
        )
        self.story += [table]

    def render(self):
        width, height = self.size

        def first(sheet, _):
            sheet.setFillColor(self.accent)
            sheet.rect(0, height - 42 * mm, width, 42 * mm, stroke=0, fill=1)
            sheet.setFillColor(colors.white)
            sheet.setFont("Sans-Black", 25)
            sheet.drawString(20 * mm, height - 23 * mm, self.title)
            sheet.setFont("Sans", 12)
            sheet.drawString(20 * mm, height - 32 * mm, self.subtitle)
            foot(sheet)

        def later(sheet, _):
            sheet.setFillColor(self.accent)
            sheet.rect(0, height - 4 * mm, width, 4 * mm, stroke=0, fill=1)
            sheet.setFont("Sans-Bold", 9)
            sheet.drawString(20 * mm, height - 13 * mm, self.title)
            foot(sheet)

        def foot(sheet):
            sheet.setStrokeColor(LINE)
            sheet.line(20 * mm, 16 * mm, width - 20 * mm, 16 * mm)
            sheet.setFillColor(SOFT)
            sheet.setFont("Sans", 8.5)
            sheet.drawString(20 * mm, 11 * mm, self.footer)
            sheet.drawRightString(width - 20 * mm, 11 * mm, "%s %d" % (self.page_word, sheet.getPageNumber()))

        out = io.BytesIO()
        pad = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
        doc = BaseDocTemplate(
            out,
            pagesize=self.size,
            title=self.title,
            author="Nano",
            subject=self.subtitle,
            lang=self.language,
            invariant=1,
            pageCompression=1,
        )
        doc.addPageTemplates(
            [
                PageTemplate(
                    "first",
                    [Frame(20 * mm, 21 * mm, self.width, height - 70 * mm, **pad)],
                    onPage=first,
                    autoNextPageTemplate="later",
                ),
                PageTemplate("later", [Frame(20 * mm, 21 * mm, self.width, height - 41 * mm, **pad)], onPage=later),
            ]
        )
        doc.build(self.story)
        return out.getvalue()
