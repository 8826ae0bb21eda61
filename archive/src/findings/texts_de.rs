//! The catalogue in German: what is wrong, and what to do about it.

use crate::findings::code::Code;

/// Cause and cure.
pub(crate) fn text(code: Code) -> (&'static str, &'static str) {
    use Code::*;
    const REPACK: &str =
        "Entpacken Sie das Archiv und packen Sie die Dateien mit der ZIP-Funktion Ihres Computers neu.";
    const DAMAGED: &str =
        "Die Datei wurde vermutlich unterwegs beschädigt. Packen Sie sie neu und laden Sie sie noch einmal hoch.";
    const RENAME: &str = "Benennen Sie die Datei um und packen Sie das Archiv neu.";
    match code {
        EmptyFile => (
            "Die hochgeladene Datei ist leer (0 Byte).",
            "Wählen Sie die ZIP-Datei noch einmal aus und laden Sie sie erneut hoch.",
        ),
        UploadTooLarge => (
            "Die hochgeladene Datei ist größer als erlaubt.",
            "Verkleinern Sie Videos oder Bilder, oder teilen Sie den Stoff auf mehrere Nanos auf.",
        ),
        NotAZip => (
            "Die hochgeladene Datei ist kein ZIP-Archiv.",
            "Packen Sie Ihr Material als .zip; andere Formate (RAR, 7z, umbenannte Dateien) werden nicht angenommen.",
        ),
        Truncated => (
            "Das Archiv ist unvollständig: Sein Ende fehlt.",
            "Das Hochladen oder das Packen wurde unterbrochen. Packen Sie neu und laden Sie noch einmal hoch.",
        ),
        PrependedData => (
            "Vor der ersten Datei des Archivs stehen andere Daten.",
            "Selbstentpackende und kombinierte Dateien werden nicht angenommen. Entpacken Sie und packen Sie ein einfaches ZIP.",
        ),
        TrailingData => ("Nach dem Ende des Archivs folgen noch Daten.", REPACK),
        ArchiveComment => (
            "Der Kommentar des Archivs enthält Kennzeichen eines weiteren Archivs.",
            "Entfernen Sie den Kommentar in Ihrem Packprogramm und packen Sie das Archiv neu.",
        ),
        AmbiguousEndRecord => ("Das Archiv lässt sich auf zwei Arten lesen, weil es mehr als ein Ende hat.", REPACK),
        MultiDisk => {
            ("Das Archiv ist ein Teil eines aufgeteilten Archivs.", "Packen Sie alles in eine einzige ZIP-Datei.")
        }
        EntryCountMismatch => (
            "Das Archiv nennt eine andere Zahl von Einträgen, als es enthält.",
            "Das Archiv ist beschädigt oder von Hand verändert. Packen Sie die Dateien neu.",
        ),
        DirectoryMisplaced => ("Das Inhaltsverzeichnis des Archivs steht nicht an der angegebenen Stelle.", REPACK),
        DirectoryMalformed => ("Das Inhaltsverzeichnis des Archivs ist beschädigt.", DAMAGED),
        DirectoryTooLarge => (
            "Das Inhaltsverzeichnis des Archivs ist zu groß.",
            "Packen Sie weniger Dateien oder verwenden Sie kürzere Namen.",
        ),
        Zip64 => (
            "Das Archiv verwendet das Format ZIP64, das bei dieser Größe nicht nötig ist.",
            "Schalten Sie ZIP64 im Packprogramm ab, und packen Sie Dateien und Ordner unter ihrem Namen in eine Datei, nicht durch eine Pipe.",
        ),
        NoContent => (
            "Das Archiv enthält keine verwendbare Datei.",
            "Legen Sie mindestens eine Datei hinein (Ordner und Systemdateien zählen nicht).",
        ),
        LocalHeaderMissing => ("Das Archiv nennt eine Datei, die nicht an der angegebenen Stelle steht.", DAMAGED),
        HeaderMismatch => {
            ("Das Archiv beschreibt diese Datei an zwei Stellen, und die Angaben widersprechen sich.", REPACK)
        }
        EntriesOverlap => ("Zwei Dateien des Archivs teilen sich dieselben Bytes.", REPACK),
        EntriesOutOfOrder => {
            ("Das Inhaltsverzeichnis nennt die Dateien in anderer Reihenfolge, als sie gespeichert sind.", REPACK)
        }
        HiddenData => ("Zwischen den Dateien stehen Bytes, die zu keiner Datei gehören.", REPACK),
        Encrypted => (
            "Die Datei ist verschlüsselt oder durch ein Kennwort geschützt.",
            "Packen Sie das Archiv ohne Kennwort neu.",
        ),
        MethodUnsupported => (
            "Die Datei ist anders als mit \"Stored\" oder \"Deflate\" komprimiert.",
            "Wählen Sie als Verfahren \"Deflate\" (nicht Deflate64, BZip2, LZMA oder Zstandard).",
        ),
        VersionUnsupported => (
            "Die Datei verlangt ZIP-Funktionen, die nicht angenommen werden.",
            "Wählen Sie im Packprogramm \"Deflate\" ohne Verschlüsselung, oder nehmen Sie die ZIP-Funktion Ihres Computers.",
        ),
        FlagUnsupported => ("Die Datei ist mit ZIP-Funktionen gekennzeichnet, die nicht angenommen werden.", REPACK),
        StoredSizeMismatch => {
            ("Die Datei ist unkomprimiert gespeichert, trotzdem sind zwei verschiedene Größen angegeben.", DAMAGED)
        }
        DescriptorNotAllowed => (
            "Eine unkomprimierte Datei sieht selbst wie ein Archiv aus, und ihre Größe steht erst nach ihr.",
            "Packen Sie mit eingeschalteter Komprimierung.",
        ),
        DescriptorInvalid => ("Die Größen nach dem Inhalt der Datei passen nicht zum Inhaltsverzeichnis.", DAMAGED),
        DeflateCorrupt => ("Der komprimierte Inhalt der Datei ist beschädigt.", DAMAGED),
        DeflateTruncated => ("Der komprimierte Inhalt der Datei endet zu früh.", DAMAGED),
        DataAfterStream => ("Nach dem komprimierten Inhalt der Datei folgen weitere Bytes.", REPACK),
        LargerThanStated => ("Die Datei ist entpackt größer, als das Archiv angibt.", DAMAGED),
        SmallerThanStated => ("Die Datei ist entpackt kleiner, als das Archiv angibt.", DAMAGED),
        CrcMismatch => ("Die Prüfsumme der Datei ist falsch: Ihr Inhalt wurde verändert oder beschädigt.", DAMAGED),
        ExtraMalformed => ("Die Zusatzfelder der Datei sind nicht lesbar.", REPACK),
        ExtraDuplicate => ("Dasselbe Zusatzfeld kommt bei einer Datei zweimal vor.", REPACK),
        ExtraForbidden => ("Die Datei trägt ein Zusatzfeld, das ihre Bedeutung ändern kann.", REPACK),
        UnicodeExtra => (
            "Die Datei trägt in einem Zusatzfeld einen zweiten Namen, der anders lautet.",
            "Benennen Sie die Datei nur mit Buchstaben der Sprache Ihres Computers, oder schalten Sie im Packprogramm UTF-8-Namen ein.",
        ),
        EntryComment => {
            ("Die Datei trägt einen Kommentar.", "Entfernen Sie die Dateikommentare und packen Sie das Archiv neu.")
        }
        NameEmpty => ("Eine Datei hat keinen Namen.", REPACK),
        NameEncoding => (
            "Der Dateiname ist kein gültiger Text.",
            "Benennen Sie die Datei um und packen Sie mit eingeschalteten UTF-8-Namen.",
        ),
        NameAmbiguous => (
            "Der Dateiname lässt sich auf mehrere Arten lesen.",
            "Schalten Sie UTF-8-Namen ein, oder verwenden Sie in Namen nur a bis z, Ziffern, - und _.",
        ),
        NameControlCharacter => ("Der Dateiname enthält Steuerzeichen.", RENAME),
        NameInvisibleCharacter => {
            ("Der Dateiname enthält unsichtbare Zeichen oder solche, die die Leserichtung umkehren.", RENAME)
        }
        NameForbiddenCharacter => {
            ("Der Dateiname enthält eines der Zeichen : * ? \" < > | , die Windows nicht erlaubt.", RENAME)
        }
        NameBackslash => (
            "Der Dateiname enthält einen umgekehrten Schrägstrich; Programme sind sich uneins, wo der Ordner endet.",
            "Verwenden Sie ein aktuelles Packprogramm, das Ordner mit \"/\" trennt.",
        ),
        NameLookalike => ("Der Dateiname enthält Zeichen, die nur wie / \\ oder Punkte aussehen.", RENAME),
        NameReserved => (
            "Der Name ist unter Windows für ein Gerät reserviert (etwa CON, NUL oder COM1).",
            "Geben Sie der Datei oder dem Ordner einen anderen Namen und packen Sie das Archiv neu.",
        ),
        NameTrailingDotOrSpace => {
            ("Ein Teil des Namens endet mit einem Punkt oder Leerzeichen; Windows würde es weglassen.", RENAME)
        }
        PathAbsolute => (
            "Der Name ist ein absoluter Pfad.",
            "Packen Sie den Ordner mit Ihrem Material, ohne Laufwerk und ohne führenden Schrägstrich.",
        ),
        PathTraversal => ("Der Name führt aus dem Ordner des Archivs hinaus (\"..\").", REPACK),
        PathSegment => ("Der Pfad enthält einen leeren Teil oder einen, der nur aus einem Punkt besteht.", REPACK),
        PathTooLong => {
            ("Der Name oder der Pfad ist zu lang.", "Verwenden Sie kürzere Namen oder weniger Ordner ineinander.")
        }
        PathTooDeep => ("Die Ordner sind zu tief verschachtelt.", "Verwenden Sie weniger Ordner ineinander."),
        DuplicateName => {
            ("Zwei Einträge des Archivs haben denselben Namen.", "Packen Sie den Ordner in ein neues Archiv.")
        }
        NamesCollide => (
            "Zwei Namen unterscheiden sich nur in Groß- und Kleinschreibung oder Schreibweise und sind anderswo gleich.",
            "Benennen Sie einen der beiden um.",
        ),
        FileAndFolder => {
            ("Derselbe Name steht für eine Datei und für einen Ordner.", "Benennen Sie eines der beiden um.")
        }
        FolderWithContent => ("Ein Ordnereintrag hat selbst Inhalt.", REPACK),
        FolderMismatch => ("Es ist unklar, ob der Eintrag eine Datei oder ein Ordner ist.", REPACK),
        Symlink => (
            "Der Eintrag ist eine Verknüpfung auf eine andere Stelle.",
            "Ersetzen Sie die Verknüpfung durch die Datei selbst und packen Sie neu.",
        ),
        SpecialFile => ("Der Eintrag ist weder Datei noch Ordner.", "Entfernen Sie ihn und packen Sie das Archiv neu."),
        Setuid => (
            "Die Datei würde mit den Rechten eines anderen Benutzers laufen.",
            "Nehmen Sie das setuid- oder setgid-Recht weg (chmod ug-s) und packen Sie das Archiv neu.",
        ),
        TooManyEntries => (
            "Das Archiv enthält zu viele Einträge.",
            "Entfernen Sie, was nicht nötig ist, oder teilen Sie das Material auf.",
        ),
        EntryTooLarge => {
            ("Eine Datei ist größer, als eine einzelne Datei sein darf.", "Verkleinern oder teilen Sie sie.")
        }
        ExpandedTooLarge => (
            "Alle Dateien zusammen sind entpackt größer als erlaubt.",
            "Verkleinern Sie Videos oder Bilder, oder teilen Sie den Stoff auf mehrere Nanos auf.",
        ),
        ZipBombRatio => (
            "Der Inhalt wächst beim Entpacken auf ein ungewöhnliches Vielfaches.",
            "Entfernen Sie Dateien, die fast nur aus Wiederholung bestehen (etwa leere oder stumme Aufnahmen).",
        ),
        NestedArchive => (
            "Das Archiv enthält ein weiteres Archiv.",
            "Entpacken Sie es und legen Sie seine Dateien direkt in das Archiv.",
        ),
        NestedTooDeep => (
            "Dokumente sind zu tief ineinander eingebettet.",
            "Legen Sie das eingebettete Dokument als eigene Datei daneben.",
        ),
        Program => (
            "Die Datei ist ein Programm oder ein Skript.",
            "Entfernen Sie sie: Programme und Skripte werden nicht angenommen.",
        ),
        Macro => (
            "Das Dokument enthält Makros.",
            "Speichern Sie es ohne Makros (.docx, .xlsx, .pptx, .odt, .ods, .odp) und packen Sie neu.",
        ),
        ScriptNotAllowed => (
            "Skripte und die XML-Dateien von Lernpaketen werden nur in den Formaten \"interactive\" und \"quiz\" angenommen.",
            "Entfernen Sie die Datei, oder wählen Sie das passende Format für Ihr Nano.",
        ),
        TypeNotAllowed => (
            "Dateien dieser Art werden nicht angenommen.",
            "Verwenden Sie ein gängiges Format wie PDF, HTML, PNG, JPEG, MP4, MP3, DOCX oder ODT.",
        ),
        TypeMismatch => (
            "Der Inhalt ist nicht das, was die Dateiendung sagt.",
            "Öffnen Sie die Datei in dem Programm, zu dem sie gehört, und speichern oder exportieren Sie sie im Format ihrer Endung.",
        ),
        TwoTypes => (
            "Die Datei ist zweierlei zugleich, etwa ein Bild mit einem Archiv darin.",
            "Öffnen Sie sie und speichern Sie sie in ihrem eigenen Format neu.",
        ),
        TextNotUtf8 => (
            "Der Text ist nicht als UTF-8 gespeichert.",
            "Speichern Sie die Datei als UTF-8 und packen Sie das Archiv neu.",
        ),
        EmptyEntry => (
            "Die Datei im Archiv ist leer (0 Byte).",
            "Entfernen Sie sie, oder ersetzen Sie sie durch die vollständige Datei.",
        ),
        OfficeIncomplete => (
            "Das Dokument ist kein vollständiges Office-Dokument oder E-Book.",
            "Öffnen Sie es in seinem Programm, speichern Sie es neu und packen Sie das Archiv neu.",
        ),
        PackageNeedsScripts => (
            "Das ist ein Lernpaket (SCORM, cmi5, Common Cartridge, H5P oder ein entpacktes E-Book), und das Format des Nanos erlaubt dessen Skripte nicht.",
            "Wählen Sie für Ihr Nano das Format \"interactive\" oder \"quiz\" und laden Sie das Paket erneut hoch.",
        ),
        PackageManifestUnreadable => (
            "Das Manifest des Lernpakets lässt sich nicht lesen.",
            "Exportieren Sie das Paket neu aus Ihrem Autorenwerkzeug. Ein von Hand geändertes Manifest muss wohlgeformt und als UTF-8 gespeichert sein.",
        ),
        PackageManifestEntities => (
            "Das Manifest des Lernpakets hat einen Dokumenttyp oder Entitäten; beides wird nicht angenommen.",
            "Entfernen Sie die Zeile, die mit <!DOCTYPE beginnt, und schreiben Sie Zeichen aus statt als &name;.",
        ),
        PackageManifestOutside => (
            "Das Manifest des Lernpakets bindet etwas von anderswo ein, etwa ein Stylesheet eines anderen Servers.",
            "Entfernen Sie xml-stylesheet und xi:include aus dem Manifest, oder exportieren Sie das Paket neu.",
        ),
        PackageManifestTooLarge => (
            "Das Manifest des Lernpakets ist größer oder tiefer verschachtelt, als ein Manifest sein darf.",
            "Teilen Sie den Kurs auf mehrere Pakete auf, oder exportieren Sie ihn neu aus Ihrem Autorenwerkzeug.",
        ),
        PackageIncomplete => (
            "Dem Lernpaket fehlt ein Teil, ohne den es sich nicht öffnen lässt.",
            "Exportieren Sie das Paket neu, mit allen Bibliotheken und Inhalten.",
        ),
        PackageAmbiguous => (
            "Das Archiv enthält mehrere Lernpakete nebeneinander.",
            "Machen Sie aus jedem ein eigenes Nano, oder legen Sie ein Manifest für alle ganz oben in das Archiv.",
        ),
        PackageIdentifierDuplicate => (
            "Zwei Teile des Lernpakets tragen dieselbe Kennung; so bleibt offen, welcher gemeint ist.",
            "Geben Sie jedem eine eigene Kennung, oder exportieren Sie das Paket neu aus Ihrem Autorenwerkzeug.",
        ),
        PackageNoStart => (
            "Das Manifest des Lernpakets nennt keine Seite, mit der es beginnt.",
            "Fügen Sie dem Kurs mindestens eine Seite hinzu und exportieren Sie das Paket neu.",
        ),
        PackageStartMissing => (
            "Die Seite, mit der das Lernpaket beginnt, ist nicht im Archiv.",
            "Prüfen Sie den Namen im Manifest, auch Groß- und Kleinschreibung, oder exportieren Sie das Paket neu.",
        ),
        PackageStartOutside => (
            "Eine Seite, die das Lernpaket startet, führt aus dem Archiv hinaus.",
            "Legen Sie die Seite in das Paket und nennen Sie sie ohne führenden Schrägstrich, Laufwerk und \"..\".",
        ),
        PackageStartRemote => (
            "Eine Seite, die das Lernpaket startet, liegt auf einem anderen Server oder ist ein Skript im Manifest selbst.",
            "Legen Sie die Seite in das Paket; Pakete, die nur auf einen Server verweisen, werden nicht angenommen.",
        ),
        PackageFileOutside => (
            "Das Manifest des Lernpakets nennt eine Datei außerhalb des Archivs.",
            "Legen Sie die Datei in das Paket und nennen Sie sie ohne führenden Schrägstrich, Laufwerk und \"..\".",
        ),
        NameRecomposed => (
            "Namen mit zerlegten Buchstaben (wie macOS sie schreibt) wurden zusammengesetzt.",
            "Nichts zu tun: Die Namen sehen gleich aus.",
        ),
        NameReencoded => (
            "Namen ohne Angabe ihrer Kodierung wurden nach UTF-8 umgewandelt.",
            "Prüfen Sie, ob die Namen im Bericht so lauten, wie Sie sie geschrieben haben.",
        ),
        JunkIgnored => (
            "Dateien, die Ihr Computer oder Ihr Office-Programm dazulegt (etwa __MACOSX, .DS_Store, Thumbs.db, desktop.ini, ~$…), werden weggelassen.",
            "Nichts zu tun: Sie gehören nicht zu Ihrem Nano.",
        ),
        TextEncoding => (
            "Der Text ist nicht als UTF-8 gespeichert; Buchstaben wie Umlaute können falsch erscheinen.",
            "Speichern Sie die Datei sicherheitshalber als UTF-8.",
        ),
        PictureRenamed => (
            "Ein Bild hatte die Endung einer anderen Bildart; im Download trägt es die richtige.",
            "Nichts zu tun: Das Bild selbst ist unverändert.",
        ),
        EmbeddedObject => (
            "Das Dokument enthält ein eingebettetes Objekt eines anderen Programms.",
            "Nichts zu tun; die Moderation sieht es sich eventuell an.",
        ),
        PackageInFolder => (
            "Das Lernpaket liegt in einem Ordner des Archivs statt ganz oben.",
            "Hier ist nichts zu tun. Andere Plattformen erwarten den Inhalt des Ordners eventuell ohne den Ordner gepackt.",
        ),
        PackageMisplaced => (
            "Ein Lernpaket liegt tiefer im Archiv und wird dort nicht erkannt.",
            "Soll es gestartet werden, packen Sie den Inhalt seines Ordners ohne den Ordner.",
        ),
        PackageNotRecognised => (
            "Das Manifest gehört zu keiner Art von Lernpaket, die hier bekannt ist.",
            "Bekannt sind SCORM 1.2 und 2004 und Common Cartridge; wählen Sie beim Export wenn möglich eines davon.",
        ),
        PackageFileMissing => (
            "Das Manifest des Lernpakets führt Dateien auf, die nicht im Archiv sind.",
            "Prüfen Sie, ob Ihrem Kurs etwas fehlt, und exportieren Sie ihn in diesem Fall neu.",
        ),
        PackageMetadataUnreadable => (
            "Die Beschreibung des Lernpakets in einer eigenen Datei lässt sich nicht lesen.",
            "Nichts zu tun: Titel, Sprache und Lizenz lassen sich von Hand eintragen.",
        ),
        MoreFindings => (
            "Es gibt mehr Befunde, als dieser Bericht zeigt.",
            "Beheben Sie die gezeigten und laden Sie dann erneut hoch.",
        ),
    }
}
