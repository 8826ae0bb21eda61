"""Excel: Pivot-Tabellen in 10 Minuten (German): page, handout, screens, exercise data."""

from pathlib import Path

from canvas import encode
from handout import Handout
from page import fill, licence, stylesheet
from sheet import euro
from units.pivot.sales import BRANCHES, GROUPS, HEADINGS, MONTHS, PRODUCTS, rows, total
from units.pivot.screens import ACCENT, SIZE, branch_screen, chart_picture, cover_picture, month_screen, source_screen
from units.pivot.workbook import workbook

HERE = Path(__file__).parent
NAME = "Excel: Pivot-Tabellen in 10 Minuten"
META = {
    "title": NAME,
    "description": "Aus 240 Zeilen Verkaufsdaten wird eine Antwort, ohne eine einzige Formel: die vier Bereiche der "
    "Pivot-Tabelle, Summe, Mittelwert und Anteil, Gruppieren nach Monaten, ein Diagramm dazu und die "
    "drei häufigsten Fehler. Mit Übungsdatei (Excel und CSV), Lösungen und Handout zum Ausdrucken.",
    "language": "de",
    "level": 1,
    "format": "mixed",
    "license": "CC-BY",
    "duration_minutes": 10,
    "categories": ["office", "data"],
    "expect": "published",
}


def percent(part, whole):
    return "{:.1f} %".format(100 * part / whole).replace(".", ",")


def html_table(data):
    head = "".join('<th class="n">%s</th>' % g for g in GROUPS)
    lines = ['<table>\n<tr><th>Filiale</th>%s<th class="n">Gesamt</th></tr>' % head]
    for branch in BRANCHES + [None]:
        cells = "".join('<td class="n">%s</td>' % euro(total(data, branch=branch, group=g)) for g in GROUPS + [None])
        lines.append("<tr%s><td>%s</td>%s</tr>" % ("" if branch else ' class="sum"', branch or "Gesamt", cells))
    return "\n".join(lines) + "\n</table>"


def numbers(data):
    best = max(BRANCHES, key=lambda b: total(data, branch=b))
    month = max(range(1, 7), key=lambda m: total(data, month=m))
    product = max((p[0] for p in PRODUCTS), key=lambda p: total(data, product=p))
    count = {b: sum(1 for row in data if row[1] == b) for b in BRANCHES}
    return {
        "rows": len(data),
        "table_branch_group": html_table(data),
        "best_branch": best,
        "best_total": euro(total(data, branch=best)),
        "best_share": percent(total(data, branch=best), total(data)),
        "best_month": MONTHS[month - 1],
        "best_month_total": euro(total(data, month=month)),
        "top_product": product,
        "top_product_total": euro(total(data, product=product)),
        "count_list": ", ".join("%s %d" % (b, count[b]) for b in BRANCHES),
        "luebeck_share": percent(total(data, branch="Lübeck", group="Zubehör"), total(data, branch="Lübeck")),
        "husum_service_rows": sum(1 for row in data if row[1] == "Husum" and row[3] == "Service"),
    }


def pdf(data, facts, screens):
    doc = Handout(
        "Pivot-Tabellen",
        "Handout zur Lerneinheit · Excel und LibreOffice · zum Nachschlagen und Üben",
        ACCENT,
        "de",
        "Seite",
        "Nano-Beispielinhalte · CC BY 4.0",
    )
    doc.heading("Worum es geht")
    doc.text(
        "Eine Pivot-Tabelle fasst eine lange Liste zusammen: Sie sortiert die Zeilen nach einem oder zwei Merkmalen und "
        "rechnet für jede Kombination einen Wert aus. Die Liste selbst bleibt unverändert. Darum ist die Pivot-Tabelle "
        "das sicherste Werkzeug, um Fragen an fremde Daten zu stellen."
    )
    doc.box(
        "Die Frage zuerst",
        "Formulieren Sie, was Sie wissen wollen, als Satz: <b>Wie viel Umsatz</b> macht <b>welche "
        "Filiale</b> mit <b>welcher Warengruppe</b>? Was nach „wie viel“ steht, kommt in die Werte. Was nach „welche“ "
        "steht, kommt in Zeilen und Spalten.",
    )
    doc.heading("Vorbereitung der Daten")
    doc.steps(
        [
            "Jede Spalte hat eine Überschrift, und zwar genau eine Zeile davon.",
            "Keine leeren Zeilen, keine Zwischensummen, keine verbundenen Zellen.",
            "Eine Spalte enthält nur eine Art von Angabe: nur Datumswerte, nur Zahlen, nur Namen.",
            "Liste mit <b>Strg + T</b> in eine intelligente Tabelle umwandeln, damit neue Zeilen dazugehören.",
        ]
    )
    doc.picture(
        encode(screens["01-ausgangsdaten"], "jpg", 90),
        SIZE,
        "Die Übungsdaten: %d Verkäufe des erfundenen Fahrradladens " "Nordlicht." % facts["rows"],
    )
    doc.page_break()
    doc.heading("Anlegen")
    doc.steps(
        [
            "In die Daten klicken, dann <b>Einfügen → PivotTable → OK</b>.",
            "Das Feld mit der ersten „Welche“-Frage in den Bereich <b>Zeilen</b> ziehen.",
            "Das Feld mit der zweiten „Welche“-Frage in den Bereich <b>Spalten</b> ziehen.",
            "Das Feld, das gerechnet werden soll, in den Bereich <b>Werte</b> ziehen.",
            "Oben links prüfen, ob <b>Summe von …</b> dasteht und nicht „Anzahl von …“.",
        ]
    )
    doc.picture(
        encode(screens["02-feldliste"], "jpg", 90),
        SIZE,
        "Drei Fragen, drei Bereiche. Der vierte, der Filter, bleibt hier leer.",
    )
    doc.subheading("Das Ergebnis")
    doc.table(
        ["Filiale"] + GROUPS + ["Gesamt"],
        [[b or "Gesamt"] + [euro(total(data, branch=b, group=g)) for g in GROUPS + [None]] for b in BRANCHES + [None]],
        [0.28, 0.18, 0.18, 0.18, 0.18],
        right=(1, 2, 3, 4),
        bold_last=True,
    )
    doc.page_break()
    doc.heading("Rechenarten und Anteile")
    doc.text(
        "Rechtsklick auf eine Zahl → <b>Wertfeldeinstellungen</b>. Auf dem ersten Reiter steht die Rechenart, auf dem "
        "zweiten („Werte anzeigen als“), worauf sich ein Anteil bezieht."
    )
    doc.table(
        ["Einstellung", "Beantwortet die Frage"],
        [
            ["Summe", "Wie viel insgesamt?"],
            ["Anzahl", "Wie viele Zeilen, also wie viele Verkäufe?"],
            ["Mittelwert", "Wie viel im Durchschnitt je Verkauf?"],
            ["Maximum, Minimum", "Was war der größte, was der kleinste Einzelwert?"],
            ["% des Gesamtergebnisses", "Welchen Teil von allem macht diese Zelle aus?"],
            ["% des Zeilengesamtergebnisses", "Wie verteilt sich eine Filiale auf die Gruppen?"],
            ["Differenz von …", "Wie viel mehr oder weniger als im Vormonat?"],
        ],
        [0.36, 0.64],
    )
    doc.heading("Nach Monaten gruppieren")
    doc.text(
        "Datum in die Zeilen ziehen, Rechtsklick auf ein Datum, <b>Gruppieren</b>, „Monate“ wählen. Umfassen die Daten "
        "mehrere Jahre, wählen Sie „Monate“ und „Jahre“ zusammen, sonst landen alle Januare in einer Zeile."
    )
    doc.picture(
        encode(screens["04-diagramm"], "jpg", 90),
        SIZE,
        "PivotTable-Analyse → PivotChart: Das Diagramm folgt der Tabelle.",
        0.88,
    )
    doc.page_break()
    doc.heading("Wenn etwas nicht stimmt")
    doc.table(
        ["Was Sie sehen", "Woran es liegt", "Was hilft"],
        [
            [
                "Neue Zeilen fehlen",
                "nicht aktualisiert, oder fester Quellbereich",
                "Alt + F5; als Quelle eine intelligente Tabelle verwenden",
            ],
            [
                "„Anzahl von Umsatz“",
                "Text oder Lücken in der Zahlenspalte",
                "Rechenart auf Summe stellen, Spalte bereinigen",
            ],
            ["Eine Filiale erscheint doppelt", "Leerzeichen oder andere Schreibweise", "GLÄTTEN, Suchen und Ersetzen"],
            ["Gruppieren geht nicht", "nicht alle Einträge sind Datumswerte", "Text in Spalten, oder DATWERT"],
            [
                "Spaltenbreiten springen",
                "Vorgabe beim Aktualisieren",
                "PivotTable-Optionen: Spaltenbreiten automatisch anpassen abschalten",
            ],
        ],
        [0.26, 0.33, 0.41],
    )
    doc.heading("Übungen mit Übungsdaten.xlsx")
    doc.steps(
        [
            "Welches Produkt bringt den höchsten Umsatz?",
            "Wie viele Verkäufe hatte jede Filiale?",
            "Welchen Anteil am Umsatz von Lübeck hat das Zubehör?",
            "Welche Verkäufe stecken hinter der Zahl Husum / Service?",
        ]
    )
    doc.box(
        "Lösungen",
        "<b>1.</b> %s mit %s. <b>2.</b> %s. <b>3.</b> %s. <b>4.</b> Doppelklick auf die Zahl: ein neues Blatt mit "
        "%d Zeilen."
        % (
            facts["top_product"],
            facts["top_product_total"],
            facts["count_list"],
            facts["luebeck_share"],
            facts["husum_service_rows"],
        ),
    )
    doc.box("Merksatz", "Die Pivot-Tabelle liest nur. Sie können nichts kaputt machen, also probieren Sie.")
    return doc.render()


def build():
    data = rows()
    facts = numbers(data)
    screens = {
        "01-ausgangsdaten": source_screen(data),
        "02-feldliste": branch_screen(data),
        "03-monate": month_screen(data),
        "04-diagramm": chart_picture(data),
    }
    lines = [";".join(HEADINGS)] + [
        ";".join([row[0].strftime("%d.%m.%Y"), row[1], row[2], row[3], str(row[4]), "%d,00" % row[5]]) for row in data
    ]
    # Excel reads a CSV as UTF-8 only when it starts with a byte order mark.
    csv = ("\ufeff" + "\r\n".join(lines) + "\r\n").encode("utf-8")
    return (
        [
            ("index.html", fill((HERE / "index.html").read_text("utf-8"), facts).encode("utf-8")),
            ("style.css", stylesheet(ACCENT)),
            ("cover.jpg", encode(cover_picture(data), "jpg", 90)),
            ("Handout-Pivot-Tabellen.pdf", pdf(data, facts, screens)),
        ]
        + [("bilder/%s.png" % name, encode(picture, "png", colours=200)) for name, picture in screens.items()]
        + [
            ("übung/Übungsdaten.csv", csv),
            ("übung/Übungsdaten.xlsx", workbook("Verkäufe", HEADINGS, data)),
            ("LIZENZ.txt", licence("de", NAME)),
        ]
    )
