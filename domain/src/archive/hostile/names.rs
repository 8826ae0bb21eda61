//! Names that escape, hide, collide or read in two ways (rules 9 and 10).

use super::{
    Case, case,
    plan::{EntryPlan, Plan},
};
use crate::archive::{code::Code, format::FLAG_UTF8};

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        NAMES.iter().map(|&(name, entry, expected)| case(name, with_name(entry), expected)).collect();
    cases.extend(long());
    cases.extend(encodings());
    cases.extend(collisions());
    cases
}

const NAMES: &[(&str, &str, Code)] = &[
    ("parent folder", "../evil.txt", Code::PathTraversal),
    ("parent folder in the middle", "a/../../evil.txt", Code::PathTraversal),
    ("parent folder that stays inside", "a/../b.txt", Code::PathTraversal),
    ("parent folder by backslash", "..\\evil.txt", Code::PathTraversal),
    ("backslash", "folder\\file.txt", Code::NameBackslash),
    ("absolute", "/etc/cron.d/evil.txt", Code::PathAbsolute),
    ("absolute by backslash", "\\evil.txt", Code::PathAbsolute),
    ("network share", "\\\\server\\share\\evil.txt", Code::PathAbsolute),
    ("drive letter", "C:/Windows/evil.txt", Code::PathAbsolute),
    ("drive-relative", "c:evil.txt", Code::PathAbsolute),
    ("current folder", "./a.txt", Code::PathSegment),
    ("empty segment", "a//b.txt", Code::PathSegment),
    ("only a slash", "/", Code::PathSegment),
    ("alternate data stream", "a.txt:evil.txt", Code::NameForbiddenCharacter),
    ("wildcard", "*.txt", Code::NameForbiddenCharacter),
    ("pipe", "a|b.txt", Code::NameForbiddenCharacter),
    ("device CON", "CON.txt", Code::NameReserved),
    ("device nul in a folder", "a/nul/b.txt", Code::NameReserved),
    ("device with superscript digit", "COM\u{b9}.txt", Code::NameReserved),
    ("device with space", "aux .txt", Code::NameReserved),
    ("trailing dot", "folder./a.txt", Code::NameTrailingDotOrSpace),
    ("trailing space", "a.txt ", Code::NameTrailingDotOrSpace),
    ("line break", "a\nb.txt", Code::NameControlCharacter),
    ("nul byte", "evil.exe\0.txt", Code::NameControlCharacter),
    ("escape sequence", "\u{1b}[2J.txt", Code::NameControlCharacter),
    ("line separator", "a\u{2028}b.txt", Code::NameControlCharacter),
    ("right-to-left override", "rechnung\u{202e}fdp.txt", Code::NameInvisibleCharacter),
    ("bidi isolate", "a\u{2066}b.txt", Code::NameInvisibleCharacter),
    ("zero-width space", "a\u{200b}b.txt", Code::NameInvisibleCharacter),
    ("byte order mark", "\u{feff}a.txt", Code::NameInvisibleCharacter),
    ("soft hyphen", "a\u{ad}b.txt", Code::NameInvisibleCharacter),
    ("tag character", "a\u{e0041}.txt", Code::NameInvisibleCharacter),
    ("fullwidth slash", "..\u{ff0f}evil.txt", Code::NameLookalike),
    ("fullwidth dots", "\u{ff0e}\u{ff0e}/evil.txt", Code::NameLookalike),
    ("two-dot leader", "\u{2025}/evil.txt", Code::NameLookalike),
];

fn with_name(name: &str) -> Vec<u8> {
    Plan::of([EntryPlan::stored(name, b"content\n")]).build()
}

fn long() -> Vec<Case> {
    vec![
        case("segment of 256 bytes", with_name(&"ü".repeat(128)), Code::PathTooLong),
        case(
            "path of 241 characters",
            with_name(&format!("{}/{}.txt", "a".repeat(120), "b".repeat(116))),
            Code::PathTooLong,
        ),
        case("name of 60,000 bytes", with_name(&"x/".repeat(30_000)), Code::PathTooLong),
        case("17 segments", with_name(&["d"; 17].join("/")), Code::PathTooDeep),
        case(
            "no name",
            Plan::one(|e| {
                e.local_name.clear();
                e.central_name.clear();
            })
            .build(),
            Code::NameEmpty,
        ),
    ]
}

fn encodings() -> Vec<Case> {
    let raw = |name: &'static str, bytes: &[u8], host: u16, flag: u16, expected| {
        let plan = Plan::one(|e| {
            e.local_name = bytes.to_vec();
            e.central_name = bytes.to_vec();
            e.central.made_by = (host << 8) | 20;
            e.flags(|_| flag);
        });
        case(name, plan.build(), expected)
    };
    vec![
        raw("broken utf-8 with the flag", b"a\xff.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("overlong slash", b"..\xc0\xafevil.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("surrogate in utf-8", b"a\xed\xa0\x80.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("latin-1 from unix", b"\xdcbung.txt", 3, 0, Code::NameEncoding),
        raw("latin-1 from windows", b"\xdcbung.txt", 0, 0, Code::NameAmbiguous),
        raw("utf-8 without the flag from windows", "Übung.txt".as_bytes(), 0, 0, Code::NameAmbiguous),
        raw("gbk from windows", b"\xc4\xe3\xba\xc3.txt", 0, 0, Code::NameAmbiguous),
        raw("code pages disagree", b"\x9d.txt", 0, 0, Code::NameAmbiguous),
        raw("unknown system", "é.txt".as_bytes(), 7, 0, Code::NameAmbiguous),
    ]
}

fn collisions() -> Vec<Case> {
    let names = |name: &'static str, names: &[&str], expected| {
        let entries = names.iter().map(|name| {
            if name.ends_with('/') { EntryPlan::folder(name) } else { EntryPlan::stored(name, b"content\n") }
        });
        case(name, Plan::of(entries).build(), expected)
    };
    vec![
        names("the same name twice", &["a.txt", "a.txt"], Code::DuplicateName),
        names("the same folder twice", &["a/", "a/", "b.txt"], Code::DuplicateName),
        names("names that differ in case", &["Readme.txt", "README.txt"], Code::NamesCollide),
        names("sharp s", &["Maße.txt", "MASSE.txt"], Code::NamesCollide),
        names("ligature", &["ﬁle.txt", "file.txt"], Code::NamesCollide),
        names("kelvin sign", &["K.txt", "k.txt"], Code::NamesCollide),
        names("composed and decomposed", &["\u{fc}.txt", "u\u{308}.txt"], Code::DuplicateName),
        names("folders that differ in case", &["Docs/a.txt", "docs/b.txt"], Code::NamesCollide),
        names("variation selector", &["❤.txt", "❤\u{fe0f}.txt"], Code::NamesCollide),
        names("file and folder", &["a", "a/b.txt"], Code::FileAndFolder),
        names("file and folder entry", &["a.txt/", "a.txt"], Code::FileAndFolder),
    ]
}
