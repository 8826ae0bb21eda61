//! Extra fields and comments that say something else (rule 8).

use crate::{
    findings::code::Code,
    hostile::{
        Case, case,
        plan::{Plan, field},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [forbidden(), malformed()].concat()
}

fn forbidden() -> Vec<Case> {
    let unicode = |check: u32, name: &[u8]| [&[1][..], &check.to_le_bytes(), name].concat();
    let own = crc32fast::hash(b"lesson.txt");
    let fields = [
        ("zip64 extra without need", 0x0001, vec![0; 16], Code::Zip64),
        ("zip64 extra without content", 0x0001, vec![], Code::Zip64),
        ("second name in a unicode path extra", 0x7075, unicode(own, b"../../evil.txt"), Code::UnicodeExtra),
        ("second name for another name's check sum", 0x7075, unicode(0, b"evil.exe"), Code::UnicodeExtra),
        (
            "the same name in a unicode path extra, for another check sum",
            0x7075,
            unicode(own ^ 1, b"lesson.txt"),
            Code::UnicodeExtra,
        ),
        ("the same name in capitals in a unicode path extra", 0x7075, unicode(own, b"LESSON.TXT"), Code::UnicodeExtra),
        (
            "the same name and a zero byte in a unicode path extra",
            0x7075,
            unicode(own, b"lesson.txt\0"),
            Code::UnicodeExtra,
        ),
        (
            "unicode path extra of version 2",
            0x7075,
            [&[2][..], &own.to_le_bytes(), b"lesson.txt"].concat(),
            Code::UnicodeExtra,
        ),
        ("unicode path extra without a name", 0x7075, unicode(own, b""), Code::UnicodeExtra),
        ("unicode path extra that is too short", 0x7075, vec![1, 0, 0], Code::UnicodeExtra),
        ("unicode path extra in broken utf-8", 0x7075, unicode(own, b"lesson.txt\xff"), Code::UnicodeExtra),
        ("times without content", 0x5455, vec![], Code::ExtraMalformed),
        ("times that are announced only", 0x5455, vec![7], Code::ExtraMalformed),
        ("times of three and a half", 0x5455, vec![7, 0, 0, 0, 0, 0, 0], Code::ExtraMalformed),
        ("more times than announced", 0x5455, vec![1, 0, 0, 0, 0, 0, 0, 0, 0], Code::ExtraMalformed),
        ("owner that is cut short", 0x7875, vec![1, 4, 0, 0], Code::ExtraMalformed),
        ("owner behind a width of 255", 0x7875, vec![1, 255, 0, 0, 0, 0, 4, 0, 0, 0, 0], Code::ExtraMalformed),
        ("old owner of an odd length", 0x5855, vec![0; 11], Code::ExtraMalformed),
        ("times of ntfs that end early", 0x000a, vec![0, 0, 0, 0, 1, 0, 24, 0, 0], Code::ExtraMalformed),
        ("mark of java with content", 0xcafe, vec![0; 4], Code::ExtraMalformed),
        ("unicode comment extra", 0x6375, vec![1, 0, 0, 0, 0], Code::UnicodeExtra),
        ("unicode name of Xceed", 0x554e, b"NUCX\x01\0\0\0e".to_vec(), Code::UnicodeExtra),
        ("name for a Macintosh", 0x2605, b"ZPIT\x08evil.txtTEXTttxt".to_vec(), Code::UnicodeExtra),
        ("code page of the name, by ALZip", 0xe57a, 949u32.to_le_bytes().to_vec(), Code::UnicodeExtra),
        ("code page of the name, by PKWARE", 0x0008, vec![0; 4], Code::UnicodeExtra),
        ("aes extra", 0x9901, b"\x02\0AE\x03\x08\0".to_vec(), Code::Encrypted),
        ("strong encryption extra", 0x0017, vec![0; 8], Code::Encrypted),
        ("certificates of an encrypted directory", 0x0016, vec![0; 8], Code::Encrypted),
        ("list of recipients", 0x0019, vec![0; 8], Code::Encrypted),
        ("keys of Smartcrypt", 0x0023, vec![0; 8], Code::Encrypted),
        ("link target in an ASi extra", 0x756e, vec![0; 14], Code::ExtraForbidden),
        ("link target in a PKWARE Unix extra", 0x000d, vec![0; 20], Code::ExtraForbidden),
        ("forks", 0x000e, vec![0; 4], Code::ExtraForbidden),
        ("patch descriptor", 0x000f, vec![0; 4], Code::ExtraForbidden),
    ];
    let mut cases: Vec<Case> = fields
        .into_iter()
        .map(|(name, id, data, code)| case(name, Plan::one(|e| e.extra(&field(id, &data))).build(), code))
        .collect();
    // What libarchive reads from a pipe: made by Unix, no internal attributes, mode of a link.
    let streamed = field(0x6c78, b"\x07\x14\x03\0\0\0\0\xff\xa1");
    let second = field(0x7075, &unicode(own, b"evil.txt"));
    // A name in a code page, and what stands beside it.
    let coded = |name: &'static str, raw: &[u8], local: &str, central: &str| {
        let plan = Plan::one(|e| {
            (e.local_name, e.central_name) = (raw.to_vec(), raw.to_vec());
            e.central.made_by = 20;
            e.flags(|_| 0);
            let path = |name: &str| field(0x7075, &unicode(crc32fast::hash(raw), name.as_bytes()));
            (e.local_extra, e.central_extra) = (path(local), path(central));
        });
        case(name, plan.build(), Code::UnicodeExtra)
    };
    cases.extend([
        coded("two readings of a code page, one in each header", b"\x9d.txt", "¥.txt", "Ø.txt"),
        coded("letters of two code pages in one name", b"\x9d\x9b.txt", "Ø¢.txt", "Ø¢.txt"),
        coded("unicode path that no code page reads", b"\x81.txt", "ä.txt", "ä.txt"),
        coded("unicode path of a name with substitutes", b"__.txt", "日本.txt", "日本.txt"),
        coded("unicode path that leads out of the folder", b"\x81.txt", "../ü.txt", "../ü.txt"),
        case("mode for streaming readers", Plan::one(|e| e.local_extra = streamed).build(), Code::ExtraForbidden),
        case(
            "second name only in front of the content",
            Plan::one(|e| e.local_extra = second.clone()).build(),
            Code::UnicodeExtra,
        ),
        case(
            "second name only in the directory",
            Plan::one(|e| e.central_extra = second.clone()).build(),
            Code::UnicodeExtra,
        ),
        case(
            "aes extra only in front of the content",
            Plan::one(|e| e.local_extra = field(0x9901, b"\x02\0AE\x03\x08\0")).build(),
            Code::Encrypted,
        ),
    ]);
    cases
}

fn malformed() -> Vec<Case> {
    let time = |seconds: u8| field(0x5455, &[1, seconds, 0, 0, 0]);
    let both = |name, extra: &[u8], code| case(name, Plan::one(|e| e.extra(extra)).build(), code);
    vec![
        both("extra that ends early", b"UT\x09\0\x03abc", Code::ExtraMalformed),
        both("extra that is one byte too long", b"UT\x01\0\x03a", Code::ExtraMalformed),
        both("three bytes of extra", b"abc", Code::ExtraMalformed),
        both("padding of zeros", &[0; 3], Code::ExtraMalformed),
        both("padding behind a field", &[time(1), vec![0; 2]].concat(), Code::ExtraMalformed),
        both(
            "extra of 65,535 bytes that claims more",
            &[&b"xx\xff\xff"[..], &[0; 65_531]].concat(),
            Code::ExtraMalformed,
        ),
        both("the same extra twice", &[time(0), time(1)].concat(), Code::ExtraDuplicate),
        both(
            "the same extra twice, another between",
            &[time(1), field(0x7875, b""), time(1)].concat(),
            Code::ExtraDuplicate,
        ),
        both("sixteen thousand empty extras", &[0u8; 65_532], Code::ExtraDuplicate),
        case(
            "malformed extra only in front of the content",
            Plan::one(|e| e.local_extra = b"UT\xff\xff".to_vec()).build(),
            Code::ExtraMalformed,
        ),
        case(
            "malformed extra only in the directory",
            Plan::one(|e| e.central_extra = b"UT\xff\xff".to_vec()).build(),
            Code::ExtraMalformed,
        ),
        case(
            "the same extra twice, only in front of the content",
            Plan::one(|e| e.local_extra = [time(0), time(1)].concat()).build(),
            Code::ExtraDuplicate,
        ),
        case("entry comment", Plan::one(|e| e.comment = b"hello".to_vec()).build(), Code::EntryComment),
        case(
            "entry comment of 60,000 bytes",
            Plan::one(|e| e.comment = vec![b'c'; 60_000]).build(),
            Code::EntryComment,
        ),
    ]
}
