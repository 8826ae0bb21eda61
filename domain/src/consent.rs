//! What people agree to, and what they cannot do without.

use words::words;

words! {
    /// What is agreed to.
    pub enum Subject ("consent") {
        /// The terms of use.
        Terms = "terms",
        /// The privacy notice.
        Privacy = "privacy",
        /// Mails about news; nobody has to.
        Marketing = "marketing",
    }
}

impl Subject {
    /// Whether people cannot change anything without it, where this installation has a version of it.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Terms | Self::Privacy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_to_agree_to_marketing() {
        let required: Vec<&str> =
            Subject::ALL.iter().filter(|subject| subject.is_required()).map(|subject| subject.as_str()).collect();
        assert_eq!(required, ["terms", "privacy"]);
    }
}
