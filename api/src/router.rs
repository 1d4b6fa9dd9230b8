//! Every path of the API, one line each: the table of contents.
//!
//! The table is data so that it can be enumerated: the tests send every kind of bad input to every line. It is searched here and not by
//! axum's router because clients rely on rules that hold for all lines alike: a trailing slash never matters, a path without `/v1` means
//! the one with it, and a known path with another verb answers 405 with what it allows. Literal lines stand before those with names.

use std::collections::HashMap;

use axum::{Router, routing::any};
use futures::future::BoxFuture;
use http::Method;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    admin, app::App, call::Call, certificate, cluster, container, discovery, error::Error, health, mservice, node, operation, query, quota,
    reply::Reply, request, stats, template, watch,
};

/// What answers a request.
pub(crate) type Handler = for<'a> fn(&'a Call<'a>) -> BoxFuture<'a, Result<Reply, Error>>;

/// The names in a path, decoded.
pub(crate) type Params = Vec<String>;

/// How a route speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Without a token, and without versions.
    Public,
    /// Without a token.
    PublicVersioned,
    /// JSON in and out.
    Json,
    /// JSON out; a form is read too.
    Mixed,
    /// Answers something that is not JSON.
    AnyType,
}

/// The verbs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// The verb of a method; `HEAD` is a `GET` whose body nobody sees.
    fn of(method: &Method) -> Option<Self> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The method.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One line of the table.
pub(crate) struct Route {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    /// Query parameters it knows.
    pub(crate) query: &'static [&'static str],
    pub(crate) form: Form,
    pub(crate) handler: Handler,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb.word(), self.path)
    }
}

/// A line: verb, path, `?` known query parameters, form, handler.
macro_rules! line {
    ($verb:ident $path:literal, $query:expr, $form:ident, $($handler:ident)::+) => {
        Route { verb: Verb::$verb, path: $path, query: $query, form: Form::$form, handler: |call| Box::pin($($handler)::+(call)) }
    };
}

const NONE: &[&str] = &[];
/// Lists; the old parameter names the resource and never meant anything.
const BAYMODELS: &[&str] = &["limit", "marker", "sort_dir", "sort_key", "baymodel_uuid"];
const BAYS: &[&str] = &["limit", "marker", "sort_dir", "sort_key", "bay_uuid"];
const CONTAINERS: &[&str] = &["limit", "marker", "sort_dir", "sort_key", "container_uuid", "bay_ident"];
const NODES: &[&str] = &["limit", "marker", "sort_dir", "sort_key", "node_uuid"];
const EVENTS: &[&str] = &["after", "limit", "since", "type", "until"];
const QUOTAS: &[&str] = &["all_tenants", "limit", "marker", "sort_dir", "sort_key"];
const PAGE: &[&str] = crate::page::PARAMETERS;

/// Collections that the document of the version links to.
pub(crate) const COLLECTIONS: [&str; 9] =
    ["baymodels", "bays", "clusters", "clustertemplates", "containers", "mservices", "nodes", "quotas", "stats"];

/// Every route.
pub(crate) static ROUTES: &[Route] = &[
    line!(Get "/", NONE, Public, discovery::root),
    line!(Get "/v1", NONE, PublicVersioned, discovery::version),
    line!(Get "/healthcheck", NONE, Public, health::ready),
    line!(Get "/livez", NONE, Public, health::live),
    line!(Get "/readyz", NONE, Public, health::ready),
    line!(Get "/metrics", NONE, Public, health::metrics),
    line!(Get "/v1/baymodels", BAYMODELS, Json, template::classic::list),
    line!(Post "/v1/baymodels", NONE, Json, template::classic::create),
    line!(Get "/v1/baymodels/detail", BAYMODELS, Json, template::classic::detail),
    line!(Get "/v1/baymodels/{baymodel}", NONE, Json, template::classic::show),
    line!(Patch "/v1/baymodels/{baymodel}", NONE, Json, template::classic::update),
    line!(Delete "/v1/baymodels/{baymodel}", NONE, Json, template::classic::delete),
    line!(Get "/v1/clustertemplates", PAGE, Json, template::current::list),
    line!(Post "/v1/clustertemplates", NONE, Json, template::current::create),
    line!(Get "/v1/clustertemplates/detail", PAGE, Json, template::current::detail),
    line!(Get "/v1/clustertemplates/{template}", NONE, Json, template::current::show),
    line!(Patch "/v1/clustertemplates/{template}", NONE, Json, template::current::update),
    line!(Delete "/v1/clustertemplates/{template}", NONE, Json, template::current::delete),
    line!(Get "/v1/bays", BAYS, Json, cluster::classic::list),
    line!(Post "/v1/bays", NONE, Json, cluster::classic::create),
    line!(Get "/v1/bays/detail", BAYS, Json, cluster::classic::detail),
    line!(Get "/v1/bays/{bay}", NONE, Json, cluster::classic::show),
    line!(Patch "/v1/bays/{bay}", &["rollback"], Json, cluster::classic::update),
    line!(Delete "/v1/bays/{bay}", &["force"], Json, cluster::classic::delete),
    line!(Get "/v1/clusters", PAGE, Json, cluster::current::list),
    line!(Post "/v1/clusters", NONE, Json, cluster::current::create),
    line!(Get "/v1/clusters/detail", PAGE, Json, cluster::current::detail),
    line!(Get "/v1/clusters/{cluster}", NONE, Json, cluster::current::show),
    line!(Get "/v1/clusters/{cluster}/events", EVENTS, Json, cluster::events::list),
    line!(Patch "/v1/clusters/{cluster}", &["rollback"], Json, cluster::current::update),
    line!(Delete "/v1/clusters/{cluster}", &["force"], Json, cluster::current::delete),
    line!(Get "/v1/clusters/{cluster}/operations", &["limit", "state"], Json, operation::current::list),
    line!(Post "/v1/clusters/{cluster}/actions/resize", NONE, Json, cluster::actions::resize),
    line!(Post "/v1/clusters/{cluster}/actions/upgrade", NONE, Json, cluster::actions::upgrade),
    line!(Patch "/v1/certificates/{cluster}", NONE, Json, certificate::rotate),
    line!(Get "/v1/operations/{operation}", NONE, Json, operation::current::show),
    line!(Post "/v1/operations/{operation}/cancel", NONE, Json, operation::current::cancel),
    line!(Post "/v1/operations/{operation}/pause", NONE, Json, operation::current::pause),
    line!(Post "/v1/operations/{operation}/resume", NONE, Json, operation::current::resume),
    line!(Post "/v1/operations/{operation}/retry", NONE, Json, operation::current::retry),
    line!(Get "/v1/containers", CONTAINERS, Json, container::classic::list),
    line!(Post "/v1/containers", NONE, Json, container::classic::create),
    line!(Get "/v1/containers/detail", CONTAINERS, Json, container::classic::detail),
    line!(Get "/v1/containers/{container}", &["bay_ident"], Json, container::classic::show),
    line!(Patch "/v1/containers/{container}", &["bay_ident"], Json, container::classic::update),
    line!(Delete "/v1/containers/{container}", &["bay_ident"], Json, container::classic::delete),
    line!(Put "/v1/containers/{container}/start", NONE, Json, container::classic::start),
    line!(Put "/v1/containers/{container}/stop", NONE, Json, container::classic::stop),
    line!(Put "/v1/containers/{container}/reboot", NONE, Json, container::classic::reboot),
    line!(Put "/v1/containers/{container}/pause", NONE, Json, container::classic::pause),
    line!(Put "/v1/containers/{container}/unpause", NONE, Json, container::classic::unpause),
    line!(Get "/v1/containers/{container}/logs", NONE, Json, container::classic::logs),
    line!(Put "/v1/containers/{container}/execute", &["command"], Mixed, container::classic::execute),
    line!(Get "/v1/nodes", NODES, Json, node::classic::list),
    line!(Post "/v1/nodes", NONE, Json, node::classic::create),
    line!(Get "/v1/nodes/detail", NODES, Json, node::classic::detail),
    line!(Get "/v1/nodes/{node}", NONE, Json, node::classic::show),
    line!(Patch "/v1/nodes/{node}", NONE, Json, node::classic::update),
    line!(Delete "/v1/nodes/{node}", NONE, Json, node::classic::delete),
    line!(Get "/v1/quotas", QUOTAS, Json, quota::current::list),
    line!(Post "/v1/quotas", NONE, Json, quota::current::create),
    line!(Get "/v1/quotas/{project}", NONE, Json, quota::current::incomplete),
    line!(Get "/v1/quotas/{project}/{resource}", NONE, Json, quota::current::show),
    line!(Patch "/v1/quotas/{project}/{resource}", NONE, Json, quota::current::update),
    line!(Delete "/v1/quotas/{project}/{resource}", NONE, Json, quota::current::delete),
    line!(Get "/v1/stats", &["project_id", "type"], Json, stats::show),
    line!(Get "/v1/mservices", PAGE, Json, mservice::list),
    line!(Get "/v1/jeroboam/status", NONE, Json, admin::status::show),
    line!(Get "/v1/jeroboam/digest", NONE, Json, admin::status::digest),
    line!(Post "/v1/jeroboam/snapshot", NONE, Json, admin::status::snapshot),
    line!(Get "/v1/jeroboam/members", NONE, Json, admin::members::list),
    line!(Post "/v1/jeroboam/members/token", NONE, Json, admin::members::token),
    line!(Post "/v1/jeroboam/members/{member}/promote", NONE, Json, admin::members::promote),
    line!(Post "/v1/jeroboam/members/{member}/demote", NONE, Json, admin::members::demote),
    line!(Post "/v1/jeroboam/members/{member}/remove", NONE, Json, admin::members::remove),
    line!(Post "/v1/jeroboam/members/{member}/drain", NONE, Json, admin::members::drain),
    line!(Post "/v1/jeroboam/members/{member}/undrain", NONE, Json, admin::members::undrain),
    line!(Post "/v1/jeroboam/transfer-leader", NONE, Json, admin::members::transfer_leader),
    line!(Get "/v1/jeroboam/ownership", &["member"], Json, admin::ownership::list),
    line!(Post "/v1/jeroboam/ownership/{cluster}/pin", NONE, Json, admin::ownership::pin),
    line!(Post "/v1/jeroboam/ownership/{cluster}/unpin", NONE, Json, admin::ownership::unpin),
    line!(Get "/v1/jeroboam/plan", &["goal", "without", "drain", "limit"], Json, admin::plan::show),
    line!(Post "/v1/jeroboam/rebalance", NONE, Json, admin::plan::even),
    line!(Get "/v1/jeroboam/operations", &["cluster", "limit", "stuck"], Json, admin::operations::list),
    line!(Get "/v1/jeroboam/orphans", &["limit"], Json, admin::orphans::show),
    line!(Post "/v1/jeroboam/clusters/{cluster}/reset-status", NONE, Json, admin::operations::reset),
    line!(Get "/v1/jeroboam/events", &["after", "cluster", "limit"], Json, admin::events::list),
    line!(Get "/v1/jeroboam/watch", &["after"], AnyType, watch::watch),
    line!(Get "/v1/jeroboam/audit", &["after"], AnyType, watch::audit),
    line!(Get "/v1/jeroboam/sinks", NONE, Json, admin::sinks::list),
    line!(Delete "/v1/jeroboam/sinks/{sink}", NONE, Json, admin::sinks::close),
];

/// A route that fits a path, with the names in it.
#[derive(Debug)]
pub(crate) struct Matched {
    pub(crate) route: &'static Route,
    pub(crate) params: Params,
}

/// The routes by their first word after the version.
#[derive(Debug)]
pub(crate) struct Table {
    by_word: HashMap<&'static str, Vec<&'static Route>>,
}

impl Default for Table {
    fn default() -> Self {
        let mut by_word: HashMap<&'static str, Vec<&'static Route>> = HashMap::new();
        for route in ROUTES {
            by_word.entry(word(route.path)).or_default().push(route);
        }
        Self { by_word }
    }
}

/// The first word after the version: what a path is about.
fn word(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    let rest = match path.split_once('/') {
        Some(("v1", rest)) => rest,
        _ => path,
    };
    rest.split('/').next().unwrap_or_default()
}

impl Table {
    /// The route of a request.
    ///
    /// # Errors
    /// 404 where no route has this path, 405 where one has it with other verbs.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Matched, Error> {
        let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
        let routes = self.by_word.get(word(path)).ok_or_else(Error::path)?;
        let verb = Verb::of(method);
        let mut allowed = Vec::new();
        let mut literal = None;
        for route in routes {
            let Some(params) = fits(route.path, path) else { continue };
            // A literal line hides those with names, also for verbs it has not.
            if *literal.get_or_insert(params.is_empty()) != params.is_empty() {
                continue;
            }
            // As in Magnum there is no HEAD, but for what load balancers ask.
            let asked = *method != Method::HEAD || matches!(route.form, Form::Public | Form::PublicVersioned);
            if asked && Some(route.verb) == verb {
                let decoded: Option<Params> = params.into_iter().map(|param| query::decoded(param, false)).collect();
                return decoded.map(|params| Matched { route, params }).ok_or_else(Error::path);
            }
            allowed.push(route.verb.word());
        }
        if allowed.is_empty() { Err(Error::path()) } else { Err(Error::method(allowed.join(", "))) }
    }
}

/// The names in a path if it fits the pattern; without `/v1` it fits as if it had it.
fn fits<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let rest = match pattern.strip_prefix("/v1/") {
        Some(pattern_rest) => return segments(pattern_rest, path.strip_prefix("/v1/").or_else(|| path.strip_prefix('/'))?),
        None => path,
    };
    (pattern == rest).then(Vec::new)
}

fn segments<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut params = Vec::new();
    let mut parts = path.split('/');
    for expected in pattern.split('/') {
        let part = parts.next()?;
        if expected.starts_with('{') {
            if part.is_empty() {
                return None;
            }
            params.push(part);
        } else if part != expected {
            return None;
        }
    }
    parts.next().is_none().then_some(params)
}

/// Every route as (method, path pattern): for documents and tests that must name them all.
pub fn routes() -> Vec<(&'static str, &'static str)> {
    ROUTES.iter().map(|route| (route.verb.word(), route.path)).collect()
}

/// The API as an axum router: everything goes through the one table of [`routes`].
pub fn router(app: App) -> Router {
    Router::new().fallback(any(request::answer)).with_state(app).layer(CatchPanicLayer::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: Method, path: &str) -> Result<(String, Params), Error> {
        Table::default().find(&method, path).map(|matched| (format!("{:?}", matched.route), matched.params))
    }

    #[test]
    fn paths_fit_with_and_without_slash_and_version() {
        for path in ["/v1/bays/b1", "/v1/bays/b1/", "/bays/b1", "/bays/b1/"] {
            assert_eq!(find(Method::GET, path).unwrap(), ("GET /v1/bays/{bay}".to_owned(), vec!["b1".to_owned()]), "{path}");
        }
        assert_eq!(find(Method::GET, "/v1/").unwrap().0, "GET /v1");
        assert_eq!(find(Method::GET, "/").unwrap().0, "GET /");
        assert_eq!(find(Method::GET, "/v1/bays/a%20b").unwrap().1, ["a b"]);
        assert_eq!(find(Method::GET, "/v1/bays/detail").unwrap().0, "GET /v1/bays/detail");
    }

    #[test]
    fn unknown_paths_are_404_and_other_verbs_405() {
        for path in [
            "/v2/clusters",
            "/v1/nonsense",
            "/v1/bays//",
            "//v1/bays",
            "/v1/bays/a/b",
            "/v1/bays/%ff",
            "/v1/bays/%00",
            "/v1/healthcheck",
            "",
            "/v1/v1/bays",
        ] {
            assert_eq!(find(Method::GET, path).unwrap_err().status(), 404, "{path}");
        }
        for (method, path) in [
            (Method::PUT, "/v1/clusters"),
            (Method::GET, "/v1/containers/c/start"),
            (Method::OPTIONS, "/v1/bays"),
            (Method::DELETE, "/v1/bays/detail"),
        ] {
            assert_eq!(find(method, path).unwrap_err().status(), 405, "{path}");
        }
        assert!(find(Method::PUT, "/v1/clusters").unwrap_err().to_string().contains("GET, POST"));
    }

    #[test]
    fn no_line_hides_another() {
        for route in ROUTES {
            let path = route.path.replace(['{', '}'], "");
            let found = find(route.verb.word().parse().unwrap(), &path).unwrap().0;
            assert_eq!(found, format!("{route:?}"));
        }
    }
}
