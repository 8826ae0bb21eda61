//! Which scope of a personal access token each operation asks for. What is not named here, no such token opens: new operations are
//! closed to them until somebody decides otherwise.

use domain::token::Scope;
use http::Method;

use crate::request::OWN_ACCOUNT;

/// The scope for an operation by its method and path template; `None`: it asks for a session.
pub fn needed(method: &Method, path: &str) -> Option<Scope> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let rest = path.strip_prefix("/api/v1/")?;
    if path.starts_with(OWN_ACCOUNT) {
        return (reads && rest == "auth/me").then_some(Scope::Read);
    }
    let under = |noun: &str| rest == noun || rest.strip_prefix(noun).is_some_and(|more| more.starts_with('/'));
    if reads {
        let open = [
            "nanos",
            "ratings",
            "lists",
            "users/me/favorites",
            "users/me/lists",
            "me/notifications",
            "me/notification-preferences",
            "me/saved-searches",
            "me/webhooks",
            "uploads",
            "jobs",
            "admin/jobs",
            "admin/overview",
            "categories",
            "search",
            "maintenance",
        ];
        return open.into_iter().any(under).then_some(Scope::Read);
    }
    if under("uploads") || rest.ends_with("/file") {
        Some(Scope::Upload)
    } else if under("me/webhooks") {
        // Where an endpoint is, and its secrets, are its owner's alone to say.
        (rest.ends_with("/test") || rest.ends_with("/resend")).then_some(Scope::Write)
    } else if ["nanos", "ratings", "favorites", "lists", "me/notifications", "me/saved-searches"].into_iter().any(under)
    {
        Some(Scope::Write)
    } else if under("jobs") || under("admin/jobs") {
        Some(Scope::Jobs)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_ask_for_the_scope_of_their_noun() {
        for (method, path, scope) in [
            (Method::GET, "/api/v1/nanos/{id}", Some(Scope::Read)),
            (Method::HEAD, "/api/v1/nanos", Some(Scope::Read)),
            (Method::POST, "/api/v1/nanos", Some(Scope::Write)),
            (Method::PUT, "/api/v1/nanos/{id}/file", Some(Scope::Upload)),
            (Method::PATCH, "/api/v1/ratings/{rating_id}", Some(Scope::Write)),
            (Method::PUT, "/api/v1/favorites/{nano_id}", Some(Scope::Write)),
            (Method::GET, "/api/v1/users/me/favorites", Some(Scope::Read)),
            (Method::GET, "/api/v1/me/notifications", Some(Scope::Read)),
            (Method::PUT, "/api/v1/me/notifications/{id}/read", Some(Scope::Write)),
            (Method::PATCH, "/api/v1/me/saved-searches/{id}", Some(Scope::Write)),
            (Method::GET, "/api/v1/me/notification-preferences", Some(Scope::Read)),
            (Method::PATCH, "/api/v1/me/notification-preferences/{kind}", None),
            (Method::DELETE, "/api/v1/uploads/{id}", Some(Scope::Upload)),
            (Method::POST, "/api/v1/jobs/{id}/retry", Some(Scope::Jobs)),
            (Method::POST, "/api/v1/admin/jobs/pause", Some(Scope::Jobs)),
            (Method::GET, "/api/v1/auth/me", Some(Scope::Read)),
            (Method::GET, "/api/v1/me/webhooks/{id}/deliveries", Some(Scope::Read)),
            // Whoever has found a token must not have the owner's news sent elsewhere.
            (Method::POST, "/api/v1/me/webhooks", None),
            (Method::PATCH, "/api/v1/me/webhooks/{id}", None),
            (Method::POST, "/api/v1/me/webhooks/{id}/secrets", None),
            (Method::POST, "/api/v1/me/webhooks/{id}/test", Some(Scope::Write)),
            (Method::POST, "/api/v1/me/webhooks/{id}/deliveries/{delivery_id}/resend", Some(Scope::Write)),
            (Method::GET, "/api/v1/auth/sessions", None),
            (Method::POST, "/api/v1/auth/tokens", None),
            (Method::GET, "/api/v1/admin/users", None),
            (Method::GET, "/api/v1/admin/audit-logs", None),
            (Method::GET, "/api/v1/admin/moderation/queue", None),
            (Method::GET, "/api/v1/admin/jobs/workers", Some(Scope::Read)),
            (Method::GET, "/api/v1/admin/overview", Some(Scope::Read)),
            (Method::GET, "/api/v1/nanos-of-tomorrow", None),
            (Method::PUT, "/api/v1/admin/users/{id}/role", None),
            (Method::POST, "/api/v1/admin/moderation/{case_id}/decision", None),
            (Method::POST, "/api/v1/users/me/creator-terms", None),
            (Method::POST, "/api/v1/nanos-of-tomorrow", None),
        ] {
            assert_eq!(needed(&method, path), scope, "{method} {path}");
        }
    }
}
