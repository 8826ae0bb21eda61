//! The cause of a failure: what its message says, whatever numbers and ids stand in it.

use sha2::{Digest, Sha256};

use crate::ledger::list::Fingerprint;

/// Characters of a message that count.
const COUNTED: usize = 200;
/// A word of hexadecimal digits, with a digit among them, is an id from this length on.
const ID: usize = 8;

/// Groups failures of one cause.
pub(crate) fn fingerprint(kind: &str, class: &str, text: &str) -> Fingerprint {
    let stable: String = stable(text).chars().take(COUNTED).collect();
    let hash = Sha256::new().chain_update(kind).chain_update(class).chain_update(stable).finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    Fingerprint(short)
}

/// The text without runs of digits and without words that are ids, such as the parts of a UUID or a hash.
fn stable(text: &str) -> String {
    let mut stable = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_ascii_alphanumeric();
        let end = rest.find(|c: char| c.is_ascii_alphanumeric() != is_word).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        rest = behind;
        if !is_word {
            stable.push_str(part);
        } else if !is_part_of_id(part, stable.ends_with('-') || rest.starts_with('-')) {
            stable.extend(part.chars().filter(|c| !c.is_ascii_digit()));
        }
    }
    stable
}

/// The four digits between the dashes of a UUID may be letters alone.
fn is_part_of_id(word: &str, beside_dash: bool) -> bool {
    let hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal
        && ((word.len() >= ID && word.bytes().any(|byte| byte.is_ascii_digit())) || (beside_dash && word.len() == 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_do_not_count() {
        for (a, b) in [
            ("timeout after 30 s", "timeout after 2 s"),
            ("no nano 01a22746-9e49-7184-9255-ded1a4adc065", "no nano 01a22746-beef-7185-dead-0123456789ab"),
            ("object 9f86d081884c7d65 is gone", "object 60303ae22b998861 is gone"),
            ("10.0.0.7:3306 refused", "10.0.12.34:3306 refused"),
        ] {
            assert_eq!(fingerprint("k", "failed", a), fingerprint("k", "failed", b), "{a} | {b}: {}", stable(a));
        }
    }

    #[test]
    fn words_count_with_all_their_letters() {
        for (a, b) in [
            ("deadlock found", "lock found"),
            ("bad feed", "bad seed"),
            ("cannot add the face", "cannot deface"),
            ("disk is full", "disk is failing"),
        ] {
            assert_ne!(fingerprint("k", "failed", a), fingerprint("k", "failed", b), "{a} | {b}");
        }
        assert_ne!(fingerprint("k", "failed", "x"), fingerprint("k", "timeout", "x"));
        assert_eq!(stable("größer als 3 MiB"), "größer als  MiB");
    }
}
