//! The ledger as operators look through it: every filter against a plain look at all jobs.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, INSPECTION_LIMIT};
use domain::{
    ids::{NanoId, UserId},
    review::ReviewPolicy,
    user::Role,
};
use jobs::Context;
use queue::{
    Flow, Job, JobError, Level, Outcome, Queue, Reference, Registry, Run, class,
    control::act::{Action, By, operate},
    enqueue, enqueue_all, enqueue_in,
    ids::JobId,
    ledger::{
        self as ledger, JobRow, State,
        controls::pauses::{EVERYTHING, Scope},
        list::{self, Cursor, Filter},
        stats::errors::{self, Failures, Groups},
    },
};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::{TestApp, archives, database, kit::Kit};
use uuid::Uuid;

/// Ends as it is told to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Thing {
    n: u32,
    end: End,
    owner: Option<UserId>,
    nano: Option<NanoId>,
    /// What should never have been put here.
    recipient: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum End {
    Complete,
    GiveUp,
    Fail,
}

impl Thing {
    pub(crate) fn new(n: u32, end: End) -> Self {
        Self { n, end, owner: None, nano: None, recipient: None }
    }

    fn ended(&self, run: &Run) -> Result<Outcome, JobError> {
        run.log(Level::Warn, "about to end", &[("n", self.n.into())]);
        match self.end {
            End::Complete => Ok(Outcome::Done),
            End::GiveUp => {
                Err(JobError::discard_as(class::ARGUMENTS, anyhow::anyhow!("number {} is of no use", self.n)))
            }
            End::Fail => Err(JobError::failed_as("flaky", anyhow::anyhow!("not this time, number {}", self.n))),
        }
    }

    fn references(&self) -> Vec<Reference> {
        self.nano.into_iter().map(|nano| Reference::new("nano", nano)).collect()
    }
}

macro_rules! thing {
    ($name:ident, $kind:literal, $queue:ident) => {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub(crate) struct $name(pub(crate) Thing);
        impl Job<Context> for $name {
            const KIND: &'static str = $kind;
            const QUEUE: Queue = jobs::queues::$queue;

            fn tenant(&self) -> Option<Uuid> {
                self.0.owner.map(Uuid::from)
            }

            fn references(&self) -> Vec<Reference> {
                self.0.references()
            }

            async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
                self.0.ended(run)
            }
        }
    };
}

thing!(Apple, "test_apple", MAIL);
thing!(Pear, "test_pear", SEARCH);
thing!(Plum, "test_plum", SEARCH);

async fn kit(app: &TestApp) -> Kit {
    let registry = Registry::new(jobs::QUEUES).with::<Apple>().with::<Pear>().with::<Plum>();
    app.kit_with(ReviewPolicy::FlaggedOnly, registry).await
}

/// Jobs of three kinds in every state but running and blocked.
async fn orchard(app: &TestApp, kit: &Kit, owner: UserId, nano: NanoId) {
    for n in 0..24 {
        let end = [End::Complete, End::GiveUp, End::Fail][n as usize % 3];
        let thing = Thing {
            owner: Some(owner).filter(|_| n % 2 == 0),
            nano: Some(nano).filter(|_| n % 5 == 0),
            ..Thing::new(n, end)
        };
        let id = match n % 4 {
            0 | 1 => app.put(&Apple(thing)).await,
            2 => app.put(&Pear(thing)).await,
            _ => app.put(&Plum(thing)).await,
        };
        kit.run_one(id).await;
    }
    let mut tx = app.db.begin().await.unwrap();
    for n in 0..6 {
        enqueue(&mut tx, &Apple(Thing::new(n, End::Complete))).await.unwrap();
        enqueue_in(&mut tx, &Pear(Thing::new(n, End::Complete)), Duration::from_secs(3600)).await.unwrap();
    }
    let flow = Flow::new().child(&Plum(Thing::new(0, End::GiveUp))).unwrap();
    flow.enqueue(&mut tx, &Apple(Thing::new(0, End::Complete))).await.unwrap();
    let cancelled = enqueue(&mut tx, &Plum(Thing::new(9, End::Complete))).await.unwrap();
    operate(&mut tx, &jobs::KINDS, cancelled, Action::Cancel, &By { actor: Some(owner.0), reason: "not wanted" })
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Every page of a list, a few at a time.
async fn walk(db: &Db, filter: &Filter) -> (Vec<JobRow>, list::Total) {
    let (mut jobs, mut cursor): (Vec<JobRow>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = list::page(db, filter, cursor.as_ref(), 7).await.unwrap();
        assert!(page.jobs.len() <= 7 && !page.partial, "{filter:?}");
        jobs.extend(page.jobs);
        match page.next {
            Some(next) => cursor = Some(Cursor::read(&next.to_string(), filter).unwrap()),
            None => return (jobs, page.total),
        }
        assert!(jobs.len() < 1_000, "{filter:?} goes on for ever");
    }
}

/// The same, oldest first, as bulk actions go.
async fn steps(db: &Db, filter: &Filter) -> Vec<JobId> {
    let (mut ids, mut after) = (Vec::new(), JobId(Uuid::nil()));
    loop {
        let step = list::step(db, filter, after, JobId(Uuid::max()), 5).await.unwrap();
        ids.extend(step.ids);
        match step.next {
            Some(next) => after = next,
            None => return ids,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_finds_what_a_look_at_all_jobs_finds() {
    let app = TestApp::start().await;
    let kit = kit(&app).await;
    let (owner, nano) = (UserId::new(), NanoId::new());
    orchard(&app, &kit, owner, nano).await;
    let (all, total) = walk(&app.db, &Filter::default()).await;
    assert_eq!((total.count, total.capped), (all.len() as u64, false));
    assert!(all.len() > 35 && all.windows(2).all(|pair| pair[0].id > pair[1].id), "newest first, each once");
    let middle: DateTime<Utc> = all[all.len() / 2].created_at;
    let failed = all.iter().find(|job| job.state == State::Discarded && job.fingerprint.is_some()).unwrap();
    let of_nano: Vec<JobId> =
        ledger::by_reference(&app.db, "nano", nano.0).await.unwrap().iter().map(|job| job.id).collect();

    let states: [Vec<State>; 6] = [
        vec![],
        vec![State::Discarded],
        vec![State::Retryable, State::Cancelled, State::Waiting],
        vec![State::Available, State::Running],
        vec![State::Available, State::Discarded, State::Scheduled],
        vec![State::Completed, State::Cancelled],
    ];
    let names = |list: &[&str]| -> Vec<Option<String>> {
        std::iter::once(None).chain(list.iter().map(|name| Some((*name).to_owned()))).collect()
    };
    let (mut filters, mut found) = (0, 0);
    for states in &states {
        for kind in names(&["test_apple", "test_plum", "test_nothing"]) {
            for queue in names(&["mail", "heavy"]) {
                for tenant in [None, Some(owner.0), Some(Uuid::nil())] {
                    for (reference, fingerprint) in [
                        (None, None),
                        (Some(("nano".to_owned(), nano.0)), None),
                        (None, failed.fingerprint),
                        (Some(("nano".to_owned(), nano.0)), failed.fingerprint),
                    ] {
                        for (since, until) in [(None, None), (Some(middle), None), (None, Some(middle))] {
                            let filter = Filter {
                                states: states.clone(),
                                kind: kind.clone(),
                                queue: queue.clone(),
                                tenant,
                                reference: reference.clone(),
                                fingerprint,
                                since,
                                until,
                                ids: Vec::new(),
                            };
                            // By the millisecond, as ids are.
                            let early = |job: &JobRow| job.id.0.as_u128() >> 80 < middle.timestamp_millis() as u128;
                            let expected: Vec<JobId> = all
                                .iter()
                                .filter(|job| states.is_empty() || states.contains(&job.state))
                                .filter(|job| kind.as_ref().is_none_or(|kind| job.kind == *kind))
                                .filter(|job| queue.as_ref().is_none_or(|queue| job.queue == *queue))
                                .filter(|job| tenant.is_none_or(|tenant| job.tenant == tenant))
                                .filter(|job| reference.is_none() || of_nano.contains(&job.id))
                                .filter(|job| fingerprint.is_none() || job.fingerprint == fingerprint)
                                .filter(|job| (since.is_none() || !early(job)) && (until.is_none() || early(job)))
                                .map(|job| job.id)
                                .collect();
                            let (jobs, total) = walk(&app.db, &filter).await;
                            assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), expected, "{filter:?}");
                            assert_eq!((total.count, total.capped), (expected.len() as u64, false), "{filter:?}");
                            filters += 1;
                            found += expected.len();
                        }
                    }
                }
            }
        }
    }
    assert!(filters > 2_000 && found > 1_000, "{filters} filters found {found} jobs");
    for filter in [Filter::default(), Filter { states: states[4].clone(), ..Filter::default() }] {
        let mut forwards: Vec<JobId> = walk(&app.db, &filter).await.0.iter().map(|job| job.id).collect();
        forwards.reverse();
        assert_eq!(steps(&app.db, &filter).await, forwards, "{filter:?}");
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_tells_its_story() {
    let app = TestApp::start().await;
    let kit = kit(&app).await;
    let operator = app.user("olga", Role::Operator).await;
    let thing = Thing { recipient: Some("ada@example.org".into()), ..Thing::new(7, End::Fail) };
    let id = app.put(&Apple(thing)).await;
    kit.run_one(id).await;
    let mut tx = app.db.begin().await.unwrap();
    let by = By { actor: Some(operator.id.parse().unwrap()), reason: "the service is back" };
    operate(&mut tx, &jobs::KINDS, id, Action::Retry, &by).await.unwrap();
    tx.commit().await.unwrap();

    let answer = operator.get(&app, &format!("/api/v1/admin/jobs/{id}")).await;
    let job = answer.data(StatusCode::OK);
    assert_eq!(answer.headers["cache-control"], "private, no-cache");
    assert_eq!((&job["kind"], &job["state"], &job["runs"]), (&json!("test_apple"), &json!("available"), &json!(1)));
    assert_eq!(job["arguments"]["n"], 7);
    assert_eq!(job["arguments"]["recipient"], "[redacted]");
    let run = &job["attempts"][0];
    assert_eq!((&run["run"], &run["outcome"], &run["class"]), (&json!(1), &json!("retry"), &json!("flaky")));
    assert!(run["worker"].as_str().is_some_and(|name| !name.is_empty()) && run["version"].is_string(), "{run:#}");
    assert_eq!(run["logs"][0]["message"], "about to end");
    assert_eq!(run["logs"][0]["fields"], json!({"n": 7}));
    let story: Vec<String> = job["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|happening| {
            format!("{} {}", happening["event"].as_str().unwrap(), happening["what"].as_str().unwrap_or(""))
        })
        .collect();
    assert_eq!(story, ["created ", "started ", "ended retry", "retry available"]);
    assert_eq!(job["timeline"][3]["actor"], operator.id.as_str());
    assert_eq!(job["timeline"][3]["reason"], "the service is back");
    assert!(!answer.body.to_string().contains("ada@example.org"));

    // A family.
    let mut tx = app.db.begin().await.unwrap();
    let flow = Flow::new().child(&Plum(Thing::new(1, End::Complete))).unwrap();
    let parent = flow.enqueue(&mut tx, &Pear(Thing::new(2, End::Complete))).await.unwrap();
    tx.commit().await.unwrap();
    let answer = operator.get(&app, &format!("/api/v1/admin/jobs/{parent}")).await;
    let child = answer.data(StatusCode::OK)["children"][0]["id"].as_str().unwrap().to_owned();
    let answer = operator.get(&app, &format!("/api/v1/admin/jobs/{child}")).await;
    assert_eq!(answer.data(StatusCode::OK)["parent_id"], parent.to_string());
    assert_eq!(
        operator.get(&app, &format!("/api/v1/admin/jobs/{}", Uuid::now_v7())).await.status,
        StatusCode::NOT_FOUND
    );
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_workers_and_pages_show_the_fleet() {
    let app = TestApp::start().await;
    let kit = kit(&app).await;
    orchard(&app, &kit, UserId::new(), NanoId::new()).await;
    let moderator = app.user("mona", Role::Moderator).await;

    let answer = moderator.get(&app, "/api/v1/admin/jobs/queues?window_minutes=5").await;
    let queues = answer.data(StatusCode::OK)["queues"].as_array().unwrap();
    assert_eq!(queues.len(), jobs::QUEUES.all.len());
    let of: BTreeMap<&str, &Value> = queues.iter().map(|queue| (queue["name"].as_str().unwrap(), queue)).collect();
    let (all, _) = walk(&app.db, &Filter::default()).await;
    for (name, queue) in &of {
        for state in State::ALL {
            let expected = all.iter().filter(|job| job.queue == *name && job.state == *state).count();
            assert_eq!(queue["counts"][state.as_str()], json!({"count": expected, "capped": false}), "{name} {state}");
        }
        let first = all.iter().filter(|job| job.queue == *name && job.state == State::Available);
        let oldest = first.map(|job| job.run_at).min();
        let shown = queue["oldest_available_at"].as_str().map(|text| text.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(shown.map(|at| at.timestamp_millis()), oldest.map(|at| at.timestamp_millis()), "{name}");
    }

    let answer = moderator.get(&app, "/api/v1/admin/jobs/workers?ended=true").await;
    let workers = answer.data(StatusCode::OK).as_array().unwrap();
    assert!(workers.iter().any(|worker| worker["state"] == "stopped"), "the kit's runs were workers");
    let answer = moderator.get(&app, "/api/v1/admin/jobs/workers").await;
    assert_eq!(answer.data(StatusCode::OK), &json!([]));

    // Pages, their links and their totals.
    let first = moderator.get(&app, "/api/v1/admin/jobs?state=discarded,retryable&limit=3").await;
    assert_eq!(first.data(StatusCode::OK).as_array().unwrap().len(), 3);
    let total = all.iter().filter(|job| matches!(job.state, State::Discarded | State::Retryable)).count();
    assert_eq!(first.body["meta"]["total"], total);
    let link = first.headers["link"].to_str().unwrap();
    let next = link.strip_prefix('<').and_then(|link| link.split_once('>')).unwrap().0;
    let second = moderator.get(&app, next).await;
    assert_eq!(second.body["meta"]["total"], total);
    assert!(second.data(StatusCode::OK)[0]["id"].as_str() < first.data(StatusCode::OK)[2]["id"].as_str());

    // Statistics answer for any time, with or without runs.
    let answer = moderator.get(&app, "/api/v1/admin/jobs/stats?by=queue&step=hour").await;
    assert_eq!(answer.data(StatusCode::OK)["step"], "hour");
    app.discard().await;
}

/// One answer has what the pages of the queues, causes and statistics have, and a sentence about all of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_overview_says_how_everything_is_in_one_answer() {
    let app = TestApp::start().await;
    let kit = kit(&app).await;
    orchard(&app, &kit, UserId::new(), NanoId::new()).await;
    let moderator = app.user("mona", Role::Moderator).await;
    let overview = async || moderator.get(&app, "/api/v1/admin/overview").await.data(StatusCode::OK).clone();

    let alone = overview().await;
    assert_eq!((&alone["health"]["verdict"], &alone["health"]["tone"]), (&json!("no_workers"), &json!("bad")));
    assert_eq!(alone["health"]["sentence"]["en"], "No worker is running: no job starts.");
    assert_eq!(alone["health"]["sentence"]["de"], "Kein Worker läuft: Kein Job beginnt.");
    assert_eq!(alone["figures"]["workers"], 0);

    // However long this takes, nothing gets late and no worker falls silent.
    let never_late = "UPDATE jobs SET run_at = UTC_TIMESTAMP(6) + INTERVAL 1 DAY WHERE state = 'available'";
    let never_silent = "UPDATE workers SET seen_at = UTC_TIMESTAMP(6) + INTERVAL 1 DAY WHERE state = 'alive'";
    database::execute(&app.db, never_late).await.unwrap();
    // A cause, as a worker's metrics would have written it.
    let (all, _) = walk(&app.db, &Filter::default()).await;
    let failed = all.iter().find(|job| job.state == State::Discarded && job.fingerprint.is_some()).unwrap();
    let (kind, message) = (failed.kind.clone(), "of no use".to_owned());
    let cause = Failures { kind, class: class::ARGUMENTS.into(), message, failures: 1, last_job: failed.id };
    let mut causes = Groups::from([(failed.fingerprint.unwrap(), cause)]);
    errors::add(&app.db, "1.2.3", &mut causes).await.unwrap();

    // A queue that nobody takes, beside one that somebody does.
    app.enrol("by hand", "mail").await;
    database::execute(&app.db, never_silent).await.unwrap();
    let unserved = overview().await;
    assert_eq!(unserved["health"]["verdict"], "unserved");
    assert_eq!(unserved["health"]["queues"], json!(["search"]));
    assert_eq!((&unserved["figures"]["workers"], &unserved["figures"]["slots"]), (&json!(1), &json!(1)));
    app.enrol("by hand, too", "search").await;
    database::execute(&app.db, never_silent).await.unwrap();
    let open = overview().await;
    assert_eq!((&open["health"]["verdict"], &open["health"]["tone"]), (&json!("given_up"), &json!("warn")));

    // The same as on the pages.
    let of = |wanted: State| json!({"count": all.iter().filter(|job| job.state == wanted).count(), "capped": false});
    assert_eq!(open["figures"]["waiting"], of(State::Available));
    assert_eq!(open["figures"]["running"], of(State::Running));
    let causes = moderator.get(&app, "/api/v1/admin/jobs/errors?limit=20").await;
    assert_eq!(&open["causes"], causes.data(StatusCode::OK));
    let given_up: u64 = causes.data(StatusCode::OK).as_array().unwrap().iter().map(open_of).sum();
    assert!(given_up > 0);
    assert_eq!(open["figures"]["open"]["count"], given_up);
    let queues = moderator.get(&app, "/api/v1/admin/jobs/queues").await;
    assert_eq!(open["queues"], *queues.data(StatusCode::OK));
    assert_eq!(open["runs"]["step"], "minute");

    let mut tx = app.db.begin().await.unwrap();
    let by = By { actor: None, reason: "the index moves" };
    queue::control::pause(&mut tx, Scope::All, EVERYTHING, &by, None).await.unwrap();
    tx.commit().await.unwrap();
    let paused = overview().await;
    assert_eq!(paused["health"]["verdict"], "paused");
    let detail = paused["health"]["detail"]["en"].as_str().unwrap();
    assert!(detail.starts_with("the index moves. "), "{detail}");
    app.discard().await;
}

/// What failed of the same cause, beside a job; and the kinds there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_shows_others_of_its_cause_and_the_kinds_say_what_holds_them_up() {
    let app = TestApp::start().await;
    let kit = kit(&app).await;
    orchard(&app, &kit, UserId::new(), NanoId::new()).await;
    let moderator = app.user("mona", Role::Moderator).await;
    let (all, _) = walk(&app.db, &Filter::default()).await;
    let failed = all.iter().find(|job| job.state == State::Discarded && job.fingerprint.is_some()).unwrap();
    let same: Vec<JobId> = all.iter().filter(|job| job.fingerprint == failed.fingerprint).map(|job| job.id).collect();
    let answer = moderator.get(&app, &format!("/api/v1/admin/jobs/{}/similar", failed.id)).await;
    let similar = answer.data(StatusCode::OK);
    assert_eq!(similar["total"], json!({"count": same.len(), "capped": false}));
    let others: Vec<String> = same.iter().filter(|id| **id != failed.id).take(10).map(JobId::to_string).collect();
    let shown = similar["jobs"].as_array().unwrap();
    let shown: Vec<&str> = shown.iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert!(!others.is_empty());
    assert_eq!(shown, others);
    let well = all.iter().find(|job| job.state == State::Completed).unwrap();
    let answer = moderator.get(&app, &format!("/api/v1/admin/jobs/{}/similar", well.id)).await;
    assert_eq!(answer.data(StatusCode::OK)["jobs"], json!([]));
    let nobody = moderator.get(&app, &format!("/api/v1/admin/jobs/{}/similar", Uuid::now_v7())).await;
    assert_eq!(nobody.error(StatusCode::NOT_FOUND), "NOT_FOUND");

    let mut tx = app.db.begin().await.unwrap();
    let by = By { actor: None, reason: "the mail server moves" };
    queue::control::pause(&mut tx, Scope::Kind, "send_email", &by, None).await.unwrap();
    tx.commit().await.unwrap();
    let answer = moderator.get(&app, "/api/v1/admin/jobs/kinds").await;
    let kinds = answer.data(StatusCode::OK).as_array().unwrap();
    let names: Vec<&str> = kinds.iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted(), "{names:?}");
    let kind = |name: &str| kinds.iter().find(|kind| kind["name"] == name).unwrap();
    assert_eq!((&kind("send_email")["known"], &kind("send_email")["queue"]), (&json!(true), &json!("mail")));
    assert_eq!(kind("send_email")["paused"]["reason"], "the mail server moves");
    assert_eq!((&kind("test_plum")["known"], &kind("test_plum")["queue"]), (&json!(false), &Value::Null));
    assert!(names.len() > jobs::KINDS.names().len(), "those of the ledger, too");
    app.discard().await;
}

/// What somebody has begun is found again by everybody, newest first.
#[tokio::test(flavor = "multi_thread")]
async fn bulk_actions_are_listed_with_how_far_they_are() {
    let app = TestApp::start().await;
    let (operator, moderator) = (app.user("otto", Role::Operator).await, app.user("mona", Role::Moderator).await);
    app.put(&Apple(Thing::new(1, End::Complete))).await;
    let mut begun = Vec::new();
    for reason in ["first", "second"] {
        let body = json!({"action": "cancel", "filter": {"kind": "test_apple"}, "reason": reason});
        let answer = operator.post(&app, "/api/v1/admin/jobs/bulk", &body).await;
        begun.push(answer.data(StatusCode::ACCEPTED)["bulk"].clone());
    }
    let job: JobId = begun[0]["job_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.run_one(job).await.state, State::Completed);
    let first = moderator.get(&app, "/api/v1/admin/jobs/bulk?limit=1").await;
    let newest = &first.data(StatusCode::OK)[0];
    assert_eq!((&newest["id"], &newest["reason"]), (&begun[1]["id"], &json!("second")));
    assert_eq!((&newest["state"], &newest["changed"]), (&json!("available"), &json!(0)));
    let cursor = first.body["meta"]["next_cursor"].as_str().unwrap();
    let rest = moderator.get(&app, &format!("/api/v1/admin/jobs/bulk?cursor={cursor}")).await;
    let oldest = &rest.data(StatusCode::OK)[0];
    assert_eq!((&oldest["id"], &oldest["state"]), (&begun[0]["id"], &json!("completed")));
    assert_eq!((&oldest["changed"], oldest["finished_at"].is_string()), (&json!(1), true));
    assert!(rest.body["meta"]["next_cursor"].is_null());
    app.discard().await;
}

/// A job says what it is about and whose it is, to those who may know.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_have_the_titles_that_their_reader_may_see() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.creator("ada").await, app.user("root", Role::Admin).await);
    let nano = ada.submit(&app, "Whales at night", archives::unit()).await;
    let name = admin.get(&app, &format!("/api/v1/admin/users/{}", ada.id)).await;
    let name = name.data(StatusCode::OK)["name"].clone();
    assert!(name.is_string(), "{name}");
    let about = json!({"nano_id": nano, "title": "Whales at night"});
    for (role, owner) in [(Role::Moderator, Value::Null), (Role::Operator, Value::Null), (Role::Admin, name)] {
        let reader = app.user(&format!("a-{role}"), role).await;
        let list = reader.get(&app, &format!("/api/v1/admin/jobs?reference=nano:{nano}&kind=validate_archive")).await;
        let job = &list.data(StatusCode::OK)[0];
        assert_eq!((&job["about"], &job["owner"]), (&about, &owner), "{role}");
        let page = reader.get(&app, &format!("/api/v1/admin/jobs/{}", job["id"].as_str().unwrap())).await;
        let job = page.data(StatusCode::OK);
        assert_eq!((&job["about"], &job["owner"]), (&about, &owner), "{role}");
    }
    // What is deleted has no title any more.
    let delete = format!("UPDATE nanos SET status = 'deleted' WHERE id = UNHEX(REPLACE('{nano}', '-', ''))");
    database::execute(&app.db, &delete).await.unwrap();
    let list = admin.get(&app, &format!("/api/v1/admin/jobs?reference=nano:{nano}&kind=validate_archive")).await;
    assert_eq!(list.data(StatusCode::OK)[0]["about"], Value::Null);
    let other = app.put(&Apple(Thing::new(1, End::Complete))).await;
    let page = admin.get(&app, &format!("/api/v1/admin/jobs/{other}")).await;
    assert_eq!(
        (&page.data(StatusCode::OK)["about"], &page.data(StatusCode::OK)["owner"]),
        (&Value::Null, &Value::Null)
    );
    app.discard().await;
}

/// Jobs that somebody chose one by one: in steps, those whose state fits, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_action_may_name_its_jobs() {
    let app = TestApp::start().await;
    let kit = kit(&app).await;
    let operator = app.user("otto", Role::Operator).await;
    let mut ids = Vec::new();
    for n in 0..250 {
        ids.push(app.put(&Apple(Thing::new(n, End::Complete))).await);
    }
    let left = app.put(&Apple(Thing::new(999, End::Complete))).await;
    kit.run_one(ids[0]).await;
    let nobody = JobId::new();
    let named: Vec<JobId> = ids.iter().copied().chain([nobody]).collect();
    let filter = Filter { ids: named.clone(), states: vec![State::Available], ..Filter::default() };
    let (found, total) = walk(&app.db, &filter).await;
    assert_eq!((found.len(), total.count, total.capped), (249, 249, false));
    assert!(found.windows(2).all(|pair| pair[0].id > pair[1].id));
    assert_eq!(steps(&app.db, &filter).await, ids[1..]);
    assert_eq!(list::count(&app.db, &filter).await.unwrap().count, 249);

    let body = json!({"action": "cancel", "filter": {"ids": named}, "reason": "chosen", "dry_run": true});
    let dry = operator.post(&app, "/api/v1/admin/jobs/bulk", &body).await;
    assert_eq!(dry.data(StatusCode::OK)["matched"], json!({"count": 249, "capped": false}));
    let body = json!({"action": "cancel", "filter": {"ids": named}, "reason": "chosen"});
    let begun = operator.post(&app, "/api/v1/admin/jobs/bulk", &body).await;
    let bulk = begun.data(StatusCode::ACCEPTED)["bulk"].clone();
    let job: JobId = bulk["job_id"].as_str().unwrap().parse().unwrap();
    // Which they are, it says itself; lists and the audit log have their number.
    let (rows, _) = infra::db::audit_log::page(&app.db, &infra::db::audit_log::Filter::default(), 0, 1).await.unwrap();
    let details = &rows[0].entry.details;
    assert_eq!((&details["named"], details["filter"].get("ids")), (&json!(named.len()), None));
    let listed = operator.get(&app, "/api/v1/admin/jobs/bulk").await;
    let listed = &listed.data(StatusCode::OK)[0];
    assert_eq!((&listed["named"], listed["filter"].get("ids")), (&json!(named.len()), None));
    assert_eq!(app.run_one(job).await.state, State::Completed);
    let done = operator.get(&app, &format!("/api/v1/admin/jobs/bulk/{}", bulk["id"].as_str().unwrap())).await;
    assert_eq!(done.data(StatusCode::OK)["changed"], 249);
    assert_eq!(done.data(StatusCode::OK)["filter"]["ids"].as_array().map(Vec::len), Some(named.len()));
    let row = async |id: JobId| ledger::get(&app.db, id).await.unwrap().unwrap().state;
    assert_eq!((row(ids[0]).await, row(left).await), (State::Completed, State::Available));
    for id in &ids[1..] {
        assert_eq!(row(*id).await, State::Cancelled);
    }
    app.discard().await;
}

fn open_of(cause: &Value) -> u64 {
    cause["open"]["count"].as_u64().unwrap()
}

/// A look-up that takes too long is stopped by the server, and nobody else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_look_up_is_stopped() {
    let app = TestApp::start().await;
    let began = std::time::Instant::now();
    let error = database::look_for(&app.db, INSPECTION_LIMIT * 4).await.unwrap_err();
    assert!(matches!(error, DbError::TooSlow(_)), "{error}");
    assert!(began.elapsed() < INSPECTION_LIMIT * 3, "{:?}", began.elapsed());
    database::look_for(&app.db, Duration::from_millis(10)).await.unwrap();
    app.finish().await;
}

/// Times far away are times, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_before_or_after_everything_finds_nothing_or_all() {
    let app = TestApp::start().await;
    app.put(&Apple(Thing::new(1, End::Complete))).await;
    let found = async |since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>| {
        list::page(&app.db, &Filter { since, until, ..Filter::default() }, None, 10).await.unwrap().jobs.len()
    };
    let (past, future) = (DateTime::<Utc>::MIN_UTC, Utc::now() + TimeDelta::days(400_000));
    assert_eq!(found(Some(past), Some(future)).await, 1);
    assert_eq!(found(Some(future), None).await, 0);
    assert_eq!(found(None, Some(past)).await, 0);
    assert_eq!(found(Some(future), Some(past)).await, 0);
    app.discard().await;
}

/// A backlog that is older than everything that was done since: its jobs are still found, and counted to 10,000.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_backlog_is_found_behind_newer_jobs() {
    let app = TestApp::start().await;
    const EACH: usize = 10_100;
    let worker = app.enrol("by hand", "search").await;
    let mut backlog = Vec::new();
    for older in [true, false] {
        for chunk in (0..EACH).collect::<Vec<_>>().chunks(500) {
            let mut tx = app.db.begin().await.unwrap();
            let ids = enqueue_all(&mut tx, &vec![Plum(Thing::new(0, End::Complete)); chunk.len()]).await.unwrap();
            tx.commit().await.unwrap();
            if older {
                backlog.extend(ids);
                continue;
            }
            let claimed = ledger::claim(&app.db, worker, ids).await.unwrap();
            let fences: Vec<_> = claimed.iter().map(|job| job.fence).collect();
            ledger::complete_all(&app.db, &fences).await.unwrap();
        }
    }
    backlog.sort();
    backlog.reverse();
    let available = Filter { states: vec![State::Available], ..Filter::default() };
    let capped = list::Total { count: list::COUNT_CAP, capped: true };
    for filter in [
        available.clone(),
        Filter { queue: Some("search".into()), ..available.clone() },
        Filter { tenant: Some(Uuid::nil()), ..available.clone() },
        Filter { states: vec![State::Available, State::Discarded], ..Filter::default() },
    ] {
        let page = list::page(&app.db, &filter, None, 20).await.unwrap();
        assert_eq!((page.jobs.len(), page.partial), (20, false), "{filter:?}");
        assert!(page.jobs.iter().all(|job| job.state == State::Available));
        assert_eq!(page.total, capped, "{filter:?}");
        assert_eq!(list::count(&app.db, &filter).await.unwrap(), capped, "{filter:?}");
        let next = list::page(&app.db, &filter, page.next.as_ref(), 20).await.unwrap();
        let found: Vec<JobId> = page.jobs.iter().chain(&next.jobs).map(|job| job.id).collect();
        assert_eq!(found, backlog[..40], "{filter:?}");
    }
    app.discard().await;
}
