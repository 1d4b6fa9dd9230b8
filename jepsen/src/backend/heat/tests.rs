//! The traps of the real one.

use serde_json::{Value, json};

use super::*;

const TEMPLATE: &str = "heat_template_version: 2018-08-31\nparameters:\n  number_of_masters:\n    type: number\n  number_of_minions:\n    type: number\n  minions_to_remove:\n    type: comma_delimited_list\n    default: []\nresources: {}\n";

struct Cloud {
    heat: Heat,
    now: u64,
    token: String,
}

impl Cloud {
    fn new() -> Self {
        let mut cloud = Self { heat: Heat::default(), now: 0, token: String::new() };
        let body = json!({"auth": {"identity": {"methods": ["application_credential"],
            "application_credential": {"id": "conductor-credential", "secret": SECRET}}}});
        let (answer, _) = cloud.heat.carry_out(&HeatAsk::Token { body, host: "h".to_owned() }, "");
        cloud.token = answer.token.unwrap();
        cloud
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.now += 1;
        self.heat.pass(Pace { now: self.now, takes: 10, fails: false });
        let path = format!("/orchestration/v1/{PROJECT}/stacks{path}");
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let ask = HeatAsk::read((method, path, query), ("h", &self.token), body.to_string().as_bytes()).unwrap();
        let (answer, _) = self.heat.carry_out(&ask, "tcp://docker");
        (answer.status, answer.body)
    }

    fn create(&mut self, name: &str, cluster: &str) -> (u16, Value) {
        let body = json!({"stack_name": name, "template": TEMPLATE, "tags": format!("jeroboam.cluster={cluster}"),
            "parameters": {"number_of_masters": 1, "number_of_minions": 3}});
        self.ask("POST", "", &body)
    }

    fn wait(&mut self) {
        self.now += 100;
    }
}

#[test]
fn a_name_is_unique_and_a_stack_takes_its_time() {
    let mut cloud = Cloud::new();
    let (status, made) = cloud.create("a", "1");
    assert_eq!(status, 201);
    assert_eq!(cloud.create("a", "2").0, 409);
    let full = format!("/a/{}", made["stack"]["id"].as_str().unwrap());
    assert_eq!(cloud.ask("GET", &full, &Value::Null).1["stack"]["stack_status"], "CREATE_IN_PROGRESS");
    assert_eq!(cloud.ask("GET", "/a", &Value::Null).0, 302);
    assert_eq!(cloud.ask("PATCH", &full, &json!({"parameters": {"number_of_minions": 2}})).0, 409);
    cloud.wait();
    let shown = cloud.ask("GET", &full, &Value::Null).1;
    assert_eq!(
        (&shown["stack"]["stack_status"], &shown["stack"]["parameters"]["number_of_minions"]),
        (&json!("CREATE_COMPLETE"), &json!("3"))
    );
    assert_eq!(cloud.ask("GET", "?tags=jeroboam.cluster%3D1", &Value::Null).1["stacks"].as_array().unwrap().len(), 1);
    assert_eq!(cloud.ask("GET", "?tags=jeroboam.cluster%3D2", &Value::Null).1["stacks"], json!([]));
    assert_eq!(cloud.ask("DELETE", &full, &Value::Null).0, 204);
    assert_eq!(cloud.create("a", "1").0, 409, "as long as it is being deleted");
    assert_eq!(cloud.ask("PATCH", &full, &json!({})).0, 400);
    cloud.wait();
    assert_eq!(cloud.ask("GET", &full, &Value::Null).1["stack"]["stack_status"], "DELETE_COMPLETE");
    assert_eq!(cloud.create("a", "1").0, 201);
    assert_eq!(cloud.heat.ever("1"), 2);
}

#[test]
fn machines_are_removed_by_id_and_numbers_are_not_used_again() {
    let mut cloud = Cloud::new();
    let (_, made) = cloud.create("a", "1");
    let full = format!("/a/{}", made["stack"]["id"].as_str().unwrap());
    cloud.wait();
    let ids = |cloud: &mut Cloud| cloud.ask("GET", &full, &Value::Null).1["stack"]["outputs"][2]["output_value"].clone();
    let before = ids(&mut cloud);
    let body = json!({"parameters": {"number_of_minions": 3, "minions_to_remove": [before["1"]]}});
    assert_eq!(cloud.ask("PATCH", &full, &body).0, 202);
    cloud.wait();
    let after = ids(&mut cloud);
    assert_eq!((&after["0"], &after["1"], after["3"].is_string()), (&before["0"], &Value::Null, true));
    assert_eq!(cloud.ask("PATCH", &full, &json!({"parameters": {"number_of_minions": 4}})).0, 202);
    cloud.wait();
    let shown = cloud.ask("GET", &full, &Value::Null).1["stack"].clone();
    assert_eq!(shown["parameters"]["minions_to_remove"], before["1"], "what is not said again stays as it was");
    assert_eq!(shown["outputs"][2]["output_value"].as_object().unwrap().len(), 4, "and what is gone is not removed twice");
    assert_eq!(cloud.ask("PATCH", &full, &json!({"parameters": {"nonsense": 1}})).0, 400);
    assert_eq!(cloud.ask("POST", "", &json!({"stack_name": "b", "template": TEMPLATE})).0, 400, "a parameter is missing");
}

#[test]
fn who_is_not_known_is_not_served() {
    let mut cloud = Cloud::new();
    cloud.heat.identity.revoke();
    assert_eq!(cloud.ask("GET", "", &Value::Null).0, 401);
    let wrong = json!({"auth": {"identity": {"methods": ["password"]}}});
    assert_eq!(cloud.heat.carry_out(&HeatAsk::Token { body: wrong, host: String::new() }, "").0.status, 401);
}
