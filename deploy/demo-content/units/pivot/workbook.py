"""A small Excel workbook written by hand (ECMA-376, SpreadsheetML): one sheet, real dates and numbers."""

import datetime
from xml.sax.saxutils import escape

from archive import Entry, zip_bytes

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"

CONTENT_TYPES = HEAD + (
    '<Types xmlns="%s"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="%s.sheet.main+xml"/>'
    '<Override PartName="/xl/styles.xml" ContentType="%s.styles+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="%s.worksheet+xml"/></Types>'
) % (TYPES, KIND, KIND, KIND)
ROOT_RELATIONS = HEAD + (
    '<Relationships xmlns="%s"><Relationship Id="rId1" Type="%s/officeDocument" Target="xl/workbook.xml"/></Relationships>'
) % (RELATIONS, OFFICE)
BOOK_RELATIONS = HEAD + (
    '<Relationships xmlns="%s"><Relationship Id="rId1" Type="%s/worksheet" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="rId2" Type="%s/styles" Target="styles.xml"/></Relationships>'
) % (RELATIONS, OFFICE, OFFICE)
# Cell styles 0 to 3: plain, bold on green, date, euro.
STYLES = (
    HEAD
    + (
        '<styleSheet xmlns="%s"><numFmts count="1"><numFmt numFmtId="164" formatCode="#,##0\\ &quot;€&quot;"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
        '<fill><patternFill patternType="solid"><fgColor rgb="FF1E7A4C"/></patternFill></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf/>'
        '<xf fontId="1" fillId="2" applyFont="1" applyFill="1"/><xf numFmtId="14" applyNumberFormat="1"/>'
        '<xf numFmtId="164" applyNumberFormat="1"/></cellXfs></styleSheet>'
    )
    % MAIN
)


def workbook(name, headings, rows):
    def cell(column, row, value, style):
        place = "%s%d" % (chr(65 + column), row)
        if isinstance(value, datetime.date):
            value = (value - datetime.date(1899, 12, 30)).days
        if isinstance(value, int):
            return '<c r="%s" s="%d"><v>%d</v></c>' % (place, style, value)
        return '<c r="%s" s="%d" t="inlineStr"><is><t>%s</t></is></c>' % (place, style, escape(value))

    lines = ['<row r="1">%s</row>' % "".join(cell(i, 1, words, 1) for i, words in enumerate(headings))]
    for number, row in enumerate(rows, 2):
        styles = (2, 0, 0, 0, 0, 3)
        lines.append(
            '<row r="%d">%s</row>' % (number, "".join(cell(i, number, value, styles[i]) for i, value in enumerate(row)))
        )
    sheet = HEAD + (
        '<worksheet xmlns="%s"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/>'
        '</sheetView></sheetViews><cols><col min="1" max="6" width="14" customWidth="1"/></cols><sheetData>%s</sheetData>'
        "</worksheet>"
    ) % (MAIN, "".join(lines))
    book = HEAD + (
        '<workbook xmlns="%s" xmlns:r="%s"><sheets><sheet name="%s" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ) % (MAIN, OFFICE, escape(name))
    return zip_bytes(
        [
            Entry.of(part, text.encode("utf-8"))
            for part, text in (
                ("[Content_Types].xml", CONTENT_TYPES),
                ("_rels/.rels", ROOT_RELATIONS),
                ("xl/workbook.xml", book),
                ("xl/_rels/workbook.xml.rels", BOOK_RELATIONS),
                ("xl/styles.xml", STYLES),
                ("xl/worksheets/sheet1.xml", sheet),
            )
        ]
    )
