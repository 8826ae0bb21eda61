//! Secrets that we have to read again stand sealed in the database (AES-256-GCM), each bound to its place: what is copied from
//! one account to another opens nowhere.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::ids::{UserId, WebhookSecretId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A key that cannot seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not 32 bytes in base64; make one: openssl rand -base64 32")]
pub struct DataKeyError;

/// It was sealed with a key that this process does not have, or for another place, or it is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret cannot be opened: its key is missing (DATA_KEY, DATA_PREVIOUS_KEY), or it was changed")]
pub struct SealError;

/// Where a secret stands.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    SecondFactor(UserId),
    Phone(UserId),
    Webhook(WebhookSecretId),
    /// What tells whether a key is this database's.
    Proof,
}

impl Place {
    fn text(self) -> String {
        match self {
            Self::SecondFactor(user) => format!("second_factors.secret:{user}"),
            Self::Phone(user) => format!("profiles.phone:{user}"),
            Self::Webhook(secret) => format!("webhook_secrets.sealed:{secret}"),
            Self::Proof => "data_key_proof.sealed".to_owned(),
        }
    }
}

const KEY_BYTES: usize = 32;
/// A name for the key that was used: the first bytes of its SHA-256.
pub const ID_BYTES: usize = 4;

/// The key that seals, and every key that still opens.
pub struct DataKeys(Vec<DataKey>);

struct DataKey {
    id: [u8; ID_BYTES],
    key: RandomizedNonceKey,
}

impl DataKey {
    fn read(text: &str) -> Result<Self, DataKeyError> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| DataKeyError)?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| DataKeyError)?;
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&Sha256::digest(bytes)[..ID_BYTES]);
        Ok(Self { id, key: RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| DataKeyError)? })
    }
}

/// Their names; never the keys.
impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DataKeys").field(&self.names()).finish()
    }
}

impl DataKeys {
    /// Keys as base64: `current` seals, `previous` only open, which is how a key is replaced.
    pub fn new(current: &str, previous: &[&str]) -> Result<Self, DataKeyError> {
        let keys = std::iter::once(&current).chain(previous).map(|text| DataKey::read(text));
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The key's name, a random nonce, and what only the key opens.
    pub fn seal(&self, place: Place, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let DataKey { id, key } = self.0.first().ok_or(SealError)?;
        let mut sealed = secret.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(place.text()), &mut sealed).map_err(|_| SealError)?;
        Ok([id.as_slice(), nonce.as_ref(), &sealed].concat())
    }

    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, rest) = sealed.split_at_checked(ID_BYTES).ok_or(SealError)?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let key = self.0.iter().find(|key| key.id == id).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut secret = rest.to_vec();
        let open = key.key.open_in_place(nonce, Aad::from(place.text()), &mut secret).map_err(|_| SealError)?.len();
        secret.truncate(open);
        Ok(secret)
    }

    /// The name of the key that seals.
    pub fn current(&self) -> [u8; ID_BYTES] {
        self.0.first().map(|key| key.id).unwrap_or_default()
    }

    /// The names of all keys, as `worker admin reseal` and refusals at the start write them.
    pub fn names(&self) -> String {
        self.0.iter().map(|key| hex::encode(key.id)).collect::<Vec<_>>().join(", ")
    }

    /// The name of the key that has sealed this.
    pub fn name_of(sealed: &[u8]) -> String {
        hex::encode(sealed.get(..ID_BYTES).unwrap_or(sealed))
    }

    /// Whether it was sealed with an earlier key than the current one.
    pub fn is_old(&self, sealed: &[u8]) -> bool {
        self.0.first().is_some_and(|key| !sealed.starts_with(&key.id))
    }
}

/// A key for what is said of one person. Destroying it erases all of that, wherever copies of it are.
pub struct PersonKey([u8; KEY_BYTES]);

impl PersonKey {
    pub const BYTES: usize = KEY_BYTES;

    pub const fn new(secret: [u8; KEY_BYTES]) -> Self {
        Self(secret)
    }

    /// As it is stored; `None` when that is no key.
    pub fn read(stored: &[u8]) -> Option<Self> {
        stored.try_into().ok().map(Self)
    }

    /// Base64 of a random nonce and what only the key opens, in the row of that id. `None` when the library refuses: then nothing is
    /// kept.
    pub fn seal(&self, row: Uuid, text: &[u8]) -> Option<String> {
        let mut sealed = text.to_vec();
        let nonce = self.key()?.seal_in_place_append_tag(Aad::from(row.as_bytes()), &mut sealed).ok()?;
        Some(BASE64_STANDARD.encode([b"".as_slice(), nonce.as_ref(), &sealed].concat()))
    }

    pub fn open(&self, row: Uuid, sealed: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = rest.to_vec();
        let open = self.key()?.open_in_place(nonce, Aad::from(row.as_bytes()), &mut text).ok()?.len();
        text.truncate(open);
        Some(text)
    }

    fn key(&self) -> Option<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fill: u8) -> String {
        BASE64_STANDARD.encode([fill; KEY_BYTES])
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_at_its_place_only() {
        let (keys, place) = (DataKeys::new(&key(1), &[]).unwrap(), Place::SecondFactor(UserId::new()));
        let sealed = keys.seal(place, b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(keys.open(place, &sealed).unwrap(), b"secret");
        assert_ne!(keys.seal(place, b"secret").unwrap(), sealed, "never twice the same");
        assert_eq!(keys.open(Place::SecondFactor(UserId::new()), &sealed), Err(SealError));
        assert_eq!(DataKeys::new(&key(2), &[]).unwrap().open(place, &sealed), Err(SealError));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(keys.open(place, &changed), Err(SealError), "byte {at}");
            assert_eq!(keys.open(place, &sealed[..at]), Err(SealError), "{at} bytes");
        }
    }

    #[test]
    fn a_replaced_key_still_opens() {
        let place = Place::SecondFactor(UserId::new());
        let sealed = DataKeys::new(&key(1), &[]).unwrap().seal(place, b"secret").unwrap();
        let keys = DataKeys::new(&format!("{}\n", key(2)), &[&key(1)]).unwrap();
        assert_eq!(keys.open(place, &sealed).unwrap(), b"secret");
        assert!(keys.is_old(&sealed) && !keys.is_old(&keys.seal(place, b"secret").unwrap()));
    }

    #[test]
    fn a_persons_key_opens_its_own_in_its_row() {
        let (key, row) = (PersonKey::new([3; KEY_BYTES]), Uuid::from_u128(1));
        let sealed = key.seal(row, b"192.0.2.0/24").unwrap();
        assert!(!sealed.contains("192"));
        assert_eq!(key.open(row, &sealed).as_deref(), Some(b"192.0.2.0/24".as_slice()));
        assert_eq!(key.open(Uuid::from_u128(2), &sealed), None, "copied to another row");
        assert_eq!(PersonKey::new([4; KEY_BYTES]).open(row, &sealed), None);
        assert_eq!(key.open(row, ""), None);
        assert!(PersonKey::read(&[0; 31]).is_none() && PersonKey::read(&[0; 32]).is_some());
    }

    #[test]
    fn only_whole_keys_are_taken() {
        for bad in ["", "c2hvcnQ=", "not base64!", &BASE64_STANDARD.encode([0; 33])] {
            assert_eq!(DataKeys::new(bad, &[]).err(), Some(DataKeyError), "{bad}");
        }
    }
}
