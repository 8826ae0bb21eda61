//! Words that change after publication: what nobody has looked at is not public.

use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, User, app::PATIENCE, archives, client::answer};

const OFFENDING: &str = "Du dummes Arschloch";

struct Stage {
    app: TestApp,
    creator: User,
    moderator: User,
    nano: String,
}

impl Stage {
    fn path(&self) -> String {
        format!("/api/v1/nanos/{}", self.nano)
    }

    async fn edit(&self, fields: Value) -> Value {
        let request = self.creator.request(&self.app, Method::PATCH, &self.path());
        answer(request.json(&fields)).await.data(StatusCode::OK).clone()
    }

    /// What its creator sees, once that is so.
    async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                let nano = self.creator.get(&self.app, &self.path()).await.data(StatusCode::OK).clone();
                if is_so(&nano) {
                    return nano;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    async fn public_title(&self) -> String {
        let nano = self.app.get(&self.path()).await.data(StatusCode::OK).clone();
        assert_eq!(nano.get("pending_edit"), None, "nobody else sees what is not public");
        nano["title"].as_str().unwrap().to_owned()
    }

    /// The open cases about edits.
    async fn cases(&self) -> Vec<Value> {
        let queue = self.moderator.get(&self.app, "/api/v1/admin/moderation/queue").await;
        let cases = queue.data(StatusCode::OK).as_array().unwrap().clone();
        cases.into_iter().filter(|case| case["cause"] == "edited").collect()
    }

    async fn decide(&self, case: &Value, decision: &str) -> tests::client::Answer {
        let path = format!("/api/v1/admin/moderation/{}/decision", case["id"].as_str().unwrap());
        self.moderator.post(&self.app, &path, &json!({"decision": decision, "reason": "Not these words."})).await
    }
}

fn is_held(nano: &Value) -> bool {
    nano["pending_edit"]["findings"].is_array()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_words_of_a_published_nano_are_scanned_before_anybody_reads_them() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    let moderator = app.user("mod", Role::Moderator).await;
    let worker = app.worker().await;
    let nano = creator.submit(&app, "Igel im Winter", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    let stage = Stage { app, creator, moderator, nano };

    // Nothing speaks against it: public a moment later, and found. What is no text changes at once.
    let answer = stage.edit(json!({"title": "Igel im Sommer", "level": 3})).await;
    assert_eq!(answer["level"], 3);
    assert_eq!(
        (&answer["title"], &answer["pending_edit"]["title"]),
        (&json!("Igel im Winter"), &json!("Igel im Sommer"))
    );
    let nano = stage.until("the edit is public", |nano| nano["title"] == "Igel im Sommer").await;
    assert_eq!(nano.get("pending_edit"), None);
    assert_eq!(stage.cases().await, Vec::<Value>::new());
    stage.app.drained().await;
    let found = stage.app.get("/api/v1/search?q=Sommer").await;
    assert_eq!(found.data(StatusCode::OK)["hits"][0]["title"], "Igel im Sommer");

    // A person has to look; the public sees nothing of it, and a refusal has a reason that reaches the creator.
    stage.edit(json!({"title": OFFENDING})).await;
    let held = stage.until("the edit is held", is_held).await;
    assert_eq!(held["pending_edit"]["findings"][0]["rule"], "profanity");
    assert_eq!(stage.public_title().await, "Igel im Sommer");
    let cases = stage.cases().await;
    let [case] = cases.as_slice() else { panic!("one case: {cases:?}") };
    assert_eq!((&case["edit"]["title"], &case["scan"]), (&json!(OFFENDING), &Value::Null));
    stage.decide(case, "reject").await.data(StatusCode::OK);
    let refused = stage.until("the edit is gone", |nano| nano.get("pending_edit").is_none()).await;
    assert_eq!(refused["title"], "Igel im Sommer");
    stage.app.drained().await;
    let mails = stage.app.mail.messages();
    assert!(
        mails.iter().any(|mail| mail.text.as_deref().is_some_and(|text| text.contains("Not these words."))),
        "{:?}",
        mails.iter().map(|mail| &mail.subject).collect::<Vec<_>>()
    );

    // The next one opens the same case again. The description that waits stays when the title is written anew.
    stage.edit(json!({"description": OFFENDING})).await;
    stage.until("the description is held", is_held).await;
    stage.edit(json!({"title": "Igel im Herbst"})).await;
    let held =
        stage.until("both are held", |nano| is_held(nano) && nano["pending_edit"]["title"] == "Igel im Herbst").await;
    assert_eq!(held["pending_edit"]["description"], OFFENDING);
    let again = stage.cases().await;
    assert_eq!((again.len(), &again[0]["id"]), (1, &case["id"]));
    stage.decide(&again[0], "approve").await.data(StatusCode::OK);
    assert_eq!(stage.public_title().await, "Igel im Herbst");

    // Given up by its creator: nobody has to judge it any more.
    stage.edit(json!({"title": OFFENDING})).await;
    stage.until("the edit is held", is_held).await;
    let open = stage.cases().await;
    let back = stage.edit(json!({"title": "Igel im Herbst"})).await;
    assert_eq!(back.get("pending_edit"), None);
    assert_eq!(stage.decide(&open[0], "approve").await.error(StatusCode::CONFLICT), "CASE_CLOSED");

    // Off the shelf with the nano.
    stage.edit(json!({"title": OFFENDING})).await;
    stage.until("the edit is held", is_held).await;
    assert_eq!(stage.creator.delete(&stage.app, &stage.path()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stage.cases().await, Vec::<Value>::new());
    stage.app.drained().await;
    worker.stop().await;
    stage.app.finish().await;
}
