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

/// What the demo learner thinks of the newest units.
const OPINIONS: &[(u8, &str)] = &[
    (5, "Short, clear, and I remember it a week later."),
    (4, "Good examples. A few more exercises would help."),
    (3, ""),
];

/// Brings in what is missing, so a second start adds nothing and an interrupted first one is completed.
pub async fn seed(stack: &Stack, api: &Api, content: &Content, progress: &Progress) -> Result<()> {
    let accounts = async {
        for account in [ADMIN, OPERATOR] {
            account.open(stack, api).await?;
        }
        anyhow::Ok((
            CREATOR.open(stack, api).await?,
            MODERATOR.open(stack, api).await?,
            CONSUMER.open(stack, api).await?,
        ))
    };
    let (creator, moderator, consumer) = progress.step("demo accounts", accounts).await?;
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
    for (nano, (score, comment)) in api.published().await?.into_iter().zip(OPINIONS) {
        consumer.rate(nano.id, *score, comment).await?;
    }
    Ok(())
}
