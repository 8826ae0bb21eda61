//! What administrators may do to accounts, whoever asks: the API or a terminal.

use crate::{
    ids::{TokenId, UserId},
    user::{Role, UserStatus},
};

/// An act on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    SetRole(Role),
    /// Nobody signs in to it, and nothing it holds open goes on.
    Suspend,
    Unsuspend,
    /// Signs it out everywhere.
    EndSessions,
    /// One of its personal access tokens, or all of them.
    RevokeTokens(Option<TokenId>),
    /// For somebody who has lost the app and the recovery codes.
    RemoveSecondFactor,
}

impl Act {
    /// Its name in the audit log.
    pub const fn action(self) -> &'static str {
        match self {
            Self::SetRole(_) => "user.set_role",
            Self::Suspend => "user.suspend",
            Self::Unsuspend => "user.unsuspend",
            Self::EndSessions => "user.end_sessions",
            Self::RevokeTokens(_) => "user.revoke_tokens",
            Self::RemoveSecondFactor => "user.remove_second_factor",
        }
    }

    /// Whether it only takes away what lets somebody in: anybody may do that to their own account.
    pub const fn signs_out(self) -> bool {
        matches!(self, Self::EndSessions | Self::RevokeTokens(_))
    }

    /// Whether an admin is one no more after it.
    pub fn takes_an_admin_away(self) -> bool {
        self == Self::Suspend || matches!(self, Self::SetRole(role) if role != Role::Admin)
    }
}

/// The account as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub id: UserId,
    pub role: Role,
    pub status: UserStatus,
    /// Whether its owner has confirmed its address: until then it may belong to whoever typed it.
    pub confirmed: bool,
    /// Whether somebody else is an active admin; asked for only where [`Act::takes_an_admin_away`].
    pub another_admin: bool,
}

/// Why it is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("nobody does this to their own account")]
    OwnAccount,
    #[error("this is the last active admin")]
    LastAdmin,
    #[error("the account is {0}, which does not allow this")]
    Status(UserStatus),
    #[error("nobody has confirmed the account's address, so it may be a stranger's")]
    Unconfirmed,
}

/// Whether the act may be done to the account, `by` a person or, without one, at a terminal.
pub fn check(act: Act, by: Option<UserId>, account: &Account) -> Result<(), Refusal> {
    if by == Some(account.id) && !act.signs_out() {
        return Err(Refusal::OwnAccount);
    }
    let fits = match act {
        Act::SetRole(_) | Act::EndSessions | Act::RevokeTokens(_) | Act::RemoveSecondFactor => {
            account.status != UserStatus::Deleted
        }
        Act::Suspend => matches!(account.status, UserStatus::Active | UserStatus::Inactive),
        Act::Unsuspend => account.status == UserStatus::Suspended,
    };
    if !fits {
        return Err(Refusal::Status(account.status));
    }
    if let Act::SetRole(role) = act
        && !account.confirmed
        && !matches!(role, Role::Consumer | Role::Creator)
    {
        return Err(Refusal::Unconfirmed);
    }
    let is_admin = account.role == Role::Admin && account.status == UserStatus::Active;
    if is_admin && act.takes_an_admin_away() && !account.another_admin {
        return Err(Refusal::LastAdmin);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTS: [Act; 7] = [
        Act::SetRole(Role::Moderator),
        Act::SetRole(Role::Admin),
        Act::Suspend,
        Act::Unsuspend,
        Act::EndSessions,
        Act::RevokeTokens(None),
        Act::RemoveSecondFactor,
    ];

    fn account(role: Role, status: UserStatus) -> Account {
        Account { id: UserId::new(), role, status, confirmed: true, another_admin: true }
    }

    #[test]
    fn nobody_judges_their_own_account() {
        let own = account(Role::Admin, UserStatus::Active);
        for act in ACTS {
            let expected = if act.signs_out() { Ok(()) } else { Err(Refusal::OwnAccount) };
            assert_eq!(check(act, Some(own.id), &own), expected, "{act:?}");
        }
    }

    #[test]
    fn one_admin_stays() {
        for act in ACTS.into_iter().filter(|act| *act != Act::Unsuspend) {
            let last = Account { another_admin: false, ..account(Role::Admin, UserStatus::Active) };
            let goes = [Act::SetRole(Role::Moderator), Act::Suspend].contains(&act);
            for by in [None, Some(UserId::new())] {
                assert_eq!(check(act, by, &last), if goes { Err(Refusal::LastAdmin) } else { Ok(()) }, "{act:?}");
            }
            assert_eq!(check(act, None, &Account { another_admin: true, ..last }), Ok(()), "{act:?}");
            // A suspended one is no admin any more.
            let asleep = Account { status: UserStatus::Inactive, ..last };
            assert_eq!(check(act, None, &asleep), Ok(()), "{act:?}");
        }
    }

    #[test]
    fn rights_over_others_go_to_confirmed_accounts() {
        let unconfirmed = Account { confirmed: false, ..account(Role::Consumer, UserStatus::Active) };
        for role in [Role::Consumer, Role::Creator, Role::Moderator, Role::Operator, Role::Admin] {
            let expected =
                if matches!(role, Role::Consumer | Role::Creator) { Ok(()) } else { Err(Refusal::Unconfirmed) };
            assert_eq!(check(Act::SetRole(role), None, &unconfirmed), expected, "{role}");
        }
        assert_eq!(check(Act::Suspend, None, &unconfirmed), Ok(()));
    }

    #[test]
    fn acts_fit_the_status() {
        for (status, suspend, unsuspend, others) in [
            (UserStatus::Active, true, false, true),
            (UserStatus::Inactive, true, false, true),
            (UserStatus::Suspended, false, true, true),
            (UserStatus::Deleted, false, false, false),
        ] {
            for act in ACTS {
                let fits = match act {
                    Act::Suspend => suspend,
                    Act::Unsuspend => unsuspend,
                    _ => others,
                };
                let expected = if fits { Ok(()) } else { Err(Refusal::Status(status)) };
                assert_eq!(check(act, None, &account(Role::Creator, status)), expected, "{act:?} {status}");
            }
        }
    }
}
