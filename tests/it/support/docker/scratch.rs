//! The part of the engine that only drills ask: images, and containers that are made and thrown away.

use serde_json::{Value, json};

use super::{Answer, Engine, IMAGE_ID, id_of, json_answer};

impl Engine {
    /// What is asked besides the calls that a backup makes.
    pub(super) fn other(&self, method: &str, parts: &[&str], query: &str, body: &[u8]) -> Answer {
        let missing = || json_answer(404, &json!({ "message": "no such thing" }));
        let done = || json_answer(204, &json!(null));
        let mut state = self.state.lock().unwrap();
        match (method, parts) {
            ("GET", ["images", image, "json"]) if image.replace("%3A", ":") == IMAGE_ID => {
                json_answer(200, &json!({ "Id": IMAGE_ID, "Config": { "Volumes": { "/data": {} } } }))
            }
            ("POST", ["containers", "create"]) => {
                let body: Value = serde_json::from_slice(body).unwrap();
                let name = query.split('&').find_map(|pair| pair.strip_prefix("name=")).unwrap();
                let container = json!({
                    "Id": id_of(name), "Name": format!("/{name}"), "Image": body["Image"],
                    "State": { "Status": "created" },
                    "Config": { "Image": body["Image"], "Labels": body["Labels"], "Env": body["Env"] },
                });
                state.containers.insert(id_of(name), container);
                json_answer(201, &json!({ "Id": id_of(name), "Warnings": [] }))
            }
            ("POST", ["containers", id, "start"]) => match state.containers.get_mut(*id) {
                Some(container) => {
                    container["State"] = json!({ "Status": "running", "Running": true });
                    done()
                }
                None => missing(),
            },
            ("GET", ["containers", id, "logs"]) if state.containers.contains_key(*id) => {
                json_answer(200, &json!(null))
            }
            ("DELETE", ["containers", one]) => {
                let id = if state.containers.contains_key(*one) { (*one).to_owned() } else { id_of(one) };
                if state.containers.remove(&id).is_some() { done() } else { missing() }
            }
            _ => missing(),
        }
    }
}
