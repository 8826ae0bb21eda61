// Office documents: macros and hidden containers. (Fields, actions and relationships have their own code, `scan/part.rs`: they
// are spread over several tags. So has PDF: its objects are compressed.)

rule office_macros
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "An office document with macros."
        de = "Ein Office-Dokument mit Makros."
    condition:
        nested and entry iendswith "vbaproject.bin"
}

rule office_macro_text
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "An office document with macros that start by themselves."
        de = "Ein Office-Dokument mit Makros, die von selbst starten."
    strings:
        $module = "Attribute VB_Name"
        $start = /(Auto_?Open|Auto_?Exec|Auto_?Close|Document_Open|Workbook_Open)/ nocase
    condition:
        (nested or uint32be(0) == 0xD0CF11E0) and all of them
}

rule opendocument_macros
{
    meta:
        severity = "high"
        action = "quarantine"
        en = "An OpenDocument file with macros."
        de = "Ein OpenDocument-Dokument mit Makros."
    strings:
        $event = /["']vnd\.sun\.star\.script:/
    condition:
        nested and (entry contains "!Basic/" or entry contains "!Scripts/" or $event)
}

rule old_office_container
{
    meta:
        severity = "medium"
        action = "review"
        en = "An old or encrypted office document that cannot be looked into."
        de = "Ein altes oder verschlüsseltes Office-Dokument, in das nicht hineingesehen werden kann."
    condition:
        window == 0 and uint32be(0) == 0xD0CF11E0 and uint32be(4) == 0xA1B11AE1
}

rule office_embedded_object
{
    meta:
        severity = "medium"
        action = "review"
        en = "An office document with another file or program embedded."
        de = "Ein Office-Dokument mit einer eingebetteten Datei oder einem Programm."
    condition:
        nested and window == 0 and (
            entry icontains "/embeddings/" and uint32be(0) == 0xD0CF11E0
            or entry icontains "/activeX/"
        )
}

rule spreadsheet_formula_in_csv
{
    meta:
        severity = "medium"
        action = "review"
        en = "A CSV file with a formula that starts programs or sends data."
        de = "Eine CSV-Datei mit einer Formel, die Programme startet oder Daten sendet."
    strings:
        $command = /(^|[,;\t\n"])[=+\-@][^,;\n]{0,20}(cmd|powershell|mshta|rundll32)[^,;\n]{0,8}\|/ nocase
        $send = /(^|[,;\t\n"])=[^,;\n]{0,20}(WEBSERVICE|HYPERLINK|IMPORTXML|IMPORTDATA)\s?\(\s?["']{0,2}https?:/ nocase
    condition:
        extension == "csv" and any of them
}

rule pdf_behind_something_else
{
    meta:
        severity = "medium"
        action = "review"
        en = "A PDF hidden in a file of another kind."
        de = "Ein PDF, versteckt in einer Datei anderer Art."
    strings:
        $pdf = "%PDF-1."
    condition:
        window == 0 and $pdf in (1..1024) and extension matches /^(jpe?g|png|gif|webp|mp3|mp4|webm|wav|ogg)$/
}
