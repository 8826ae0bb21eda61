//! A long text in pieces: collected until there is enough of it, then cut between two words.

/// The text rules look at about this much at once, in bytes.
const PIECE: usize = 1 << 20;
/// A text without any break is cut somewhere, after this much more.
const UNBROKEN_MAX: usize = 2 * PIECE;

/// Text on its way to the text rules.
#[derive(Debug, Default)]
pub struct Pieces {
    pub text: String,
}

impl Pieces {
    /// A piece, if there is enough for one. What is behind its last break stays for the next.
    pub fn piece(&mut self) -> Option<String> {
        if self.text.len() < PIECE {
            return None;
        }
        let cut = match self.text.rfind(char::is_whitespace) {
            Some(at) if at > PIECE / 2 => at,
            _ if self.text.len() < UNBROKEN_MAX => return None,
            _ => self.text.floor_char_boundary(PIECE),
        };
        let rest = self.text.split_off(cut);
        Some(std::mem::replace(&mut self.text, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_words() {
        let mut pieces = Pieces::default();
        let mut read = String::new();
        for _ in 0..300_000 {
            pieces.text.push_str("Wörter und ");
            if let Some(piece) = pieces.piece() {
                assert!(piece.len() <= PIECE + 20 && piece.ends_with(['r', 'd']), "{}", piece.len());
                read.push_str(&piece);
            }
        }
        read.push_str(&pieces.text);
        assert!(read == "Wörter und ".repeat(300_000));
        pieces.text = "ä".repeat(UNBROKEN_MAX);
        assert_eq!(pieces.piece().map(|piece| piece.len()), Some(PIECE));
    }
}
