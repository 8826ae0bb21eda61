//! Who is asking: passwords, access tokens, sessions.

pub mod jwt;
pub mod password;
pub mod session;
