//! Words: enums whose values are fixed texts, the same in the database, in JSON and in the documents.

use std::str::FromStr;

/// A word that is not one of the allowed ones (a role, a status, a format …).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}: {word}")]
pub struct UnknownWord {
    pub what: &'static str,
    pub word: String,
}

/// The words of an enum made by [`words!`](crate::words), for messages that list them.
pub trait Words: FromStr<Err = UnknownWord> + Copy + 'static {
    const WORDS: &'static [&'static str];
}

/// Defines an enum whose variants are stored and sent as fixed words: `as_str`, `Display`, `FromStr`, serde and `ALL`.
///
/// `} or Unknown = "unknown"` after the variants is for words that are only shown: what a column says in a word of a newer release
/// is read as that, so that an old program beside a new one still answers. Nobody writes it or asks for it: it is not in `ALL`, and
/// no text is parsed as it. Without it such a row is an error, as it must be where the word decides something.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis enum $name:ident ($what:literal) { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* } or $unknown:ident = $unread:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::serde::Serialize, ::serde::Deserialize,
        )]
        $vis enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
            /// A word of a newer release.
            #[serde(rename = $unread, other)]
            $unknown,
        }

        impl $name {
            /// Those that this release knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The word in the database and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* Self::$unknown => $unread }
            }
        }
        impl $crate::Words for $name {
            const WORDS: &'static [&'static str] = &[$($word,)* $unread];
        }
        $crate::word_text!($name ($what) { $($variant = $word,)* });
        $crate::word_column!($name, |word| word.parse().unwrap_or($name::$unknown));
    };
    ($(#[$doc:meta])* $vis:vis enum $name:ident ($what:literal) { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::serde::Serialize, ::serde::Deserialize,
        )]
        $vis enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The word in the database and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
        impl $crate::Words for $name {
            const WORDS: &'static [&'static str] = &[$($word,)*];
        }
        $crate::word_text!($name ($what) { $($variant = $word,)* });
        $crate::word_column!($name, |word| word.parse()?);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! word_text {
    ($name:ident ($what:literal) { $($variant:ident = $word:literal,)* }) => {
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::UnknownWord { what: $what, word: word.to_owned() }),
                }
            }
        }
    };
}

/// Reads and writes the word as text.
#[cfg(feature = "sql")]
#[doc(hidden)]
#[macro_export]
macro_rules! word_column {
    ($name:ident, |$word:ident| $read:expr) => {
        const _: () = {
            use $crate::private::sqlx::{self, MySql};

            impl sqlx::Type<MySql> for $name {
                fn type_info() -> <MySql as sqlx::Database>::TypeInfo {
                    <str as sqlx::Type<MySql>>::type_info()
                }
                fn compatible(ty: &<MySql as sqlx::Database>::TypeInfo) -> bool {
                    <str as sqlx::Type<MySql>>::compatible(ty)
                }
            }
            impl<'q> sqlx::Encode<'q, MySql> for $name {
                fn encode_by_ref(
                    &self,
                    buffer: &mut <MySql as sqlx::Database>::ArgumentBuffer,
                ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                    <&str as sqlx::Encode<'_, MySql>>::encode(self.as_str(), buffer)
                }
            }
            impl<'r> sqlx::Decode<'r, MySql> for $name {
                fn decode(value: <MySql as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                    let $word = <&str as sqlx::Decode<'r, MySql>>::decode(value)?;
                    Ok($read)
                }
            }
        };
    };
}

#[cfg(not(feature = "sql"))]
#[doc(hidden)]
#[macro_export]
macro_rules! word_column {
    ($name:ident, |$word:ident| $read:expr) => {};
}

#[cfg(test)]
mod tests {
    use super::Words;

    words! {
        enum Colour ("colour") {
            Red = "red",
            Blue = "blue",
        } or Unknown = "unknown"
    }

    #[test]
    fn a_word_of_a_newer_release_is_read_and_never_asked_for() {
        let read = |text: &str| serde_json::from_str::<Colour>(text).unwrap();
        assert_eq!((read("\"blue\""), read("\"mauve\"")), (Colour::Blue, Colour::Unknown));
        assert_eq!(
            (Colour::ALL, Colour::WORDS),
            (&[Colour::Red, Colour::Blue] as &[_], &["red", "blue", "unknown"] as &[_])
        );
        assert!("unknown".parse::<Colour>().is_err() && "mauve".parse::<Colour>().is_err());
        assert_eq!((Colour::Unknown.to_string(), "red".parse()), ("unknown".into(), Ok(Colour::Red)));
    }
}
