//! Passwords and access tokens.

pub mod attempts;
pub mod jwt;
pub mod password;
