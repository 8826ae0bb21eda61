//! Names that escape, hide, collide or read in two ways (rules 9 and 10).

use crate::{
    findings::code::Code,
    format::FLAG_UTF8,
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        structure::letters,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        [letters::PATHS, letters::RESERVED, letters::FORBIDDEN, letters::UNSEEN, letters::LOOKALIKES]
            .concat()
            .into_iter()
            .map(|(name, entry, expected)| case(name, with_name(entry), expected))
            .collect();
    cases.extend(long());
    cases.extend(encodings());
    cases.extend(collisions());
    cases
}

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
        case("segment of 256 letters", with_name(&format!("{}/a.txt", "x".repeat(256))), Code::PathTooLong),
        case(
            "path of 243 half emoji",
            with_name(&format!("{}/{}.txt", "🎓".repeat(60), "🎓".repeat(59))),
            Code::PathTooLong,
        ),
        case("name of 60,000 decomposed bytes", with_name(&"a\u{308}".repeat(20_000)), Code::PathTooLong),
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
        raw("utf-8 without the flag that dos reads as letters", "あ.txt".as_bytes(), 0, 0, Code::NameAmbiguous),
        raw("gbk from windows", b"\xc4\xe3\xba\xc3.txt", 0, 0, Code::NameAmbiguous),
        raw("code pages disagree", b"\x9d.txt", 0, 0, Code::NameAmbiguous),
        raw("overlong dots", b"\xc0\xae\xc0\xae/evil.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("zero byte as java writes it", b"evil.exe\xc0\x80.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("slash in four bytes", b"..\xf0\x80\x80\xafevil.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("beyond unicode", b"a\xf4\x90\x80\x80.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("utf-8 that is cut", b"a.txt\xc3", 3, FLAG_UTF8, Code::NameEncoding),
        raw("emoji as two surrogates", b"\xed\xa0\xbd\xed\xb8\x80.txt", 3, FLAG_UTF8, Code::NameEncoding),
        raw("utf-16", b"e\0v\0i\0l\0.\0t\0x\0t\0", 3, FLAG_UTF8, Code::NameControlCharacter),
        raw("dos code page with the flag of utf-8", b"\x9abung.txt", 0, FLAG_UTF8, Code::NameEncoding),
        raw("shift jis with a backslash in a letter", b"\x83\x5c.txt", 0, 0, Code::NameBackslash),
        raw("koi8 from windows", b"\xd5\xd2\xcf\xcb.txt", 0, 0, Code::NameAmbiguous),
        raw("line drawing of dos", b"\xc9\xcd\xbb.txt", 0, 0, Code::NameAmbiguous),
        raw("macintosh letters", b"\x9abung.txt", 7, 0, Code::NameAmbiguous),
        raw(
            "utf-8 without the flag from ntfs that dos reads as letters",
            "あ.txt".as_bytes(),
            10,
            0,
            Code::NameAmbiguous,
        ),
        raw("utf-8 and dos in one name", b"\xc3\x9cbung \x81.txt", 0, 0, Code::NameAmbiguous),
        raw("control character of dos", b"\x01\x02.txt", 0, 0, Code::NameControlCharacter),
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
        names("final sigma", &["ΟΔΟΣ.txt", "οδος.txt"], Code::NamesCollide),
        names("dotless i", &["I.txt", "ı.txt"], Code::NamesCollide),
        names("long s", &["ſ.txt", "s.txt"], Code::NamesCollide),
        names("angstrom sign", &["\u{212b}.txt", "å.txt"], Code::NamesCollide),
        names("superscript", &["x².txt", "x2.txt"], Code::NamesCollide),
        names("roman numeral", &["Ⅳ.txt", "iv.txt"], Code::NamesCollide),
        names("fullwidth letters", &["Ａ.txt", "a.txt"], Code::NamesCollide),
        names("halfwidth katakana", &["ｶﾞ.txt", "ガ.txt"], Code::NamesCollide),
        names("ellipsis and dots", &["a….txt", "a....txt"], Code::NamesCollide),
        names("no-break space", &["a\u{a0}b.txt", "a b.txt"], Code::NamesCollide),
        names("marks in another order", &["a\u{323}\u{302}.txt", "a\u{302}\u{323}.txt"], Code::DuplicateName),
        names("hangul letters and syllable", &["\u{1112}\u{1161}\u{11ab}.txt", "한.txt"], Code::DuplicateName),
        names(
            "the same name thrice, others between",
            &["a.txt", "b.txt", "a.txt", "c.txt", "a.txt"],
            Code::DuplicateName,
        ),
        names("folders that collide deep within", &["a/B/c/1.txt", "a/b/c/2.txt"], Code::NamesCollide),
        names("folder entry that differs in case", &["Docs/", "docs/a.txt"], Code::NamesCollide),
        names("file that is another one's folder in capitals", &["A.TXT/b.txt", "a.txt"], Code::FileAndFolder),
        names("folder after the file of its name", &["a.txt", "a.txt/"], Code::FileAndFolder),
        names("folders that differ in case", &["Docs/a.txt", "docs/b.txt"], Code::NamesCollide),
        names("joiner", &["می\u{200c}خواهم.txt", "میخواهم.txt"], Code::NamesCollide),
        names("joiner of an emoji", &["👩\u{200d}🏫.txt", "👩🏫.txt"], Code::NamesCollide),
        names("variation selector", &["❤.txt", "❤\u{fe0f}.txt"], Code::NamesCollide),
        names("file and folder", &["a", "a/b.txt"], Code::FileAndFolder),
        names("file and folder entry", &["a.txt/", "a.txt"], Code::FileAndFolder),
    ]
}
