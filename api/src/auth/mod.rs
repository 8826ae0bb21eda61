//! Passwords, second factors and access tokens.

pub mod attempts;
pub mod jwt;
pub mod password;
pub mod scopes;
pub mod seal;
pub mod second_factor;
