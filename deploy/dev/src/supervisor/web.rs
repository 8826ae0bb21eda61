//! The web app and the API under one address, as the CDN joins them in production.

use std::{
    convert::Infallible,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::TryStreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyDataStream, BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    upgrade,
};
use hyper_util::rt::TokioIo;
use servers::net::{BoxError, TcpServer};

/// What belongs to the API; everything else is the web app's.
const API_PATHS: [&str; 5] = ["/api/", "/docs", "/health", "/version", "/.well-known/"];
/// What every answer about the web app carries, in production as here.
const SECURITY_HEADERS: &str = include_str!("../../../../web/security-headers");
/// Stands in them for where files and thumbnails come from.
const STORAGE: &str = "{$STORAGE_ORIGIN}";
/// They concern one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 5] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::TE, header::UPGRADE, header::HOST];

type Body = BoxBody<Bytes, BoxError>;

/// Serves the built app in `dist` and passes the API's paths on to `api_url`; `storage` is the origin of files.
pub async fn serve(port: u16, dist: &Path, api_url: &str, storage: &str) -> Result<TcpServer> {
    let secure = security_headers(storage)?;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let (dist, api_url) = (dist.to_owned(), api_url.to_owned());
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let (client, dist, api_url, secure) = (client.clone(), dist.clone(), api_url.clone(), secure.clone());
        async move {
            let path = request.uri().path();
            let answer = if API_PATHS.iter().any(|prefix| path.starts_with(prefix)) {
                pass_on(&client, &api_url, request).await
            } else {
                file(&dist, path).await.map(|mut response| {
                    response.headers_mut().extend(secure);
                    response
                })
            };
            Ok::<_, Infallible>(answer.unwrap_or_else(|error| text(StatusCode::BAD_GATEWAY, &format!("{error:#}"))))
        }
    });
    TcpServer::start_http(port, service).await.context("the web server cannot listen")
}

/// A name and a quoted value on each line.
fn security_headers(storage: &str) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in SECURITY_HEADERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once(' ').context("a header without a value")?;
        let value = value.trim_matches('"').replace(STORAGE, storage);
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(headers)
}

/// Bodies are passed on as they come, in both directions: uploads are large and event streams have no end. Sockets are passed on, too.
async fn pass_on(client: &reqwest::Client, api_url: &str, mut request: Request<Incoming>) -> Result<Response<Body>> {
    let wanted = request.headers().get(header::UPGRADE).cloned();
    let here = upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let target = format!("{api_url}{}", parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let mut forwarded = client.request(parts.method, target).headers(end_to_end(parts.headers));
    if !hyper::body::Body::is_end_stream(&body) {
        forwarded = forwarded.body(reqwest::Body::wrap_stream(BodyDataStream::new(body)));
    }
    if let Some(protocol) = &wanted {
        forwarded = forwarded.header(header::CONNECTION, "upgrade").header(header::UPGRADE, protocol.clone());
    }
    let answer = forwarded.send().await.context("the API does not answer")?;
    let (status, mut headers) = (answer.status(), end_to_end(answer.headers().clone()));
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(protocol)) = (status, wanted) {
        // Both ends see the other one go.
        tokio::spawn(join(here, answer));
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol);
        let mut response = Response::new(full(""));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        return Ok(response);
    }
    let body = StreamBody::new(answer.bytes_stream().map_ok(Frame::data).map_err(BoxError::from));
    let mut response = Response::new(BodyExt::boxed(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Passes on what either end says, until one has gone.
async fn join(here: upgrade::OnUpgrade, answer: reqwest::Response) -> Result<()> {
    let mut there = answer.upgrade().await?;
    let mut here = TokioIo::new(here.await?);
    tokio::io::copy_bidirectional(&mut here, &mut there).await?;
    Ok(())
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}

/// A file of the app, or its page: the app knows the addresses that are no files.
async fn file(dist: &Path, path: &str) -> Result<Response<Body>> {
    let wanted = PathBuf::from(path.trim_start_matches('/'));
    let inside = wanted.components().all(|component| matches!(component, Component::Normal(_)));
    let is_file = inside && path != "/" && dist.join(&wanted).is_file();
    let path = dist.join(if is_file { &wanted } else { Path::new("index.html") });
    let bytes = tokio::fs::read(&path).await.with_context(|| format!("cannot read {}", path.display()))?;
    let mut response = Response::new(full(bytes));
    let kind = content_type(path.extension().and_then(|extension| extension.to_str()).unwrap_or_default());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // The build puts a hash into the names of everything under assets/.
    let cache = if wanted.starts_with("assets") && is_file { "max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        // Browsers compile it while it arrives only by this name.
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(text.to_owned()));
    *response.status_mut() = status;
    response
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn files_pages_and_the_api_share_one_address() {
        let dir = tempfile::tempdir().unwrap();
        let dist = dir.path().join("dist");
        std::fs::create_dir_all(dist.join("assets")).unwrap();
        std::fs::write(dist.join("index.html"), "<title>app</title>").unwrap();
        std::fs::write(dist.join("assets/a.js"), "1").unwrap();
        std::fs::write(dist.join("assets/a.wasm"), "\0asm").unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        let api = tower::service_fn(|request: Request<Incoming>| async move {
            let path = request.uri().to_string();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(format!("{path} {}", body.len())))))
        });
        let api = TcpServer::start_http(0, api).await.unwrap();
        let web = serve(0, &dist, &format!("http://127.0.0.1:{}", api.port()), "http://files.test:9000").await.unwrap();
        let address = format!("http://127.0.0.1:{}", web.port());
        let client = reqwest::Client::new();
        let get = async |path: &str| client.get(format!("{address}{path}")).send().await.unwrap();
        assert_eq!(get("/").await.text().await.unwrap(), "<title>app</title>");
        assert_eq!(get("/nanos/1").await.text().await.unwrap(), "<title>app</title>");
        assert_eq!(get("/%2e%2e/secret").await.text().await.unwrap(), "<title>app</title>");
        let script = get("/assets/a.js").await;
        assert!(script.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        assert_eq!(get("/assets/a.wasm").await.headers()["content-type"], "application/wasm");
        for path in ["/", "/nanos/1", "/assets/a.js", "/assets/a.wasm"] {
            let headers = get(path).await.headers().clone();
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("img-src 'self' http://files.test:9000;"), "{path}: {policy}");
            assert!(
                policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "),
                "{path}: {policy}"
            );
            assert!(!policy.contains("unsafe-inline") && !policy.contains('$'), "{path}: {policy}");
            for name in ["x-content-type-options", "x-frame-options", "referrer-policy", "permissions-policy"] {
                assert!(headers.contains_key(name), "{path}: {name}");
            }
        }
        let of_api = get("/api/v1/nanos").await;
        assert!(!of_api.headers().contains_key("content-security-policy"), "the API's answers have the API's headers");
        assert_eq!(get("/api/v1/nanos?page=2").await.text().await.unwrap(), "/api/v1/nanos?page=2 0");
        let sent = client.put(format!("{address}/api/v1/file")).body(vec![0; 3 << 20]).send().await.unwrap();
        assert_eq!(sent.text().await.unwrap(), format!("/api/v1/file {}", 3 << 20));
        api.stop().await;
        assert_eq!(get("/api/v1/nanos").await.status(), 502);
    }

    #[tokio::test]
    async fn sockets_are_passed_on() {
        let dir = tempfile::tempdir().unwrap();
        // Says back what it hears.
        let api = tower::service_fn(|mut request: Request<Incoming>| async move {
            assert_eq!(request.headers()["upgrade"], "echo");
            let here = upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut here = TokioIo::new(here.await.unwrap());
                let mut heard = [0; 5];
                here.read_exact(&mut heard).await.unwrap();
                here.write_all(&heard).await.unwrap();
            });
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("echo"));
            Ok::<_, Infallible>(response)
        });
        let api = TcpServer::start_http(0, api).await.unwrap();
        let api_url = format!("http://127.0.0.1:{}", api.port());
        let web = serve(0, dir.path(), &api_url, "http://files.test:9000").await.unwrap();
        let request = reqwest::Client::new()
            .get(format!("http://127.0.0.1:{}/api/v1/ws/chat/7", web.port()))
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "echo");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 101);
        let mut socket = answer.upgrade().await.unwrap();
        socket.write_all(b"Hello").await.unwrap();
        let mut heard = [0; 5];
        socket.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"Hello");
    }
}
