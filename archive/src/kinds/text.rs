//! The test whether a stream of bytes is text (rule 13).

/// Checks text while it streams past; holds at most three bytes of it.
#[derive(Default)]
pub(crate) struct TextCheck {
    seen: u64,
    /// A character of UTF-8 that the end of a chunk cut.
    cut: Vec<u8>,
    first: [u8; 2],
    found: Text,
}

/// What was found, each with the offset of its first place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// Not UTF-8.
    pub invalid: Option<u64>,
    /// A control byte that text does not contain.
    pub control: Option<u64>,
    /// Begins with the mark of UTF-16.
    pub utf16: bool,
    /// How many bytes are control bytes.
    pub controls: u64,
}

/// Tab, line feed, form feed, carriage return, and the vertical tab that slides exported as text contain.
const fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t'..=b'\r')
}

impl TextCheck {
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        for (at, byte) in chunk.iter().enumerate().take(2) {
            if let Some(place) = self.first.get_mut(self.seen as usize + at) {
                *place = *byte;
            }
        }
        // The first pass has no branch in it, so that it runs at the speed of memory.
        if chunk.iter().fold(false, |any, byte| any | is_control(*byte)) {
            let at = chunk.iter().position(|byte| is_control(*byte)).unwrap_or(0);
            self.found.control.get_or_insert(self.seen + at as u64);
            self.found.controls += chunk.iter().filter(|byte| is_control(**byte)).count() as u64;
        }
        if self.found.invalid.is_none() {
            self.utf8(chunk);
        }
        self.seen += chunk.len() as u64;
    }

    fn utf8(&mut self, mut chunk: &[u8]) {
        let start = self.seen;
        let mut done = 0;
        while !self.cut.is_empty() {
            let Some((&byte, rest)) = chunk.split_first() else {
                return;
            };
            let begun = start + done - self.cut.len() as u64;
            self.cut.push(byte);
            match std::str::from_utf8(&self.cut) {
                Ok(_) => {
                    self.cut.clear();
                }
                Err(error) if error.error_len().is_some() => {
                    self.found.invalid = Some(begun);
                    return;
                }
                Err(_) => {}
            }
            chunk = rest;
            done += 1;
        }
        // The standard library's takes longer over umlauts than unpacking them does. Where something is wrong costs more
        // to know than that nothing is.
        let (whole, cut) = chunk.split_at(last_boundary(chunk));
        if simdutf8::basic::from_utf8(whole).is_ok() {
            self.cut.extend(cut);
            return;
        }
        if let Err(error) = simdutf8::compat::from_utf8(chunk) {
            let valid = error.valid_up_to();
            if error.error_len().is_some() {
                self.found.invalid = Some(start + done + valid as u64);
            } else {
                self.cut.extend(&chunk[valid..]);
            }
        }
    }

    pub(crate) fn finish(mut self) -> Text {
        if self.found.invalid.is_none() && !self.cut.is_empty() {
            self.found.invalid = Some(self.seen - self.cut.len() as u64);
        }
        self.found.utf16 = self.seen >= 2 && matches!(self.first, [0xff, 0xfe] | [0xfe, 0xff]);
        self.found
    }
}

/// Where a character begins that the end cuts; the end when it cuts none.
fn last_boundary(chunk: &[u8]) -> usize {
    let end = chunk.len();
    for back in 1..=end.min(3) {
        let needed = match chunk[end - back] {
            0x80..=0xbf => continue,
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            _ => 1,
        };
        return if needed > back { end - back } else { end };
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The standard library says the same of the whole.
        #[test]
        fn any_bytes_in_any_chunks(
            parts in prop::collection::vec(
                prop_oneof![
                    "[aä日🎓]{1,9}".prop_map(String::into_bytes),
                    prop::collection::vec(0x80..=0xffu8, 1..3),
                    prop::sample::select(vec![vec![0xe0, 0x80], vec![0xf4, 0x90], vec![0xed, 0xa0], vec![0xc0]]),
                ],
                0..6,
            ),
            size in 1..40usize,
        ) {
            let content = parts.concat();
            let expected = std::str::from_utf8(&content).err().map(|error| error.valid_up_to() as u64);
            prop_assert_eq!(check(&content, size).invalid, expected);
        }
    }

    fn check(content: &[u8], size: usize) -> Text {
        let mut text = TextCheck::default();
        for chunk in content.chunks(size) {
            text.feed(chunk);
        }
        text.finish()
    }

    #[test]
    fn chunks_make_no_difference() {
        let good = "Grüße, 日本 🎓\r\n".as_bytes();
        let bad = b"Gr\xc3\xbc\xdfe";
        let cut = "Gr\u{fc}".as_bytes();
        for size in 1..20 {
            assert_eq!(check(good, size), Text::default());
            assert_eq!(check(bad, size).invalid, Some(4), "{size}");
            assert_eq!(check(&cut[..3], size).invalid, Some(2));
            assert_eq!((check(b"ab\0c\0", size).control, check(b"ab\0c\0", size).controls), (Some(2), 2));
            assert!(check(b"\xff\xfea\0", size).utf16);
        }
    }

    #[test]
    fn every_control_byte_but_white_space_counts() {
        for byte in 0..=0x7fu8 {
            let text = check(&[b'a', byte], 9).control.is_none();
            assert_eq!(text, byte >= 0x20 || byte.is_ascii_whitespace() || byte == 0x0b, "{byte:x}");
        }
    }
}
