//! What the real oslo.policy decided (`tests/policy/vectors.py` asks it), decided again.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Caller, Policy, Target};

#[derive(Deserialize)]
struct Vectors {
    callers: Vec<Who>,
    targets: Vec<BTreeMap<String, String>>,
    sets: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Who {
    user_id: String,
    user_name: String,
    project_id: String,
    roles: Vec<String>,
    user_domain_id: String,
    project_domain_id: String,
}

#[derive(Deserialize)]
struct Set {
    file: Value,
    answers: BTreeMap<String, String>,
}

impl Who {
    fn caller(self) -> Caller {
        Caller {
            user_id: self.user_id,
            user_name: self.user_name,
            project_id: self.project_id,
            roles: self.roles,
            user_domain_id: self.user_domain_id,
            project_domain_id: self.project_domain_id,
            ..Caller::default()
        }
    }
}

fn target(values: &BTreeMap<String, String>) -> Target<'_> {
    let value = |name: &str| values.get(name).map_or("", String::as_str);
    Target {
        project_id: value("project_id"),
        user_id: value("user_id"),
        name: value("name"),
        trustee_domain_id: value("trustee_domain_id"),
        ..Target::default()
    }
}

#[test]
fn ours_and_oslo_policy_agree() {
    let vectors: Vectors = serde_json::from_str(include_str!("../../../tests/policy/vectors.json")).unwrap();
    let callers: Vec<Caller> = vectors.callers.into_iter().map(Who::caller).collect();
    let (mut asked, mut allowed) = (0, 0);
    for set in &vectors.sets {
        let policy = Policy::with_file(&set.file.to_string()).unwrap();
        for (rule, bits) in &set.answers {
            let mut bits = bits.chars();
            for caller in &callers {
                for values in &vectors.targets {
                    let theirs = match bits.next() {
                        Some('-') => continue, // it stumbled over the rule
                        bit => bit == Some('1'),
                    };
                    let ours = policy.allows(caller, rule, &target(values));
                    assert_eq!(ours, theirs, "rule {rule} of {} for {caller:?} and {values:?}", set.file);
                    asked += 1;
                    allowed += usize::from(theirs);
                }
            }
        }
    }
    assert!(asked >= 10_000 && allowed > asked / 10, "{allowed} of {asked} say yes: too few to say anything");
}
