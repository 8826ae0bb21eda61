//! A clean result, spoiled in every way there is: the checker has to see each, under the right heading.

use super::*;
use crate::checker::evidence::{DeliveryFact, MailFact, ObjectFact};

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
    let mut evidence = Evidence { ticks: 2, tick_jobs: 2, ..Evidence::default() };
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
            let archive = ObjectFact { size: 1, sha256: Some(SHA.into()), is_webp: false };
            evidence.objects.insert(format!("nanos/{}/{SHA}.zip", upload.nano), archive);
            evidence.objects.insert(format!("uploads/{}.zip", upload.upload), ObjectFact::default());
            for name in THUMBNAILS {
                let picture = ObjectFact { size: 1, sha256: None, is_webp: true };
                evidence.objects.insert(format!("thumbnails/{}/{SHA}/{name}", upload.nano), picture);
            }
            evidence.documents += 1;
        }
        let found = if published { vec![upload.nano] } else { Vec::new() };
        evidence.found.insert(upload.word.clone(), found);
    }
    evidence
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

#[test]
fn a_clean_run_has_four_zeros() {
    assert_eq!(after(|_, _| {}), counts(0, 0, 0, 0, 0));
}

#[test]
fn jobs_that_have_not_ended_well_are_seen() {
    for state in ["available", "scheduled", "running", "retryable", "waiting", "blocked"] {
        assert_eq!(after(|it, _| job(it, "scan_content").state = state.into()), counts(0, 0, 1, 0, 0), "{state}");
    }
    assert_eq!(after(|it, _| job(it, "scan_content").state = "quarantined".into()), counts(0, 0, 0, 1, 0));
    assert_eq!(after(|it, _| job(it, "scan_content").state = "discarded".into()), counts(1, 0, 0, 0, 0));
}

#[test]
fn a_job_blamed_for_its_surroundings_makes_the_run_fail() {
    for blame in [|job: &mut JobFact| job.failures = 1, |job: &mut JobFact| job.crashes = 1] {
        let accepted = uploads();
        let mut evidence = clean(&accepted);
        blame(job(&mut evidence, "index_nano"));
        let verdict = judge(&evidence, &accepted);
        assert_eq!((verdict.blamed.len(), verdict.is_clean()), (1, false));
    }
    let accepted = uploads();
    let mut evidence = clean(&accepted);
    job(&mut evidence, "index_nano").lost = 3;
    assert!(judge(&evidence, &accepted).is_clean(), "being lost with its process is no blame");
}

#[test]
fn a_job_twice_or_not_at_all_is_seen() {
    let twice = |kind: &'static str| {
        after(move |it, _| {
            let again = JobFact { id: Uuid::new_v4(), ..job(it, kind).clone() };
            it.jobs.push(again);
        })
    };
    for kind in PUBLISHED.into_iter().chain(["send_email"]) {
        assert_eq!(twice(kind), counts(0, 1, 0, 0, 0), "{kind}");
    }
    let gone = |it: &mut Evidence, _: &[Accepted]| it.jobs.retain(|job| job.kind != "publish_nano");
    assert_eq!(after(gone), counts(2, 0, 0, 0, 0));
    assert_eq!(after(|it, _| it.tick_jobs = 3), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| it.tick_jobs = 1), counts(1, 0, 0, 0, 0));
}

#[test]
fn rows_that_are_not_as_promised_are_seen() {
    let nano = |it: &mut Evidence, all: &[Accepted], change: fn(&mut NanoFact)| {
        change(it.nanos.get_mut(&all[0].nano).unwrap());
    };
    assert_eq!(after(|it, all| drop(it.nanos.remove(&all[1].nano))), counts(1, 0, 0, 0, 0));
    // The index still counts it.
    assert_eq!(after(|it, all| nano(it, all, |nano| nano.status = "processing".into())), counts(1, 1, 0, 0, 0));
    assert_eq!(after(|it, all| nano(it, all, |nano| nano.versions.clear())), counts(1, 0, 0, 0, 0));
    let second = |nano: &mut NanoFact| nano.versions.extend_from_within(..);
    assert_eq!(after(|it, all| nano(it, all, second)), counts(0, 1, 0, 0, 0));
    let other = |nano: &mut NanoFact| nano.versions[0].uploaded_sha256 = "00".repeat(32);
    assert_eq!(after(|it, all| nano(it, all, other)), counts(1, 0, 0, 0, 0));
    let twice = |nano: &mut NanoFact| nano.events.extend([("published".to_owned(), 2)]);
    assert_eq!(after(|it, all| nano(it, all, twice)), counts(0, 1, 0, 0, 0));
    let silent = |nano: &mut NanoFact| nano.events.retain(|kind, _| kind != "indexed");
    assert_eq!(after(|it, all| nano(it, all, silent)), counts(1, 0, 0, 0, 0));
}

#[test]
fn objects_that_are_missing_wrong_or_too_many_are_seen() {
    let archive = |all: &[Accepted]| format!("nanos/{}/{SHA}.zip", all[0].nano);
    let thumbnail = |all: &[Accepted]| format!("thumbnails/{}/{SHA}/640.webp", all[0].nano);
    let upload = |all: &[Accepted], number: usize| format!("uploads/{}.zip", all[number].upload);
    assert_eq!(after(|it, all| drop(it.objects.remove(&archive(all)))), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, all| drop(it.objects.remove(&thumbnail(all)))), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, all| drop(it.objects.remove(&upload(all, 0)))), counts(1, 0, 0, 0, 0));
    let spoiled = |it: &mut Evidence, all: &[Accepted]| it.objects.get_mut(&archive(all)).unwrap().sha256 = None;
    assert_eq!(after(spoiled), counts(1, 0, 0, 0, 0));
    let no_picture = |it: &mut Evidence, all: &[Accepted]| it.objects.get_mut(&thumbnail(all)).unwrap().is_webp = false;
    assert_eq!(after(no_picture), counts(1, 0, 0, 0, 0));
    for key in [
        |all: &[Accepted]| format!("nanos/{}/{}.zip", all[0].nano, "00".repeat(32)),
        |all: &[Accepted]| format!("thumbnails/{}/{}/640.webp", all[0].nano, "00".repeat(32)),
        |all: &[Accepted]| format!("thumbnails/{}/{SHA}/640.webp", all[1].nano),
        |all: &[Accepted]| format!("uploads/{}.zip", all[1].upload),
        |_: &[Accepted]| format!("uploads/{}.zip", Uuid::new_v4()),
        |_: &[Accepted]| format!("nanos/{}/{SHA}.zip", Uuid::new_v4()),
        |_: &[Accepted]| "elsewhere".to_owned(),
    ] {
        let added = |it: &mut Evidence, all: &[Accepted]| drop(it.objects.insert(key(all), ObjectFact::default()));
        assert_eq!(after(added), counts(0, 1, 0, 0, 0), "{}", key(&uploads()));
    }
    let broken_off = |it: &mut Evidence, _: &[Accepted]| {
        let id = Uuid::new_v4();
        it.uploads.insert(id, "receiving".into());
        it.objects.insert(format!("uploads/{id}.zip"), ObjectFact::default());
    };
    assert_eq!(after(broken_off), counts(0, 0, 0, 0, 0), "what broke off stays until it expires");
}

#[test]
fn documents_that_are_missing_or_too_many_are_seen() {
    let find = |it: &mut Evidence, all: &[Accepted], number: usize, found: Vec<Uuid>| {
        it.found.insert(all[number].word.clone(), found);
    };
    assert_eq!(after(|it, all| find(it, all, 0, vec![])), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, all| find(it, all, 0, vec![all[0].nano; 2])), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, all| find(it, all, 1, vec![all[1].nano])), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| it.documents = 3), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| it.documents = 1), counts(1, 0, 0, 0, 0));
}

#[test]
fn mails_that_are_missing_or_too_many_are_seen_and_ambiguous_ones_counted() {
    assert_eq!(after(|it, _| drop(it.mails.remove(0))), counts(1, 0, 0, 0, 0));
    let unknown = |it: &mut Evidence, _: &[Accepted]| {
        it.deliveries[0].state = "ambiguous".into();
        it.mails.remove(0);
    };
    assert_eq!(after(unknown), counts(0, 0, 0, 0, 1));
    assert_eq!(after(|it, _| it.deliveries[0].state = "ambiguous".into()), counts(0, 0, 0, 0, 1));
    assert_eq!(after(|it, _| it.deliveries[0].state = "failed".into()), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, _| drop(it.deliveries.remove(0))), counts(1, 0, 0, 0, 0));
    // Once as the same message again, once as a second mail about the upload.
    assert_eq!(after(|it, _| it.mails.extend_from_within(..1)), counts(0, 2, 0, 0, 0));
    let another = |it: &mut Evidence, _: &[Accepted]| {
        it.mails.push(MailFact { message_id: "other".into(), ..it.mails[0].clone() });
    };
    assert_eq!(after(another), counts(0, 1, 0, 0, 0));
    let stray = |it: &mut Evidence, _: &[Accepted]| {
        let subject = "\"Something else\" is published".to_owned();
        it.mails.push(MailFact { message_id: "other".into(), subject, ..it.mails[0].clone() });
    };
    assert_eq!(after(stray), counts(0, 1, 0, 0, 0));
}
