//! The catalogue in English: what is wrong, and what to do about it.

use crate::findings::code::Code;

/// Cause and cure.
pub(crate) fn text(code: Code) -> (&'static str, &'static str) {
    use Code::*;
    const REPACK: &str = "Unpack it, then pack the files again with your computer's own ZIP function.";
    const DAMAGED: &str = "The file was probably damaged on the way. Pack it again and upload it once more.";
    const RENAME: &str = "Rename the file and pack the archive again.";
    match code {
        EmptyFile => ("The uploaded file is empty (0 bytes).", "Choose the ZIP file again and upload it once more."),
        UploadTooLarge => (
            "The uploaded file is larger than an upload may be.",
            "Make videos or pictures smaller, or split the material into several nanos.",
        ),
        NotAZip => (
            "The uploaded file is not a ZIP archive.",
            "Pack your material as .zip; other formats (RAR, 7z, a renamed file) are not accepted.",
        ),
        Truncated => (
            "The archive is incomplete: its end is missing.",
            "The upload or the packing was interrupted. Pack it again and upload it once more.",
        ),
        PrependedData => (
            "There is other data in front of the first file of the archive.",
            "Self-extracting and combined files are not accepted. Unpack it and pack a plain ZIP.",
        ),
        TrailingData => ("There is data after the end of the archive.", REPACK),
        ArchiveComment => (
            "The archive's comment contains signs of a further archive.",
            "Remove the comment in your packing program and pack the archive again.",
        ),
        AmbiguousEndRecord => ("The archive can be read in two ways, because it has more than one end.", REPACK),
        MultiDisk => ("The archive is one part of a split archive.", "Pack everything into a single ZIP file."),
        EntryCountMismatch => (
            "The archive states a different number of entries than it holds.",
            "The archive is damaged or was changed by hand. Pack the files again.",
        ),
        DirectoryMisplaced => ("The archive's table of contents is not where the archive says it is.", REPACK),
        DirectoryMalformed => ("The archive's table of contents is damaged.", DAMAGED),
        DirectoryTooLarge => {
            ("The archive's table of contents is too large.", "Pack fewer files, or use shorter names.")
        }
        Zip64 => (
            "The archive uses the ZIP64 format, which an upload of this size does not need.",
            "Turn ZIP64 off in your packing program, and pack files and folders by name into a file, not through a pipe.",
        ),
        NoContent => (
            "The archive holds no usable file.",
            "Put at least one file into it (folders and system files do not count).",
        ),
        LocalHeaderMissing => ("The archive names a file that is not at the stated place.", DAMAGED),
        HeaderMismatch => ("The archive describes this file in two places, and the two disagree.", REPACK),
        EntriesOverlap => ("Two files of the archive share the same bytes.", REPACK),
        EntriesOutOfOrder => {
            ("The table of contents lists the files in another order than they are stored in.", REPACK)
        }
        HiddenData => ("There are bytes between the files that belong to no file.", REPACK),
        Encrypted => {
            ("The file is encrypted or protected by a password.", "Pack the archive again without a password.")
        }
        MethodUnsupported => (
            "The file is compressed by a method other than \"stored\" or \"deflate\".",
            "Choose \"Deflate\" as the compression method (not Deflate64, BZip2, LZMA or Zstandard).",
        ),
        VersionUnsupported => (
            "The file asks for ZIP features that are not accepted.",
            "Choose \"Deflate\" and no encryption in your packing program, or use your computer's own ZIP function.",
        ),
        FlagUnsupported => ("The file is marked with ZIP features that are not accepted.", REPACK),
        StoredSizeMismatch => ("The file is stored without compression, yet two different sizes are stated.", DAMAGED),
        DescriptorNotAllowed => (
            "An uncompressed file looks like an archive itself, and its size is only stated after it.",
            "Pack with compression turned on.",
        ),
        DescriptorInvalid => ("The sizes stated after the file's content do not match the table of contents.", DAMAGED),
        DeflateCorrupt => ("The compressed content of the file is damaged.", DAMAGED),
        DeflateTruncated => ("The compressed content of the file ends too early.", DAMAGED),
        DataAfterStream => ("There are further bytes after the compressed content of the file.", REPACK),
        LargerThanStated => ("The file expands to more than the archive states.", DAMAGED),
        SmallerThanStated => ("The file expands to less than the archive states.", DAMAGED),
        CrcMismatch => ("The check sum of the file is wrong: its content was changed or damaged.", DAMAGED),
        ExtraMalformed => ("The additional fields of the file cannot be read.", REPACK),
        ExtraDuplicate => ("The same additional field appears twice for one file.", REPACK),
        ExtraForbidden => ("The file carries an additional field that can change what it is.", REPACK),
        UnicodeExtra => (
            "The file carries a second name in an additional field, and the two differ.",
            "Rename the file, using only letters your computer's language has, or turn on UTF-8 names in your packing program.",
        ),
        EntryComment => ("The file carries a comment.", "Remove the file comments and pack the archive again."),
        NameEmpty => ("A file has no name.", REPACK),
        NameEncoding => ("The file name is not valid text.", "Rename the file and pack with UTF-8 names turned on."),
        NameAmbiguous => (
            "The file name can be read in more than one way.",
            "Pack with UTF-8 names turned on, or use only the letters a to z, digits, - and _ in names.",
        ),
        NameControlCharacter => ("The file name contains control characters.", RENAME),
        NameInvisibleCharacter => {
            ("The file name contains invisible characters or such that turn the reading direction.", RENAME)
        }
        NameForbiddenCharacter => {
            ("The file name contains one of the characters : * ? \" < > | which Windows does not allow.", RENAME)
        }
        NameBackslash => (
            "The file name contains a backslash, so programs disagree where the folder ends.",
            "Use a current packing program, which separates folders by \"/\".",
        ),
        NameLookalike => ("The file name contains characters that only look like / \\ or dots.", RENAME),
        NameReserved => (
            "The name is reserved by Windows for a device (such as CON, NUL or COM1).",
            "Give the file or folder another name and pack the archive again.",
        ),
        NameTrailingDotOrSpace => ("A part of the name ends in a dot or a space, which Windows would drop.", RENAME),
        PathAbsolute => (
            "The name is an absolute path.",
            "Pack the folder with your material, without drive letter and leading slash.",
        ),
        PathTraversal => ("The name leads out of the archive's folder (\"..\").", REPACK),
        PathSegment => ("The path contains an empty part or a part consisting of one dot.", REPACK),
        PathTooLong => ("The name or the path is too long.", "Use shorter names or fewer folders within each other."),
        PathTooDeep => ("The folders are nested too deeply.", "Use fewer folders within each other."),
        DuplicateName => {
            ("Two entries of the archive have the same name.", "Pack the folder again into a new archive.")
        }
        NamesCollide => (
            "Two names differ only in upper and lower case or in spelling, and are the same on other computers.",
            "Rename one of the two.",
        ),
        FileAndFolder => ("The same name is used for a file and for a folder.", "Rename one of the two."),
        FolderWithContent => ("A folder entry has content of its own.", REPACK),
        FolderMismatch => ("It is unclear whether the entry is a file or a folder.", REPACK),
        Symlink => ("The entry is a link to another place.", "Replace the link by the file itself and pack again."),
        SpecialFile => ("The entry is neither a file nor a folder.", "Remove it and pack the archive again."),
        Setuid => (
            "The file would run with another user's rights.",
            "Remove the setuid or setgid right (chmod ug-s) and pack the archive again.",
        ),
        TooManyEntries => ("The archive holds too many entries.", "Remove what is not needed, or split the material."),
        EntryTooLarge => ("One file is larger than a single file may be.", "Make it smaller or split it."),
        ExpandedTooLarge => (
            "All files together are larger than an archive may expand to.",
            "Make videos or pictures smaller, or split the material into several nanos.",
        ),
        ZipBombRatio => (
            "The content expands to an unusual multiple of its packed size.",
            "Remove files that consist almost only of repetition (such as silent or blank recordings).",
        ),
        NestedArchive => {
            ("The archive contains another archive.", "Unpack it and put its files into the archive directly.")
        }
        NestedTooDeep => (
            "Documents are embedded in each other too deeply.",
            "Put the embedded document beside the other one as a file of its own.",
        ),
        Program => ("The file is a program or a script.", "Remove it: programs and scripts are not accepted."),
        Macro => (
            "The document contains macros.",
            "Save it without macros (.docx, .xlsx, .pptx, .odt, .ods, .odp) and pack again.",
        ),
        ScriptNotAllowed => (
            "Scripts and the XML files of learning packages are accepted only in the formats \"interactive\" and \"quiz\".",
            "Remove the file, or choose the format that fits your nano.",
        ),
        TypeNotAllowed => (
            "Files of this type are not accepted.",
            "Use a common format instead, such as PDF, HTML, PNG, JPEG, MP4, MP3, DOCX or ODT.",
        ),
        TypeMismatch => (
            "The content is not what the file extension says.",
            "Open it in the program it belongs to, and save or export it in the format of its ending.",
        ),
        TwoTypes => (
            "The file is two types at once, such as a picture with an archive inside.",
            "Open it and save it again in its own format.",
        ),
        TextNotUtf8 => ("The text is not stored as UTF-8.", "Save the file as UTF-8 and pack the archive again."),
        EmptyEntry => ("The file is empty (0 bytes).", "Remove it, or replace it by the complete file."),
        OfficeIncomplete => (
            "The document is not a complete office document or e-book.",
            "Open it in its program, save it again and pack the archive again.",
        ),
        PackageNeedsScripts => (
            "This is a learning package (SCORM, cmi5, Common Cartridge, H5P or an unpacked e-book), and the nano's format does not allow its scripts.",
            "Choose the format \"interactive\" or \"quiz\" for your nano and upload the package again.",
        ),
        PackageManifestUnreadable => (
            "The manifest of the learning package cannot be read.",
            "Export the package again from your authoring tool. A manifest edited by hand must be well-formed and stored as UTF-8.",
        ),
        PackageManifestEntities => (
            "The manifest of the learning package has a document type or entities, which are not accepted.",
            "Remove the line that begins with <!DOCTYPE, and write characters out instead of &name;.",
        ),
        PackageManifestOutside => (
            "The manifest of the learning package includes something from elsewhere, such as a style sheet of another host.",
            "Remove xml-stylesheet and xi:include from the manifest, or export the package again.",
        ),
        PackageManifestTooLarge => (
            "The manifest of the learning package is larger, or nested more deeply, than a manifest may be.",
            "Split the course into several packages, or export it again from your authoring tool.",
        ),
        PackageIncomplete => (
            "The learning package lacks a part without which it cannot be opened.",
            "Export the package again, with all its libraries and contents.",
        ),
        PackageAmbiguous => (
            "The archive holds several learning packages side by side.",
            "Make a nano of each of them, or put one manifest for all at the top of the archive.",
        ),
        PackageIdentifierDuplicate => (
            "Two parts of the learning package have the same identifier, so it is open which one is meant.",
            "Give each its own identifier, or export the package again from your authoring tool.",
        ),
        PackageNoStart => (
            "The manifest of the learning package names no page to start with.",
            "Add at least one page to the course and export the package again.",
        ),
        PackageStartMissing => (
            "The page that the learning package starts with is not in the archive.",
            "Check the name in the manifest, upper and lower case included, or export the package again.",
        ),
        PackageStartOutside => (
            "A page that the learning package starts leads outside the archive.",
            "Put the page into the package and name it without leading slash, drive letter and \"..\".",
        ),
        PackageStartRemote => (
            "A page that the learning package starts lies on another server, or is a script in the manifest itself.",
            "Put the page into the package; packages that only link to a server are not accepted.",
        ),
        PackageFileOutside => (
            "The manifest of the learning package names a file outside the archive.",
            "Put the file into the package and name it without leading slash, drive letter and \"..\".",
        ),
        NameRecomposed => (
            "Names with decomposed letters (as macOS writes them) were composed.",
            "Nothing to do: the names look the same.",
        ),
        NameReencoded => (
            "Names stored without a statement of their encoding were converted to UTF-8.",
            "Check that the names in the report are as you wrote them.",
        ),
        JunkIgnored => (
            "Files that your computer or office program added (such as __MACOSX, .DS_Store, Thumbs.db, desktop.ini, ~$…) are left out.",
            "Nothing to do: they are not part of your nano.",
        ),
        TextEncoding => (
            "The text is not stored as UTF-8; letters such as umlauts can appear wrong.",
            "Save the file as UTF-8 to be on the safe side.",
        ),
        PictureRenamed => (
            "A picture had the ending of another picture type; in the download it has the right one.",
            "Nothing to do: the picture itself is unchanged.",
        ),
        EmbeddedObject => (
            "The document contains an embedded object of another program.",
            "Nothing to do; a moderator may look at it.",
        ),
        PackageInFolder => (
            "The learning package lies in a folder of the archive instead of at its top.",
            "Nothing to do here. Other platforms may want the content of the folder packed without the folder.",
        ),
        PackageMisplaced => (
            "A learning package lies deeper in the archive and is not recognised there.",
            "If it is meant to be started, pack the content of its folder without the folder.",
        ),
        PackageNotRecognised => (
            "The manifest is of no kind of learning package that is known here.",
            "Known are SCORM 1.2 and 2004 and Common Cartridge; choose one of them when you export, if you can.",
        ),
        PackageFileMissing => (
            "The manifest of the learning package lists files that are not in the archive.",
            "Check whether something is missing in your course, and export it again if so.",
        ),
        PackageMetadataUnreadable => (
            "The description of the learning package in a file of its own cannot be read.",
            "Nothing to do: title, language and licence can be filled in by hand.",
        ),
        MoreFindings => {
            ("There are more findings than this report shows.", "Correct the ones shown, then upload again.")
        }
    }
}
