//! Things that routes are about: an owner's nano, upload, job, case and rating, and what operators steer.

use chrono::Utc;
use domain::{
    chat::ReportReason,
    ids::{
        DeliveryId, MessageId, NanoId, RatingId, SavedSearchId, UserId, VersionId, WebhookDeliveryId, WebhookEventId,
        WebhookId,
    },
    notification::{Kind, Unsubscribe},
    review::Cause,
    saved_search::Criteria,
    user::{Language, Role},
    webhook::WebhookEvent,
};
use infra::db::{
    chat_messages, chat_reports, chat_sessions, email_deliveries, mail_link_keys, moderation_cases,
    notifications::{self, NewNotification},
    ratings, saved_searches, users, webhook_deliveries, webhook_endpoints, webhook_events,
};
use jobs::RemoveObject;
use queue::{
    builtin::PruneLedger,
    ids::{JobId, WorkerId},
    ledger::{
        self, Action, By,
        controls::{
            limits::{self, Limit},
            pauses::{self, EVERYTHING, Scope},
        },
        schedules, workers,
    },
};
use reqwest::RequestBuilder;
use tests::{TestApp, User, archives, routes::Route};

const SCHEDULE: &str = "prune_ledger";
const QUEUE: &str = "media";
const KIND: &str = "scan_content";
/// Of the owner's notification, and of the mails that their link ends.
const TOLD: Kind = Kind::RatingReceived;

/// One of each.
#[derive(Clone, Default)]
pub struct Things {
    pub nano: String,
    pub upload: String,
    pub job: String,
    pub case: String,
    /// The owner's, about somebody else's nano.
    pub rating: String,
    /// Somebody else's, about the owner's nano.
    pub rated: String,
    /// A chat about the nano, with a message of somebody else, and a report about it.
    pub chat: String,
    pub report: String,
    pub notification: String,
    pub search: String,
    /// The last part of the link in a mail to the owner.
    pub link: String,
    /// The owner's, with something that it is told.
    pub webhook: String,
    pub delivery: String,
    pub worker: String,
    /// Somebody whom administrators act on.
    pub person: String,
    /// Of which nobody can tell whether it left.
    pub mail: String,
}

/// An account that nobody signs in to.
async fn person(app: &TestApp) -> UserId {
    let (id, now) = (UserId::new(), Utc::now());
    let name = id.0.simple().to_string();
    let new = users::NewUser {
        id,
        email: &format!("{name}@nano.test"),
        username: &name,
        password_hash: "none",
        name: "Somebody",
        role: Role::Consumer,
        language: Language::En,
        email_verified_at: Some(now),
    };
    let mut tx = app.db.begin().await.unwrap();
    users::insert(&mut tx, &new, now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// A chat of the nano's creator with somebody else, who has written, and a report about the message by its creator.
async fn chat(app: &TestApp, nano: &str, creator: &str) -> (String, String) {
    let (nano, creator) = (nano.parse().unwrap(), creator.parse().unwrap());
    let (somebody, now) = (person(app).await, Utc::now());
    let mut tx = app.db.begin().await.unwrap();
    let (chat, _) = chat_sessions::begin(&mut tx, nano, somebody, creator, now).await.unwrap();
    chat_messages::append(&mut tx, &chat, somebody, MessageId::new(), "Hello", now).await.unwrap();
    let what = (ReportReason::Spam, "");
    let (report, _) = chat_reports::put(&mut tx, chat.id, 1, creator, what, now).await.unwrap();
    tx.commit().await.unwrap();
    (chat.id.to_string(), report.id.to_string())
}

/// A mail whose sender died in the middle.
async fn mail(app: &TestApp) -> String {
    let id = DeliveryId::new();
    let new = email_deliveries::NewDelivery {
        id,
        idempotency_key: &id.to_string(),
        template: "already_registered",
        language: Language::En,
        user_id: None,
        recipient: "somebody@nano.test",
        params: serde_json::json!({}),
        now: Utc::now(),
    };
    let mut tx = app.db.begin().await.unwrap();
    email_deliveries::insert(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    execute(app, "UPDATE email_deliveries SET state = 'ambiguous' WHERE id = ?", &id.to_string()).await;
    id.to_string()
}

/// A webhook of this person, and something that it is told; no job sends it.
async fn webhook(app: &TestApp, owner: &str) -> (String, String) {
    let (id, event, delivery) = (WebhookId::new(), WebhookEventId::new(), WebhookDeliveryId::new());
    let (user_id, now) = (owner.parse().unwrap(), Utc::now());
    let (events, url) = ([WebhookEvent::NanoRated], "https://hooks.example/nano");
    let new = webhook_endpoints::NewWebhook { id, user_id, name: "Theirs", url, events: &events };
    let body = r#"{"type":"nano.rated","timestamp":"2026-11-30T12:00:00.000Z","data":{}}"#;
    let key = event.to_string();
    let told = webhook_events::NewWebhookEvent { id: event, user_id, key: &key, kind: "nano.rated", body, now };
    let mut tx = app.db.begin().await.unwrap();
    webhook_endpoints::insert(&mut tx, &new, now).await.unwrap();
    assert!(webhook_events::insert(&mut tx, &told).await.unwrap());
    webhook_deliveries::insert(&mut tx, delivery, id, event, now).await.unwrap();
    tx.commit().await.unwrap();
    (id.to_string(), delivery.to_string())
}

/// A row of a worker that nobody is.
async fn worker(app: &TestApp) -> WorkerId {
    let id = WorkerId::new();
    let new = workers::NewWorker { id, name: "host:1".into(), version: "1".into(), queues: QUEUE.into(), slots: 2 };
    workers::register(&app.db, &new).await.unwrap();
    id
}

/// The schedule that routes are asked about.
pub async fn schedule(app: &TestApp) {
    let definition = schedules::Definition {
        name: SCHEDULE,
        kind: PruneLedger::KIND,
        expression: "0 30 3 * * *",
        zone: "Europe/Berlin",
        jitter_seconds: 0,
        catch_up: "once",
        enabled: true,
    };
    schedules::define(&app.db, &definition, &[], Utc::now()).await.unwrap();
}

/// A nano whose check waits, and the job that checks it.
async fn submitted(app: &TestApp, owner: &User) -> (String, String) {
    let nano = owner.draft(app, "Submitted").await;
    let upload = owner.upload(app, &nano, archives::unit_with(&[("more.txt", b"More.")])).await;
    let location = owner.finish(app, &upload).await;
    (nano, location.rsplit('/').next().unwrap().to_owned())
}

async fn execute(app: &TestApp, statement: &'static str, id: &str) {
    let id: uuid::Uuid = id.parse().unwrap();
    sqlx::query(statement).bind(id).execute(app.db.pool()).await.unwrap();
}

/// A nano of the owner's that everybody sees.
async fn on_the_shelf(app: &TestApp, owner: &User) -> NanoId {
    let nano = owner.draft(app, "On the shelf").await;
    execute(app, "UPDATE nanos SET status = 'published', published_at = UTC_TIMESTAMP(6) WHERE id = ?", &nano).await;
    nano.parse().unwrap()
}

/// The same of somebody whom nobody is.
async fn somebody_elses(app: &TestApp, owner: &User) -> NanoId {
    let (nano, maker) = (on_the_shelf(app, owner).await, person(app).await);
    let give = sqlx::query("UPDATE nanos SET creator_id = ? WHERE id = ?").bind(maker).bind(nano);
    give.execute(app.db.pool()).await.unwrap();
    nano
}

async fn rating(app: &TestApp, nano_id: NanoId, user_id: UserId) -> String {
    let id = RatingId::new();
    let mut tx = app.db.begin().await.unwrap();
    let there = ratings::insert(&mut tx, ratings::NewRating { id, nano_id, user_id, score: 4 }, Utc::now()).await;
    assert!(there.unwrap().is_none());
    tx.commit().await.unwrap();
    id.to_string()
}

/// Something that this person was told of, a search that they keep, and the end of a link in their mails.
async fn told(app: &TestApp, user_id: UserId) -> (String, String, String) {
    let (now, id, criteria) = (Utc::now(), SavedSearchId::new(), Criteria { level: Some(1), ..Criteria::default() });
    let mut tx = app.db.begin().await.unwrap();
    let new = NewNotification {
        user_id,
        kind: TOLD,
        subject: &id.to_string(),
        nano_id: None,
        rating_id: None,
        found: None,
        reason: None,
    };
    notifications::insert(&mut tx, &new, now).await.unwrap();
    let search = saved_searches::NewSavedSearch { id, user_id, name: "Basics", criteria: &criteria, alerts: true };
    saved_searches::insert(&mut tx, &search, now).await.unwrap();
    let key = mail_link_keys::get_or_keep(&mut tx, user_id, [7; 32], now).await.unwrap();
    tx.commit().await.unwrap();
    let newest = notifications::page(&app.db, user_id, None, false, 1).await.unwrap().remove(0);
    (newest.id.to_string(), id.to_string(), Unsubscribe::sign(user_id, TOLD, &key).digits())
}

async fn begin_maintenance(app: &TestApp) {
    let mut tx = app.db.begin().await.unwrap();
    jobs::read_only::begin(&mut tx, 60, &By::system("before")).await.unwrap();
    tx.commit().await.unwrap();
}

/// Ends what this route may have begun and everybody else would wait for.
pub async fn end_maintenance(app: &TestApp, admin: &User, route: &Route) {
    if route.path.ends_with("/admin/maintenance") {
        let over = admin.request(app, reqwest::Method::DELETE, "/api/v1/admin/maintenance?reason=over");
        let status = tests::client::answer(over).await.status;
        assert!(matches!(status.as_u16(), 204 | 409), "{status}");
    }
}

impl Things {
    /// A draft with a received upload, a version whose check waits, and a case.
    pub async fn of(app: &TestApp, owner: &User) -> Self {
        let nano = owner.draft(app, "Theirs").await;
        let upload = owner.upload(app, &nano, archives::unit()).await;
        let (_, job) = submitted(app, owner).await;
        let mut tx = app.db.begin().await.unwrap();
        let id: NanoId = nano.parse().unwrap();
        let case = moderation_cases::open(&mut tx, id, VersionId::new(), Cause::Always, Utc::now()).await.unwrap();
        tx.commit().await.unwrap();
        let (worker, person) = (worker(app).await.to_string(), person(app).await);
        let written = rating(app, somebody_elses(app, owner).await, owner.id.parse().unwrap()).await;
        let rated = rating(app, on_the_shelf(app, owner).await, person).await;
        let (chat, report) = chat(app, &nano, &owner.id).await;
        let (notification, search, link) = told(app, owner.id.parse().unwrap()).await;
        let (webhook, delivery) = webhook(app, &owner.id).await;
        let (case, person, mail) = (case.to_string(), person.to_string(), mail(app).await);
        Self {
            nano,
            upload,
            job,
            case,
            rating: written,
            rated,
            chat,
            report,
            notification,
            search,
            link,
            webhook,
            delivery,
            worker,
            person,
            mail,
        }
    }

    /// What an operator's call of this route needs so that it succeeds.
    pub async fn steered(app: &TestApp, route: &Route) -> Self {
        let by = By::system("before");
        let job = app.put(&RemoveObject { key: format!("nobody/{}", JobId::new()) }).await;
        let mut tx = app.db.begin().await.unwrap();
        let tail = route.path.trim_start_matches("/api/v1").trim_start_matches("/admin").trim_start_matches("/jobs");
        match (route.method.as_str(), tail) {
            ("POST", "/{id}/retry") => {
                ledger::operate(&mut tx, job, Action::Discard, &by).await.unwrap().unwrap();
            }
            ("POST", "/queues/{queue}/resume") => {
                pauses::pause(&mut tx, Scope::Queue, QUEUE, "before", None, None).await.unwrap();
            }
            ("POST", "/resume") => {
                pauses::pause(&mut tx, Scope::All, EVERYTHING, "before", None, None).await.unwrap();
            }
            ("POST", "/{id}/rerun") => {
                sqlx::query("UPDATE jobs SET state = 'completed', finished_at = UTC_TIMESTAMP(6) WHERE id = ?")
                    .bind(job)
                    .execute(&mut *tx)
                    .await
                    .unwrap();
            }
            ("POST", "/kinds/{kind}/resume") => {
                pauses::pause(&mut tx, Scope::Kind, KIND, "before", None, None).await.unwrap();
            }
            ("POST", "/schedules/{name}/resume") => {
                schedules::pause(&mut tx, SCHEDULE, "before", None, None).await.unwrap();
            }
            ("DELETE", "/limits/{kind}") => {
                let limit = Limit { max_running: Some(3), ..Limit::of(KIND, "before") };
                limits::set(&mut tx, &limit).await.unwrap();
            }
            (
                "POST",
                "/{id}/cancel"
                | "/{id}/discard"
                | "/pause"
                | "/queues/{queue}/pause"
                | "/kinds/{kind}/pause"
                | "/workers/{id}/drain"
                | "/schedules/{name}/run"
                | "/schedules/{name}/pause"
                | "/bulk",
            )
            | ("PUT", "/limits/{kind}")
            | ("PATCH", "/{id}") => {}
            _ => panic!("{}: what must be there so that it succeeds? Teach `Things::steered`", route.name()),
        }
        tx.commit().await.unwrap();
        Self { job: job.to_string(), worker: worker(app).await.to_string(), ..Self::default() }
    }

    /// These things, with a fresh one of the owner's in the state in which this route changes it.
    pub async fn renewed(&self, app: &TestApp, owner: &User, route: &Route) -> Self {
        let mut things = self.clone();
        match (route.method.as_str(), route.path.trim_start_matches("/api/v1")) {
            (_, path) if path.starts_with("/admin/jobs") => things = Self::steered(app, route).await,
            (_, "/admin/mails/{id}/judge") => things.mail = mail(app).await,
            (_, "/nanos/{id}/ratings") => things.nano = somebody_elses(app, owner).await.to_string(),
            (_, path) if path.starts_with("/ratings/{rating_id}") => {
                things.rating = rating(app, somebody_elses(app, owner).await, owner.id.parse().unwrap()).await;
                things.rated = rating(app, on_the_shelf(app, owner).await, person(app).await).await;
            }
            (_, "/favorites/{nano_id}") => things.nano = on_the_shelf(app, owner).await.to_string(),
            (_, path) if path.starts_with("/nanos/{id}") => {
                things.nano = owner.draft(app, "Fresh").await;
                match path.trim_start_matches("/nanos/{id}") {
                    "/withdraw" => {
                        execute(app, "UPDATE nanos SET status = 'pending_review' WHERE id = ?", &things.nano).await;
                    }
                    "/restore" => {
                        execute(app, "UPDATE nanos SET status = 'archived' WHERE id = ?", &things.nano).await;
                    }
                    _ => {}
                }
            }
            (_, path) if path.starts_with("/uploads/{id}") => {
                things.nano = owner.draft(app, "Fresh").await;
                things.upload = owner.upload(app, &things.nano, archives::unit()).await;
            }
            (_, path) if path.starts_with("/jobs/{id}") => {
                (things.nano, things.job) = submitted(app, owner).await;
                // It failed, and waits for its next attempt.
                execute(app, "UPDATE jobs SET state = 'retryable' WHERE id = ?", &things.job).await;
            }
            (_, "/admin/moderation/{case_id}/decision") => {
                (things.nano, _) = submitted(app, owner).await;
                execute(app, "UPDATE nanos SET status = 'pending_review' WHERE id = ?", &things.nano).await;
                execute(app, "UPDATE nano_versions SET state = 'pending_review' WHERE nano_id = ?", &things.nano).await;
                let id: NanoId = things.nano.parse().unwrap();
                let nano = infra::db::nanos::get(&app.db, id).await.unwrap().unwrap();
                let mut tx = app.db.begin().await.unwrap();
                let version = nano.latest_version_id.unwrap();
                let case = moderation_cases::open(&mut tx, id, version, Cause::Always, Utc::now()).await.unwrap();
                tx.commit().await.unwrap();
                things.case = case.to_string();
            }
            (_, path) if path.starts_with("/me/notifications") || path.starts_with("/me/saved-searches") => {
                (things.notification, things.search, _) = told(app, owner.id.parse().unwrap()).await;
            }
            (_, path) if path.starts_with("/me/webhooks/{id}") => {
                (things.webhook, things.delivery) = webhook(app, &owner.id).await;
            }
            ("DELETE", "/admin/maintenance") => begin_maintenance(app).await,
            (_, "/users/{id}/profile") => things.person = owner.id.clone(),
            (_, path) if path.starts_with("/chats/{session_id}") || path.starts_with("/admin/chats") => {
                things.nano = owner.draft(app, "Fresh").await;
                (things.chat, things.report) = chat(app, &things.nano, &owner.id).await;
            }
            (_, path) if path.starts_with("/admin/users/{id}") => {
                things.person = person(app).await.to_string();
                match path.trim_start_matches("/admin/users/{id}") {
                    "/unsuspend" => {
                        execute(app, "UPDATE users SET status = 'suspended' WHERE id = ?", &things.person).await;
                    }
                    "/remove-second-factor" => {
                        let factor = "INSERT INTO second_factors (user_id, secret, enabled_at, created_at)
                                      VALUES (?, '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";
                        execute(app, factor, &things.person).await;
                    }
                    _ => {}
                }
            }
            // What has no thing of its own.
            _ => {}
        }
        things
    }

    /// The route's path about these things, without a query.
    pub fn path(&self, route: &Route) -> String {
        route.address_with(|name, before| match (name, before) {
            ("id", "nanos") => self.nano.clone(),
            ("id", "uploads") => self.upload.clone(),
            ("id", "jobs") => self.job.clone(),
            ("id", "workers") => self.worker.clone(),
            ("id", "users") => self.person.clone(),
            ("id", "mails") => self.mail.clone(),
            ("number", "versions") => "1".into(),
            ("case_id", _) => self.case.clone(),
            ("subject", "consents") => "marketing".into(),
            ("rating_id", _) if route.path.ends_with("/reply") || route.path.ends_with("/helpful") => {
                self.rated.clone()
            }
            ("rating_id", _) => self.rating.clone(),
            ("nano_id", _) => self.nano.clone(),
            // Of nobody's list.
            ("secret", _) => "0".repeat(64),
            ("session_id", _) => self.chat.clone(),
            ("seq", "messages") => "1".into(),
            ("id", "reports") => self.report.clone(),
            ("id", "notifications") => self.notification.clone(),
            ("id", "saved-searches") => self.search.clone(),
            ("kind", "notification-preferences" | "unsubscribe") => TOLD.to_string(),
            ("token", _) => self.link.clone(),
            ("id", "webhooks") => self.webhook.clone(),
            ("delivery_id", _) => self.delivery.clone(),
            ("queue", _) => QUEUE.into(),
            ("kind", _) => KIND.into(),
            ("name", "schedules") => SCHEDULE.into(),
            // What has no thing yet: refused before it is looked for.
            ("id", "bulk" | "passkeys" | "sessions" | "tokens" | "lists") => JobId::new().to_string(),
            (name, before) => panic!("{}: what is the {{{name}}} of {before}? Teach `Things` one", route.name()),
        })
    }

    /// The route's address about these things.
    pub fn address(&self, route: &Route) -> String {
        match route.query() {
            query if query.is_empty() => self.path(route),
            query => format!("{}?{query}", self.path(route)),
        }
    }

    /// A call of the route with whatever it must be sent.
    pub fn request(&self, app: &TestApp, route: &Route) -> RequestBuilder {
        let request = app.request(route.method.clone(), &self.address(route));
        if route.takes_json() { request.json(&route.body()) } else { request }
    }
}
