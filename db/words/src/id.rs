//! Typed identifiers. All are UUID v7, so they sort by creation time.

/// Defines ids, one a line: `ids! { /// A person with an account. UserId; }`.
#[macro_export]
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $crate::private::uuid::Uuid);

        impl $name {
            /// A fresh id, ordered after every id made before it on this machine.
            #[expect(clippy::new_without_default, reason = "an id is made on purpose, never by default")]
            pub fn new() -> Self {
                Self($crate::private::uuid::Uuid::now_v7())
            }
        }
        impl From<$crate::private::uuid::Uuid> for $name {
            fn from(id: $crate::private::uuid::Uuid) -> Self {
                Self(id)
            }
        }
        impl From<$name> for $crate::private::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = $crate::private::uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
        $crate::id_column!($name);
    )*};
}

/// Reads and writes the id as `BINARY(16)`.
#[cfg(feature = "sql")]
#[doc(hidden)]
#[macro_export]
macro_rules! id_column {
    ($name:ident) => {
        const _: () = {
            use $crate::private::{
                sqlx::{self, MySql},
                uuid::Uuid,
            };

            impl sqlx::Type<MySql> for $name {
                fn type_info() -> <MySql as sqlx::Database>::TypeInfo {
                    <Uuid as sqlx::Type<MySql>>::type_info()
                }
                fn compatible(ty: &<MySql as sqlx::Database>::TypeInfo) -> bool {
                    <Uuid as sqlx::Type<MySql>>::compatible(ty)
                }
            }
            impl<'q> sqlx::Encode<'q, MySql> for $name {
                fn encode_by_ref(
                    &self,
                    buffer: &mut <MySql as sqlx::Database>::ArgumentBuffer,
                ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                    <Uuid as sqlx::Encode<'_, MySql>>::encode_by_ref(&self.0, buffer)
                }
            }
            impl<'r> sqlx::Decode<'r, MySql> for $name {
                fn decode(value: <MySql as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                    Ok(Self(<Uuid as sqlx::Decode<'r, MySql>>::decode(value)?))
                }
            }
        };
    };
}

#[cfg(not(feature = "sql"))]
#[doc(hidden)]
#[macro_export]
macro_rules! id_column {
    ($name:ident) => {};
}
