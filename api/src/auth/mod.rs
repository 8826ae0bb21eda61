//! Passwords, second factors and access tokens.

pub mod attempts;
pub mod consents;
pub mod jwt;
pub mod passkeys;
pub mod password;
pub mod scopes;
pub mod second_factor;
