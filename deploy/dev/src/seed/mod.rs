//! The demo content of `make run`: accounts and published nanos.

pub mod accounts;
pub mod archives;
pub mod client;
pub mod content;
pub mod publish;

use anyhow::Result;
use futures::future::try_join_all;
use servers::progress::Progress;

use crate::supervisor::stack::Stack;
use accounts::{ADMIN, CONSUMER, CREATOR, MODERATOR, OPERATOR};
use client::Api;
use content::Content;
use publish::Outcome;

/// Brings in what is missing, so a second start adds nothing and an interrupted first one is completed.
pub async fn seed(stack: &Stack, api: &Api, content: &Content, progress: &Progress) -> Result<()> {
    let accounts = async {
        for account in [ADMIN, OPERATOR, CONSUMER] {
            account.open(stack, api).await?;
        }
        anyhow::Ok((CREATOR.open(stack, api).await?, MODERATOR.open(stack, api).await?))
    };
    let (creator, moderator) = progress.step("demo accounts", accounts).await?;
    let there: Vec<String> = api.published().await?.into_iter().map(|nano| nano.title).collect();
    let mut missing = content.good.iter().filter(|unit| !there.contains(&unit.title));
    let publish = async |unit| {
        let nano = publish::upload(&creator, unit).await?.nano;
        let outcome =
            publish::follow(&creator, nano, &[Outcome::Live, Outcome::PendingReview, Outcome::Rejected], |_| {});
        match outcome.await? {
            Outcome::Live => {}
            Outcome::PendingReview => {
                publish::approve(&moderator, nano).await?;
                publish::follow(&creator, nano, &[Outcome::Live], |_| {}).await?;
            }
            Outcome::Rejected => anyhow::bail!("{:?} was rejected", unit.title),
        }
        progress.say(format!("published {:?}", unit.title));
        Ok(())
    };
    // A creator's first nano goes to a human; the others follow without one.
    if let Some(first) = missing.next() {
        publish(first).await?;
    }
    try_join_all(missing.map(publish)).await?;
    Ok(())
}
