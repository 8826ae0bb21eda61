//! Troubles of a job, in words for the person whose upload it is. They say nothing about the inside of the system; error
//! texts are for those who operate jobs.

use domain::user::Language;
use queue::{
    class,
    ledger::{Action, JobRow, State},
};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! troubles {
    ($($name:ident = $word:literal, $en:literal, $de:literal;)*) => {
        /// What is wrong with a job.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Trouble { $(#[doc = $en] $name,)* }

        impl Trouble {
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::En) => $en, (Self::$name, Language::De) => $de,)*
                }
            }
        }
    };
}

troubles! {
    ServiceAway = "service_away",
        "A service that this step needs is away. The step waits for it and goes on by itself.",
        "Ein Dienst, den dieser Schritt braucht, ist nicht da. Der Schritt wartet auf ihn und geht von selbst weiter.";
    TriedAgain = "tried_again",
        "The step failed. It is tried again by itself after a pause.",
        "Der Schritt ist fehlgeschlagen. Nach einer Pause wird er von selbst noch einmal versucht.";
    TooSlow = "too_slow",
        "The step took longer than it may, and was given up. Trying again may help; a smaller file helps for sure.",
        "Der Schritt hat länger gebraucht, als er darf, und wurde aufgegeben. Ein neuer Versuch kann helfen, eine kleinere Datei sicher.";
    GivenUp = "given_up",
        "The step failed each time it was tried, and was given up. Trying again may help once its cause is gone.",
        "Der Schritt ist jedes Mal fehlgeschlagen und wurde aufgegeben. Ein neuer Versuch hilft, wenn die Ursache behoben ist.";
    NotPossible = "not_possible",
        "The step cannot be done as it is. Our operators see it; trying again helps only after they have mended it.",
        "Der Schritt ist so nicht möglich. Unser Betrieb sieht ihn; ein neuer Versuch hilft erst, wenn er behoben ist.";
    SetAside = "set_aside",
        "The step broke off several times while it worked on this file. It is set aside until our operators have looked at it.",
        "Der Schritt ist bei dieser Datei mehrmals abgebrochen. Er liegt beiseite, bis unser Betrieb ihn angesehen hat.";
    TooMuchMemory = "too_much_memory",
        "The file needs more memory than a step may take. It is set aside until our operators have looked at it; a smaller file helps.",
        "Die Datei braucht mehr Speicher, als ein Schritt nehmen darf. Sie liegt beiseite, bis unser Betrieb sie angesehen hat; eine kleinere Datei hilft.";
    Cancelled = "cancelled",
        "The step was cancelled before it was done.",
        "Der Schritt wurde abgebrochen, bevor er fertig war.";
}

/// What went wrong, in plain words.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// For programs: `service_away`, `tried_again`, `too_slow`, `given_up`, `not_possible`, `set_aside`,
    /// `too_much_memory` or `cancelled`.
    #[schema(example = "given_up")]
    pub code: &'static str,
    /// For people, by `Accept-Language`.
    pub text: &'static str,
}

/// What is wrong with a job whose newest error has this class; nothing while it waits, runs and ends as it should.
pub fn trouble(state: State, last_class: Option<&str>) -> Option<Trouble> {
    match (state, last_class) {
        (State::Cancelled, _) => Some(Trouble::Cancelled),
        (State::Retryable, _) => Some(Trouble::TriedAgain),
        (State::Discarded, Some(class::TIMEOUT)) => Some(Trouble::TooSlow),
        (State::Discarded, Some(class::ARGUMENTS | class::DISCARD)) => Some(Trouble::NotPossible),
        (State::Discarded, _) => Some(Trouble::GivenUp),
        (State::Quarantined, Some(class::OUT_OF_MEMORY)) => Some(Trouble::TooMuchMemory),
        (State::Quarantined, _) => Some(Trouble::SetAside),
        (State::Scheduled | State::Available | State::Running, Some(class::TRANSIENT)) => Some(Trouble::ServiceAway),
        _ => None,
    }
}

impl Explanation {
    pub fn of(state: State, last_class: Option<&str>, language: Language) -> Option<Self> {
        let trouble = trouble(state, last_class)?;
        Some(Self { code: trouble.as_str(), text: trouble.text(language) })
    }
}

/// Whether the job can be tried again, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Retry {
    pub possible: bool,
    /// `not_allowed` (the caller may look, not retry), `not_a_step` (only the steps of an upload are its owner's to retry), `goes_on` (it is on its way by itself),
    /// `completed`, or `set_aside` (operators look at it first).
    #[schema(example = "goes_on")]
    pub why_not: Option<&'static str>,
}

impl Retry {
    const fn no(why: &'static str) -> Self {
        Self { possible: false, why_not: Some(why) }
    }

    /// For those who may only look.
    pub const fn not_allowed() -> Self {
        Self::no("not_allowed")
    }

    /// For the job's owner: a step of an upload that was given up or cancelled, or that waits for its next attempt.
    pub fn by_owner(row: &JobRow) -> Self {
        if !jobs::KINDS.find(&row.kind).is_some_and(|kind| kind.owner_may_retry) {
            return Self::no("not_a_step");
        }
        match row.state {
            state if Self::owners(state) => Self { possible: true, why_not: None },
            State::Quarantined => Self::no("set_aside"),
            State::Completed => Self::no("completed"),
            _ => Self::no("goes_on"),
        }
    }

    /// Whether a step in this state is its owner's to retry.
    pub const fn owners(state: State) -> bool {
        matches!(state, State::Discarded | State::Cancelled | State::Retryable)
    }

    /// For those who operate jobs.
    pub const fn by_operator(state: State) -> Self {
        match state {
            state if Action::Retry.fits(state) => Self { possible: true, why_not: None },
            State::Completed => Self::no("completed"),
            _ => Self::no("goes_on"),
        }
    }
}

/// Whether a step in this state is its owner's to cancel: it failed, and waits for its next attempt.
pub const fn owners_cancel(state: State) -> bool {
    matches!(state, State::Retryable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_as_it_should_needs_no_words() {
        for state in [State::Available, State::Running, State::Waiting, State::Blocked, State::Completed] {
            assert_eq!(trouble(state, None), None, "{state}");
        }
        assert_eq!(trouble(State::Completed, Some("failed")), None, "what is done is done");
        assert_eq!(trouble(State::Running, Some("failed")), None, "the next attempt has begun");
    }

    #[test]
    fn the_words_go_by_state_and_class() {
        assert_eq!(trouble(State::Scheduled, Some("transient")), Some(Trouble::ServiceAway));
        assert_eq!(trouble(State::Discarded, Some("timeout")), Some(Trouble::TooSlow));
        assert_eq!(trouble(State::Discarded, Some("discard")), Some(Trouble::NotPossible));
        assert_eq!(trouble(State::Discarded, Some("smtp")), Some(Trouble::GivenUp));
        assert_eq!(trouble(State::Quarantined, Some("out_of_memory")), Some(Trouble::TooMuchMemory));
        assert_eq!(trouble(State::Quarantined, Some("lost")), Some(Trouble::SetAside));
    }

    #[test]
    fn each_trouble_has_a_word_and_two_sentences() {
        for trouble in Trouble::ALL {
            assert_eq!(Trouble::ALL.iter().filter(|other| other.as_str() == trouble.as_str()).count(), 1);
            assert_ne!(trouble.text(Language::De), trouble.text(Language::En));
            assert!(trouble.text(Language::De).ends_with('.') && trouble.text(Language::En).ends_with('.'));
        }
    }
}
