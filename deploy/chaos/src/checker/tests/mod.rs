//! A clean result, spoiled in every way there is: the checker has to see each, under the right heading.

mod results;
mod runs;

use super::*;
use chrono::{DateTime, Utc};

use crate::{
    checker::{
        evidence::{DeliveryFact, MailFact, ObjectFact},
        index::DocumentFact,
        journal::{AttemptFact, RunFact},
        schedule::{EACH_SECOND, EntryFact, TickFact},
    },
    load::steering::{Moment, SchedulePause},
};

const SHA: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn uploads() -> Vec<Accepted> {
    let upload = |number: usize, expect| Accepted {
        number,
        title: format!("Unit {number} word{number}"),
        word: format!("word{number}"),
        creator: "creator-1@nano.example".into(),
        nano: Uuid::new_v4(),
        upload: Uuid::new_v4(),
        job: Uuid::new_v4(),
        sha256: SHA.into(),
        size: 100,
        expect,
    };
    vec![upload(0, Expectation::Published), upload(1, Expectation::Rejected), upload(2, Expectation::Published)]
}

/// What a run without a fault leaves behind.
fn clean(accepted: &[Accepted]) -> Evidence {
    let mut evidence = Evidence::default();
    for upload in accepted {
        let published = upload.expect == Expectation::Published;
        let (status, jobs, events, template, verb) = match upload.expect {
            Expectation::Published => {
                ("published", &PUBLISHED[..], &EVENTS_OF_PUBLISHED[..], "nano_published", "is published")
            }
            Expectation::Rejected => {
                ("rejected", &CHECKED[..], &EVENTS_OF_REJECTED[..], "nano_rejected", "was not accepted")
            }
        };
        let version = VersionFact {
            id: Uuid::new_v4(),
            upload: upload.upload,
            state: status.into(),
            uploaded_sha256: upload.sha256.clone(),
            uploaded_size: upload.size,
            canonical_sha256: published.then(|| SHA.to_owned()),
        };
        let delivery = Uuid::new_v4();
        let job = |kind: &str| JobFact {
            id: Uuid::new_v4(),
            kind: kind.into(),
            state: "completed".into(),
            runs: 1,
            ..JobFact::default()
        };
        evidence.jobs.extend(jobs.iter().map(|kind| JobFact { nano: Some(upload.nano), ..job(kind) }));
        evidence.jobs.push(JobFact { delivery: Some(delivery), ..job("send_email") });
        let key = format!("{template}:{}", version.id);
        evidence.deliveries.push(DeliveryFact { id: delivery, key, state: "sent".into() });
        evidence.mails.push(MailFact {
            to: vec![upload.creator.clone()],
            subject: format!("\"{}\" {verb}", upload.title),
            message_id: delivery.to_string(),
        });
        let events = events.iter().map(|kind| ((*kind).to_owned(), 1)).collect();
        evidence.nanos.insert(upload.nano, NanoFact { status: status.into(), versions: vec![version], events });
        evidence.uploads.insert(upload.upload, "finished".into());
        if published {
            let archive = ObjectFact { size: 1, sha256: SHA.into(), picture: None };
            evidence.objects.insert(format!("nanos/{}/{SHA}.zip", upload.nano), archive);
            let sent = ObjectFact { size: upload.size as u64, sha256: upload.sha256.clone(), picture: None };
            evidence.objects.insert(format!("uploads/{}.zip", upload.upload), sent);
            for name in THUMBNAILS {
                let picture = ObjectFact { size: 1, sha256: String::new(), picture: Some((320, 200)) };
                evidence.objects.insert(format!("thumbnails/{}/{SHA}/{name}", upload.nano), picture);
            }
            let title = upload.title.clone();
            evidence.index.documents.push(DocumentFact { nano: upload.nano, title });
        }
        let found = if published { vec![upload.nano] } else { Vec::new() };
        evidence.index.found.insert(upload.word.clone(), found);
    }
    let worker = Uuid::new_v4();
    evidence.journal.runs = evidence.jobs.iter().map(|job| run(job, 1, worker, 0, Some(1))).collect();
    ticking(&mut evidence, worker);
    evidence
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn run(job: &JobFact, run: u32, worker: Uuid, began: i64, ended: Option<i64>) -> RunFact {
    RunFact { job: job.id, run, kind: job.kind.clone(), worker, pid: 7, began: at(began), ended: ended.map(at) }
}

/// A schedule that fires each second for ten seconds, and one job for two ticks each.
fn ticking(evidence: &mut Evidence, worker: Uuid) {
    let (name, kind) = ("tick".to_owned(), "tick".to_owned());
    evidence.entries.push(EntryFact { name, kind, expression: EACH_SECOND.into() });
    for second in 0..10 {
        if second % 2 == 0 {
            let (kind, state) = ("tick".into(), "completed".into());
            let job = JobFact { id: Uuid::new_v4(), kind, state, runs: 1, ..JobFact::default() };
            evidence.journal.runs.push(run(&job, 1, worker, second + 2, Some(second + 3)));
            evidence.jobs.push(job);
        }
        let job = evidence.jobs.last().map(|job| job.id);
        let (entry, outcome) = ("tick".into(), "fired".into());
        evidence.ticks.push(TickFact { entry, due: at(second), outcome, job, decided: at(second) });
    }
}

/// The last line after `spoil`, which gets the evidence and the uploads it is about.
fn after(spoil: impl Fn(&mut Evidence, &[Accepted])) -> String {
    let accepted = uploads();
    let mut evidence = clean(&accepted);
    spoil(&mut evidence, &accepted);
    judge(&evidence, &accepted).to_string()
}

fn counts(lost: usize, duplicated: usize, stuck: usize, quarantined: usize, ambiguous: usize) -> String {
    format!("lost {lost}, duplicated {duplicated}, stuck {stuck}, quarantined {quarantined}, ambiguous {ambiguous}")
}

fn job<'a>(evidence: &'a mut Evidence, kind: &str) -> &'a mut JobFact {
    evidence.jobs.iter_mut().find(|job| job.kind == kind).unwrap()
}
