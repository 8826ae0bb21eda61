//! Passwords and access tokens.

pub mod jwt;
pub mod password;
