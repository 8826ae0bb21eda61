//! The passkeys of a test: an authenticator in software, and the browser before it.

use async_trait::async_trait;
use passkey::{
    authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod},
    client::{Client, DefaultClientData},
    crypto::aws_lc_rs::AwsLcRsBackend,
};
use passkey_types::{
    Passkey,
    ctap2::{Aaguid, Ctap2Error},
    webauthn::{CredentialCreationOptions, CredentialRequestOptions},
};
use serde_json::{Value, json};
use url::Url;

/// The site of the tests.
pub const SITE: &str = "https://nano.test";

/// Its owner, who is there and shows a finger whenever it asks.
struct Owner;

#[async_trait]
impl UserValidationMethod for Owner {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence, verification })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

/// An authenticator with room for one passkey. Its clone has the same one.
#[derive(Clone, Default)]
pub struct Key {
    passkey: Option<Passkey>,
    counts: bool,
}

impl Key {
    /// One that counts its answers, as keys of metal do.
    pub fn counting() -> Self {
        Self { passkey: None, counts: true }
    }

    fn authenticator(&self) -> Authenticator<Option<Passkey>, Owner, AwsLcRsBackend> {
        let mut authenticator = Authenticator::new(Aaguid::new_empty(), self.passkey.clone(), Owner, AwsLcRsBackend);
        authenticator.set_make_credentials_with_signature_counter(self.counts);
        authenticator
    }

    /// Makes a passkey at a page of this origin; the answer is what a browser's `toJSON()` gives.
    pub async fn create(&mut self, origin: &str, options: &Value) -> Value {
        let request: CredentialCreationOptions =
            serde_json::from_value(json!({ "publicKey": options })).expect("options that a browser understands");
        let mut browser = Client::new(self.authenticator());
        let made = browser.register(&origin_of(origin), request, DefaultClientData).await.expect("a passkey");
        self.passkey = browser.authenticator().store().clone();
        serde_json::to_value(made).expect("JSON")
    }

    /// Answers a challenge at a page of this origin.
    pub async fn answer(&mut self, origin: &str, options: &Value) -> Value {
        let mut options = options.clone();
        // A browser takes an empty list for none.
        if options["allowCredentials"].as_array().is_some_and(Vec::is_empty) {
            options["allowCredentials"] = Value::Null;
        }
        let request: CredentialRequestOptions =
            serde_json::from_value(json!({ "publicKey": options })).expect("options that a browser understands");
        let mut browser = Client::new(self.authenticator());
        let answer = browser.authenticate(&origin_of(origin), request, DefaultClientData).await.expect("an answer");
        self.passkey = browser.authenticator().store().clone();
        serde_json::to_value(answer).expect("JSON")
    }
}

fn origin_of(text: &str) -> Url {
    text.parse().expect("an origin")
}
