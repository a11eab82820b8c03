//! What the gateway answers, as an `OpenAPI` document: `docs/openapi.json`, the same bytes over HTTP. Tests hold it to the
//! table of routes and the answers to it.

use std::sync::Arc;

use hyper::StatusCode;

use crate::base::packed::unpack;

use super::answer::{Answer, bytes_as};
use super::inbound::Inbound;
use super::state::Gateway;

/// The document, packed: it is seldom asked for.
const DOCUMENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.z"));

/// `GET /api/openapi.json`.
pub(in crate::gateway) async fn document(_: Arc<Gateway>, _: Inbound) -> Answer {
    bytes_as(StatusCode::OK, "application/json", unpack(DOCUMENT))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::routes::TABLE;
    use super::{DOCUMENT, unpack};

    #[test]
    fn it_names_every_door_and_no_other() {
        let document: Value = serde_json::from_str(&unpack(DOCUMENT)).unwrap();
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let mut told = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let path = path.split_once('{').map_or_else(|| path.clone(), |(top, _)| format!("{top}*"));
                let words = operation["description"].as_str().unwrap();
                let scope =
                    words.split_once("with the scope `").map(|(_, rest)| rest.trim_end_matches("`.").to_owned());
                assert_eq!(operation["security"].is_array(), scope.is_none(), "{path}: only open doors say `security`");
                told.insert((method.to_uppercase(), path, scope));
            }
        }
        // What is for people is no API.
        let doors: BTreeSet<_> = TABLE
            .iter()
            .filter(|route| !route.path.starts_with("/dashboard"))
            .map(|route| (route.method.to_string(), route.path.to_owned(), route.scope.map(|scope| scope.to_string())))
            .collect();
        assert_eq!(told, doors, "docs/openapi.json and src/gateway/routes.rs name different doors");
    }
}
