//! What uploads leave behind: rows, objects, documents, mails.

use super::*;

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
            it.journal.runs.push(run(&again, 1, Uuid::new_v4(), 0, Some(1)));
            it.jobs.push(again);
        })
    };
    for kind in PUBLISHED.into_iter().chain(["send_email"]) {
        assert_eq!(twice(kind), counts(0, 1, 0, 0, 0), "{kind}");
    }
    let gone = |it: &mut Evidence, _: &[Accepted]| {
        it.jobs.retain(|job| job.kind != "publish_nano");
        it.journal.runs.retain(|run| run.kind != "publish_nano");
    };
    assert_eq!(after(gone), counts(2, 0, 0, 0, 0));
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
    for key in [archive, |all: &[Accepted]| format!("uploads/{}.zip", all[0].upload)] {
        let spoil =
            |it: &mut Evidence, all: &[Accepted]| it.objects.get_mut(&key(all)).unwrap().sha256 = "00".repeat(32);
        assert_eq!(after(spoil), counts(1, 0, 0, 0, 0), "{}", key(&uploads()));
    }
    for picture in [None, Some((641, 400)), Some((640, 0))] {
        let spoil =
            |it: &mut Evidence, all: &[Accepted]| it.objects.get_mut(&thumbnail(all)).unwrap().picture = picture;
        assert_eq!(after(spoil), counts(1, 0, 0, 0, 0), "{picture:?}");
    }
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
        it.index.found.insert(all[number].word.clone(), found);
    };
    assert_eq!(after(|it, all| find(it, all, 0, vec![])), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, all| find(it, all, 0, vec![all[0].nano; 2])), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, all| find(it, all, 1, vec![all[1].nano])), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| drop(it.index.documents.pop())), counts(1, 0, 0, 0, 0));
    // One too many in the index, and of its nano.
    assert_eq!(after(|it, _| it.index.documents.extend_from_within(..1)), counts(0, 2, 0, 0, 0));
    assert_eq!(after(|it, _| it.index.documents[0].title = "Another".into()), counts(1, 0, 0, 0, 0));
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
