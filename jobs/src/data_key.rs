//! The data key of a database: whether a process has the right one, and sealing everything anew with another.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Race, Tx};
use infra::{
    db::{
        data_key_proof,
        sealed_columns::{Sealed, SealedColumn},
    },
    seal::{DataKeys, Place, SealError},
};
use uuid::Uuid;

/// What the proof says, sealed.
const WORD: &[u8] = b"nano";

/// Why a process cannot work with its data keys.
#[derive(Debug, thiserror::Error)]
pub enum DataKeyMismatch {
    #[error(
        "the secrets in this database were sealed with another data key (named {theirs}) than DATA_KEY_FILE and \
         DATA_PREVIOUS_KEY_FILE give (named {ours}): a key's name is the beginning of its SHA-256. Give the right one, from the secret \
         store; a new key needs the one before as DATA_PREVIOUS_KEY_FILE until `worker admin reseal` has run (docs/operations.md, \
         \"Keys\")"
    )]
    Other { theirs: String, ours: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

fn other(sealed: &[u8], keys: &DataKeys) -> DataKeyMismatch {
    DataKeyMismatch::Other { theirs: DataKeys::name_of(sealed), ours: keys.names() }
}

/// Whether these keys open what stands in the database. The first process that asks keeps the proof.
pub async fn check_data_key(db: &Db, keys: &DataKeys, now: DateTime<Utc>) -> Result<(), DataKeyMismatch> {
    if data_key_proof::get(db).await?.is_none() {
        // In a database of before there was a proof, what is sealed already says whether the key is the right one.
        let mut in_between = false;
        for column in SealedColumn::ALL {
            let found = column.sealed_otherwise(db, keys.current(), Uuid::nil()).await?;
            let opens = |one: &Sealed| keys.open(column.place(one.id), &one.secret).is_ok();
            match found.first() {
                None => {}
                Some(_) if found.iter().any(opens) => in_between = true,
                Some(first) => return Err(other(&first.secret, keys)),
            }
        }
        // Which of two keys is this database's is said by `worker admin reseal`.
        if in_between {
            return Ok(());
        }
        let proof = keys.seal(Place::Proof, WORD).map_err(|_| other(&[], keys))?;
        data_key_proof::keep(db, &proof, now).await?;
    }
    match data_key_proof::get(db).await? {
        Some(proof) if keys.open(Place::Proof, &proof).is_err() => Err(other(&proof, keys)),
        _ => Ok(()),
    }
}

/// Why not everything is sealed with the current key.
#[derive(Debug, thiserror::Error)]
pub enum NotResealed {
    #[error(transparent)]
    Mismatch(#[from] DataKeyMismatch),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(
        "{resealed} secrets were sealed anew, but {left} cannot be opened with the keys given; of {column} the first is that of \
         {first}, sealed with the key named {key}. Give that key as DATA_PREVIOUS_KEY_FILE and run this again, or, if it is \
         lost, take those factors away with `worker admin remove-second-factor`, and have the owners of webhooks ask for new secrets"
    )]
    Unopened { resealed: u64, left: u64, column: &'static str, first: Uuid, key: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Race for NotResealed {
    fn is_race(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_race())
    }
}

/// Seals with the current key whatever another one has sealed, a secret at a time, beside processes that work; stopped half way
/// it goes on where it stopped, since what is done is not found any more. Tells how many are done, of what. Returns their number;
/// [`settle`] is left to do then.
pub async fn reseal(
    db: &Db,
    keys: &DataKeys,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&'static str, u64),
) -> Result<u64, NotResealed> {
    check_data_key(db, keys, now).await?;
    let mut resealed = 0;
    loop {
        let (mut moved, mut unopened) = (0_u64, Vec::new());
        for column in SealedColumn::ALL {
            let mut after = Uuid::nil();
            loop {
                let found = column.sealed_otherwise(db, keys.current(), after).await?;
                let Some(last) = found.last() else { break };
                after = last.id;
                for one in &found {
                    let place = column.place(one.id);
                    let Ok(secret) = keys.open(place, &one.secret) else {
                        unopened.push((column.name(), one.id, DataKeys::name_of(&one.secret)));
                        continue;
                    };
                    // A secret that changed meanwhile is seen by the next round.
                    column.reseal(db, one, &keys.seal(place, &secret)?).await?;
                    moved += 1;
                }
                progress(column.name(), resealed + moved);
            }
        }
        resealed += moved;
        if moved > 0 {
            continue;
        }
        return match unopened.first() {
            None => Ok(resealed),
            Some((column, first, key)) => {
                let left = unopened.len() as u64;
                Err(NotResealed::Unopened { resealed, left, column, first: *first, key: key.clone() })
            }
        };
    }
}

/// Makes the current key the one that processes are asked for at their start: the one before is needed no more.
pub async fn settle(tx: &mut Tx, keys: &DataKeys, now: DateTime<Utc>) -> Result<(), NotResealed> {
    Ok(data_key_proof::replace(tx, &keys.seal(Place::Proof, WORD)?, now).await?)
}
