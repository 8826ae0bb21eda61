//! Health: the one thing to know first about the queue, as a sentence. The overview of the API and of the web app, `worker
//! status` and alerts all say this one.

mod texts;

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError};
use serde::Serialize;

use crate::ledger::{
    State,
    controls::pauses::{self, Pause, Scope},
    list::Total,
    stats::{
        error_groups::{self, Group},
        queues::{self, QueueStatus},
        series::{self, Ended},
    },
    workers::{self, WorkerRow, WorkerState},
};

/// Minutes back from now that a queue's pace is made from.
pub const WINDOW: u64 = 60;
/// Causes that are looked at, last seen first.
pub const CAUSES: u32 = 20;
/// Nobody minds what waits for less.
const ON_TIME: TimeDelta = TimeDelta::seconds(60);
/// A worker that did not say that it lives for so long is not counted, though nobody may be left to declare it dead.
const SILENT: TimeDelta = TimeDelta::seconds(15);

words::words! {
    /// How urgent it is.
    pub enum Tone ("tone") {
        Good = "good",
        /// Somebody should look at it today.
        Warn = "warn",
        /// Somebody should act now.
        Bad = "bad",
    }
}

words::words! {
    /// What there is to know first, the worst there is.
    pub enum Verdict ("verdict") {
        /// Everything is paused.
        Paused = "paused",
        NoWorkers = "no_workers",
        /// Jobs wait in queues that no worker takes.
        Unserved = "unserved",
        /// Jobs of queues wait for more than a minute.
        Behind = "behind",
        QueuesPaused = "queues_paused",
        /// Jobs were given up, and nobody has looked after them.
        GivenUp = "given_up",
        Fine = "fine",
    }
}

impl Verdict {
    /// How urgent it is.
    pub const fn tone(self) -> Tone {
        match self {
            Self::Paused | Self::NoWorkers | Self::Unserved => Tone::Bad,
            Self::Behind | Self::QueuesPaused | Self::GivenUp => Tone::Warn,
            Self::Fine => Tone::Good,
        }
    }
}

/// The same in each language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    pub de: String,
    pub en: String,
}

/// How everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub verdict: Verdict,
    /// The queues that it is about, the one that is furthest behind first.
    pub queues: Vec<String>,
    /// One sentence.
    pub sentence: Text,
    /// How much waits, what it would take, and what else there is; one to three sentences.
    pub detail: Text,
}

/// What the ledger shows.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub queues: &'a [QueueStatus],
    /// Of the last [`WINDOW`] minutes.
    pub ended: &'a [Ended],
    pub pauses: &'a [Pause],
    pub workers: &'a [WorkerRow],
    /// The first [`CAUSES`], last seen first.
    pub causes: &'a [Group],
}

/// What of it is put into words.
struct Facts<'a> {
    verdict: Verdict,
    /// The worst first.
    queues: Vec<Line<'a>>,
    /// Jobs that are ready and wait, in these queues or, without any, in all.
    waiting: Total,
    /// Jobs that completed there in a minute.
    per_minute: f64,
    /// Why everything, or the first of these queues, is paused.
    reason: &'a str,
    /// Jobs that were given up and still are, and how many causes that has.
    open: Total,
    causes: usize,
}

#[derive(Clone, Copy)]
struct Line<'a> {
    name: &'a str,
    waiting: Total,
    /// How long the first job has waited.
    age: TimeDelta,
    per_minute: f64,
    pause: Option<&'a Pause>,
    served: bool,
}

impl Facts<'_> {
    /// Until what waits is done at this pace, if it ever is.
    fn minutes(&self) -> Option<u64> {
        // A count fits, and no pace is negative.
        (self.per_minute > 0.0).then(|| (self.waiting.count as f64 / self.per_minute).ceil() as u64)
    }
}

/// What is wrong first, put into words. `now`: by the clock of the times that were seen.
pub fn health(seen: &Seen<'_>, now: DateTime<Utc>) -> Health {
    let facts = facts(seen, now);
    Health {
        verdict: facts.verdict,
        queues: facts.queues.iter().map(|line| line.name.to_owned()).collect(),
        sentence: Text { de: texts::de::sentence(&facts), en: texts::en::sentence(&facts) },
        detail: Text { de: texts::de::detail(&facts), en: texts::en::detail(&facts) },
    }
}

/// How the queues of these names and all others that have jobs are just now.
pub async fn look(db: &Db, names: &[&str], now: DateTime<Utc>) -> Result<Health, DbError> {
    let window = TimeDelta::minutes(i64::try_from(WINDOW).unwrap_or_default());
    let filter =
        series::Filter { since: now - window, until: now + TimeDelta::minutes(1), ..series::Filter::default() };
    let of_any_cause = error_groups::Filter::default();
    let (queues, ended, pauses, workers, (causes, _)) = tokio::try_join!(
        queues::all(db, names),
        series::by_queue(db, &filter),
        pauses::list(db),
        workers::list(db),
        error_groups::page(db, &of_any_cause, None, CAUSES),
    )?;
    let seen = Seen { queues: &queues, ended: &ended, pauses: &pauses, workers: &workers, causes: &causes };
    Ok(health(&seen, now))
}

/// Whether a worker runs or may run jobs.
pub fn is_alive(worker: &WorkerRow, now: DateTime<Utc>) -> bool {
    worker.state.lives() && now - worker.seen_at < SILENT
}

/// Jobs that were given up and still are, and how many of the causes have any.
pub fn open(causes: &[Group]) -> (Total, usize) {
    (sum(causes.iter().map(|cause| cause.open)), causes.iter().filter(|cause| cause.open.count > 0).count())
}

fn facts<'a>(seen: &Seen<'a>, now: DateTime<Utc>) -> Facts<'a> {
    let mut lines: Vec<Line<'a>> = seen.queues.iter().map(|status| line(status, seen, now)).collect();
    lines.sort_by_key(|line| Reverse(line.age));
    let everything = seen.pauses.iter().find(|pause| pause.scope == Scope::All);
    let some =
        |which: fn(&Line<'_>) -> bool| -> Vec<Line<'a>> { lines.iter().filter(|line| which(line)).copied().collect() };
    let unserved = some(|line| line.pause.is_none() && line.waiting.count > 0 && !line.served);
    let behind = some(|line| line.pause.is_none() && line.age > ON_TIME);
    let paused = some(|line| line.pause.is_some());
    let (open, causes) = open(seen.causes);
    let (verdict, queues) = if everything.is_some() {
        (Verdict::Paused, Vec::new())
    } else if !seen.workers.iter().any(|worker| is_alive(worker, now)) {
        (Verdict::NoWorkers, Vec::new())
    } else if !unserved.is_empty() {
        (Verdict::Unserved, unserved)
    } else if !behind.is_empty() {
        (Verdict::Behind, behind)
    } else if !paused.is_empty() {
        (Verdict::QueuesPaused, paused)
    } else if open.count > 0 {
        (Verdict::GivenUp, Vec::new())
    } else {
        (Verdict::Fine, Vec::new())
    };
    let about = if queues.is_empty() { &lines } else { &queues };
    let pause = everything.or_else(|| queues.first().and_then(|line| line.pause));
    Facts {
        verdict,
        waiting: sum(about.iter().map(|line| line.waiting)),
        per_minute: about.iter().map(|line| line.per_minute).sum(),
        reason: pause.map_or("", |pause| pause.reason.as_str()),
        queues,
        open,
        causes,
    }
}

fn line<'a>(status: &'a QueueStatus, seen: &Seen<'a>, now: DateTime<Utc>) -> Line<'a> {
    let name = status.queue.as_str();
    let waiting = status.counts.iter().find(|(state, _)| *state == State::Available).map(|(_, total)| *total);
    let completed: u64 =
        seen.ended.iter().filter(|row| row.queue == name && row.outcome == "completed").map(|row| row.runs).sum();
    let takes = |worker: &WorkerRow| {
        worker.state == WorkerState::Alive
            && worker.drain_requested_at.is_none()
            && worker.queues.split(',').any(|queue| queue == name)
    };
    Line {
        name,
        waiting: waiting.unwrap_or_default(),
        age: status.oldest.map_or(TimeDelta::zero(), |oldest| (now - oldest).max(TimeDelta::zero())),
        per_minute: completed as f64 / WINDOW as f64,
        pause: seen.pauses.iter().find(|pause| pause.scope == Scope::Queue && pause.name == name),
        served: seen.workers.iter().any(|worker| is_alive(worker, now) && takes(worker)),
    }
}

fn sum(totals: impl Iterator<Item = Total>) -> Total {
    totals.fold(Total::default(), |sum, total| Total {
        count: sum.count + total.count,
        capped: sum.capped || total.capped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{JobId, WorkerId},
        ledger::list::Fingerprint,
    };

    fn now() -> DateTime<Utc> {
        "2026-11-30T12:00:00Z".parse().unwrap()
    }

    fn ago(seconds: i64) -> DateTime<Utc> {
        now() - TimeDelta::seconds(seconds)
    }

    fn queue(name: &str, waiting: u64, seconds: i64) -> QueueStatus {
        QueueStatus {
            queue: name.into(),
            counts: vec![(State::Available, Total { count: waiting, capped: false })],
            oldest: (waiting > 0).then(|| ago(seconds)),
            oldest_is_a_guess: false,
        }
    }

    fn worker(queues: &str) -> WorkerRow {
        WorkerRow {
            id: WorkerId::new(),
            name: "vm:1".into(),
            version: "0.1.0".into(),
            queues: queues.into(),
            state: WorkerState::Alive,
            started_at: ago(100),
            seen_at: ago(1),
            slots: 2,
            memory_bytes: None,
            drain_requested_at: None,
            drain_reason: None,
            unconfined: None,
        }
    }

    fn pause(scope: Scope, name: &str) -> Pause {
        let reason = "the server moves".into();
        Pause { scope, name: name.into(), reason, actor: None, paused_at: ago(600), expires_at: None }
    }

    fn cause(open: u64) -> Group {
        Group {
            fingerprint: Fingerprint([7; 16]),
            kind: "send_email".into(),
            class: "failed".into(),
            message: "no".into(),
            failures: 9,
            first_seen: ago(900),
            last_seen: ago(9),
            first_version: "0.1.0".into(),
            last_version: "0.1.0".into(),
            last_job: JobId::new(),
            open: Total { count: open, capped: false },
            retrying: Total::default(),
        }
    }

    fn fleet() -> Vec<WorkerRow> {
        vec![worker("uploads,mail,media")]
    }

    #[derive(Default)]
    struct Case {
        queues: Vec<QueueStatus>,
        ended: Vec<Ended>,
        pauses: Vec<Pause>,
        workers: Vec<WorkerRow>,
        causes: Vec<Group>,
    }

    impl Case {
        fn health(&self) -> Health {
            let Self { queues, ended, pauses, workers, causes } = self;
            health(&Seen { queues, ended, pauses, workers, causes }, now())
        }

        #[track_caller]
        fn says(&self, verdict: Verdict, sentence: [&str; 2], detail: [&str; 2]) {
            let health = self.health();
            assert_eq!(health.verdict, verdict);
            assert_eq!([health.sentence.en.as_str(), &health.sentence.de], sentence);
            assert_eq!([health.detail.en.as_str(), &health.detail.de], detail);
        }
    }

    #[test]
    fn all_is_well() {
        let case =
            Case { queues: vec![queue("uploads", 3, 5), queue("mail", 0, 0)], workers: fleet(), ..Case::default() };
        case.says(
            Verdict::Fine,
            ["Everything is on time.", "Alles ist pünktlich."],
            ["3 jobs wait.", "3 Jobs warten."],
        );
        assert_eq!(Verdict::Fine.tone(), Tone::Good);
    }

    #[test]
    fn a_queue_is_behind_and_how_long_it_takes_at_its_pace() {
        let ended = vec![
            Ended { queue: "uploads".into(), outcome: "completed".into(), runs: 3_120 },
            Ended { queue: "uploads".into(), outcome: "retry".into(), runs: 9_999 },
            Ended { queue: "mail".into(), outcome: "completed".into(), runs: 9_999 },
        ];
        let queues = vec![queue("mail", 4, 2), queue("uploads", 1_312, 248)];
        let case = Case { queues, ended, workers: fleet(), ..Case::default() };
        assert_eq!(case.health().queues, ["uploads"]);
        case.says(
            Verdict::Behind,
            [
                "uploads is 4 min behind; everything else is on time.",
                "uploads ist 4 min im Rückstand; alles andere ist pünktlich.",
            ],
            [
                "1,312 jobs wait. 52 complete in a minute: that takes about 26 minutes.",
                "1.312 Jobs warten. Fertig werden 52 in der Minute: So dauert es etwa 26 Minuten.",
            ],
        );
    }

    #[test]
    fn the_one_that_is_furthest_behind_comes_first_and_without_a_pace_there_is_no_end() {
        let queues = vec![queue("mail", 4, 90), queue("uploads", 3, 7_500), queue("media", 1, 200)];
        let case = Case { queues, workers: fleet(), ..Case::default() };
        assert_eq!(case.health().queues, ["uploads", "media", "mail"]);
        case.says(
            Verdict::Behind,
            [
                "uploads is 2 h 5 min behind, and so are 2 other queues.",
                "uploads ist 2 h 5 min im Rückstand, und 2 weitere Queues auch.",
            ],
            [
                "8 jobs wait. Nothing completed there within the last hour.",
                "8 Jobs warten. In der letzten Stunde wurde dort nichts fertig.",
            ],
        );
    }

    #[test]
    fn a_paused_queue_is_late_on_purpose_and_said_to_be_paused() {
        let case = Case {
            queues: vec![queue("mail", 88, 720)],
            pauses: vec![pause(Scope::Queue, "mail"), pause(Scope::Kind, "uploads")],
            workers: fleet(),
            causes: vec![cause(1)],
            ..Case::default()
        };
        case.says(
            Verdict::QueuesPaused,
            ["mail is paused; everything else is on time.", "mail ist pausiert; alles andere ist pünktlich."],
            [
                "the server moves. 88 jobs wait. One job is discarded.",
                "the server moves. 88 Jobs warten. Ein Job ist aufgegeben.",
            ],
        );
    }

    #[test]
    fn what_nobody_serves_is_worse_than_what_is_late() {
        let draining = WorkerRow { drain_requested_at: Some(ago(3)), ..worker("heavy") };
        let queues = vec![queue("heavy", 1, 5), queue("uploads", 3, 900)];
        let case = Case { queues, workers: [fleet(), vec![draining]].concat(), ..Case::default() };
        assert_eq!((case.health().queues, case.health().verdict.tone()), (vec!["heavy".to_owned()], Tone::Bad));
        case.says(
            Verdict::Unserved,
            ["heavy has no worker.", "heavy hat keinen Worker."],
            [
                "One job waits. Nothing is lost; start a worker that takes it.",
                "Ein Job wartet. Nichts geht verloren; starten Sie einen Worker, der ihn nimmt.",
            ],
        );
    }

    #[test]
    fn without_workers_or_while_everything_is_paused_nothing_else_matters() {
        let queues = || vec![queue("uploads", 3, 900)];
        let silent = WorkerRow { seen_at: ago(60), ..worker("uploads") };
        let dead = WorkerRow { state: WorkerState::Dead, ..worker("uploads") };
        for workers in [vec![], vec![silent], vec![dead]] {
            let case = Case { queues: queues(), workers, ..Case::default() };
            assert_eq!(case.health().verdict, Verdict::NoWorkers);
        }
        let case = Case {
            queues: queues(),
            workers: fleet(),
            pauses: vec![pause(Scope::All, pauses::EVERYTHING)],
            ..Case::default()
        };
        case.says(
            Verdict::Paused,
            ["Everything is paused: no job starts.", "Alles ist pausiert: Kein Job beginnt."],
            ["the server moves. 3 jobs wait.", "the server moves. 3 Jobs warten."],
        );
    }

    #[test]
    fn what_was_given_up_is_open_until_somebody_looks_after_it() {
        let case = Case {
            queues: vec![queue("mail", 0, 0)],
            workers: fleet(),
            causes: vec![cause(4_000), cause(0), cause(3)],
            ..Case::default()
        };
        case.says(
            Verdict::GivenUp,
            ["Everything is on time; 4,003 jobs were discarded.", "Alles ist pünktlich; 4.003 Jobs sind aufgegeben."],
            ["They have 2 causes.", "Sie haben 2 Ursachen."],
        );
        let one = Case { causes: vec![cause(1)], ..case };
        one.says(
            Verdict::GivenUp,
            ["Everything is on time; one job was discarded.", "Alles ist pünktlich; ein Job ist aufgegeben."],
            ["Nothing waits.", "Nichts wartet."],
        );
    }
}
