//! The codes a report can carry. They are part of the API: a code is never renamed and never reused.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::findings::{texts_de, texts_en};

/// What a finding means for the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The archive is refused.
    Reject,
    /// Worth telling the creator; the archive may still pass.
    Note,
}

/// The languages the catalogue is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    De,
    En,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal $severity:ident;)*) => {
        /// A stable name for one thing that can be wrong with an archive, or is worth a note.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code, in the order of the rules they belong to.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The name as it stands in reports and in the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }

            pub const fn severity(self) -> Severity {
                match self {
                    $(Code::$name => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    // Rules 1 to 3: what the file is, where it starts and ends.
    EmptyFile = "EMPTY_FILE" Reject;
    UploadTooLarge = "UPLOAD_TOO_LARGE" Reject;
    NotAZip = "NOT_A_ZIP" Reject;
    Truncated = "TRUNCATED" Reject;
    PrependedData = "PREPENDED_DATA" Reject;
    TrailingData = "TRAILING_DATA" Reject;
    ArchiveComment = "ARCHIVE_COMMENT" Reject;
    AmbiguousEndRecord = "AMBIGUOUS_END_RECORD" Reject;
    MultiDisk = "MULTI_DISK" Reject;
    EntryCountMismatch = "ENTRY_COUNT_MISMATCH" Reject;
    DirectoryMisplaced = "DIRECTORY_MISPLACED" Reject;
    DirectoryMalformed = "DIRECTORY_MALFORMED" Reject;
    DirectoryTooLarge = "DIRECTORY_TOO_LARGE" Reject;
    Zip64 = "ZIP64" Reject;
    NoContent = "NO_CONTENT" Reject;
    // Rule 4: the headers before the files and those in the directory tell the same story.
    LocalHeaderMissing = "LOCAL_HEADER_MISSING" Reject;
    HeaderMismatch = "HEADER_MISMATCH" Reject;
    EntriesOverlap = "ENTRIES_OVERLAP" Reject;
    EntriesOutOfOrder = "ENTRIES_OUT_OF_ORDER" Reject;
    HiddenData = "HIDDEN_DATA" Reject;
    // Rules 5 and 6: methods, flags, descriptors.
    Encrypted = "ENCRYPTED" Reject;
    MethodUnsupported = "METHOD_UNSUPPORTED" Reject;
    VersionUnsupported = "VERSION_UNSUPPORTED" Reject;
    FlagUnsupported = "FLAG_UNSUPPORTED" Reject;
    StoredSizeMismatch = "STORED_SIZE_MISMATCH" Reject;
    DescriptorNotAllowed = "DESCRIPTOR_NOT_ALLOWED" Reject;
    DescriptorInvalid = "DESCRIPTOR_INVALID" Reject;
    // Rule 7: the content.
    DeflateCorrupt = "DEFLATE_CORRUPT" Reject;
    DeflateTruncated = "DEFLATE_TRUNCATED" Reject;
    DataAfterStream = "DATA_AFTER_STREAM" Reject;
    LargerThanStated = "LARGER_THAN_STATED" Reject;
    SmallerThanStated = "SMALLER_THAN_STATED" Reject;
    CrcMismatch = "CRC_MISMATCH" Reject;
    // Rule 8: extra fields and comments.
    ExtraMalformed = "EXTRA_MALFORMED" Reject;
    ExtraDuplicate = "EXTRA_DUPLICATE" Reject;
    ExtraForbidden = "EXTRA_FORBIDDEN" Reject;
    UnicodeExtra = "UNICODE_EXTRA" Reject;
    EntryComment = "ENTRY_COMMENT" Reject;
    // Rule 9: names.
    NameEmpty = "NAME_EMPTY" Reject;
    NameEncoding = "NAME_ENCODING" Reject;
    NameAmbiguous = "NAME_AMBIGUOUS" Reject;
    NameControlCharacter = "NAME_CONTROL_CHARACTER" Reject;
    NameInvisibleCharacter = "NAME_INVISIBLE_CHARACTER" Reject;
    NameForbiddenCharacter = "NAME_FORBIDDEN_CHARACTER" Reject;
    NameBackslash = "NAME_BACKSLASH" Reject;
    NameLookalike = "NAME_LOOKALIKE" Reject;
    NameReserved = "NAME_RESERVED" Reject;
    NameTrailingDotOrSpace = "NAME_TRAILING_DOT_OR_SPACE" Reject;
    PathAbsolute = "PATH_ABSOLUTE" Reject;
    PathTraversal = "PATH_TRAVERSAL" Reject;
    PathSegment = "PATH_SEGMENT" Reject;
    PathTooLong = "PATH_TOO_LONG" Reject;
    PathTooDeep = "PATH_TOO_DEEP" Reject;
    // Rule 10: one name, one thing.
    DuplicateName = "DUPLICATE_NAME" Reject;
    NamesCollide = "NAMES_COLLIDE" Reject;
    FileAndFolder = "FILE_AND_FOLDER" Reject;
    // Rule 11: files and folders only.
    FolderWithContent = "FOLDER_WITH_CONTENT" Reject;
    FolderMismatch = "FOLDER_MISMATCH" Reject;
    Symlink = "SYMLINK" Reject;
    SpecialFile = "SPECIAL_FILE" Reject;
    Setuid = "SETUID" Reject;
    // Rule 12: budgets.
    TooManyEntries = "TOO_MANY_ENTRIES" Reject;
    EntryTooLarge = "ENTRY_TOO_LARGE" Reject;
    ExpandedTooLarge = "EXPANDED_TOO_LARGE" Reject;
    ZipBombRatio = "ZIP_BOMB_RATIO" Reject;
    NestedArchive = "NESTED_ARCHIVE" Reject;
    NestedTooDeep = "NESTED_TOO_DEEP" Reject;
    // Rule 13: types.
    Program = "PROGRAM" Reject;
    Macro = "MACRO" Reject;
    ScriptNotAllowed = "SCRIPT_NOT_ALLOWED" Reject;
    TypeNotAllowed = "TYPE_NOT_ALLOWED" Reject;
    TypeMismatch = "TYPE_MISMATCH" Reject;
    TwoTypes = "TWO_TYPES" Reject;
    TextNotUtf8 = "TEXT_NOT_UTF8" Reject;
    EmptyEntry = "EMPTY_ENTRY" Reject;
    OfficeIncomplete = "OFFICE_INCOMPLETE" Reject;
    // Learning packages: what would make one dangerous, or impossible to start.
    PackageNeedsScripts = "PACKAGE_NEEDS_SCRIPTS" Reject;
    PackageManifestUnreadable = "PACKAGE_MANIFEST_UNREADABLE" Reject;
    PackageManifestEntities = "PACKAGE_MANIFEST_ENTITIES" Reject;
    PackageManifestOutside = "PACKAGE_MANIFEST_OUTSIDE" Reject;
    PackageManifestTooLarge = "PACKAGE_MANIFEST_TOO_LARGE" Reject;
    PackageIncomplete = "PACKAGE_INCOMPLETE" Reject;
    PackageAmbiguous = "PACKAGE_AMBIGUOUS" Reject;
    PackageIdentifierDuplicate = "PACKAGE_IDENTIFIER_DUPLICATE" Reject;
    PackageNoStart = "PACKAGE_NO_START" Reject;
    PackageStartMissing = "PACKAGE_START_MISSING" Reject;
    PackageStartOutside = "PACKAGE_START_OUTSIDE" Reject;
    PackageStartRemote = "PACKAGE_START_REMOTE" Reject;
    PackageFileOutside = "PACKAGE_FILE_OUTSIDE" Reject;
    // Notes.
    NameRecomposed = "NAME_RECOMPOSED" Note;
    NameReencoded = "NAME_REENCODED" Note;
    JunkIgnored = "JUNK_IGNORED" Note;
    TextEncoding = "TEXT_ENCODING" Note;
    PictureRenamed = "PICTURE_RENAMED" Note;
    EmbeddedObject = "EMBEDDED_OBJECT" Note;
    PackageInFolder = "PACKAGE_IN_FOLDER" Note;
    PackageMisplaced = "PACKAGE_MISPLACED" Note;
    PackageNotRecognised = "PACKAGE_NOT_RECOGNISED" Note;
    PackageFileMissing = "PACKAGE_FILE_MISSING" Note;
    PackageMetadataUnreadable = "PACKAGE_METADATA_UNREADABLE" Note;
    MoreFindings = "MORE_FINDINGS" Note;
}

impl Code {
    /// What is wrong, in one sentence for the creator.
    pub fn cause(self, lang: Lang) -> &'static str {
        match lang {
            Lang::De => texts_de::text(self).0,
            Lang::En => texts_en::text(self).0,
        }
    }

    /// What the creator can do about it.
    pub fn cure(self, lang: Lang) -> &'static str {
        match lang {
            Lang::De => texts_de::text(self).1,
            Lang::En => texts_en::text(self).1,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The whole catalogue as a Markdown document, for the public documentation.
    fn catalogue_markdown() -> String {
        let mut page = String::from("# Archive report codes\n");
        for (severity, title) in [(Severity::Reject, "Reasons to refuse an archive"), (Severity::Note, "Notes")] {
            page.push_str(&format!("\n## {title}\n"));
            for code in Code::ALL.iter().filter(|code| code.severity() == severity) {
                page.push_str(&format!(
                    "\n### `{code}`\n\n- en: {} {}\n- de: {} {}\n",
                    code.cause(Lang::En),
                    code.cure(Lang::En),
                    code.cause(Lang::De),
                    code.cure(Lang::De),
                ));
            }
        }
        page
    }

    #[test]
    fn names_are_unique_and_survive_json() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for &code in Code::ALL {
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), code);
            assert!(code.as_str().bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'));
        }
    }

    #[test]
    fn every_code_is_explained_in_both_languages() {
        for &code in Code::ALL {
            for lang in [Lang::De, Lang::En] {
                for text in [code.cause(lang), code.cure(lang)] {
                    assert!(text.len() > 10 && text.ends_with('.'), "{code} {lang:?}: {text:?}");
                }
            }
            assert_ne!(code.cause(Lang::De), code.cause(Lang::En), "{code}");
        }
        let page = catalogue_markdown();
        assert!(Code::ALL.iter().all(|code| page.contains(&format!("### `{code}`"))));
    }

    #[test]
    fn docs_archive_codes_md_is_the_catalogue() {
        if std::env::var_os("UPDATE_DOCS").is_some_and(|on| on == "1") {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/archive-codes.md");
            std::fs::write(file, catalogue_markdown()).unwrap();
            return;
        }
        assert!(
            include_str!("../../../docs/archive-codes.md") == catalogue_markdown(),
            "docs/archive-codes.md is out of date; renew it: UPDATE_DOCS=1 cargo test --workspace --lib archive_codes"
        );
    }
}
