//! The use of an upload's budgets (rule 12), documents inside it included.

use crate::{findings::code::Code, limits::Limits};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    entries: u64,
    /// Packed bytes of the upload's own entries.
    pub packed: u64,
    pub expanded: u64,
    /// Bytes of directories, those of documents included.
    directories: u64,
    /// A budget of the whole upload was overdrawn: nothing more of it is worth reading.
    pub exhausted: bool,
}

impl Budget {
    /// Books a directory's entries and stated sizes; the first budget that does not allow it.
    pub(crate) fn spend(
        &mut self,
        entries: u64,
        packed: u64,
        expanded: u64,
        limits: &Limits,
    ) -> Result<(), (Code, String)> {
        self.entries += entries;
        self.packed += packed;
        self.expanded += expanded;
        let verdict = self.verdict(limits);
        self.exhausted |= verdict.is_err();
        verdict
    }

    /// Books a directory of this many bytes before it is read: names cost more time than content does, and an upload
    /// can hold hundreds of documents.
    pub(crate) fn spend_directory(&mut self, bytes: u64, limits: &Limits) -> Result<(), (Code, String)> {
        self.directories += bytes;
        if self.directories > limits.directory {
            self.exhausted = true;
            return Err((Code::DirectoryTooLarge, format!("{} > {}", self.directories, limits.directory)));
        }
        Ok(())
    }

    fn verdict(&self, limits: &Limits) -> Result<(), (Code, String)> {
        if self.entries > limits.entries {
            return Err((Code::TooManyEntries, format!("{} > {}", self.entries, limits.entries)));
        }
        if self.expanded > limits.expanded {
            return Err((Code::ExpandedTooLarge, format!("{} > {}", self.expanded, limits.expanded)));
        }
        if self.expanded > limits.ratio_from && self.expanded > self.packed.saturating_mul(limits.ratio) {
            return Err((Code::ZipBombRatio, format!("{} -> {} bytes", self.packed, self.expanded)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_budget_has_its_code() {
        const MIB: u64 = 1 << 20;
        let limits = Limits::default();
        let spend = |entries, packed, expanded| {
            Budget::default().spend(entries, packed, expanded, &limits).map_err(|(code, _)| code)
        };
        assert_eq!(spend(5_000, MIB, 2), Ok(()));
        assert_eq!(spend(5_001, MIB, 2), Err(Code::TooManyEntries));
        assert_eq!(spend(1, 2_048 * MIB, 2_048 * MIB), Ok(()));
        assert_eq!(spend(1, 2_048 * MIB, 2_048 * MIB + 1), Err(Code::ExpandedTooLarge));
        assert_eq!(spend(1, 1, 64 * MIB), Ok(()));
        assert_eq!(spend(1, 2 * MIB, 100 * MIB), Ok(()));
        assert_eq!(spend(1, MIB, 65 * MIB), Err(Code::ZipBombRatio));

        let mut budget = Budget::default();
        assert!(budget.spend(1, MIB, MIB, &limits).is_ok());
        assert!(budget.spend(4_999, 0, MIB, &limits).is_ok());
        assert!(!budget.exhausted);
        assert!(budget.spend(1, 0, 0, &limits).is_err() && budget.exhausted);

        let mut budget = Budget::default();
        assert!(budget.spend_directory(4 * MIB, &limits).is_ok() && !budget.exhausted);
        assert_eq!(budget.spend_directory(1, &limits).unwrap_err().0, Code::DirectoryTooLarge);
        assert!(budget.exhausted);
    }
}
