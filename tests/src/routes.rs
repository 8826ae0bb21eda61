//! The API's routes, as its OpenAPI document lists them.

use domain::user::{Permission, Role};
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

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

/// One word of a route's `x-permission`; all of them must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// `open`: nothing.
    Open,
    /// `signed_in`: any account.
    SignedIn,
    /// `member`: to take part in the thing.
    Member,
    /// `jobs:read`: a role that has this right.
    Right(Permission),
    /// `owner`: to own the thing, whatever one's role.
    Owner,
    /// `owner/jobs:read`: to own the thing, or a role that has this right.
    OwnerOr(Permission),
}

impl Needs {
    fn parse(word: &str) -> Result<Self, String> {
        let right = |word: &str| word.parse().map_err(|_| format!("{word:?} is no permission"));
        match (word, word.strip_prefix("owner/")) {
            ("open", _) => Ok(Self::Open),
            ("signed_in", _) => Ok(Self::SignedIn),
            ("member", _) => Ok(Self::Member),
            ("owner", _) => Ok(Self::Owner),
            (_, Some(other)) => right(other).map(Self::OwnerOr),
            (word, None) => right(word).map(Self::Right),
        }
    }

    /// Whether it holds for somebody signed in with this role, who does not own the thing.
    pub fn allows(self, role: Role) -> bool {
        match self {
            Self::Open | Self::SignedIn => true,
            Self::Owner | Self::Member => false,
            Self::Right(right) | Self::OwnerOr(right) => role.allows(right),
        }
    }
}

pub struct Route {
    pub method: Method,
    /// With placeholders in braces.
    pub path: String,
    pub access: Access,
    operation: Value,
    schemas: Value,
}

impl Route {
    /// Every operation of the document.
    pub fn all() -> Vec<Self> {
        let document = &api::document().value;
        let paths = document["paths"].as_object().expect("paths");
        let schemas = &document["components"]["schemas"];
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods");
            methods.iter().map(move |(method, operation)| Self::new(method, path, operation, schemas))
        });
        operations.collect()
    }

    /// One operation, as the document has it.
    pub fn new(method: &str, path: &str, operation: &Value, schemas: &Value) -> Self {
        let schemes = operation["security"].as_array();
        let access = match schemes {
            None => Access::Open,
            Some(schemes) if schemes.is_empty() => Access::Open,
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
            schemas: schemas.clone(),
        }
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it may change something.
    pub fn is_mutating(&self) -> bool {
        ![Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.method)
    }

    pub fn is_for_admins(&self) -> bool {
        self.path.starts_with("/api/v1/admin/")
    }

    /// What the route says its callers need (`x-permission`).
    pub fn needs(&self) -> Result<Vec<Needs>, String> {
        let words = self.operation["x-permission"].as_str().unwrap_or_default();
        let needs: Vec<Needs> = words.split_whitespace().map(Needs::parse).collect::<Result<_, _>>()?;
        if needs.is_empty() {
            return Err("it has no x-permission (CONTRIBUTING.md, \"Adding an endpoint\")".into());
        }
        Ok(needs)
    }

    /// The scope that a personal access token needs for it (`x-scope`).
    pub fn scope(&self) -> Option<String> {
        self.operation["x-scope"].as_str().map(str::to_owned)
    }

    /// The path with `id` for every id and 1 for every number.
    pub fn address(&self, id: &str) -> String {
        self.address_with(|noun, _| if noun == "number" || noun == "seq" { "1".to_owned() } else { id.to_owned() })
    }

    /// The path, each placeholder filled by its name and the segment before it.
    pub fn address_with(&self, fill: impl Fn(&str, &str) -> String) -> String {
        let segments: Vec<&str> = self.path.split('/').collect();
        let filled = segments.iter().enumerate().map(|(place, segment)| {
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => fill(name, segments[place - 1]),
                None => (*segment).to_owned(),
            }
        });
        filled.collect::<Vec<_>>().join("/")
    }

    pub fn takes_json(&self) -> bool {
        !self.json_schema().is_null()
    }

    /// The names of its parameters in the query, or in the path.
    pub fn parameters(&self, place: &str) -> Vec<String> {
        let all = self.operation["parameters"].as_array().into_iter().flatten();
        all.filter(|one| one["in"] == place).filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    }

    /// JSON pointers to every field of its body, those of forms within the form too.
    pub fn fields(&self) -> Vec<String> {
        let mut list = Vec::new();
        let mut todo = vec![(String::new(), self.json_schema())];
        while let Some((place, schema)) = todo.pop() {
            let schema = self.resolved(schema);
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                list.push(format!("{place}/{name}"));
                todo.push((format!("{place}/{name}"), field));
            }
        }
        list
    }

    /// Whether the document tells which words a parameter or field may be, by the name that errors call it (`filter.state`).
    pub fn tells_the_words_of(&self, name: &str) -> bool {
        let parameters = self.operation["parameters"].as_array().into_iter().flatten();
        let parameter = parameters.into_iter().find(|one| one["name"] == name).map(|one| &one["schema"]);
        let field =
            || name.split('.').fold(self.json_schema(), |schema, name| &self.resolved(schema)["properties"][name]);
        let schema = self.resolved(parameter.unwrap_or_else(field));
        let choices = ["oneOf", "anyOf"].iter().filter_map(|list| schema[list].as_array()).flatten();
        choices.chain([schema, &schema["items"]]).any(|schema| {
            let schema = self.resolved(schema);
            schema["enum"].is_array() || schema["pattern"].is_string()
        })
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
            Some(name) => &self.schemas[name],
            None => schema,
        }
    }

    pub fn json_schema(&self) -> &Value {
        &self.operation["requestBody"]["content"]["application/json"]["schema"]
    }

    /// A body with every required field, those that have an example, and a reason where there may be one; made of the
    /// document's examples and bounds.
    pub fn body(&self) -> Value {
        self.sample(self.json_schema())
    }

    /// The query parameters that must be there, percent-encoded.
    pub fn query(&self) -> String {
        let required = self.operation["parameters"].as_array().into_iter().flatten().filter(|parameter| {
            parameter["in"] == "query" && (parameter["required"] == true || parameter["name"] == "reason")
        });
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for parameter in required {
            let name = parameter["name"].as_str().expect("a name");
            let example = &parameter["example"];
            let value = if example.is_null() { self.sample(&parameter["schema"]) } else { example.clone() };
            query.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
        }
        query.finish()
    }

    fn sample(&self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        for list in ["oneOf", "anyOf", "allOf"] {
            if let Some(choices) = schema[list].as_array() {
                let choice = choices.iter().find(|choice| choice["type"] != "null").expect("a choice");
                return self.sample(choice);
            }
        }
        for given in [&schema["example"], &schema["examples"][0], &schema["const"], &schema["enum"][0]] {
            if !given.is_null() {
                return given.clone();
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => {
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let properties = &schema["properties"];
                let mut names: Vec<&str> = required.collect();
                let telling = |schema: &Value| ["example", "examples"].iter().any(|word| !schema[word].is_null());
                let all = properties.as_object().into_iter().flatten();
                let more = all.filter(|(name, schema)| *name == "reason" || telling(schema));
                let more: Vec<&str> =
                    more.map(|(name, _)| name.as_str()).filter(|name| !names.contains(name)).collect();
                names.extend(more);
                let fields: Map<String, Value> =
                    names.into_iter().map(|name| (name.to_owned(), self.sample(&properties[name]))).collect();
                Value::Object(fields)
            }
            Some("array") => json!([self.sample(&schema["items"])]),
            Some("integer" | "number") => {
                if schema["minimum"].is_null() {
                    json!(1)
                } else {
                    schema["minimum"].clone()
                }
            }
            Some("boolean") => json!(false),
            Some("string") if schema["format"] == "uuid" => json!(Uuid::now_v7()),
            Some("string") => json!("sample"),
            _ => json!({}),
        }
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
