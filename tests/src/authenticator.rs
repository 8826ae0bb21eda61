//! The passkeys of a test: an authenticator in software (WebAuthn Level 3, section 6), and the browser before it.

use std::sync::Arc;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use ciborium::cbor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

/// The site of the tests.
pub const SITE: &str = "https://nano.test";

/// The algorithm of its signatures (RFC 9053): ECDSA on P-256 with SHA-256.
const ES256: i64 = -7;

// The flags of authenticator data (section 6.1).
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;

/// An authenticator with room for one passkey. Its owner is there and shows a finger whenever it asks. Its clone has the same
/// passkey.
#[derive(Clone, Default)]
pub struct Key {
    passkey: Option<Passkey>,
    is_metal: bool,
}

#[derive(Clone)]
struct Passkey {
    id: [u8; 16],
    site: String,
    /// The id of its owner's account, as the site has given it.
    owner: String,
    pair: Arc<EcdsaKeyPair>,
    /// How often it has answered.
    count: u32,
}

impl Key {
    /// One that counts its answers and cannot be backed up, as keys of metal do. Others are on all devices of their owner, and
    /// count nothing.
    pub fn counting() -> Self {
        Self { passkey: None, is_metal: true }
    }

    /// Makes a passkey at a page of this origin; the answer is what a browser's `toJSON()` gives.
    pub fn create(&mut self, origin: &str, options: &Value) -> Value {
        let algorithms = options["pubKeyCredParams"].as_array().expect("algorithms");
        assert!(algorithms.iter().any(|one| one["type"] == "public-key" && one["alg"] == ES256), "{options:#}");
        let excluded = listed(options, "excludeCredentials");
        assert!(self.passkey.as_ref().is_none_or(|passkey| !excluded.contains(&encode(passkey.id))), "made already");
        let site = options["rp"]["id"].as_str().expect("a site").to_owned();
        let is_verified = asks_who_it_is(&options["authenticatorSelection"]);
        let passkey = Passkey {
            id: *Uuid::new_v4().as_bytes(),
            site,
            owner: options["user"]["id"].as_str().expect("an account").to_owned(),
            pair: Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a pair of keys")),
            count: 0,
        };

        let mut data = self.data(&passkey, is_verified, ATTESTED);
        // The model: none.
        data.extend([0; 16]);
        data.extend(u16::try_from(passkey.id.len()).expect("a short id").to_be_bytes());
        data.extend(passkey.id);
        // An uncompressed point: 4, x, y.
        let (x, y) = passkey.pair.public_key().as_ref()[1..].split_at(32);
        // RFC 9052, section 7, by its numbers: an elliptic curve's key, its algorithm, its curve P-256, and the point.
        let public = cbor!({1 => 2, 3 => ES256, -1 => 1, -2 => bytes(x), -3 => bytes(y)});
        data.extend(written(&public.expect("CBOR")));
        let attestation = cbor!({"fmt" => "none", "attStmt" => {}, "authData" => bytes(&data)}).expect("CBOR");

        let response = json!({
            "clientDataJSON": encode(client_data("webauthn.create", origin, &passkey.site, options)),
            "attestationObject": encode(written(&attestation)),
            "authenticatorData": encode(&data),
            "publicKeyAlgorithm": ES256,
            "transports": [if self.is_metal { "usb" } else { "internal" }],
        });
        let made = self.credential(&passkey.id, response);
        self.passkey = Some(passkey);
        made
    }

    /// Answers a challenge at a page of this origin.
    pub fn answer(&mut self, origin: &str, options: &Value) -> Value {
        let is_metal = self.is_metal;
        let passkey = self.passkey.as_mut().expect("a passkey");
        assert_eq!(options["rpId"], passkey.site.as_str());
        let allowed = listed(options, "allowCredentials");
        assert!(allowed.is_empty() || allowed.contains(&encode(passkey.id)), "no passkey of this list");
        passkey.count += u32::from(is_metal);
        let passkey = passkey.clone();

        let data = self.data(&passkey, asks_who_it_is(options), 0);
        let client_data = client_data("webauthn.get", origin, &passkey.site, options);
        let signed = [data.as_slice(), Sha256::digest(&client_data).as_slice()].concat();
        let signature = passkey.pair.sign(&SystemRandom::new(), &signed).expect("a signature");
        let response = json!({
            "clientDataJSON": encode(&client_data),
            "authenticatorData": encode(&data),
            "signature": encode(signature),
            "userHandle": passkey.owner,
        });
        self.credential(&passkey.id, response)
    }

    /// Authenticator data without what is attested.
    fn data(&self, passkey: &Passkey, is_verified: bool, flags: u8) -> Vec<u8> {
        let verified = if is_verified { USER_VERIFIED } else { 0 };
        let backup = if self.is_metal { 0 } else { BACKUP_ELIGIBLE | BACKED_UP };
        let mut data = Sha256::digest(&passkey.site).to_vec();
        data.push(USER_PRESENT | verified | backup | flags);
        data.extend(passkey.count.to_be_bytes());
        data
    }

    fn credential(&self, id: &[u8], response: Value) -> Value {
        json!({
            "id": encode(id),
            "rawId": encode(id),
            "type": "public-key",
            "authenticatorAttachment": if self.is_metal { "cross-platform" } else { "platform" },
            "clientExtensionResults": {},
            "response": response,
        })
    }
}

/// What a browser writes down of the page (section 5.8.1). It lets a page ask for passkeys of its own host and of those above it.
fn client_data(kind: &str, origin: &str, site: &str, options: &Value) -> Vec<u8> {
    let page: Url = origin.parse().expect("an origin");
    let host = page.domain().expect("a domain name");
    assert!(host == site || host.ends_with(&format!(".{site}")), "{host} asks for passkeys of {site}");
    let data = json!({"type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": false});
    data.to_string().into_bytes()
}

/// The default is to verify who it is where the authenticator can.
fn asks_who_it_is(selection: &Value) -> bool {
    selection["userVerification"] != "discouraged"
}

/// The ids of a list of passkeys.
fn listed(options: &Value, list: &str) -> Vec<String> {
    let passkeys = options[list].as_array().into_iter().flatten();
    passkeys.map(|passkey| passkey["id"].as_str().expect("an id").to_owned()).collect()
}

fn bytes(bytes: &[u8]) -> ciborium::Value {
    ciborium::Value::Bytes(bytes.to_vec())
}

fn written(value: &ciborium::Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("CBOR");
    bytes
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL.encode(bytes)
}
