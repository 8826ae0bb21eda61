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
        if self.found.control.is_none() && chunk.iter().fold(false, |any, byte| any | is_control(*byte)) {
            let at = chunk.iter().position(|byte| is_control(*byte)).unwrap_or(0);
            self.found.control = Some(self.seen + at as u64);
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
        // The standard library's takes longer over umlauts than unpacking them does.
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(check(b"ab\0c\0", size).control, Some(2));
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
