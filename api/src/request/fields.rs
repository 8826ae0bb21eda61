//! Reading a request field by field, so that the answer names every bad field at once and nothing unknown passes.
//! A field is parsed into its domain type where it is read; handlers never see a raw value.
//!
//! Own code instead of `deserr`, which also collects every error: tried on the body of a bulk action, it reports fields
//! in the order of the JSON map and unknown ones among them, not in the form's order; takes `null` for a wrong value where
//! a field may be left out; does not read numbers and flags from text, as queries have them; and looks at several fields
//! together only when each of them is good. Its bounds would have stood beside those of the OpenAPI document, which takes
//! literals alone. `garde` checks values that serde has read, and serde stops at the first field of a wrong type.

use std::{collections::HashSet, str::FromStr};

use chrono::{DateTime, Datelike, Utc};
use domain::{text, user::Words};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Name;
use crate::reply::{FieldError, Issue};

/// A request's body or query that knows its fields.
pub trait Input: Sized {
    /// Reads every field before any `?`, so that all errors are collected. `None` only after an error was recorded.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// One raw value: JSON from a body, text from a query.
#[derive(Clone, Copy)]
pub struct Raw<'a> {
    value: &'a Value,
    from_query: bool,
}

/// The fields of one request, and what is wrong with them so far.
pub struct Fields {
    values: Map<String, Value>,
    known: HashSet<&'static str>,
    errors: Vec<FieldError>,
    from_query: bool,
    /// Whether fields that nobody asked for are errors.
    strict: bool,
}

impl Fields {
    pub fn json(values: Map<String, Value>) -> Self {
        Self { values, known: HashSet::new(), errors: Vec::new(), from_query: false, strict: true }
    }

    /// Decodes a query string. Of a repeated name the last value counts; empty values count as absent.
    pub fn query(query: &str) -> Self {
        let values = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        Self { values, known: HashSet::new(), errors: Vec::new(), from_query: true, strict: false }
    }

    /// A query string of which nothing may be overlooked: unknown names are errors, and a repeated one is a list.
    pub fn strict_query(query: &str) -> Self {
        let mut values = Map::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let value = Value::String(value.into_owned());
            match values.get_mut(name.as_ref()) {
                None => drop(values.insert(name.into_owned(), value)),
                Some(Value::Array(list)) => list.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Self { values, known: HashSet::new(), errors: Vec::new(), from_query: true, strict: true }
    }

    /// An absent or null field is an error.
    pub fn required<T>(&mut self, name: &'static str, parse: impl Fn(Raw) -> Result<T, Issue>) -> Option<T> {
        let before = self.errors.len();
        let value = self.optional(name, parse);
        if value.is_none() && self.errors.len() == before {
            self.error(name, Issue::Missing);
        }
        value
    }

    /// An absent or null field is `None`, a bad one too, but then with an error.
    pub fn optional<T>(&mut self, name: &'static str, parse: impl Fn(Raw) -> Result<T, Issue>) -> Option<T> {
        self.known.insert(name);
        let value = self.values.get(name).filter(|value| !value.is_null())?;
        match parse(Raw { value, from_query: self.from_query }) {
            Ok(value) => Some(value),
            Err(issue) => {
                self.error(name, issue);
                None
            }
        }
    }

    /// An object within a body, whose bad fields are named `name.field`.
    pub fn nested<T: Input>(&mut self, name: &'static str) -> Option<T> {
        let map = self.required(name, |raw| raw.value.as_object().cloned().ok_or(Issue::Type("object")))?;
        match Self::json(map).finish() {
            Ok(value) => Some(value),
            Err(errors) => {
                for error in errors {
                    self.error(&format!("{name}.{}", error.field), error.issue);
                }
                None
            }
        }
    }

    /// The same where it may be left out.
    pub fn maybe_nested<T: Input>(&mut self, name: &'static str) -> Option<T> {
        self.known.insert(name);
        self.values.get(name).filter(|value| !value.is_null())?;
        self.nested(name)
    }

    pub fn error(&mut self, name: &str, issue: Issue) {
        self.errors.push(FieldError::new(name, issue));
    }

    /// Whether nothing is wrong so far: what depends on several fields is looked at only then.
    pub fn is_good(&self) -> bool {
        self.errors.is_empty()
    }

    /// The whole input, or everything that is wrong with it. Unknown fields are errors in bodies and ignored in
    /// plain queries, where links collect foreign parameters.
    pub fn finish<T: Input>(mut self) -> Result<T, Vec<FieldError>> {
        let input = T::read(&mut self);
        if self.strict {
            let unknown: Vec<_> = self.values.keys().filter(|name| !self.known.contains(name.as_str())).collect();
            for name in unknown {
                self.errors.push(FieldError::new(name, Issue::Unknown));
            }
        }
        match input {
            Some(input) if self.errors.is_empty() => Ok(input),
            _ => Err(self.errors),
        }
    }
}

/// Text as it is.
pub fn text(raw: Raw) -> Result<String, Issue> {
    raw.value.as_str().map(str::to_owned).ok_or(Issue::Type("string"))
}

/// An object that another library reads; `like` says where it comes from. Fields that it does not know are left alone: others
/// have written them.
pub fn object<T: DeserializeOwned>(like: &'static str) -> impl Fn(Raw) -> Result<T, Issue> {
    move |raw| {
        if !raw.value.is_object() {
            return Err(Issue::Type("object"));
        }
        T::deserialize(raw.value).map_err(|_| Issue::Format(like))
    }
}

/// One line of 1 to `most` characters.
pub fn line(most: usize) -> impl Fn(Raw) -> Result<String, Issue> {
    move |raw| Ok(text::line(&text(raw)?, most)?)
}

/// The same, or nothing.
pub fn maybe_line(most: usize) -> impl Fn(Raw) -> Result<String, Issue> {
    move |raw| {
        let value = text(raw)?;
        if value.trim().is_empty() { Ok(String::new()) } else { Ok(text::line(&value, most)?) }
    }
}

/// Several lines of at most `most` characters.
pub fn paragraphs(most: usize) -> impl Fn(Raw) -> Result<String, Issue> {
    move |raw| Ok(text::paragraphs(&text(raw)?, most)?)
}

/// Text that parses; `like` shows a valid one.
pub fn parsed<T: FromStr>(like: &'static str) -> impl Fn(Raw) -> Result<T, Issue> {
    move |raw| text(raw)?.parse().map_err(|_| Issue::Format(like))
}

/// A name of at most `most` characters that the system gave; `like` shows one.
pub fn name(most: usize, like: &'static str) -> impl Fn(Raw) -> Result<Name, Issue> {
    move |raw| {
        let name: Name = text(raw)?.parse().map_err(|_| Issue::Format(like))?;
        if name.len() <= most { Ok(name) } else { Err(Issue::TooLong(most)) }
    }
}

/// A time (RFC 3339) of the years 1970 to 9999: what every column can hold, and what a few hours can be added to or taken
/// from.
pub fn instant(raw: Raw) -> Result<DateTime<Utc>, Issue> {
    const LIKE: Issue = Issue::Format("2026-11-22T10:00:00Z");
    let time = DateTime::parse_from_rfc3339(&text(raw)?).map_err(|_| LIKE)?.to_utc();
    if (1970..=9999).contains(&time.year()) { Ok(time) } else { Err(LIKE) }
}

/// One of an enum's words.
pub fn word<T: Words>(raw: Raw) -> Result<T, Issue> {
    text(raw)?.parse().map_err(|_| Issue::Choice(T::WORDS))
}

/// A whole number.
pub fn whole(least: u64, most: u64) -> impl Fn(Raw) -> Result<u64, Issue> {
    move |raw| {
        let number = match raw.value {
            Value::String(text) if raw.from_query => text.parse().map_err(|_| Issue::Type("integer"))?,
            Value::Number(number) if number.as_i64().is_some_and(|n| n < 0) => return Err(Issue::Range(least, most)),
            value => value.as_u64().ok_or(Issue::Type("integer"))?,
        };
        if (least..=most).contains(&number) { Ok(number) } else { Err(Issue::Range(least, most)) }
    }
}

pub fn boolean(raw: Raw) -> Result<bool, Issue> {
    match raw.value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if raw.from_query => text.parse().map_err(|_| Issue::Type("boolean")),
        _ => Err(Issue::Type("boolean")),
    }
}

/// Some of an enum's words: a list, or in a query also one text with commas.
pub fn words<T: Words + PartialEq>(raw: Raw) -> Result<Vec<T>, Issue> {
    let split = |text: &str| text.split(',').map(|word| Value::String(word.trim().to_owned())).collect::<Vec<_>>();
    let value = match raw.value {
        Value::String(text) if raw.from_query => Value::Array(split(text)),
        Value::Array(items) if raw.from_query => items.iter().filter_map(Value::as_str).flat_map(split).collect(),
        other => other.clone(),
    };
    list(T::WORDS.len(), word)(Raw { value: &value, ..raw })
}

/// A list of 1 to `most` entries, without repeats.
pub fn list<T: PartialEq>(
    most: usize,
    parse: impl Fn(Raw) -> Result<T, Issue>,
) -> impl Fn(Raw) -> Result<Vec<T>, Issue> {
    move |raw| {
        let items = raw.value.as_array().ok_or(Issue::Type("array"))?;
        let mut list = Vec::new();
        for value in items {
            let item = parse(Raw { value, ..raw })?;
            if !list.contains(&item) {
                // Before the next is compared with all of them: a body has room for a hundred thousand.
                if list.len() == most {
                    return Err(Issue::TooMany(most));
                }
                list.push(item);
            }
        }
        if list.is_empty() { Err(Issue::Empty) } else { Ok(list) }
    }
}

/// The same, or an empty list.
pub fn maybe_list<T: PartialEq>(
    most: usize,
    parse: impl Fn(Raw) -> Result<T, Issue>,
) -> impl Fn(Raw) -> Result<Vec<T>, Issue> {
    let list = list(most, parse);
    move |raw| match raw.value.as_array() {
        Some(items) if items.is_empty() => Ok(Vec::new()),
        _ => list(raw),
    }
}

#[cfg(test)]
mod tests {
    use domain::user::{Email, Role};
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Person {
        email: Email,
        role: Role,
        age: u64,
        tags: Vec<String>,
    }

    impl Input for Person {
        fn read(fields: &mut Fields) -> Option<Self> {
            let email = fields.required("email", parsed("ada@example.org"));
            let role = fields.required("role", word);
            let age = fields.required("age", whole(1, 150));
            let tags = fields.optional("tags", list(2, line(10)));
            Some(Self { email: email?, role: role?, age: age?, tags: tags.unwrap_or_default() })
        }
    }

    fn read(body: Value) -> Result<Person, Vec<(String, Issue)>> {
        let Value::Object(map) = body else { panic!("an object") };
        Fields::json(map).finish().map_err(|errors| errors.into_iter().map(|e| (e.field, e.issue)).collect())
    }

    #[test]
    fn all_bad_fields_are_found_in_one_go() {
        let errors = read(json!({"email": "x", "role": "king", "age": -1, "tags": ["a", "b", "c"], "more": 1}));
        assert_eq!(
            errors.unwrap_err(),
            [
                ("email".into(), Issue::Format("ada@example.org")),
                ("role".into(), Issue::Choice(Role::WORDS)),
                ("age".into(), Issue::Range(1, 150)),
                ("tags".into(), Issue::TooMany(2)),
                ("more".into(), Issue::Unknown),
            ]
        );
        let errors = read(json!({"email": null, "age": "7"})).unwrap_err();
        assert_eq!(
            errors,
            [("email".into(), Issue::Missing), ("role".into(), Issue::Missing), ("age".into(), Issue::Type("integer"))]
        );
    }

    #[test]
    fn times_and_names_are_what_columns_can_hold() {
        #[derive(Debug)]
        struct Look(Option<DateTime<Utc>>, Option<Name>);
        impl Input for Look {
            fn read(fields: &mut Fields) -> Option<Self> {
                Some(Self(fields.optional("at", instant), fields.optional("name", name(4, "mail"))))
            }
        }
        let read = |name: &str, value: &str| {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            Fields::query(&query).finish::<Look>().map_err(|errors| errors[0].issue.clone())
        };
        for good in ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-11-22T10:00:00+02:00"] {
            assert!(read("at", good).is_ok_and(|look| look.0.is_some()), "{good}");
        }
        for bad in [
            "+262142-12-31T23:59:59Z",
            "-0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "0000-01-01T00:00:00Z",
            "now",
        ] {
            assert_eq!(read("at", bad).unwrap_err(), Issue::Format("2026-11-22T10:00:00Z"), "{bad}");
        }
        assert!(read("name", "mail").is_ok_and(|look| look.1.is_some_and(|name| &*name == "mail")));
        assert_eq!(read("name", "mäil").unwrap_err(), Issue::Format("mail"));
        assert_eq!(read("name", "mails").unwrap_err(), Issue::TooLong(4));
    }

    #[test]
    fn a_good_body_becomes_domain_types() {
        let person = read(json!({"email": "Ada@Example.org", "role": "admin", "age": 36, "tags": ["a", "a"]})).unwrap();
        assert_eq!((person.email.as_str(), person.tags.len()), ("ada@example.org", 1));
    }

    #[test]
    fn queries_hold_text_and_ignore_strangers() {
        struct Page(u64);
        impl Input for Page {
            fn read(fields: &mut Fields) -> Option<Self> {
                Some(Self(fields.optional("page", whole(1, 9)).unwrap_or(1)))
            }
        }
        assert_eq!(Fields::query("page=3&utm_source=x").finish::<Page>().map(|p| p.0), Ok(3));
        assert_eq!(Fields::query("page=").finish::<Page>().map(|p| p.0), Ok(1));
        let errors = Fields::query("page=three").finish::<Page>().map(|p| p.0).unwrap_err();
        assert_eq!(errors[0].issue, Issue::Type("integer"));
    }

    #[test]
    fn strict_queries_refuse_strangers_and_take_lists() {
        #[derive(Debug, PartialEq)]
        struct Roles(Vec<Role>);
        impl Input for Roles {
            fn read(fields: &mut Fields) -> Option<Self> {
                Some(Self(fields.optional("role", words).unwrap_or_default()))
            }
        }
        let read = |query: &str| Fields::strict_query(query).finish::<Roles>();
        assert_eq!(
            read("role=admin,creator&role=operator"),
            Ok(Roles(vec![Role::Admin, Role::Creator, Role::Operator]))
        );
        assert_eq!(read("role=admin"), Ok(Roles(vec![Role::Admin])));
        assert_eq!(read("role=king").unwrap_err()[0].issue, Issue::Choice(Role::WORDS));
        assert_eq!(read("roles=admin").unwrap_err(), [FieldError::new("roles", Issue::Unknown)]);
        let body = json!({"role": ["admin"]});
        let Value::Object(map) = body else { panic!("an object") };
        assert_eq!(Fields::json(map).finish::<Roles>(), Ok(Roles(vec![Role::Admin])));
    }
}
