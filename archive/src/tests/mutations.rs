//! Damaged archives: whatever happens to the bytes, the gate survives and accepts nothing it cannot rebuild.

use std::{
    io::{Cursor, Read},
    ops::ControlFlow,
};

use proptest::prelude::*;

use super::streamed;
use crate::*;

fn report_of(bytes: &[u8]) -> Report {
    check(&bytes, &Options::default(), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn rebuilt(bytes: &[u8], report: &Report) -> (Vec<u8>, Rebuilt) {
    let mut out = Vec::new();
    let rebuilt = rebuild(&bytes, report, &mut out, &mut |_, _| ControlFlow::Continue(())).unwrap();
    (out, rebuilt)
}

/// Archives to damage: every honest one and every small hostile one.
fn seeds() -> Vec<Vec<u8>> {
    let honest = hostile::honest().into_iter().map(|(_, bytes)| bytes);
    let hostile = hostile::corpus().into_iter().map(|case| case.bytes);
    honest.chain(hostile.filter(|bytes| bytes.len() < 4_096)).collect()
}

#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    /// A two-byte or four-byte field of an extreme value.
    Field(prop::sample::Index, u32, bool),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let extreme =
        prop::sample::select(vec![0, 1, 0x7f, 0xff, 0xfffe, 0xffff, 0x1_0000, 0x7fff_ffff, u32::MAX - 1, u32::MAX]);
    prop_oneof![
        4 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        3 => (any::<prop::sample::Index>(), extreme, any::<bool>()).prop_map(|(at, value, wide)| Damage::Field(at, value, wide)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (any::<prop::sample::Index>(), 1..40u8).prop_map(|(at, count)| Damage::Remove(at, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    match damage {
        Damage::Set(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Damage::Field(at, value, wide) => {
            let at = at.index(bytes.len());
            let value = value.to_le_bytes();
            let value = if *wide { &value[..] } else { &value[..2] };
            for (place, byte) in bytes[at..].iter_mut().zip(value) {
                *place = *byte;
            }
        }
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Insert(at, more) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more.iter().copied());
        }
        Damage::Remove(at, count) => {
            let at = at.index(bytes.len());
            let end = (at + usize::from(*count)).min(bytes.len());
            bytes.drain(at..end);
        }
    }
}

/// The `zip` crate reads the accepted upload as we do, entry by entry.
fn second_reader_agrees(bytes: &[u8], report: &Report) -> Result<(), TestCaseError> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let mut places = Vec::new();
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let Some(entry) = report.entries.iter().find(|entry| Some(entry.data_offset) == file.data_start()) else {
            continue;
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        EntryReader::new(&bytes, entry).read_to_end(&mut ours)?;
        file.read_to_end(&mut theirs)?;
        prop_assert_eq!(ours, theirs);
        places.push(entry.data_offset);
    }
    prop_assert_eq!(places.len(), report.entries.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), failure_persistence: None, ..ProptestConfig::default() })]

    /// No damage makes the gate panic, read outside the archive or accept what it cannot rebuild.
    #[test]
    fn damaged_archives_are_survived(
        seed in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        thread_local!(static SEEDS: Vec<Vec<u8>> = seeds());
        let mut bytes = SEEDS.with(|seeds| seeds[seed.index(seeds.len())].clone());
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        let report = report_of(&bytes);
        prop_assert!(report.findings.len() <= 101);
        prop_assert_eq!(&report, &streamed(&bytes, &Options::default()));
        if report.accepted {
            let (canonical, built) = rebuilt(&bytes, &report);
            prop_assert!(report_of(&canonical).accepted);
            prop_assert!(cross_check(&canonical, &built).is_ok());
            second_reader_agrees(&bytes, &report)?;
        }
    }

    #[test]
    fn bytes_at_random_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(!report_of(&bytes).accepted);
    }
}
