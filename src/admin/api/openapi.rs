//! The API's description, made from the table of routes.

use axum::Json;
use serde_json::{Map, Value, json};

use crate::admin::routes::{Face, Needs, table};

/// `GET /openapi.json`.
pub(crate) async fn describe() -> Json<Value> {
    let mut paths: Map<String, Value> = Map::new();
    for route in table().iter().filter(|route| route.face == Face::Api) {
        let role = match route.needs {
            Needs::Nobody => "none",
            Needs::Role(role) => role.name(),
        };
        let mut told = json!({
            "summary": route.what, "x-role": role,
            "security": match route.needs { Needs::Nobody => json!([]), Needs::Role(_) => json!([{ "token": [] }]) },
            "responses": {
                "200": { "description": "done" },
                "default": { "description": "refused", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } },
            },
        });
        let mut parameters = Vec::new();
        if route.path.contains("{id}") {
            parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }));
        }
        if route.method == axum::http::Method::POST {
            parameters.push(json!({ "name": "Idempotency-Key", "in": "header", "required": false, "schema": { "type": "string", "maxLength": 255 } }));
            told["requestBody"] = json!({ "required": false, "content": { "application/json": { "schema": { "type": "object" } } } });
        }
        told["parameters"] = Value::Array(parameters);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = told;
    }
    let problem = json!({
        "type": "object", "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" }, "code": { "type": "string", "description": "stable" },
            "detail": { "type": "string" },
        },
    });
    Json(json!({
        "openapi": "3.1.0",
        "info": { "title": "Adjutant", "version": env!("CARGO_PKG_VERSION"), "description": "Lists answer {items, next}; give `next` back as ?cursor=. Money is \"120.00 USD\", times are RFC 3339." },
        "paths": paths,
        "components": { "schemas": { "Problem": problem }, "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
    }))
}
