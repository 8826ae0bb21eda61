//! Access tokens: short-lived JWTs signed with Ed25519 or P-256, checked against the keys we publish.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ids::UserId, user::Role};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// What a token says (RFC 7519 names; `sid` is the session).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub role: Role,
    pub jti: Uuid,
    pub sid: Uuid,
    pub iat: i64,
    pub exp: i64,
}

/// What a browser that has signed in keeps: that it has, for whom, and which one it is. It opens nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BrowserClaims {
    iss: String,
    aud: String,
    sub: UserId,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// A browser that has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Browser {
    pub id: Uuid,
    pub owner: UserId,
    /// To the second.
    pub known_since: DateTime<Utc>,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("not a token of ours")]
    Invalid,
    #[error("expired")]
    Expired,
}

/// A key that cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a private Ed25519 or P-256 key in PKCS#8 PEM")]
pub struct KeyError;

/// The signing key, and every key whose tokens are still accepted.
pub struct JwtKeys {
    algorithm: Algorithm,
    kid: String,
    signing: EncodingKey,
    accepted: HashMap<String, (Algorithm, DecodingKey)>,
    published: JwkSet,
    issuer: String,
    audience: String,
    lifetime: TimeDelta,
}

impl JwtKeys {
    /// Keys from private PEMs: `current` signs, `previous` are only accepted and published, which is how a key is
    /// replaced without signing anybody out.
    pub fn from_pem(
        current: &str,
        previous: &[&str],
        issuer: &str,
        audience: &str,
        lifetime: TimeDelta,
    ) -> Result<Self, KeyError> {
        let (algorithm, signing, jwk) = read(current)?;
        let mut keys = vec![(algorithm, jwk)];
        for pem in previous {
            let (algorithm, _, jwk) = read(pem)?;
            keys.push((algorithm, jwk));
        }
        let kid = keys[0].1.common.key_id.clone().ok_or(KeyError)?;
        let mut accepted = HashMap::new();
        for (algorithm, jwk) in &keys {
            let decoding = DecodingKey::from_jwk(jwk).map_err(|_| KeyError)?;
            accepted.insert(jwk.common.key_id.clone().ok_or(KeyError)?, (*algorithm, decoding));
        }
        Ok(Self {
            algorithm,
            kid,
            signing,
            accepted,
            published: JwkSet { keys: keys.into_iter().map(|(_, jwk)| jwk).collect() },
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            lifetime,
        })
    }

    pub fn lifetime(&self) -> TimeDelta {
        self.lifetime
    }

    /// The public keys, for `/.well-known/jwks.json`.
    pub fn published(&self) -> &JwkSet {
        &self.published
    }

    /// Signs a token for one session. Fails only if the key does.
    pub fn issue(
        &self,
        user: UserId,
        role: Role,
        session: Uuid,
        now: DateTime<Utc>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user,
            role,
            jti: Uuid::now_v7(),
            sid: session,
            iat: now.timestamp(),
            exp: (now + self.lifetime).timestamp(),
        };
        self.sign(&claims)
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing)
    }

    /// A token by which a browser that has signed in is known again for `lifetime`. Its audience is another one than that of
    /// access tokens: neither passes for the other.
    pub fn issue_for_browser(
        &self,
        user: UserId,
        lifetime: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign(&BrowserClaims {
            iss: self.issuer.clone(),
            aud: self.browsers(),
            sub: user,
            jti: Uuid::now_v7(),
            iat: now.timestamp(),
            exp: (now + lifetime).timestamp(),
        })
    }

    fn browsers(&self) -> String {
        format!("{}/browsers", self.audience)
    }

    /// Which browser this is, and who has signed in with it.
    pub fn known_browser(&self, token: &str, now: DateTime<Utc>) -> Option<Browser> {
        let claims: BrowserClaims = self.decode(token, &self.browsers()).ok()?;
        let known_since = DateTime::from_timestamp(claims.iat, 0)?;
        let browser = Browser { id: claims.jti, owner: claims.sub, known_since };
        (claims.exp > now.timestamp()).then_some(browser)
    }

    /// Checks signature, key, algorithm, issuer, audience and time. The algorithm is the key's own, never the
    /// header's wish.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        let claims: Claims = self.decode(token, &self.audience)?;
        if claims.exp <= now.timestamp() { Err(TokenError::Expired) } else { Ok(claims) }
    }

    fn decode<C: DeserializeOwned>(&self, token: &str, audience: &str) -> Result<C, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let kid = header.kid.ok_or(TokenError::Invalid)?;
        let (algorithm, key) = self.accepted.get(&kid).ok_or(TokenError::Invalid)?;
        let mut validation = Validation::new(*algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The time comes from our clock.
        validation.validate_exp = false;
        Ok(jsonwebtoken::decode(token, key, &validation).map_err(|_| TokenError::Invalid)?.claims)
    }
}

/// The first form of PKCS#8 (RFC 8410, 7) of an Ed25519 key: a fixed head and the seed.
const ED25519_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Some tools write the second form (RFC 5958), with the public key at the end, which the JWT library cannot publish.
/// The seed stands at the same place in both.
fn plain(key: EncodingKey) -> EncodingKey {
    match key.as_bytes().get(16..48) {
        Some(seed) if key.as_bytes().len() > 48 => EncodingKey::from_ed_der(&[&ED25519_HEAD, seed].concat()),
        _ => key,
    }
}

fn read(pem: &str) -> Result<(Algorithm, EncodingKey, Jwk), KeyError> {
    let candidates = [
        (Algorithm::EdDSA, KeyAlgorithm::EdDSA, EncodingKey::from_ed_pem(pem.as_bytes()).map(plain)),
        (Algorithm::ES256, KeyAlgorithm::ES256, EncodingKey::from_ec_pem(pem.as_bytes())),
    ];
    for (algorithm, name, key) in candidates {
        let Ok(key) = key else { continue };
        // A key of the other kind may read as this one; it has no public half then.
        let Ok(mut jwk) = Jwk::from_encoding_key(&key, algorithm) else { continue };
        jwk.common.key_algorithm = Some(name);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyError)?);
        return Ok((algorithm, key, jwk));
    }
    Err(KeyError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ed25519() -> String {
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem()
    }

    fn p256() -> String {
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()
    }

    fn keys(current: &str, previous: &[&str]) -> JwtKeys {
        JwtKeys::from_pem(current, previous, "https://nano.example", "nano", TimeDelta::minutes(15)).unwrap()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn tokens_of_both_kinds_of_key_come_back() {
        for pem in [ed25519(), p256()] {
            let keys = keys(&pem, &[]);
            let (user, session) = (UserId::new(), Uuid::now_v7());
            let token = keys.issue(user, Role::Creator, session, now()).unwrap();
            let claims = keys.verify(&token, now() + TimeDelta::minutes(14)).unwrap();
            assert_eq!((claims.sub, claims.role, claims.sid), (user, Role::Creator, session));
            assert_eq!(keys.verify(&token, now() + TimeDelta::minutes(15)), Err(TokenError::Expired));
        }
    }

    #[test]
    fn only_our_issuer_audience_and_keys_count() {
        let pem = ed25519();
        let ours = keys(&pem, &[]);
        let other_audience =
            JwtKeys::from_pem(&pem, &[], "https://nano.example", "other", TimeDelta::minutes(15)).unwrap();
        let other_key = keys(&p256(), &[]);
        for stranger in [&other_audience, &other_key] {
            let token = stranger.issue(UserId::new(), Role::Admin, Uuid::now_v7(), now()).unwrap();
            assert_eq!(ours.verify(&token, now()), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let keys = keys(&ed25519(), &[]);
        let token = keys.issue(UserId::new(), Role::Consumer, Uuid::now_v7(), now()).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
        let payload = String::from_utf8(B64.decode(parts[1]).unwrap()).unwrap().replace("consumer", "admin");
        let forged = format!("{}.{}.{}", parts[0], B64.encode(payload), parts[2]);
        assert_eq!(keys.verify(&forged, now()), Err(TokenError::Invalid));
        let header = B64.encode(format!(r#"{{"alg":"none","kid":"{}"}}"#, keys.kid));
        assert_eq!(keys.verify(&format!("{header}.{}.", parts[1]), now()), Err(TokenError::Invalid));
        assert_eq!(keys.verify("nonsense", now()), Err(TokenError::Invalid));
    }

    #[test]
    fn a_browsers_token_is_no_access_token_and_the_other_way_round() {
        let keys = keys(&ed25519(), &[]);
        let user = UserId::new();
        let browser = keys.issue_for_browser(user, TimeDelta::days(1), now()).unwrap();
        let known = keys.known_browser(&browser, now()).unwrap();
        assert_eq!((known.owner, known.known_since), (user, now()));
        assert_eq!(keys.known_browser(&browser, now() + TimeDelta::days(1)), None);
        assert_eq!(keys.verify(&browser, now()), Err(TokenError::Invalid));
        let access = keys.issue(user, Role::Admin, Uuid::now_v7(), now()).unwrap();
        assert_eq!(keys.known_browser(&access, now()), None);
    }

    #[test]
    fn a_replaced_key_still_verifies_and_is_published() {
        let old_pem = p256();
        let old = keys(&old_pem, &[]);
        let token = old.issue(UserId::new(), Role::Consumer, Uuid::now_v7(), now()).unwrap();
        let new = keys(&ed25519(), &[&old_pem]);
        assert!(new.verify(&token, now()).is_ok());
        assert_eq!(new.published().keys.len(), 2);
        let published = serde_json::to_string(new.published()).unwrap();
        assert!(!published.contains("\"d\""), "no private part: {published}");
    }

    #[test]
    fn other_pems_are_refused() {
        assert!(JwtKeys::from_pem("x", &[], "i", "a", TimeDelta::minutes(1)).is_err());
    }
}
