//! What requests may hold, as their readers see it (`crate::request`): nothing unknown in a body, `null` exactly where a field
//! may be left out, no `null` in paths and queries, and only names in paths.
//!
//! The forms' Rust types do not say that: an `Option` may be a field that can be missing or one with a default, and utoipa
//! makes a nullable schema of it wherever it stands.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::components::{operations, references};
use crate::request::Name;

const NULL: &str = "null";

/// Describes parameters, bodies, and every form that bodies are made of.
pub fn describe(document: &mut Value) {
    let mut forms = BTreeSet::new();
    for operation in operations(document) {
        for parameter in list(operation, "parameters") {
            let in_path = parameter["in"] == "path";
            // Where a function makes the schema, it has the description as well.
            let schema = parameter.get_mut("schema").and_then(Value::as_object_mut);
            if let Some(description) = schema.and_then(|schema| schema.remove("description")) {
                parameter["description"] = description;
            }
            if let Some(schema) = parameter.get_mut("schema") {
                refuse_null(schema);
                if in_path && schema["type"] == "string" && schema.get("format").is_none() {
                    schema["minLength"] = json!(1);
                    schema["maxLength"] = json!(Name::LONGEST);
                    schema["pattern"] = json!(Name::PATTERN);
                }
            }
        }
        let content = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
        for (kind, body) in content.into_iter().flatten() {
            if kind == "application/json" {
                refuse_null(&mut body["schema"]);
                references(&body["schema"], &mut forms);
            } else {
                // Makers of clients know bytes by the format, which OpenAPI 3.0 had for them.
                body["schema"] = json!({"type": "string", "format": "binary", "contentMediaType": kind});
            }
        }
    }
    let schemas = &mut document["components"]["schemas"];
    let mut described = BTreeSet::new();
    while let Some(name) = forms.pop_first() {
        if described.insert(name.clone()) {
            close(&mut schemas[&name]);
            references(&schemas[&name], &mut forms);
        }
    }
}

fn list<'a>(value: &'a mut Value, word: &str) -> impl Iterator<Item = &'a mut Value> {
    value.get_mut(word).and_then(Value::as_array_mut).into_iter().flatten()
}

/// A form has the fields it has. Those that may be left out may be null, which means the same.
fn close(form: &mut Value) {
    let required = form["required"].as_array().cloned().unwrap_or_default();
    for (name, schema) in form.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        refuse_null(schema);
        if !required.contains(&json!(name)) {
            allow_null(schema);
        }
    }
    form["additionalProperties"] = json!(false);
}

fn refuse_null(schema: &mut Value) {
    if let Some(choices) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice["type"] != NULL);
        if let [only] = choices.as_slice() {
            *schema = only.clone();
        }
    }
    if let Some(kind) = schema.get_mut("type")
        && let Some(types) = kind.as_array_mut()
    {
        types.retain(|word| word != NULL);
        if let [only] = types.as_slice() {
            *kind = only.clone();
        }
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|word| !word.is_null());
    }
}

/// Of a schema that refuses it.
fn allow_null(schema: &mut Value) {
    if let Some(kind) = schema["type"].as_str().map(str::to_owned) {
        schema["type"] = json!([kind, NULL]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    } else {
        *schema = json!({"oneOf": [schema.clone(), {"type": NULL}]});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_taken_and_given() {
        for (with, without) in [
            (json!({"type": ["string", "null"]}), json!({"type": "string"})),
            (json!({"type": ["string", "null"], "enum": ["a", null]}), json!({"type": "string", "enum": ["a"]})),
            (json!({"oneOf": [{"$ref": "#/x"}, {"type": "null"}]}), json!({"$ref": "#/x"})),
        ] {
            let mut schema = with.clone();
            refuse_null(&mut schema);
            assert_eq!(schema, without);
            refuse_null(&mut schema);
            assert_eq!(schema, without);
            allow_null(&mut schema);
            assert_eq!(schema, with);
        }
    }

    #[test]
    fn every_form_is_closed_and_says_where_null_is_taken() {
        let document = &crate::document().value;
        let form = &document["components"]["schemas"]["BulkRequest"];
        assert_eq!(form["additionalProperties"], false);
        assert_eq!(form["properties"]["per_second"]["type"], json!(["integer", "null"]));
        assert_eq!(form["properties"]["reason"]["type"], "string");
        let filter = &document["components"]["schemas"]["BulkFilter"];
        assert_eq!(filter["additionalProperties"], false, "a form within a form");
        let operations = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
        for (_, operation) in operations {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(!parameter["schema"].to_string().contains(r#""null""#), "{parameter}");
            }
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert!(body.is_null() || body["$ref"].is_string(), "{body}");
        }
    }
}
