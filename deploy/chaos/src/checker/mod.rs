//! The judgement: what was promised, held against what is there.

pub mod evidence;
pub mod index;
pub mod journal;
pub mod schedule;
pub mod steering;
pub mod tamper;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use uuid::Uuid;

use crate::load::{Accepted, archive::Expectation};
use evidence::{Evidence, JobFact, NanoFact, ObjectFact, VersionFact};

const THUMBNAILS: [&str; 3] = ["1280.webp", "320.webp", "640.webp"];
/// Jobs of an upload, once each.
const CHECKED: [&str; 1] = ["validate_archive"];
const PUBLISHED: [&str; 6] =
    ["validate_archive", "make_thumbnails", "scan_content", "review_nano", "publish_nano", "index_nano"];
/// Events of an upload, once each.
const EVENTS_OF_PUBLISHED: [&str; 8] =
    ["created", "processing", "validated", "thumbnails_made", "scanned", "approved", "published", "indexed"];
const EVENTS_OF_REJECTED: [&str; 3] = ["created", "processing", "rejected"];

/// What is wrong, a line each, by kind.
#[derive(Debug, Default, Clone)]
pub struct Verdict {
    pub lost: Vec<String>,
    pub duplicated: Vec<String>,
    pub stuck: Vec<String>,
    pub quarantined: Vec<String>,
    /// Jobs that burnt an attempt or counted a crash, although nothing but their surroundings failed.
    pub blamed: Vec<String>,
    /// Mails nobody can tell the fate of.
    pub ambiguous: usize,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.findings().all(|(_, findings)| findings.is_empty())
    }

    pub fn findings(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let Self { lost, duplicated, stuck, quarantined, blamed, .. } = self;
        [("lost", lost), ("duplicated", duplicated), ("stuck", stuck), ("quarantined", quarantined), ("blamed", blamed)]
            .into_iter()
    }
}

/// The last line of a run.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, duplicated, stuck, quarantined, ambiguous, .. } = self;
        let [lost, duplicated, stuck, quarantined] = [lost, duplicated, stuck, quarantined].map(Vec::len);
        write!(
            f,
            "lost {lost}, duplicated {duplicated}, stuck {stuck}, quarantined {quarantined}, ambiguous {ambiguous}"
        )
    }
}

pub fn judge(evidence: &Evidence, accepted: &[Accepted]) -> Verdict {
    let mut judge = Judge::new(evidence);
    judge.jobs();
    for upload in accepted {
        judge.upload(upload);
    }
    judge.mails_of_nobody(accepted);
    judge.objects_of_nobody(accepted);
    judge.index();
    schedule::judge(evidence, &mut judge.verdict);
    journal::judge(evidence, &mut judge.verdict);
    steering::judge(evidence, &mut judge.verdict);
    judge.verdict
}

struct Judge<'a> {
    evidence: &'a Evidence,
    jobs_of: HashMap<Uuid, Vec<&'a JobFact>>,
    mail_jobs: HashMap<Uuid, usize>,
    verdict: Verdict,
}

impl<'a> Judge<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let mut jobs_of: HashMap<Uuid, Vec<&JobFact>> = HashMap::new();
        let mut mail_jobs = HashMap::new();
        for job in &evidence.jobs {
            if let Some(nano) = job.nano {
                jobs_of.entry(nano).or_default().push(job);
            }
            if let Some(delivery) = job.delivery.filter(|_| job.kind == "send_email") {
                *mail_jobs.entry(delivery).or_default() += 1;
            }
        }
        let ambiguous = evidence.deliveries.iter().filter(|delivery| delivery.state == "ambiguous").count();
        Self { evidence, jobs_of, mail_jobs, verdict: Verdict { ambiguous, ..Verdict::default() } }
    }

    /// Every job has ended well, and is blamed for nothing.
    fn jobs(&mut self) {
        for job in &self.evidence.jobs {
            let JobFact { id, kind, state, runs, failures, lost, crashes, .. } = job;
            let shown = format!("job {id} {kind} is {state} (runs {runs}, failures {failures}, lost {lost})");
            if !job.has_ended() {
                self.verdict.stuck.push(shown);
                continue;
            }
            match state.as_str() {
                "quarantined" => self.verdict.quarantined.push(shown.clone()),
                "cancelled" if steering::may_be_cancelled(self.evidence, job) => {}
                "discarded" | "cancelled" => self.verdict.lost.push(shown.clone()),
                _ => {}
            }
            if *failures > 0 || *crashes > 0 {
                self.verdict.blamed.push(format!("{shown}, crashes {crashes}"));
            }
        }
    }

    fn upload(&mut self, upload: &Accepted) {
        let of = format!("upload {} of nano {} ({:?})", upload.upload, upload.nano, upload.title);
        let Some(nano) = self.evidence.nanos.get(&upload.nano) else {
            return self.verdict.lost.push(format!("{of}: the nano is gone"));
        };
        let version = match nano.versions.as_slice() {
            [version] => version,
            [] => return self.verdict.lost.push(format!("{of}: there is no version")),
            many => {
                self.verdict.duplicated.push(format!("{of}: {} versions", many.len()));
                &many[0]
            }
        };
        self.version(&of, upload, nano, version);
        let (jobs, events) = match upload.expect {
            Expectation::Published => (&PUBLISHED[..], &EVENTS_OF_PUBLISHED[..]),
            Expectation::Rejected => (&CHECKED[..], &EVENTS_OF_REJECTED[..]),
        };
        self.once(&of, upload.nano, nano, jobs, events);
        self.objects(&of, upload, version);
        self.document(&of, upload);
        self.mail(&of, upload, version);
    }

    fn version(&mut self, of: &str, upload: &Accepted, nano: &NanoFact, version: &VersionFact) {
        let lost = &mut self.verdict.lost;
        let wanted = match upload.expect {
            Expectation::Published => "published",
            Expectation::Rejected => "rejected",
        };
        if nano.status != wanted || version.state != wanted {
            lost.push(format!("{of}: should be {wanted}; the nano is {}, its version {}", nano.status, version.state));
        }
        if version.upload != upload.upload {
            lost.push(format!("{of}: the version is of another upload, {}", version.upload));
        }
        if version.uploaded_sha256 != upload.sha256 || version.uploaded_size != upload.size {
            lost.push(format!("{of}: other bytes arrived than were sent"));
        }
    }

    /// Each step was enqueued and left its event once.
    fn once(&mut self, of: &str, id: Uuid, nano: &NanoFact, jobs: &[&str], events: &[&str]) {
        let there = self.jobs_of.remove(&id).unwrap_or_default();
        let mut counted: HashMap<&str, u32> = HashMap::new();
        for job in &there {
            *counted.entry(&job.kind).or_default() += 1;
        }
        for kind in jobs {
            match counted.remove(kind) {
                Some(1) => {}
                None => self.verdict.lost.push(format!("{of}: there is no job {kind}")),
                Some(many) => self.verdict.duplicated.push(format!("{of}: {many} jobs {kind}")),
            }
        }
        for (kind, many) in counted {
            self.verdict.duplicated.push(format!("{of}: {many} jobs {kind}, where none belongs"));
        }
        for kind in events {
            match nano.events.get(*kind).copied().unwrap_or(0) {
                1 => {}
                0 => self.verdict.lost.push(format!("{of}: there is no event {kind}")),
                many => self.verdict.duplicated.push(format!("{of}: {many} events {kind}")),
            }
        }
        for (kind, many) in nano.events.iter().filter(|(kind, _)| !events.contains(&kind.as_str())) {
            self.verdict.duplicated.push(format!("{of}: {many} events {kind}, where none belongs"));
        }
    }

    /// The canonical archive with its thumbnails, one set; of a rejected upload nothing.
    fn objects(&mut self, of: &str, upload: &Accepted, version: &VersionFact) {
        let nano = upload.nano;
        let below = |prefix: String| {
            let objects = self.evidence.objects.range(prefix.clone()..);
            objects.take_while(move |(key, _)| key.starts_with(&prefix)).collect::<Vec<_>>()
        };
        let (archives, thumbnails) = (below(format!("nanos/{nano}/")), below(format!("thumbnails/{nano}/")));
        let Some(sha256) = &version.canonical_sha256 else {
            for (key, _) in archives.iter().chain(&thumbnails) {
                self.verdict.duplicated.push(format!("{of}: the object {key} belongs to no version"));
            }
            if upload.expect == Expectation::Published {
                self.verdict.lost.push(format!("{of}: the version has no archive"));
            }
            return;
        };
        let archive = format!("nanos/{nano}/{sha256}.zip");
        let mut wanted: HashSet<String> = THUMBNAILS.map(|name| format!("thumbnails/{nano}/{sha256}/{name}")).into();
        wanted.insert(archive.clone());
        for (key, object) in archives.iter().chain(&thumbnails) {
            if !wanted.remove(*key) {
                self.verdict.duplicated.push(format!("{of}: the object {key} belongs to no version"));
            } else if **key == archive && object.sha256 != *sha256 {
                self.verdict.lost.push(format!("{of}: the bytes of {key} are others than its name says"));
            } else if **key != archive && !is_thumbnail(key, object) {
                self.verdict.lost.push(format!("{of}: {key} is no picture of that size"));
            }
        }
        self.verdict.lost.extend(wanted.into_iter().map(|key| format!("{of}: the object {key} is missing")));
    }

    /// Found by its own word exactly when it is published, and only once.
    fn document(&mut self, of: &str, upload: &Accepted) {
        let found = self.evidence.index.found.get(&upload.word).map(Vec::as_slice).unwrap_or_default();
        let own = found.iter().filter(|nano| **nano == upload.nano).count();
        let wanted = usize::from(upload.expect == Expectation::Published);
        if own < wanted {
            self.verdict.lost.push(format!("{of}: the index does not find it"));
        }
        if found.len() > wanted {
            self.verdict.duplicated.push(format!("{of}: the index finds {} documents", found.len()));
        }
        let documents = self.evidence.index.documents.iter().filter(|document| document.nano == upload.nano);
        if documents.clone().count() > wanted {
            self.verdict
                .duplicated
                .push(format!("{of}: {} documents of it are in the index", documents.clone().count()));
        }
        for document in documents.filter(|document| document.title != upload.title) {
            self.verdict.lost.push(format!("{of}: its document has the title {:?}", document.title));
        }
    }

    /// One intent, one job, one mail: or none, where nobody can tell whether it left.
    fn mail(&mut self, of: &str, upload: &Accepted, version: &VersionFact) {
        let template = match upload.expect {
            Expectation::Published => "nano_published",
            Expectation::Rejected => "nano_rejected",
        };
        let key = format!("{template}:{}", version.id);
        let Some(delivery) = self.evidence.deliveries.iter().find(|delivery| delivery.key == key) else {
            return self.verdict.lost.push(format!("{of}: no mail {template} was intended"));
        };
        match self.mail_jobs.get(&delivery.id).copied().unwrap_or(0) {
            1 => {}
            0 => self.verdict.lost.push(format!("{of}: its mail has no job")),
            many => self.verdict.duplicated.push(format!("{of}: {many} jobs send its mail")),
        }
        let title = format!("\"{}\"", upload.title);
        let about = |mail: &&evidence::MailFact| mail.subject.contains(&title) && mail.to.contains(&upload.creator);
        match (self.evidence.mails.iter().filter(about).count(), delivery.state.as_str()) {
            (1, "sent" | "ambiguous") | (0, "ambiguous") => {}
            (0 | 1, state) => self.verdict.lost.push(format!("{of}: the mail is {state} and not as it should be")),
            (many, _) => self.verdict.duplicated.push(format!("{of}: {many} mails")),
        }
    }

    /// The same message twice, or one that belongs to no upload.
    fn mails_of_nobody(&mut self, accepted: &[Accepted]) {
        let mut seen = HashSet::new();
        let titles: HashSet<&str> = accepted.iter().map(|upload| upload.title.as_str()).collect();
        for mail in &self.evidence.mails {
            if !seen.insert(&mail.message_id) {
                self.verdict.duplicated.push(format!("the mail {} {:?} came twice", mail.message_id, mail.subject));
            }
            let title = mail.subject.split('"').nth(1).unwrap_or_default();
            if !titles.contains(title) {
                self.verdict.duplicated.push(format!("the mail {:?} is about no accepted upload", mail.subject));
            }
        }
    }

    /// Objects under names no row accounts for.
    fn objects_of_nobody(&mut self, accepted: &[Accepted]) {
        let nanos: HashSet<String> = accepted.iter().map(|upload| upload.nano.to_string()).collect();
        let rejected: HashSet<Uuid> =
            accepted.iter().filter(|it| it.expect == Expectation::Rejected).map(|it| it.upload).collect();
        for key in self.evidence.objects.keys() {
            let parts: Vec<&str> = key.split('/').collect();
            let wrong = match parts.as_slice() {
                ["nanos" | "thumbnails", nano, ..] => !nanos.contains(*nano),
                ["uploads", file] => {
                    let upload = file.strip_suffix(".zip").and_then(|id| id.parse::<Uuid>().ok());
                    let state = upload.and_then(|upload| self.evidence.uploads.get(&upload));
                    // Of an upload that broke off the bytes may stay until it expires.
                    state.is_none_or(|state| !matches!(state.as_str(), "receiving" | "received" | "finished"))
                        || upload.is_some_and(|upload| rejected.contains(&upload))
                }
                // Sealed copies of the audit log, when the hour struck during the run.
                ["audit", _] => false,
                _ => true,
            };
            if wrong {
                self.verdict.duplicated.push(format!("the object {key} should not be there"));
            }
        }
        for upload in accepted.iter().filter(|upload| upload.expect == Expectation::Published) {
            let key = format!("uploads/{}.zip", upload.upload);
            match self.evidence.objects.get(&key) {
                None => self.verdict.lost.push(format!("{:?}: the uploaded file {key} is missing", upload.title)),
                Some(object) if object.sha256 != upload.sha256 || object.size != upload.size as u64 => {
                    self.verdict.lost.push(format!("{:?}: the bytes of {key} are others than were sent", upload.title));
                }
                Some(_) => {}
            }
        }
    }

    fn index(&mut self) {
        let published = self.evidence.nanos.values().filter(|nano| nano.status == "published").count() as u64;
        let documents = self.evidence.index.documents.len() as u64;
        if documents != published {
            let text = format!("the index has {documents} documents for {published} published nanos");
            let list = if documents > published { &mut self.verdict.duplicated } else { &mut self.verdict.lost };
            list.push(text);
        }
    }
}

/// A picture as wide as its name says, or less: small ones are not blown up.
fn is_thumbnail(key: &str, object: &ObjectFact) -> bool {
    let name = key.rsplit('/').next().and_then(|name| name.strip_suffix(".webp"));
    let most: Option<u32> = name.and_then(|name| name.parse().ok());
    most.zip(object.picture).is_some_and(|(most, (width, height))| (1..=most).contains(&width) && height > 0)
}
