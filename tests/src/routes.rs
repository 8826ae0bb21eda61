//! The API's routes, as its OpenAPI document lists them.

use reqwest::Method;
use serde_json::Value;

use crate::client::Answer;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Tokens are not even looked at.
    Open,
    /// Guests too; who sends a token must send a good one.
    Optional,
    Protected,
}

pub struct Route {
    pub method: Method,
    /// With placeholders in braces.
    pub path: String,
    pub access: Access,
    operation: Value,
}

impl Route {
    /// Every operation of the document.
    pub fn all() -> Vec<Self> {
        let document = api::openapi::value();
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods");
            methods.iter().map(move |(method, operation)| Self::new(method, path, operation))
        });
        operations.collect()
    }

    fn new(method: &str, path: &str, operation: &Value) -> Self {
        let schemes = operation["security"].as_array();
        let access = match schemes {
            None => Access::Open,
            Some(schemes) if schemes.iter().any(|scheme| scheme.as_object().is_some_and(|names| names.is_empty())) => {
                Access::Optional
            }
            Some(_) => Access::Protected,
        };
        Self {
            method: method.to_uppercase().parse().expect("a method"),
            path: path.to_owned(),
            access,
            operation: operation.clone(),
        }
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with `id` for every id and 1 for every number.
    pub fn address(&self, id: &str) -> String {
        let fill = |segment: &str| match segment {
            "{number}" => "1".to_owned(),
            segment if segment.starts_with('{') => id.to_owned(),
            segment => segment.to_owned(),
        };
        self.path.split('/').map(fill).collect::<Vec<_>>().join("/")
    }

    pub fn takes_json(&self) -> bool {
        !self.operation["requestBody"]["content"]["application/json"].is_null()
    }

    /// Fails the test unless the document has this answer: its status, and its error code under that status.
    #[track_caller]
    pub fn assert_documented(&self, answer: &Answer) {
        let status = answer.status.as_u16().to_string();
        let described = &self.operation["responses"][&status];
        assert!(described.is_object(), "{} answers {status}, which is not documented: {:#}", self.name(), answer.body);
        if answer.status.is_client_error() || answer.status.is_server_error() {
            let codes = described["x-error-codes"].as_array().cloned().unwrap_or_default();
            let code = &answer.body["error"]["code"];
            assert!(codes.contains(code), "{} answers {status} {code}, documented are {codes:?}", self.name());
        }
    }
}
