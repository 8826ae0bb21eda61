//! People: roles, what each role may do, and which accounts are served at all.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use words::words;

pub use words::{UnknownWord, Words};

words! {
    /// What a person is allowed to be. A role's rights are in [`Role::allows`].
    pub enum Role ("role") {
        Consumer = "consumer",
        Creator = "creator",
        Moderator = "moderator",
        Operator = "operator",
        Admin = "admin",
    }
}

words! {
    /// One right. Handlers name the right they need, never a role.
    pub enum Permission ("permission") {
        /// Create nanos and upload files for them.
        NanosCreate = "nanos:create",
        /// Read nanos of others that are not published.
        NanosReadAll = "nanos:read_all",
        /// Change nanos of others.
        NanosManage = "nanos:manage",
        /// See the moderation queue and decide cases.
        ModerationDecide = "moderation:decide",
        /// See jobs of others.
        JobsRead = "jobs:read",
        /// Retry, cancel, pause.
        JobsOperate = "jobs:operate",
        AuditRead = "audit:read",
        UsersManage = "users:manage",
        /// Close chats of others.
        ChatsClose = "chats:close",
    }
}

impl Role {
    /// The permission table: the only place where a role is turned into rights.
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Consumer => false,
            Self::Creator => matches!(permission, P::NanosCreate),
            Self::Moderator => {
                matches!(permission, P::NanosCreate | P::NanosReadAll | P::ModerationDecide | P::JobsRead)
            }
            Self::Operator => matches!(permission, P::NanosReadAll | P::JobsRead | P::JobsOperate),
            Self::Admin => true,
        }
    }

    /// The role after accepting the creator terms: a consumer becomes a creator, every other role keeps its own.
    #[must_use]
    pub const fn with_creator_terms(self) -> Self {
        match self {
            Self::Consumer => Self::Creator,
            other => other,
        }
    }
}

words! {
    /// Whether an account is served.
    pub enum UserStatus ("user status") {
        Active = "active",
        /// Switched off by its owner or after a year of silence.
        Inactive = "inactive",
        /// Switched off by a moderator.
        Suspended = "suspended",
        Deleted = "deleted",
    }
}

impl UserStatus {
    /// Only active accounts sign in, refresh, or use a token they still hold.
    pub const fn may_sign_in(self) -> bool {
        matches!(self, Self::Active)
    }
}

words! {
    /// A language of the site and of nanos.
    pub enum Language ("language") {
        De = "de",
        En = "en",
    }
}

impl Language {
    /// The first supported language of an `Accept-Language` header by its weights (RFC 9110, 12.5.4), else German.
    pub fn negotiate(accept_language: Option<&str>) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for part in accept_language.unwrap_or_default().split(',').take(16) {
            let mut fields = part.split(';').map(str::trim);
            let tag = fields.next().unwrap_or_default().to_ascii_lowercase();
            let language = match tag.split('-').next() {
                Some("de") => Self::De,
                Some("en") => Self::En,
                _ => continue,
            };
            let weight = fields.find_map(|f| f.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
            if weight > 0.0 && best.is_none_or(|(w, _)| weight > w) {
                best = Some((weight, language));
            }
        }
        best.map_or(Self::De, |(_, language)| language)
    }
}

/// Why a username is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    #[error("a username has 3 to 32 characters")]
    Length,
    #[error("a username has only a-z, 0-9, _ and -")]
    Character,
}

/// A name of 3–32 characters out of `a-z`, `0-9`, `_`, `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl FromStr for Username {
    type Err = UsernameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !(3..=32).contains(&text.chars().count()) {
            return Err(UsernameError::Length);
        }
        if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')) {
            return Err(UsernameError::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

impl Username {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not an address a mail could be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid email address")]
pub struct EmailError;

/// An email address in its stored form, by which addresses are compared: trimmed, lower case, composed (NFC), the domain as
/// DNS knows it (RFC 5891, `xn--…`), at most 254 bytes (RFC 5321, 4.5.3.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl FromStr for Email {
    type Err = EmailError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text: String = text.trim().to_lowercase().nfc().collect();
        let (local, host) = text.rsplit_once('@').ok_or(EmailError)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local.split('.').all(|atom| {
                !atom.is_empty() && atom.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c))
            });
        // What has no such form is told by `check_deliverable`.
        let host = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
        let host_ok = host.contains('.')
            && host.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            });
        let text = format!("{local}@{host}");
        if local_ok && host_ok && text.len() <= 254 { Ok(Self(text)) } else { Err(EmailError) }
    }
}

/// Why no mail server takes mail for an address that is written well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UndeliverableError {
    /// It would need SMTPUTF8 (RFC 6531) from every server on the way. Domains have no such need: they have an ASCII form.
    #[error("the part before the @ has letters beyond a-z, which mail servers on the way may not take")]
    LocalPart,
    #[error("there can be no domain of this name")]
    Domain,
}

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people write it, with a domain in its own letters: to show it, and as addresses were stored before domains were
    /// kept in their ASCII form.
    pub fn shown(&self) -> String {
        let (local, host) = self.0.rsplit_once('@').unwrap_or_default();
        format!("{local}@{}", idna::domain_to_unicode(host).0)
    }

    /// Whether mail can be sent there, whatever the servers on the way know. For new accounts.
    pub fn check_deliverable(&self) -> Result<(), UndeliverableError> {
        let (local, host) = self.0.rsplit_once('@').unwrap_or_default();
        if !local.is_ascii() {
            return Err(UndeliverableError::LocalPart);
        }
        match idna::domain_to_ascii(host) {
            Ok(ascii) if ascii.len() <= 253 && ascii.split('.').all(|label| (1..=63).contains(&label.len())) => Ok(()),
            _ => Err(UndeliverableError::Domain),
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_table_is_what_the_design_says() {
        let table: Vec<(Role, Vec<&str>)> = Role::ALL
            .iter()
            .map(|role| {
                let rights = Permission::ALL.iter().filter(|p| role.allows(**p)).map(|p| p.as_str()).collect();
                (*role, rights)
            })
            .collect();
        assert_eq!(
            table,
            [
                (Role::Consumer, vec![]),
                (Role::Creator, vec!["nanos:create"]),
                (Role::Moderator, vec!["nanos:create", "nanos:read_all", "moderation:decide", "jobs:read"]),
                (Role::Operator, vec!["nanos:read_all", "jobs:read", "jobs:operate"]),
                (
                    Role::Admin,
                    vec![
                        "nanos:create",
                        "nanos:read_all",
                        "nanos:manage",
                        "moderation:decide",
                        "jobs:read",
                        "jobs:operate",
                        "audit:read",
                        "users:manage",
                        "chats:close"
                    ]
                ),
            ]
        );
    }

    #[test]
    fn creator_terms_never_take_rights_away() {
        assert_eq!(Role::Consumer.with_creator_terms(), Role::Creator);
        assert_eq!(Role::Admin.with_creator_terms(), Role::Admin);
        assert_eq!(Role::Moderator.with_creator_terms(), Role::Moderator);
    }

    #[test]
    fn words_round_trip() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().as_ref(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
        assert_eq!(serde_json::to_string(&UserStatus::Suspended).unwrap(), "\"suspended\"");
    }

    #[test]
    fn language_follows_the_weights() {
        assert_eq!(Language::negotiate(None), Language::De);
        assert_eq!(Language::negotiate(Some("en-GB,en;q=0.9,de;q=0.8")), Language::En);
        assert_eq!(Language::negotiate(Some("en;q=0.3, de;q=0.7")), Language::De);
        assert_eq!(Language::negotiate(Some("fr, en;q=0.1")), Language::En);
        assert_eq!(Language::negotiate(Some("en;q=0")), Language::De);
    }

    #[test]
    fn emails_are_normalised_and_checked() {
        assert_eq!(" Ada@Example.ORG ".parse::<Email>().unwrap().as_str(), "ada@example.org");
        for bad in ["", "a", "a@b", "@example.org", "a..b@example.org", "a b@example.org", "a@-x.org", "a@x..org"] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        assert!(format!("{}@example.org", "a".repeat(65)).parse::<Email>().is_err());
    }

    #[test]
    fn one_address_has_one_form() {
        let form = |text: &str| text.parse::<Email>().unwrap();
        for same in ["Jo\u{308}rg@Bücher.Example", "jörg@xn--bcher-kva.example", "JÖRG@bu\u{308}cher\u{3002}example"]
        {
            assert_eq!(form(same).as_str(), "jörg@xn--bcher-kva.example", "{same}");
            assert_eq!(form(same).shown(), "jörg@bücher.example");
        }
        assert_ne!(form("lèö@nano.example"), form("leo@nano.example"));
        assert_ne!(form("j@müller.example"), form("j@muller.example"));
        // Letters of another width are other letters before the @; in a domain DNS knows only one.
        assert_ne!(form("ｌｅｏ@nano.example"), form("leo@nano.example"));
        assert_eq!(form("leo@ｎａｎｏ.example"), form("leo@nano.example"));
    }

    #[test]
    fn mail_goes_to_umlaut_domains_but_not_to_umlaut_people() {
        let check = |text: &str| text.parse::<Email>().unwrap().check_deliverable();
        assert_eq!(check("ada@example.org"), Ok(()));
        assert_eq!(check("ada@bücher.example"), Ok(()));
        assert_eq!(check("jörg@example.org"), Err(UndeliverableError::LocalPart));
        assert_eq!(check("ada@xn--a.example"), Err(UndeliverableError::Domain));
        assert_eq!(check(&format!("ada@{}.example", "ü".repeat(31))), Ok(()));
    }

    #[test]
    fn usernames_are_short_plain_words() {
        assert!("ada_l-1".parse::<Username>().is_ok());
        assert_eq!("ab".parse::<Username>(), Err(UsernameError::Length));
        assert_eq!("Ada".parse::<Username>(), Err(UsernameError::Character));
        assert_eq!("äda".parse::<Username>(), Err(UsernameError::Character));
    }
}
