//! Metrics: what the programs expose, read directly and by a real Prometheus.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use infra::telemetry::metrics::{Kind, METRICS};
use serde_json::Value;
use servers::processes::{Launch, Process};
use tests::{TestApp, app::PATIENCE, archives, outside};

const GRACE: Duration = Duration::from_secs(20);

pub(crate) fn address() -> String {
    format!("127.0.0.1:{}", servers::ports::free().unwrap())
}

/// One of Debian's programs.
fn installed(name: &str) -> Option<PathBuf> {
    outside::or_left_out(servers::programs::installed(&[name], "prometheus"))
}

pub(crate) async fn scrape(address: &str) -> String {
    let answer = reqwest::get(format!("http://{address}/metrics")).await.expect("an answer");
    assert!(answer.status().is_success());
    answer.text().await.expect("text")
}

/// The value of the first series of this name whose labels contain all of `labels`.
pub(crate) fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (series, value) = rest.rsplit_once(' ')?;
        let whole = series.is_empty() || series.starts_with('{');
        (whole && labels.iter().all(|label| series.contains(label))).then(|| value.parse().ok())?
    })
}

/// Asks until the series is there and as wanted.
async fn until(address: &str, name: &str, labels: &[&str], wanted: impl Fn(f64) -> bool) -> f64 {
    let started = Instant::now();
    loop {
        let text = scrape(address).await;
        if let Some(value) = value(&text, name, labels).filter(|&value| wanted(value)) {
            return value;
        }
        let of_name: Vec<&str> = text.lines().filter(|line| line.starts_with(name)).collect();
        assert!(started.elapsed() < PATIENCE, "{name} {labels:?} never came: {of_name:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_all_programs_and_the_series_exist() {
    let mut app = TestApp::start().await;
    let (of_api, of_worker, of_scheduler) = (address(), address(), address());
    let mut api = app.api_process("api", &[("METRICS_ADDR", &of_api)]).await;
    let mut worker = app.worker_process_with("worker", &[("METRICS_ADDR", &of_worker)]).await;
    let mut scheduler = app.scheduler_process("scheduler", &[("METRICS_ADDR", &of_scheduler)]).await;
    let creator = app.creator("kim").await;
    let nano = creator.submit(&app, "Measured", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;

    // Straight from the programs: every series has a description, and what a child process measured is there.
    until(&of_worker, "job_outcomes_total", &["kind=\"send_email\"", "outcome=\"completed\""], |runs| runs == 1.0)
        .await;
    until(&of_worker, "storage_request_seconds_count", &["operation=\"get_to_file\""], |requests| requests >= 1.0)
        .await;
    until(&of_worker, "queue_signal_timestamp_seconds", &[], |at| at > 1e9).await;
    until(&of_scheduler, "build_info", &["version="], |one| one == 1.0).await;
    let enqueued = until(&of_worker, "jobs_enqueued_total", &["kind=\"make_thumbnails\""], |jobs| jobs > 0.0).await;
    assert_eq!(enqueued, 1.0, "counted once, although a child process enqueued it");
    for address in [&of_api, &of_worker, &of_scheduler] {
        let text = scrape(address).await;
        described(&text);
        if let Some(promtool) = installed("promtool") {
            linted(&promtool, &text, &app).await;
        }
    }
    let text = scrape(&of_api).await;
    let enqueued = value(&text, "jobs_enqueued_total", &["kind=\"validate_archive\"", "queue=\"uploads\""]);
    assert_eq!(enqueued, Some(1.0), "{text}");

    if let Some(prometheus) = installed("prometheus") {
        let targets = [("api", &of_api), ("worker", &of_worker), ("scheduler", &of_scheduler)];
        let (url, mut prometheus) = start_prometheus(&app, &prometheus, &targets).await;
        for (query, wanted) in [
            ("sum(up)", 3.0),
            ("sum(http_requests_total{job=\"api\",route=\"/api/v1/uploads/{id}/finish\",status=\"202\"})", 1.0),
            ("count(http_request_duration_seconds_bucket{job=\"api\"}) > bool 0", 1.0),
            ("sum(job_outcomes_total{job=\"worker\",kind=\"validate_archive\",outcome=\"completed\"})", 1.0),
            ("sum(job_wait_seconds_count{kind=\"validate_archive\",queue=\"uploads\"})", 1.0),
            ("sum(job_run_seconds_count{kind=\"validate_archive\",queue=\"uploads\"})", 1.0),
            ("sum(jobs_enqueued_total{kind=\"validate_archive\"})", 1.0),
            ("sum(jobs_running)", 0.0),
            ("sum(worker_slots{queue=\"heavy\"}) - sum(worker_slots_free{queue=\"heavy\"})", 0.0),
            ("max(queue_backlog_jobs{queue=\"uploads\"})", 0.0),
            ("max(queue_oldest_job_age_seconds{queue=\"uploads\"})", 0.0),
            ("max(queue_backlog_jobs_per_worker{queue=\"mail\"})", 0.0),
            ("max(queue_workers{queue=\"mail\"})", 1.0),
            ("max(ledger_jobs{state=\"quarantined\"})", 0.0),
            ("max(queue_feeder_lag_seconds) < bool 10", 1.0),
            ("min(queue_database_up)", 1.0),
            ("min(queue_redis_up)", 1.0),
            ("count(process_resident_memory_bytes)", 3.0),
            ("count(cron_entry_last_tick_timestamp_seconds{job=\"scheduler\"}) > bool 0", 1.0),
            // Fresh within 10 s, with the scrape interval of 1 s.
            ("time() - max(queue_signal_timestamp_seconds) < bool 10", 1.0),
        ] {
            ask(&url, query, wanted).await;
        }
        prometheus.terminate(GRACE).await.unwrap();
    }
    // The scheduler first: what it has asked for meanwhile needs the worker.
    scheduler.terminate(GRACE).await.unwrap();
    app.drained().await;
    for process in [&mut api, &mut worker] {
        process.terminate(GRACE).await.unwrap();
    }
    app.finish().await;
}

/// Every series is in the table, with its help and its kind.
fn described(text: &str) {
    let typed: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(typed.len() > 3, "{text}");
    for (name, kind) in typed {
        let metric = METRICS.iter().find(|metric| metric.name == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not in METRICS"));
        let expected = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        assert_eq!(kind, expected, "{name}");
        assert!(text.contains(&format!("# HELP {name} {}\n", metric.help)), "{name} has no help");
        for line in text.lines() {
            let Some((series, labels)) = line.split_once('{') else { continue };
            let part = series.strip_prefix(name).filter(|part| match metric.kind {
                Kind::Histogram => ["_bucket", "_sum", "_count"].contains(part),
                _ => part.is_empty(),
            });
            let Some(part) = part else { continue };
            let (labels, _) = labels.split_once("} ").unwrap();
            for (label, _) in labels.split("\",").filter_map(|label| label.split_once('=')) {
                let known = metric.labels.contains(&label) || (part == "_bucket" && label == "le");
                assert!(known, "{line}: {label} is no label of {name}");
            }
        }
    }
}

async fn linted(promtool: &Path, text: &str, app: &TestApp) {
    let log = app.folder.path().join("promtool.log");
    let check = Launch::new("promtool", promtool, &log).args(["check", "metrics"]).input(text).run().await;
    let complaints = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(check.is_ok() && complaints.trim().is_empty(), "promtool: {check:?}\n{complaints}");
}

async fn start_prometheus(app: &TestApp, program: &Path, targets: &[(&str, &String)]) -> (String, Process) {
    let jobs: String = targets
        .iter()
        .map(|(job, target)| format!("  - job_name: {job}\n    static_configs:\n      - targets: ['{target}']\n"))
        .collect();
    let folder = app.folder.path().join("prometheus");
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("prometheus.yml");
    std::fs::write(&config, format!("global:\n  scrape_interval: 1s\nscrape_configs:\n{jobs}")).unwrap();
    let address = address();
    let launch = Launch::new("prometheus", program, folder.join("log"))
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"));
    let mut process = launch.start().await.expect("Prometheus starts");
    let url = format!("http://{address}");
    process.wait_http(&format!("{url}/-/ready"), PATIENCE).await.expect("Prometheus is ready");
    (url, process)
}

/// Asks until the answer is as wanted.
async fn ask(url: &str, query: &str, wanted: f64) {
    let started = Instant::now();
    loop {
        let request = reqwest::Client::new().get(format!("{url}/api/v1/query")).query(&[("query", query)]);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let value = answer["data"]["result"][0]["value"][1].as_str().and_then(|value| value.parse::<f64>().ok());
        if value == Some(wanted) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{query}: {wanted} was expected: {answer:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scaling_signal_goes_on_when_the_worker_that_tells_it_is_killed() {
    let app = TestApp::start().await;
    let addresses = [address(), address()];
    let mut workers = Vec::new();
    for (n, address) in addresses.iter().enumerate() {
        // Nobody takes the queue `mail`: what is there waits.
        let settings = [("METRICS_ADDR", address.as_str()), ("WORKER_QUEUES", "search=3,maintenance=1")];
        let mut worker = app.worker_process_with(&format!("worker-{n}"), &settings).await;
        worker.wait_http(&format!("http://{address}/metrics"), PATIENCE).await.unwrap();
        workers.push(worker);
    }
    let mail = jobs::SendEmail { delivery_id: domain::ids::DeliveryId::new(), user_id: None };
    for _ in 0..7 {
        app.put(&mail).await;
    }
    let teller = {
        let started = Instant::now();
        loop {
            let scraped = [scrape(&addresses[0]).await, scrape(&addresses[1]).await];
            if let Some(n) =
                scraped.iter().position(|text| value(text, "queue_signal_timestamp_seconds", &[]).is_some())
            {
                break n;
            }
            assert!(started.elapsed() < PATIENCE, "nobody tells the signal");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let mail = ["queue=\"mail\""];
    until(&addresses[teller], "queue_backlog_jobs", &mail, |jobs| jobs == 7.0).await;
    until(&addresses[teller], "queue_backlog_jobs_per_worker", &mail, |jobs| jobs == 7.0).await;
    until(&addresses[teller], "queue_workers", &mail, |workers| workers == 0.0).await;
    until(&addresses[teller], "queue_workers", &["queue=\"search\""], |workers| workers == 2.0).await;
    until(&addresses[teller], "job_oldest_age_seconds", &["kind=\"send_email\""], |age| age > 0.0).await;
    let slots = until(&addresses[teller], "worker_slots", &["queue=\"search\""], |_| true).await;
    assert_eq!(slots, 3.0);
    let age = until(&addresses[teller], "queue_oldest_job_age_seconds", &mail, |age| age > 0.0).await;
    until(&addresses[teller], "queue_oldest_job_age_seconds", &mail, |now| now > age).await;

    let killed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    let began = Instant::now();
    workers[teller].kill().await.unwrap();
    let other = &addresses[1 - teller];
    until(other, "queue_signal_timestamp_seconds", &[], |at| at > killed).await;
    assert!(began.elapsed() < Duration::from_secs(20), "the other took {:?}", began.elapsed());
    until(other, "queue_oldest_job_age_seconds", &mail, |now| now > age).await;
    until(other, "queue_workers", &["queue=\"search\""], |workers| workers == 1.0).await;
    workers[1 - teller].terminate(GRACE).await.unwrap();
    app.discard().await;
}
