//! A login for each role. Creators and consumers sign up as anybody does; staff is made on the command line.

use std::time::Duration;

use anyhow::{Context, Result};
use servers::database::DEV_SCHEMA;

use crate::{
    seed::client::{Api, Session},
    supervisor::stack::Stack,
};

/// Of every demo account.
pub const PASSWORD: &str = "nano-demo-4711";
/// From registration to the mail, hashing and two jobs included.
const MAIL_WITHIN: Duration = Duration::from_secs(60);

pub struct Account {
    pub role: &'static str,
    pub username: &'static str,
    pub name: &'static str,
    pub language: &'static str,
}

pub const CREATOR: Account = Account { role: "creator", username: "clara", name: "Clara Creator", language: "de" };
pub const CONSUMER: Account = Account { role: "consumer", username: "leo", name: "Leo Learner", language: "en" };
pub const MODERATOR: Account = Account { role: "moderator", username: "mona", name: "Mona Moderator", language: "de" };
pub const OPERATOR: Account = Account { role: "operator", username: "otto", name: "Otto Operator", language: "en" };
pub const ADMIN: Account = Account { role: "admin", username: "anna", name: "Anna Admin", language: "de" };

impl Account {
    pub fn email(&self) -> String {
        format!("{}@nano.example", self.username)
    }

    /// Signs in, after making the account, or completing it where an earlier run was interrupted.
    pub async fn open(&self, stack: &Stack, api: &Api) -> Result<Session> {
        let email = self.email();
        // Asked of the database: failed logins are counted, and the next ones refused.
        let sql = format!("SELECT email_verified_at IS NOT NULL, role FROM {DEV_SCHEMA}.users WHERE email = '{email}'");
        let known = stack.services.database.query(&sql).await?.into_iter().next();
        let signs_up = matches!(self.role, "creator" | "consumer");
        match (&known, signs_up) {
            (None, false) => self.make(stack).await?,
            (None, true) => api.register(&email, self.username, self.name, PASSWORD, self.language).await?,
            (Some(_), _) => {}
        }
        let [verified, role] = known.and_then(|row| row.try_into().ok()).unwrap_or_default();
        if signs_up && verified != "1" {
            api.verify(&self.token(stack).await?).await?;
        }
        let session = api.login(&email, PASSWORD).await?;
        if self.role == "creator" && role != self.role {
            session.accept_creator_terms().await?;
        }
        Ok(session)
    }

    /// From the link in the verification mail.
    async fn token(&self, stack: &Stack) -> Result<String> {
        let email = self.email();
        let token = |mail: &servers::mail::Mail| {
            let links = mail.links().into_iter();
            links.filter_map(|link| Some(link.split_once("token=")?.1.split('&').next()?.to_owned())).next()
        };
        let wanted = |mail: &servers::mail::Mail| mail.to.contains(&email) && token(mail).is_some();
        let mail = stack.services.mail.wait_for(wanted, MAIL_WITHIN).await?;
        token(&mail).context("the mail has no link")
    }

    async fn make(&self, stack: &Stack) -> Result<()> {
        let email = self.email();
        let args = ["admin", "create", "--email", &email, "--username", self.username, "--name", self.name];
        let rest = ["--role", self.role, "--language", self.language, "--password-stdin"];
        stack.worker(&[&args[..], &rest].concat(), Some(&format!("{PASSWORD}\n"))).await
    }
}
