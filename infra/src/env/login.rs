//! User and password inside a URL.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// A user's name and password.
pub type Login = (String, SecretString);

/// The login of `url`, percent-decoded; `Err` says what is wrong with it without repeating it.
pub fn login(url: &Url) -> Result<Option<Login>, &'static str> {
    match (decoded(url.username()), url.password().map(decoded)) {
        (Some(user), None) if user.is_empty() => Ok(None),
        (Some(user), Some(Some(password))) if !user.is_empty() => Ok(Some((user, SecretString::from(password)))),
        _ => Err("has a user without a password, a password without a user, or a wrong percent-encoding in them"),
    }
}

/// Undoes the percent-encoding; `None` when the bytes are no UTF-8.
fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn logins_are_percent_decoded_and_whole() {
        let of = |text: &str| login(&Url::parse(text).expect("a URL"));
        let (user, password) = of("smtp://me%40home:p%C3%A4ss%2Fw@mail.example").expect("fine").expect("a login");
        assert_eq!((user.as_str(), password.expose_secret()), ("me@home", "päss/w"));
        assert!(of("smtp://mail.example").expect("fine").is_none());
        assert!(of("smtp://me@mail.example").is_err());
        assert!(of("smtp://me:%FF@mail.example").is_err());
    }
}
