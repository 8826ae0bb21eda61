//! One trace from a request through every job, child process and retry, as a collector receives it.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use queue::ledger;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tests::{
    TestApp,
    app::PATIENCE,
    archives,
    client::answer,
    collector::{Collector, Span},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const GRACE: Duration = Duration::from_secs(20);

/// The lines of a process' log that belong to the trace: (message, fields of its span, span id).
fn logged(log: &Path) -> Vec<(String, Value, String)> {
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_trace = lines.filter(|line| line["trace_id"] == TRACE);
    of_trace
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
            (text("message"), line["span"].clone(), text("span_id"))
        })
        .collect()
}

async fn soon<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn only<'a>(spans: &'a [Span], what: &str, wanted: impl Fn(&Span) -> bool) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| wanted(span)).collect();
    assert_eq!(found.len(), 1, "{what}: {found:#?} of {spans:#?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_one_trace_from_the_request_to_the_mail() {
    let mut app = TestApp::start().await;
    let collector = Collector::start().await;
    let exporting = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test%20run"),
        ("RUST_LOG", "info,api=debug"),
    ];
    let mut api = app.api_process("api", &exporting).await;
    let mut worker = app.worker_process_with("worker", &exporting[..2]).await;
    let creator = app.creator("kim").await;
    let nano = creator.draft(&app, "Traced").await;
    let upload = creator.upload(&app, &nano, archives::unit()).await;
    // The first attempt to send the mail finds nobody, the next one does.
    app.mail.refuse(true);
    let finish = creator.request(&app, Method::POST, &format!("/api/v1/uploads/{upload}/finish"));
    let finish = finish
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", "vendor=opaque")
        .header("x-request-id", "upload-42")
        .json(&serde_json::json!({}));
    let accepted = answer(finish).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{:#}", accepted.body);
    let traceresponse = accepted.headers["traceresponse"].to_str().unwrap().to_owned();
    assert!(traceresponse.starts_with(&format!("00-{TRACE}-")) && traceresponse.ends_with("-01"), "{traceresponse}");

    let id: domain::ids::NanoId = nano.parse().unwrap();
    let mail = soon("the mail was never tried in vain", async || {
        let jobs = ledger::unfinished(&app.db).await.unwrap();
        jobs.into_iter().find(|job| job.kind == "send_email" && job.runs > 0 && job.state != ledger::State::Running)
    })
    .await;
    app.mail.refuse(false);
    app.drained().await;
    let mut jobs = app.jobs_of_nano(id).await.unwrap();
    let mail = ledger::get(&app.db, mail.id).await.unwrap().unwrap();
    jobs.push(mail.clone());
    worker.terminate(GRACE).await.unwrap();
    api.terminate(GRACE).await.unwrap();

    let spans: Vec<Span> = collector.spans().into_iter().filter(|span| span.trace == TRACE).collect();
    let ids: HashMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    assert_eq!(ids.len(), spans.len(), "every span has an id of its own");
    for span in &spans {
        assert!(span.end >= span.start && span.start > 1_700_000_000_000_000_000, "{span:#?}");
        assert_eq!(span.attribute("deployment.environment.name"), "test run");
    }

    // The request, called by somebody else's span.
    let request = only(&spans, "the request", |span| span.parent == CALLER);
    assert_eq!(request.name, "POST /api/v1/uploads/{id}/finish");
    assert_eq!(request.kind.as_str_name(), "SPAN_KIND_SERVER");
    assert_eq!((request.attribute("http.response.status_code"), request.attribute("request_id")), ("202", "upload-42"));
    assert_eq!((request.attribute("service.name"), request.state.as_str()), ("nano-api", "vendor=opaque"));
    assert_eq!(traceresponse, format!("00-{TRACE}-{}-01", request.id), "the answer names its span");

    // Every run, by job: whose span its parent is, and what it says.
    let mut runs = HashMap::new();
    for job in &jobs {
        let kind = job.kind.as_str();
        let parent = job.trace_parent.as_deref().unwrap_or_else(|| panic!("{kind} has no trace"));
        let parent = parent.strip_prefix(&format!("00-{TRACE}-")).and_then(|rest| rest.strip_suffix("-01")).unwrap();
        for run in 1..=job.runs {
            let what = format!("run {run} of {kind}");
            let span = only(&spans, &what, |span| {
                span.attribute("job.id") == job.id.to_string()
                    && span.attribute("job.run") == run.to_string()
                    && span.name == kind
            });
            assert_eq!((span.parent.as_str(), span.kind.as_str_name()), (parent, "SPAN_KIND_CONSUMER"), "{what}");
            assert_eq!((span.attribute("job.kind"), span.attribute("queue")), (kind, job.queue.as_str()));
            assert_eq!(span.attribute("service.name"), "nano-worker");
            let outcome = if run < job.runs { "retry" } else { "completed" };
            assert_eq!(span.attribute("job.outcome"), outcome, "{what}");
            assert_eq!(span.failed, run < job.runs, "{what}");
            runs.insert((kind, run), span);
        }
    }
    assert!(mail.runs >= 2, "the mail was retried: {mail:#?}");

    // What parses hostile bytes ran in a process of its own, under the worker's span.
    for (kind, reader) in [
        ("validate_archive", "check_archive"),
        ("make_thumbnails", "make_pictures"),
        ("scan_content", "scan_entries"),
        ("scan_content", "read_text"),
    ] {
        let run = runs[&(kind, 1)];
        let name = format!("read {reader}");
        let read = only(&spans, &name, |span| span.parent == run.id && span.name == name);
        assert_ne!(read.attribute("process.pid"), run.attribute("process.pid"));
        assert_eq!((read.attribute("reader"), read.attribute("service.name")), (reader, "nano-worker"));
        assert!(read.start >= run.start && read.end <= run.end, "it read within the run");
    }

    // Each step is a child of the step before it.
    let parent = |kind: &str| runs[&(kind, 1)].parent.as_str();
    assert_eq!(parent("validate_archive"), request.id);
    for kind in ["make_thumbnails", "scan_content", "review_nano"] {
        assert_eq!(parent(kind), runs[&("validate_archive", 1)].id, "{kind}");
    }
    let review = runs[&("review_nano", 1)].id.as_str();
    assert_eq!(parent("publish_nano"), review);
    for kind in ["index_nano", "send_email"] {
        assert_eq!(parent(kind), runs[&("publish_nano", 1)].id, "{kind}");
    }
    for span in &spans {
        let known = span.parent == CALLER || ids.contains_key(span.parent.as_str());
        assert!(known, "a link is missing: {span:#?}");
    }

    // The logs have the same ids: of the API and the worker.
    let line = |log: &Path, message: &str| {
        let lines = logged(log);
        let found = lines.iter().find(|(text, ..)| text == message).cloned();
        found.unwrap_or_else(|| panic!("{message:?} is not logged: {lines:#?}"))
    };
    let (_, span, id) = line(api.log().unwrap(), "answered");
    assert_eq!((id.as_str(), span["request_id"].as_str()), (request.id.as_str(), Some("upload-42")));
    let (_, span, id) = line(worker.log().unwrap(), "the mail was handed to the mail server");
    assert_eq!(id, runs[&("send_email", mail.runs)].id);
    assert_eq!(span["job.run"].as_u64(), Some(u64::from(mail.runs)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_begins_a_new_trace_and_a_load_balancers_is_gone_on_with() {
    let mut app = TestApp::start().await;
    let mut api = app.api_process("api", &[]).await;
    for (header, value) in [
        ("traceparent", "garbage"),
        ("traceparent", "00-00000000000000000000000000000000-0000000000000000-01"),
        ("tracestate", "=,=,="),
        ("x-amzn-trace-id", "Root=nonsense"),
        ("x-request-id", "not allowed: <script>"),
    ] {
        let answer = answer(app.request(Method::GET, "/api/v1/categories").header(header, value)).await;
        answer.data(StatusCode::OK);
        let traceresponse = answer.headers["traceresponse"].to_str().unwrap();
        assert_eq!(traceresponse.len(), 55, "{header}: {value} -> {traceresponse}");
        assert!(!traceresponse.contains("-00000000000000000000000000000000-"), "{traceresponse}");
        assert!(traceresponse.ends_with("-00"), "nothing is exported: {traceresponse}");
    }
    let balanced = app
        .request(Method::GET, "/api/v1/categories")
        .header("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793");
    let traceresponse = answer(balanced).await.headers["traceresponse"].to_str().unwrap().to_owned();
    assert!(traceresponse.starts_with("00-5759e988bd862e3fe1be46a994272793-"), "{traceresponse}");
    api.terminate(GRACE).await.unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let mut app = TestApp::start().await;
    // Nobody listens there; and one that takes connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let away = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
    let hanging = [("OTEL_EXPORTER_OTLP_ENDPOINT", silent.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
    let mut api = app.api_process("api", &away).await;
    let mut worker = app.worker_process_with("worker", &hanging).await;
    let creator = app.creator("kim").await;
    let nano = creator.submit(&app, "Untraced", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;
    for (process, limit) in [(&mut api, 15), (&mut worker, 15)] {
        let began = std::time::Instant::now();
        let status = process.terminate(GRACE).await.unwrap();
        assert!(status.success() && began.elapsed() < Duration::from_secs(limit), "{}: {status}", process.name());
    }
    let log = std::fs::read_to_string(api.log().unwrap()).unwrap();
    assert_eq!(log.matches("spans cannot be exported").count(), 1, "said once: {log}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_named_before_anything_starts() {
    let app = TestApp::start().await;
    let mut worker = app
        .worker_process_with(
            "worker",
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"), ("OTEL_TRACES_SAMPLER", "sometimes")],
        )
        .await;
    let status = worker.wait().await.unwrap();
    assert_eq!(status.code(), Some(2));
    let log = worker.log_tail(20);
    assert!(log.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && log.contains("parentbased_traceidratio"), "{log}");
    app.finish().await;
}
