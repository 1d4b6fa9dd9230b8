//! The API behind a real Keystone (`scripts/keystone.sh`): every kind of token there is.

use std::{sync::Arc, time::Duration};

use api::{Identity, Keystone, KeystoneSettings};
use http::Method;
use openstack::{Credentials, Limits, Realm, Scope, Secret, Session, Target, User, Wire};
use raft::seam::{Chance, OsChance, OsWall};
use serde_json::{Value, json};

use crate::server::Server;

const TEMPLATE: &str = r#"{"name": "web", "image_id": "i", "coe": "swarm", "external_network_id": "public"}"#;

/// Where Keystone is, and its administrator's password.
struct Cloud {
    url: String,
    password: String,
    wire: Arc<Wire>,
}

impl Cloud {
    fn find() -> Option<Self> {
        let url = std::env::var("JEROBOAM_TEST_KEYSTONE").ok()?;
        let password = std::env::var("JEROBOAM_TEST_KEYSTONE_PASSWORD").unwrap();
        let limits = Limits { whole: Duration::from_secs(60), ..Limits::default() };
        Some(Self { url, password, wire: Arc::new(Wire::new(limits, None).unwrap()) })
    }

    fn session(&self, credentials: Credentials) -> Session {
        Session::new(&self.url, credentials, self.wire.clone())
    }

    fn by_password(&self, name: &str, password: &str, scope: Scope) -> Session {
        let user = User::Name { name: name.to_owned(), domain: Realm::Id("default".to_owned()) };
        self.session(Credentials::Password { user, password: Secret::new(password), scope })
    }

    fn admin(&self, scope: Scope) -> Session {
        self.by_password("admin", &self.password, scope)
    }
}

fn project(name: &str) -> Scope {
    Scope::ProjectNamed { name: name.to_owned(), domain: Realm::Id("default".to_owned()) }
}

async fn token(session: &Session) -> String {
    session.granted().await.unwrap().secret.expose().to_owned()
}

async fn post(session: &Session, path: &str, body: Value) -> Value {
    let answer = session.call(Target::KEYSTONE, Method::POST, path, Some(&body)).await.unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

fn id(answer: &Value, kind: &str) -> String {
    answer[kind]["id"].as_str().unwrap().to_owned()
}

/// Projects and users of one test, told apart from those of others by the word.
struct People {
    word: String,
    alpha: String,
}

impl People {
    async fn make(admin: &Session) -> Self {
        let word = OsChance.uuid().simple().to_string();
        let roles: Value = admin.get(Target::KEYSTONE, "/roles").await.unwrap();
        let role = |name: &str| {
            let found = roles["roles"].as_array().unwrap().iter().find(|role| role["name"] == name);
            found.unwrap()["id"].as_str().unwrap().to_owned()
        };
        let mut alpha = String::new();
        for (name, users) in [("alpha", ["member", "reader"].as_slice()), ("beta", &["member"]), ("service", &["admin"])] {
            let body = json!({ "project": { "name": format!("{name}-{word}"), "domain_id": "default" } });
            let made = id(&post(admin, "/projects", body).await, "project");
            for held in users {
                let body = json!({ "user": { "name": format!("{name}-{held}-{word}"), "password": "pw", "domain_id": "default" } });
                let user = id(&post(admin, "/users", body).await, "user");
                let path = format!("/projects/{made}/users/{user}/roles/{}", role(held));
                admin.call(Target::KEYSTONE, Method::PUT, &path, None).await.unwrap();
            }
            if name == "alpha" {
                alpha = made;
            }
        }
        Self { word, alpha }
    }

    fn session(&self, cloud: &Cloud, name: &str, held: &str) -> Session {
        let scope = project(&format!("{name}-{}", self.word));
        cloud.by_password(&format!("{name}-{held}-{}", self.word), "pw", scope)
    }
}

async fn server(cloud: &Cloud, people: &People) -> Server {
    let settings =
        KeystoneSettings { remembered: Duration::from_millis(200), wait: Duration::from_secs(60), ..KeystoneSettings::default() };
    let keystone = Keystone::new(people.session(cloud, "service", "admin"), settings, Arc::new(OsWall));
    Server::start_as(Identity::Keystone(Arc::new(keystone)), |settings| settings.request_timeout = Duration::from_secs(60)).await
}

#[tokio::test]
async fn tokens_of_every_kind_are_what_keystone_says() {
    let Some(cloud) = Cloud::find() else {
        println!("SKIPPED: no Keystone (JEROBOAM_TEST_KEYSTONE); `scripts/keystone.sh up` starts one");
        return;
    };
    let admin = cloud.admin(project("admin"));
    let people = People::make(&admin).await;
    let server = server(&cloud, &people).await;
    let member = people.session(&cloud, "alpha", "member");

    let made = server.post("/v1/clustertemplates", TEMPLATE).as_(&token(&member).await).send().await.is(201).json();
    assert_eq!(made["project_id"], people.alpha.as_str());
    let path = format!("/v1/baymodels/{}", made["uuid"].as_str().unwrap());

    let reader = token(&people.session(&cloud, "alpha", "reader")).await;
    server.get(&path).as_(&reader).send().await.is(200);
    server.post("/v1/baymodels", TEMPLATE).as_(&reader).send().await.is(403);
    let stranger = token(&people.session(&cloud, "beta", "member")).await;
    server.get(&path).as_(&stranger).send().await.is(404);
    server.get(&path).as_(&token(&admin).await).send().await.is(200);
    let refused = server.get(&path).as_("gAAAAmade-up").send().await.is(401);
    assert!(refused.header("www-authenticate").unwrap().starts_with("Keystone uri="));

    // An application credential acts for its project, with its maker's roles.
    let user = member.granted().await.unwrap().token.user.id.clone();
    let body = json!({ "application_credential": { "name": "ci", "roles": [{ "name": "member" }] } });
    let made = post(&member, &format!("/users/{user}/application_credentials"), body).await;
    let credential = &made["application_credential"];
    let text = |key: &str| credential[key].as_str().unwrap().to_owned();
    let application = cloud.session(Credentials::Application { id: text("id"), secret: Secret::new(text("secret")) });
    server.get(&path).as_(&token(&application).await).send().await.is(200);

    // A trust: the service acts as the member.
    let service = people.session(&cloud, "service", "admin");
    let trustee = service.granted().await.unwrap().token.user.id.clone();
    let body = json!({ "trust": { "trustor_user_id": user, "trustee_user_id": trustee, "project_id": people.alpha,
        "impersonation": true, "roles": [{ "name": "member" }] } });
    let trust = id(&post(&member, "/OS-TRUST/trusts", body).await, "trust");
    let name = format!("service-admin-{}", people.word);
    let trusted = token(&cloud.by_password(&name, "pw", Scope::Trust(trust.clone()))).await;
    server.get(&path).as_(&trusted).send().await.is(200);
    member.call(Target::KEYSTONE, Method::DELETE, &format!("/OS-TRUST/trusts/{trust}"), None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.get(&path).as_(&trusted).send().await.is(401);

    // Tokens that are for no project do nothing in projects, whatever the role.
    let granted = admin.granted().await.unwrap();
    let held = granted.token.roles.iter().find(|role| role.name == "admin").unwrap();
    let path = format!("/domains/default/users/{}/roles/{}", granted.token.user.id, held.id);
    admin.call(Target::KEYSTONE, Method::PUT, &path, None).await.unwrap();
    for scope in [Scope::System, Scope::Domain(Realm::Id("default".to_owned())), Scope::None] {
        let session = cloud.admin(scope.clone());
        let Ok(granted) = session.granted().await else { panic!("{scope:?}") };
        let answer = server.post("/v1/baymodels", TEMPLATE).as_(granted.secret.expose()).send().await;
        assert_eq!(answer.status.as_u16(), 403, "{scope:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_as_soon_as_it_is_asked_for_again() {
    let Some(cloud) = Cloud::find() else {
        println!("SKIPPED: no Keystone (JEROBOAM_TEST_KEYSTONE); `scripts/keystone.sh up` starts one");
        return;
    };
    let people = People::make(&cloud.admin(project("admin"))).await;
    let server = server(&cloud, &people).await;
    let member = people.session(&cloud, "alpha", "member");
    let secret = token(&member).await;
    server.get("/v1/baymodels").as_(&secret).send().await.is(200);
    let subject = (http::HeaderName::from_static("x-subject-token"), secret.parse().unwrap());
    member.ask(Target::KEYSTONE, Method::DELETE, "/auth/tokens", None, &[subject]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.get("/v1/baymodels").as_(&secret).send().await.is(401);
}
