//! The addresses of links in PDF objects: the text after the name `URI`. (PDF 1.7, 7.3.4 and 12.6.4.7.)

/// Longest address that is read, in bytes, and how many.
pub const LENGTH_MAX: usize = 2048;
pub const LINKS_MAX: usize = 5000;

/// The text that begins here, in parentheses or hexadecimal. `None` if it is something else, or does not end.
pub fn read(bytes: &[u8]) -> Option<String> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != 0)?;
    let rest = &bytes[start + 1..];
    let text = match bytes[start] {
        b'(' => literal(rest)?,
        b'<' if rest.first() != Some(&b'<') => hexadecimal(rest)?,
        _ => return None,
    };
    let address = match text.as_slice() {
        [0xFE, 0xFF, wide @ ..] => {
            let units = wide.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        text => String::from_utf8_lossy(text).into_owned(),
    };
    (!address.is_empty()).then_some(address)
}

fn literal(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut depth = 0;
    let mut bytes = bytes.iter().copied().take(LENGTH_MAX).peekable();
    loop {
        match bytes.next()? {
            b')' if depth == 0 => return Some(text),
            b'\\' => match bytes.next()? {
                digit @ b'0'..=b'7' => {
                    let mut code = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(next) = bytes.next_if(|byte| matches!(byte, b'0'..=b'7')) else { break };
                        code = code * 8 + u32::from(next - b'0');
                    }
                    text.push(code as u8);
                }
                b'\r' => {
                    bytes.next_if_eq(&b'\n');
                }
                b'\n' => {}
                letter @ (b'n' | b'r' | b't' | b'b' | b'f') => text.push(if letter == b't' { b'\t' } else { b' ' }),
                other => text.push(other),
            },
            byte => {
                depth += i32::from(byte == b'(') - i32::from(byte == b')');
                text.push(byte);
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.iter().take(2 * LENGTH_MAX).position(|byte| *byte == b'>')?;
    let digits: Vec<u8> =
        bytes[..end].iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8).collect();
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect())
}

#[cfg(test)]
mod tests {

    #[test]
    fn reads_both_forms() {
        let read = |text: &str| super::read(text.as_bytes());
        assert_eq!(read(" (https://a.b/\\050x\\)(y)) /x (z)").as_deref(), Some("https://a.b/(x)(y)"));
        assert_eq!(read("(ab\\\ncd)").as_deref(), Some("abcd"));
        assert_eq!(read("<68 74 7>").as_deref(), Some("htp"));
        assert_eq!(super::read(b"(\xFE\xFF\0h\0t)").as_deref(), Some("ht"));
        for other in ["", "(never ends", "<< /A 1 >>", "5 0 R", "()"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
