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
#[macro_export]
macro_rules! words {
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
        $crate::word_column!($name);
    };
}

/// Reads and writes the word as text. A word in the database that nobody knows is an error of the statement.
#[cfg(feature = "sql")]
#[doc(hidden)]
#[macro_export]
macro_rules! word_column {
    ($name:ident) => {
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
                    Ok(<&str as sqlx::Decode<'r, MySql>>::decode(value)?.parse()?)
                }
            }
        };
    };
}

#[cfg(not(feature = "sql"))]
#[doc(hidden)]
#[macro_export]
macro_rules! word_column {
    ($name:ident) => {};
}
