//! Passkeys (WebAuthn Level 3): challenges, and whether an authenticator's answer is the right one.
//!
//! Every passkey is one that its authenticator finds by itself (a discoverable credential), and every answer is given after the
//! authenticator has verified its owner. So one kind of challenge, which names nobody, serves for signing in and as second factor, and
//! asking for one tells nothing about anybody's account.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    audit::{Entry, Outcome},
    ids::{PasskeyId, UserId},
};
use infra::db::{
    audit_log, passkey_ceremonies,
    passkeys::{self, Passkey},
    users::User,
};
use jobs::Notice;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use super::{attempts::DAY, second_factor::internal};
use crate::{
    reply::{Code, Error},
    request::{
        ClientInfo,
        fields::{self, Fields, Input},
    },
    state::AppState,
    write::transaction,
};

/// What browsers and password managers call us.
const SITE: &str = "Nano";

/// What passkeys are checked with.
pub struct Passkeys(Option<Webauthn>);

impl Passkeys {
    /// Those of the site at this address: passkeys belong to its host (the RP ID), and answers come from its origin alone. A site
    /// without a domain name, such as one reached by a number, has none.
    pub fn of(site: &Url) -> Self {
        let webauthn = site.domain().and_then(|domain| {
            let lifetime = passkey_ceremonies::LIFETIME.to_std().ok()?;
            WebauthnBuilder::new(domain, site).ok()?.rp_name(SITE).timeout(lifetime).build().ok()
        });
        Self(webauthn)
    }

    fn checker(&self) -> Result<&Webauthn, Error> {
        self.0.as_ref().ok_or_else(|| Error::new(Code::PasskeysUnavailable))
    }
}

/// A challenge for an authenticator.
#[derive(Serialize, ToSchema)]
pub struct Challenge {
    /// Goes back with the answer, within five minutes and once.
    pub ceremony: Uuid,
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` in a browser.
    #[schema(value_type = Object)]
    pub options: Value,
}

/// What an authenticator says to a challenge.
#[derive(ToSchema)]
pub struct PasskeyAnswer {
    /// Of `POST /auth/passkeys/challenge`.
    pub ceremony: Uuid,
    /// What `navigator.credentials.get` gives, by `toJSON()`.
    #[schema(value_type = Object)]
    pub credential: PublicKeyCredential,
}

impl Input for PasskeyAnswer {
    fn read(fields: &mut Fields) -> Option<Self> {
        let ceremony = fields.required("ceremony", ceremony);
        let credential = fields.required("credential", fields::object("PublicKeyCredential.toJSON()"));
        Some(Self { ceremony: ceremony?, credential: credential? })
    }
}

/// The id of a challenge.
pub fn ceremony(raw: fields::Raw) -> Result<Uuid, crate::reply::Issue> {
    fields::parsed("7b8f1c0a-52a3-4b43-9a63-2f1f5a0c8d11")(raw)
}

fn write(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(internal)
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(internal)
}

/// Begins to add a passkey of this person.
pub async fn begin(state: &AppState, user: &User, now: DateTime<Utc>) -> Result<Challenge, Error> {
    let known: Vec<_> = passkeys::of(&state.db, user.id).await?;
    let known = known.into_iter().map(|passkey| read::<webauthn_rs::prelude::Passkey>(passkey.credential));
    let known = known.collect::<Result<Vec<_>, _>>()?.iter().map(|passkey| passkey.cred_id().clone()).collect();
    let begun =
        state.passkeys.checker()?.start_passkey_registration(user.id.0, &user.username, &user.name, Some(known));
    let (options, ceremony) = begun.map_err(internal)?;
    let mut options = write(&options.public_key)?;
    // One that is not found by its authenticator could not answer a challenge that names nobody.
    options["authenticatorSelection"]["residentKey"] = json!("required");
    options["authenticatorSelection"]["requireResidentKey"] = json!(true);
    keep(state, Some(user.id), options, &ceremony, now).await
}

/// Asks for a passkey, whoever's.
pub async fn challenge(state: &AppState, now: DateTime<Utc>) -> Result<Challenge, Error> {
    let (options, ceremony) = state.passkeys.checker()?.start_discoverable_authentication().map_err(internal)?;
    keep(state, None, write(&options.public_key)?, &ceremony, now).await
}

async fn keep(
    state: &AppState,
    user: Option<UserId>,
    options: Value,
    ceremony: &impl Serialize,
    now: DateTime<Utc>,
) -> Result<Challenge, Error> {
    // Nobody guesses it.
    let id = Uuid::new_v4();
    passkey_ceremonies::begin(&state.db, id, user, &write(ceremony)?, now).await?;
    Ok(Challenge { ceremony: id, options })
}

/// Uses a challenge up, whatever the answer is worth. `None` when none waits under this id.
async fn spend<T: DeserializeOwned>(
    state: &AppState,
    id: Uuid,
    user: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<Option<T>, Error> {
    let found = transaction!(state.db, |tx| { Ok(passkey_ceremonies::take(tx, id, user, now).await?) })?;
    found.map(read).transpose()
}

/// A new passkey, once its authenticator has answered to what [`begin`] has asked.
pub struct Made {
    pub credential_id: Vec<u8>,
    pub credential: Value,
}

/// Takes the answer of an authenticator that has made a passkey. `None` when it is not the right one.
pub async fn finish(
    state: &AppState,
    user: UserId,
    ceremony: Uuid,
    answer: &RegisterPublicKeyCredential,
    now: DateTime<Utc>,
) -> Result<Option<Made>, Error> {
    let checker = state.passkeys.checker()?;
    let Some(begun) = spend::<PasskeyRegistration>(state, ceremony, Some(user), now).await? else { return Ok(None) };
    match checker.finish_passkey_registration(answer, &begun) {
        Ok(made) => Ok(Some(Made { credential_id: made.cred_id().to_vec(), credential: write(&made)? })),
        Err(error) => {
            tracing::info!(%error, "a new passkey was refused");
            Ok(None)
        }
    }
}

/// An answer whose challenge is used up and not looked at yet.
pub struct Presented {
    ceremony: DiscoverableAuthentication,
    credential: PublicKeyCredential,
}

impl Presented {
    pub async fn take(state: &AppState, answer: PasskeyAnswer, now: DateTime<Utc>) -> Result<Option<Self>, Error> {
        state.passkeys.checker()?;
        let ceremony = spend(state, answer.ceremony, None, now).await?;
        Ok(ceremony.map(|ceremony| Self { ceremony, credential: answer.credential }))
    }

    /// Whose passkey it is, if it is somebody's.
    pub async fn owner(&self, state: &AppState) -> Result<Option<UserId>, Error> {
        Ok(passkeys::owner(&state.db, self.credential.get_credential_id()).await?)
    }

    /// Which passkey of this person it is, if it is one and all is right; the person's row is locked. It has been used then.
    ///
    /// An authenticator that counts its answers and has counted less than before may have been copied: its answer is refused, its
    /// owner told, and the passkey left for its owner to remove.
    pub async fn check(
        &self,
        state: &AppState,
        client: &ClientInfo,
        tx: &mut Tx,
        owner: &User,
        now: DateTime<Utc>,
    ) -> Result<Option<PasskeyId>, Error> {
        let checker = state.passkeys.checker()?;
        let Some(row) = passkeys::lock(tx, self.credential.get_credential_id()).await? else { return Ok(None) };
        let named = checker.identify_discoverable_authentication(&self.credential).map(|(handle, _)| handle);
        if row.user_id != owner.id || named.ok() != Some(owner.id.0) {
            return Ok(None);
        }
        let mut known: webauthn_rs::prelude::Passkey = read(row.credential.clone())?;
        match checker.finish_discoverable_authentication_v2(&self.credential, self.ceremony.clone(), &known) {
            Ok(result) => {
                known.update_credential(&result);
                passkeys::used(tx, row.id, &write(&known)?, now).await?;
                Ok(Some(row.id))
            }
            Err(WebauthnError::CredentialPossibleCompromise) => {
                tell_of_a_copy(state, client, tx, owner, &row, now).await?;
                Ok(None)
            }
            Err(error) => {
                tracing::info!(user = %owner.id, %error, "a passkey was refused");
                Ok(None)
            }
        }
    }
}

/// Once a day for each passkey: whoever has a copy may try as often as they like.
async fn tell_of_a_copy(
    state: &AppState,
    client: &ClientInfo,
    tx: &mut Tx,
    owner: &User,
    passkey: &Passkey,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tracing::warn!(user = %owner.id, passkey = %passkey.id, "a passkey has counted less than before: it may have been copied");
    if !state.cache.hit(&format!("passkey:copied:{}", passkey.id), 1, DAY).await.allowed {
        return Ok(());
    }
    jobs::queue_notice(tx, owner, Notice::PasskeyCopied, now).await?;
    let entry =
        client.audit("auth.passkey_copied", None, ("passkey", Some(passkey.id.0)), json!({"user": owner.id}), now);
    audit_log::append(tx, &Entry { outcome: Outcome::Denied, ..entry }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_with_a_domain_name_has_passkeys() {
        for (site, has) in [
            ("https://nano.example", true),
            ("https://www.nano.example/shop", true),
            ("http://localhost:5173", true),
            ("http://127.0.0.1:8080", false),
            ("https://[::1]", false),
        ] {
            let passkeys = Passkeys::of(&site.parse().unwrap());
            assert_eq!(passkeys.checker().is_ok(), has, "{site}");
        }
    }
}
