//! Puts check sums and sizes right that the fuzzer broke. It cannot guess a CRC-32: without this every damage to a
//! file's content ends at the same check, and what lies behind it is never reached.

use std::io::Read;

/// Content beyond this is left alone.
const MOST: u64 = 1 << 20;

/// Follows the end record in the last 22 bytes; whatever does not fit is left as it is.
pub(crate) fn repair(bytes: &mut [u8]) {
    let Some(end) = bytes.len().checked_sub(22).filter(|&end| bytes[end..].starts_with(b"PK\x05\x06")) else { return };
    let mut at = u32_at(bytes, end + 16).unwrap_or(0) as usize;
    for _ in 0..64 {
        let Some(next) = entry(bytes, at) else { return };
        at = next;
    }
}

/// Repairs the entry of the central header at `at`; where the next one is.
fn entry(bytes: &mut [u8], at: usize) -> Option<usize> {
    if bytes.get(at..at.checked_add(46)?)?[..4] != *b"PK\x01\x02" {
        return None;
    }
    let lengths = [28, 30, 32].map(|field| u16_at(bytes, at + field).unwrap_or(0) as usize);
    let next = at + 46 + lengths.iter().sum::<usize>();
    let local = u32_at(bytes, at + 42)? as usize;
    if bytes.get(local..local.checked_add(30)?)?[..4] != *b"PK\x03\x04" {
        return Some(next);
    }
    let start = local + 30 + u16_at(bytes, local + 26)? as usize + u16_at(bytes, local + 28)? as usize;
    let packed = u32_at(bytes, at + 20)? as usize;
    let Some(data) = bytes.get(start..start.checked_add(packed)?) else { return Some(next) };
    let mut content = Vec::new();
    match u16_at(bytes, at + 10)? {
        0 if data.len() as u64 <= MOST => content.extend(data),
        8 => {
            let whole = flate2::read::DeflateDecoder::new(data).take(MOST).read_to_end(&mut content);
            if whole.is_err() {
                return Some(next);
            }
        }
        _ => return Some(next),
    }
    let (crc, size) = (crc32fast::hash(&content), content.len() as u32);
    set(bytes, at + 16, crc);
    set(bytes, at + 24, size);
    if u16_at(bytes, at + 8)? & 8 != 0 {
        let descriptor = start + packed;
        if bytes.get(descriptor..descriptor + 16).is_some_and(|found| found.starts_with(b"PK\x07\x08")) {
            set(bytes, descriptor + 4, crc);
            set(bytes, descriptor + 12, size);
        }
    }
    if u16_at(bytes, local + 6)? & 8 == 0 {
        set(bytes, local + 14, crc);
        set(bytes, local + 22, size);
    }
    Some(next)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|found| u16::from_le_bytes([found[0], found[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|found| u32::from_le_bytes([found[0], found[1], found[2], found[3]]))
}

fn set(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}
