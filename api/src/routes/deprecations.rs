//! What will be taken away, and when. A line here is all it takes: answers say it (`Deprecation`, RFC 9745; `Sunset`, RFC 8594;
//! `Link`), and so does the OpenAPI document. Six months lie between the two at least.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use chrono::{NaiveDate, NaiveTime};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

/// An operation that will be taken away.
pub struct Deprecation {
    pub method: Method,
    /// As in the document, with placeholders in braces.
    pub path: &'static str,
    /// Since when nobody should begin to use it.
    pub since: NaiveDate,
    /// From when on it may be gone.
    pub sunset: NaiveDate,
    /// The path of what to use instead, as in the document.
    pub instead: &'static str,
}

/// All of them.
pub const DEPRECATIONS: &[Deprecation] = &[];

pub const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
pub const SUNSET: HeaderName = HeaderName::from_static("sunset");

impl Deprecation {
    /// Says it in an answer.
    fn mark(&self, response: &mut Response) {
        let at = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let since = format!("@{}", at(self.since).timestamp());
        let sunset = at(self.sunset).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        // The page says what to use instead.
        let link = "</docs>; rel=\"deprecation\"; type=\"text/html\"".to_owned();
        for (name, value) in [(DEPRECATION, since), (SUNSET, sunset), (header::LINK, link)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(name, value);
            }
        }
    }

    /// Says it in the document.
    fn describe(&self, document: &mut Value) {
        let operation = &mut document["paths"][self.path][self.method.as_str().to_lowercase()];
        if !operation.is_object() {
            return;
        }
        let words = format!("Deprecated since {}, gone from {}: use `{}`.", self.since, self.sunset, self.instead);
        let description = operation["description"].as_str().map_or(words.clone(), |text| format!("{words}\n\n{text}"));
        operation["deprecated"] = json!(true);
        operation["description"] = json!(description);
        operation["x-sunset"] = json!(self.sunset);
        for response in operation["responses"].as_object_mut().into_iter().flatten().map(|(_, response)| response) {
            for (name, about) in [
                ("Deprecation", "Since when, in seconds since 1970: `@1798761600`"),
                ("Sunset", "From when on it may be gone"),
                ("Link", "`rel=\"deprecation\"`: where it says what to use instead"),
            ] {
                response["headers"][name] = json!({"description": about, "schema": {"type": "string"}});
            }
        }
    }
}

/// Marks the deprecated operations of the document.
pub fn describe(document: &mut Value, table: &[Deprecation]) {
    table.iter().for_each(|deprecation| deprecation.describe(document));
}

/// Marks the answers of deprecated operations, whatever they say.
pub async fn mark(table: &'static [Deprecation], request: Request, next: Next) -> Response {
    let found = request.extensions().get::<MatchedPath>().and_then(|path| {
        table.iter().find(|deprecation| deprecation.method == *request.method() && deprecation.path == path.as_str())
    });
    let mut response = next.run(request).await;
    if let Some(found) = found {
        metrics::counter!("deprecated_requests_total", "method" => found.method.as_str(), "route" => found.path)
            .increment(1);
        found.mark(&mut response);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use chrono::Months;
    use tower::ServiceExt;

    use super::*;

    const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).expect("a day")
    }

    static OLD: &[Deprecation] = &[Deprecation {
        method: Method::GET,
        path: "/api/v1/nanos/{id}/versions/{number}",
        since: day(2027, 1, 1),
        sunset: day(2027, 7, 1),
        instead: "/api/v1/nanos/{id}/versions",
    }];

    #[test]
    fn what_is_deprecated_exists_and_has_a_successor_and_six_months() {
        let document = &crate::document().value;
        for deprecation in DEPRECATIONS.iter().chain(OLD) {
            let Deprecation { method, path, since, sunset, instead } = deprecation;
            assert!(
                document["paths"][path][method.as_str().to_lowercase()].is_object(),
                "{method} {path} is not there"
            );
            assert!(document["paths"][instead].is_object(), "{instead} is not there");
            assert!(since.checked_add_months(Months::new(6)).is_some_and(|earliest| *sunset >= earliest), "{path}");
        }
        for deprecation in DEPRECATIONS {
            let operation = &document["paths"][deprecation.path][deprecation.method.as_str().to_lowercase()];
            assert_eq!(operation["deprecated"], true, "{}", deprecation.path);
        }
    }

    #[test]
    fn the_document_says_it() {
        let mut document = crate::document().value.clone();
        describe(&mut document, OLD);
        let operation = &document["paths"][OLD[0].path]["get"];
        assert_eq!(operation["deprecated"], true);
        assert!(
            operation["description"].as_str().unwrap().starts_with("Deprecated since 2027-01-01, gone from 2027-07-01")
        );
        assert!(operation["responses"]["200"]["headers"]["Sunset"].is_object());
        assert!(operation["responses"]["404"]["headers"]["Deprecation"].is_object());
        assert!(document["paths"]["/api/v1/nanos/{id}"]["get"]["deprecated"].is_null());
    }

    #[tokio::test]
    async fn its_answers_say_it_and_no_others_do() {
        let app: Router = Router::new()
            .route("/api/v1/nanos/{id}/versions/{number}", get(async || "old").delete(async || "other"))
            .route("/api/v1/nanos/{id}/versions", get(async || "new"))
            .layer(middleware::from_fn(|request, next| mark(OLD, request, next)));
        let ask = async |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap().headers().clone()
        };
        let headers = ask("GET", "/api/v1/nanos/7/versions/1").await;
        assert_eq!(headers["deprecation"], "@1798761600");
        assert_eq!(headers["sunset"], "Thu, 01 Jul 2027 00:00:00 GMT");
        assert!(headers["link"].to_str().unwrap().contains("rel=\"deprecation\""));
        assert!(!ask("DELETE", "/api/v1/nanos/7/versions/1").await.contains_key("deprecation"));
        assert!(!ask("GET", "/api/v1/nanos/7/versions").await.contains_key("sunset"));
    }
}
