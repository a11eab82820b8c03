//! The doors: one table of method, path and scope. What is not in it is not there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyper::Method;

use super::access::Scope;
use super::answer::Answer;
use super::inbound::Inbound;
use super::state::Gateway;
use super::{api, chat, dashboard, health, messages, metrics, models, openapi};

/// An answer on its way.
type Coming = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A door.
pub(in crate::gateway) struct Route {
    /// Its method; `HEAD` goes where `GET` goes unless it has a door of its own.
    pub(in crate::gateway) method: Method,
    /// Its path, to the letter; a `*` at its end stands for whatever follows, which is not nothing.
    pub(in crate::gateway) path: &'static str,
    /// What a key must open to get in; `None` needs no key.
    pub(in crate::gateway) scope: Option<Scope>,
    /// What is behind it.
    pub(in crate::gateway) door: fn(Arc<Gateway>, Inbound) -> Coming,
}

/// One line of the table.
macro_rules! route {
    ($method:ident $path:literal $scope:expr => $door:path) => {
        Route {
            method: Method::$method,
            path: $path,
            scope: $scope,
            door: |gateway, inbound| Box::pin($door(gateway, inbound)),
        }
    };
}

const OPEN: Option<Scope> = None;
const USE: Option<Scope> = Some(Scope::Use);
const READ: Option<Scope> = Some(Scope::Read);
const ADMIN: Option<Scope> = Some(Scope::Admin);

/// Every door there is.
pub(in crate::gateway) const TABLE: &[Route] = &[
    // What Claude Code asks before it begins, and what a probe may see: that somebody is there.
    route!(HEAD "/" OPEN => health::bare),
    route!(GET "/health" OPEN => health::bare),
    route!(HEAD "/api/hello" OPEN => health::bare),
    route!(POST "/v1/messages" USE => messages::create),
    route!(POST "/v1/messages/count_tokens" USE => messages::count_tokens),
    route!(POST "/v1/chat/completions" USE => chat::create),
    route!(GET "/v1/models" USE => models::list),
    route!(GET "/v1/models/*" USE => models::one),
    route!(POST "/api/chat" USE => api::chat::create),
    route!(POST "/api/router/route" USE => api::router::route),
    route!(GET "/api/router/stats" READ => api::router::stats),
    route!(GET "/api/router/force-model" READ => api::force::shown),
    route!(POST "/api/router/force-model" ADMIN => api::force::set),
    route!(DELETE "/api/router/force-model" ADMIN => api::force::cleared),
    route!(POST "/api/router/feedback" ADMIN => api::feedback::give),
    route!(DELETE "/api/router/feedback" ADMIN => api::feedback::undo),
    route!(GET "/api/costs/daily" READ => api::costs::daily),
    route!(GET "/api/costs/breakdown" READ => api::costs::breakdown),
    route!(GET "/api/health" READ => health::full),
    route!(GET "/api/metrics" READ => api::metrics::current),
    route!(GET "/metrics" READ => metrics::page),
    route!(GET "/api/openapi.json" READ => openapi::document),
    // For people: HTML, and what it is made of.
    route!(GET "/dashboard" READ => dashboard::home),
    route!(GET "/dashboard/panels" READ => dashboard::panels),
    route!(GET "/dashboard/events" READ => dashboard::events),
    route!(POST "/dashboard/feedback" ADMIN => dashboard::feedback),
    route!(POST "/dashboard/logout" READ => dashboard::log_out),
    route!(GET "/dashboard/login" OPEN => dashboard::login_form),
    route!(POST "/dashboard/login" OPEN => dashboard::log_in),
    route!(GET "/dashboard/assets/*" OPEN => dashboard::asset),
];

impl Route {
    fn fits(&self, path: &str) -> bool {
        match self.path.strip_suffix('*') {
            Some(top) => path.strip_prefix(top).is_some_and(|rest| !rest.is_empty()),
            None => self.path == path,
        }
    }

    /// What stands in `path` for the `*`.
    pub(in crate::gateway) fn rest<'a>(&self, path: &'a str) -> &'a str {
        self.path.strip_suffix('*').and_then(|top| path.strip_prefix(top)).unwrap_or_default()
    }
}

/// What the table says of a method at a path.
pub(in crate::gateway) enum Found {
    /// This door.
    Door(&'static Route),
    /// There is the path, and these are its methods.
    OtherMethods(Vec<&'static Method>),
    /// There is no such path.
    Nothing,
}

/// Whether a path has a door that needs no key: that it is there is no secret.
pub(in crate::gateway) fn is_open(path: &str) -> bool {
    TABLE.iter().any(|route| route.scope.is_none() && route.fits(path))
}

/// Looks a path up, to the letter; `HEAD` finds what `GET` finds where it has no door of its own.
pub(in crate::gateway) fn find(method: &Method, path: &str) -> Found {
    let doors = || TABLE.iter().filter(|route| route.fits(path));
    let door = |method: &Method| doors().find(|route| route.method == method);
    let found = door(method).or_else(|| door(&Method::GET).filter(|_| method == Method::HEAD));
    if let Some(route) = found {
        return Found::Door(route);
    }
    let mut methods = Vec::new();
    for route in doors() {
        methods.push(&route.method);
        if route.method == Method::GET {
            methods.push(&Method::HEAD);
        }
    }
    if methods.is_empty() { Found::Nothing } else { Found::OtherMethods(methods) }
}
