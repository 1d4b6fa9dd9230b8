use super::*;

fn caller(project: &str, user: &str, roles: &[&str]) -> Caller {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    Caller { project_id: project.to_owned(), user_id: user.to_owned(), roles, ..Caller::default() }.with_implied_roles()
}

fn of<'a>(project_id: &'a str, user_id: &'a str) -> Target<'a> {
    Target { project_id, user_id, ..Target::default() }
}

#[test]
fn the_defaults_stand_in_order_and_can_all_be_read() {
    assert!(DEFAULTS.is_sorted_by(|a, b| a.name < b.name));
    for rule in DEFAULTS {
        let mut odd = Vec::new();
        assert!(parse::text(rule.check, &mut odd).is_ok() && odd.is_empty(), "{}", rule.name);
    }
    let policy = Policy::with_file("").unwrap();
    assert_eq!(policy.warnings(), [] as [&str; 0]);
}

/// The persona table of the default rules: (rule, admin, member that made it, another member, reader, member of another project, nobody).
#[test]
fn defaults_decide_by_role_project_and_user() {
    let policy = Policy::default();
    let personas = [
        caller("adm", "root", &["admin"]),
        caller("p", "maker", &["member"]),
        caller("p", "other", &["member"]),
        caller("p", "maker", &["reader"]),
        caller("q", "maker", &["member"]),
        caller("p", "maker", &[]),
    ];
    for (rule, allowed) in [
        ("cluster:create", "yyy..."),
        ("cluster:get", "yyyy.."),
        ("cluster:delete", "yyy..."),
        ("cluster:get_all_all_projects", "y....."),
        ("clustertemplate:publish", "y....."),
        ("certificate:create", "yy...."),
        ("certificate:get", "yy.y.."),
        ("certificate:rotate_ca", "yyy..."),
        ("credential:rotate", ".yy..."),
        ("quota:create", "y....."),
        ("magnum-service:get_all", "y....."),
        ("bay:create", "yyy..."),
        ("baymodel:publish", "y....."),
        ("container:logs", "yyyy.."),
        ("no:such", "......"),
    ] {
        let found: String = personas.iter().map(|who| if policy.allows(who, rule, &of("p", "maker")) { 'y' } else { '.' }).collect();
        assert_eq!(found, allowed, "{rule}");
    }
}

#[test]
fn a_token_for_no_project_does_nothing_in_projects() {
    let policy = Policy::default();
    let system = Caller { system_scope: "all".to_owned(), ..caller("", "root", &["admin"]) };
    assert!(policy.allows(&system, "quota:create", &Target::default()));
    assert!(!policy.allows(&system, "cluster:create", &of("p", "u")));
    let lost = caller("", "u", &["member"]);
    assert!(!policy.allows(&lost, "cluster:get", &Target::default()), "nobody's token and nobody's object are not the same project");
}

#[test]
fn a_file_takes_the_place_of_what_it_names() {
    let file = "
# who may make clusters
\"cluster:create\": \"role:builder and project_id:%(project_id)s\"
cluster:delete: [[\"role:admin\"], [\"role:builder\", \"user_id:%(user_id)s\"]]
default: \"!\"
context_is_admin: \"role:cloud_admin\"
";
    let policy = Policy::with_file(file).unwrap();
    let builder = caller("p", "u", &["builder"]);
    assert!(policy.allows(&builder, "cluster:create", &of("p", "u")));
    assert!(policy.allows(&builder, "bay:create", &of("p", "u")), "the name of 2015 means today's");
    assert!(policy.allows(&builder, "cluster:delete", &of("p", "u")) && !policy.allows(&builder, "cluster:delete", &of("p", "v")));
    assert!(!policy.allows(&caller("p", "u", &["member"]), "cluster:create", &of("p", "u")));
    assert!(policy.admin(&caller("p", "u", &["cloud_admin"])) && !policy.admin(&caller("p", "u", &["admin"])));
}

#[test]
fn a_json_file_of_2015_is_read() {
    let file = r#"{"context_is_admin": "role:admin", "admin_or_owner": "is_admin:True or project_id:%(project_id)s",
        "default": "rule:admin_or_owner", "bay:create": "rule:default", "bay:delete": [["rule:admin_or_owner"]]}"#;
    let policy = Policy::with_file(file).unwrap();
    let plain = caller("p", "u", &[]);
    assert!(policy.allows(&plain, "bay:create", &of("p", "u")) && !policy.allows(&plain, "bay:create", &of("q", "u")));
    assert!(policy.allows(&caller("q", "u", &["admin"]), "bay:delete", &of("p", "u")));
    assert!(policy.allows(&plain, "no:such", &of("p", "u")), "what does not exist is the default's matter");
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    for (file, word) in [
        ("a: rule:b\nb: rule:c\nc: not rule:a", "a -> b -> c -> a"),
        ("- one\n- two", "no list of rules"),
        ("a: {b: c}", "no list of rules"),
        ("a: \"http://policy.example.org\"", "another server"),
        ("a: [unclosed", "no list of rules"),
    ] {
        let told = Policy::with_file(file).unwrap_err().to_string();
        assert!(told.contains(word), "{told}");
    }
    let odd = Policy::with_file("cluster:create: \"admin and\"\ncluster:crate: \"role:x\"\ncluster:get: \"rule:gone\"").unwrap();
    let told = odd.warnings().join("\n");
    assert!(told.contains("rule cluster:create allows nobody") && told.contains("nothing asks for rule cluster:crate"), "{told}");
    assert!(told.contains("there is no rule gone"), "{told}");
    assert!(!odd.allows(&caller("p", "u", &["admin"]), "cluster:create", &of("p", "u")), "what is not understood allows nobody");
}
