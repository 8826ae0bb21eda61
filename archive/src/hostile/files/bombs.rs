//! Archives that expand to more than their budgets (rule 12).

use crate::{
    findings::code::Code,
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        sample::{self, TEXT},
        structure::ends::two,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [stated(), real(), entries(), documents()].concat()
}

const MIB: u32 = 1 << 20;

/// Sizes that are only stated: the directory alone must be enough to refuse them.
fn stating(sizes: &[(u32, u32)]) -> Vec<u8> {
    Plan::of(sizes.iter().enumerate().map(|(n, &(packed, size))| {
        let mut entry = EntryPlan::deflated(format!("{n}.txt"), TEXT.as_bytes());
        entry.packed = vec![0; packed as usize];
        entry.sizes(packed, size);
        entry
    }))
    .build()
}

/// A Word document of this content, with a part that states to be of `stated` bytes.
pub fn document_with_bomb(content: &[u8], stated: u32) -> Vec<u8> {
    let mut bomb = EntryPlan::deflated("word/blank.xml", b" ");
    bomb.sizes(bomb.local.compressed, stated);
    sample::docx([EntryPlan::stored("word/media/image1.png", content), bomb])
}

fn stated() -> Vec<Case> {
    vec![
        case("a gigabyte in a kilobyte, stated", stating(&[(1_000, 1 << 30)]), Code::ZipBombRatio),
        case("one byte beyond an entry's ratio", stating(&[(10_000, 2_000_001)]), Code::ZipBombRatio),
        case(
            "one byte beyond the archive's ratio",
            stating(&[(700_000, 35_000_000), (700_000, 35_000_001)]),
            Code::ZipBombRatio,
        ),
        case(
            "many entries that are each just within their ratio",
            stating(&[(100_000, 15 * MIB); 6]),
            Code::ZipBombRatio,
        ),
        case("a bomb between honest files", stating(&[(500, 600), (2_000, 2 * MIB), (500, 600)]), Code::ZipBombRatio),
        case("an entry of two gigabytes", stating(&[(1_000, 2_000 * MIB)]), Code::EntryTooLarge),
        case("an entry of one byte more than a gigabyte", stating(&[(1_000, 1_024 * MIB + 1)]), Code::EntryTooLarge),
        case("an entry of almost four gigabytes", stating(&[(1_000, u32::MAX - 1)]), Code::EntryTooLarge),
        case("three gigabytes in all", stating(&[(100, 1_000 * MIB); 3]), Code::ExpandedTooLarge),
        case(
            "one byte more than two gigabytes in all",
            stating(&[(100, 1_024 * MIB), (100, 1_023 * MIB), (100, MIB + 1)]),
            Code::ExpandedTooLarge,
        ),
        case("1,500 entries of a megabyte and a half", stating(&[(10, 3 * MIB / 2); 1_500]), Code::ExpandedTooLarge),
    ]
}

fn real() -> Vec<Case> {
    let zeros = || EntryPlan::deflated("zeros.txt", &vec![b'0'; 16 << 20]);
    let named = |name: &str| EntryPlan::deflated(name, &vec![0; 4 << 20]);
    vec![
        case("16 MiB of zeros", Plan::of([zeros()]).build(), Code::ZipBombRatio),
        case("16 MiB of zeros with a descriptor", Plan::of([zeros().with_descriptor()]).build(), Code::ZipBombRatio),
        case(
            "bomb among the system files",
            Plan::of([named("__MACOSX/._a.txt"), EntryPlan::stored("a.txt", b"a")]).build(),
            Code::ZipBombRatio,
        ),
        case("bomb of a type that is refused", Plan::of([named("zeros.bin")]).build(), Code::ZipBombRatio),
    ]
}

fn entries() -> Vec<Case> {
    let many = |count: usize| (0..count).map(|n| EntryPlan::stored(format!("{n}.txt"), b"x"));
    vec![
        case("5,001 entries", Plan::of(many(5_001)).build(), Code::TooManyEntries),
        case(
            "5,001 folders",
            Plan::of((0..5_001).map(|n| EntryPlan::folder(format!("{n}/")))).build(),
            Code::TooManyEntries,
        ),
        case(
            "5,001 entries, stated as 5,000",
            Plan::of(many(5_001)).build_with(|end| (end.entries, end.entries_here) = (5_000, 5_000)),
            Code::TooManyEntries,
        ),
        case(
            "60,000 entries stated",
            two().build_with(|end| (end.entries, end.entries_here) = (60_000, 60_000)),
            Code::TooManyEntries,
        ),
        case(
            "directory of more than 4 MiB",
            Plan::of((0..70).map(|n| {
                let mut entry = EntryPlan::stored(format!("{n}.txt"), b"x");
                entry.central_extra = crate::hostile::plan::field(0x4242, &[0; 65_000]);
                entry
            }))
            .build(),
            Code::DirectoryTooLarge,
        ),
    ]
}

fn documents() -> Vec<Case> {
    let document = |entries: Vec<EntryPlan>| EntryPlan::deflated("letter.docx", &sample::docx(entries));
    let parts =
        |count: usize| (0..count).map(|n| EntryPlan::stored(format!("word/{n}.xml"), b"<x/>")).collect::<Vec<_>>();
    let blank = |size: usize| EntryPlan::deflated("word/blank.xml", &vec![b' '; size]);
    // Names in the directory alone; each document is half of what all directories may take.
    let named = || {
        let parts = (0..34).map(|n| {
            let mut part = EntryPlan::stored(format!("word/{n}.xml"), b"<x/>");
            // Uneven enough not to be a bomb itself.
            let filling: Vec<u8> =
                (0..62_000u32).map(|at| if at % 32 == 0 { (at * at / 977) as u8 } else { 0 }).collect();
            part.central_extra = crate::hostile::plan::field(0x4242, &filling);
            part
        });
        sample::docx(parts)
    };
    vec![
        case("bomb in a document", Plan::of([document(vec![blank(8 << 20)])]).build(), Code::ZipBombRatio),
        case(
            "bomb in a stored document",
            Plan::of([EntryPlan::stored("a.docx", &sample::docx([blank(2 << 20)]))]).build(),
            Code::ZipBombRatio,
        ),
        case(
            "bomb in a workbook embedded in a document",
            Plan::of([EntryPlan::deflated(
                "deck.pptx",
                &sample::pptx([EntryPlan::deflated("ppt/embeddings/sheet.xlsx", &sample::xlsx([blank(2 << 20)]))]),
            )])
            .build(),
            Code::ZipBombRatio,
        ),
        case(
            "part of four gigabytes in a document, stated",
            Plan::of([EntryPlan::deflated("letter.docx", &document_with_bomb(b"", u32::MAX - 1))]).build(),
            Code::EntryTooLarge,
        ),
        case("document of 5,001 parts", Plan::of([document(parts(5_001))]).build(), Code::TooManyEntries),
        case(
            "documents of 5,001 parts together",
            Plan::of((0..30).map(|n| EntryPlan::deflated(format!("{n}.docx"), &sample::docx(parts(167))))).build(),
            Code::TooManyEntries,
        ),
        case(
            "documents whose directories are too large together",
            Plan::of((0..3).map(|n| EntryPlan::deflated(format!("{n}.docx"), &named()))).build(),
            Code::DirectoryTooLarge,
        ),
    ]
}
