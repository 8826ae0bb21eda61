//! The document's shared schemas: named once, referred to everywhere, and none that nobody refers to.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Where schemas stand.
const PREFIX: &str = "#/components/schemas/";
/// What the names of answers' schemas begin with.
const ENVELOPE: &str = "Envelope_";
const LIST: &str = "Vec_";

/// Every operation.
pub fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.values_mut());
    items.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut())
}

/// Adds the names of the schemas that this part of the document refers to, however deep.
pub fn references(part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(map) => {
            let target = map.get("$ref").and_then(Value::as_str);
            names.extend(target.and_then(|target| target.strip_prefix(PREFIX)).map(str::to_owned));
            map.values().for_each(|child| references(child, names));
        }
        Value::Array(list) => list.iter().for_each(|child| references(child, names)),
        _ => {}
    }
}

/// utoipa writes what an envelope holds into the envelope, beside the same schema under its own name: the first becomes a
/// reference, and clients made from the document get one type.
pub fn share(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let envelopes: Vec<String> = schemas.keys().filter(|name| name.starts_with(ENVELOPE)).cloned().collect();
    for envelope in envelopes {
        let held = envelope.trim_start_matches(ENVELOPE);
        let (name, place) = match held.strip_prefix(LIST) {
            Some(name) => (name, "/properties/data/items"),
            None => (held, "/properties/data"),
        };
        let named = schemas.get(name).cloned();
        let written = schemas.get_mut(&envelope).and_then(|schema| schema.pointer_mut(place));
        if let (Some(written), Some(named)) = (written, named)
            && *written == named
        {
            *written = json!({ "$ref": format!("{PREFIX}{name}") });
        }
    }
}

/// Drops the schemas that no operation leads to.
pub fn prune(document: &mut Value) {
    let mut used = BTreeSet::new();
    references(&document["paths"], &mut used);
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let mut todo: Vec<String> = used.iter().cloned().collect();
    while let Some(name) = todo.pop() {
        let mut more = BTreeSet::new();
        if let Some(schema) = schemas.get(&name) {
            references(schema, &mut more);
        }
        todo.extend(more.into_iter().filter(|name| used.insert(name.clone())));
    }
    schemas.retain(|name, _| used.contains(name));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_referred_to_and_what_is_unused_goes() {
        let thing = json!({"type": "object", "properties": {"part": {"$ref": "#/components/schemas/Part"}}});
        let mut document = json!({
            "paths": {"/x": {"get": {"responses": {"200": {"$ref": "#/components/schemas/Envelope_Vec_Thing"}}}}},
            "components": {"schemas": {
                "Envelope_Vec_Thing": {"properties": {"data": {"type": "array", "items": thing}}},
                "Thing": thing, "Part": {"type": "string"}, "Unused": {"$ref": "#/components/schemas/Thing"},
            }},
        });
        share(&mut document);
        prune(&mut document);
        let schemas = &document["components"]["schemas"];
        let items = &schemas["Envelope_Vec_Thing"]["properties"]["data"]["items"];
        assert_eq!(items, &json!({"$ref": "#/components/schemas/Thing"}));
        let names: Vec<&String> = schemas.as_object().unwrap().keys().collect();
        assert_eq!(names, ["Envelope_Vec_Thing", "Part", "Thing"]);
    }

    #[test]
    fn no_answer_repeats_what_has_a_name() {
        for (name, schema) in crate::document().value["components"]["schemas"].as_object().unwrap() {
            if name.starts_with(ENVELOPE) {
                let data = &schema["properties"]["data"];
                let held = if data["items"].is_object() { &data["items"] } else { data };
                assert!(held["$ref"].is_string(), "{name} has {held}");
            }
        }
    }
}
