//! `Link` (RFC 8288): where a list goes on, made of what its answer says about its place in it.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderValue, Uri, header};
use infra::db::nano_lists::COUNT_CAP;
use url::form_urlencoded;

use super::Meta;

/// Adds the links of a list: by pages `next`, `prev`, `first`, `last`; by cursor `next` and `first`, since a cursor only leads
/// on. A relation that leads nowhere is left out, and so is the last page of a list that was not counted to its end.
pub async fn of_lists(request: Request, next: Next) -> Response {
    let target = request.uri().clone();
    let mut response = next.run(request).await;
    if let Some(meta) = response.extensions_mut().remove::<Meta>() {
        let links: Vec<String> = links(&target, &meta)
            .into_iter()
            .map(|(relation, target)| format!("<{target}>; rel=\"{relation}\""))
            .collect();
        if let Ok(value) = HeaderValue::try_from(links.join(", "))
            && !links.is_empty()
        {
            response.headers_mut().append(header::LINK, value);
        }
    }
    response
}

fn links(target: &Uri, meta: &Meta) -> Vec<(&'static str, String)> {
    let mut links = Vec::new();
    if let (Some(page), Some(total), Some(per_page)) = (meta.page, meta.total, meta.per_page) {
        // Nobody pages further than is counted.
        let last = total.div_ceil(per_page.max(1)).clamp(1, COUNT_CAP);
        let mut link = |relation, page: u64| links.push((relation, with(target, Some(("page", &page.to_string())))));
        if page < last {
            link("next", page + 1);
        }
        if page > 1 {
            link("prev", (page - 1).min(last));
        }
        link("first", 1);
        if !meta.total_capped {
            link("last", last);
        }
    } else if meta.next_cursor.is_some() || has(target, "cursor") {
        if let Some(cursor) = &meta.next_cursor {
            links.push(("next", with(target, Some(("cursor", cursor)))));
        }
        links.push(("first", with(target, None)));
    }
    links
}

fn pairs(target: &Uri) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(target.query().unwrap_or_default().as_bytes())
}

fn has(target: &Uri, name: &str) -> bool {
    pairs(target).any(|(known, value)| known == name && !value.is_empty())
}

/// The same list from another place on.
fn with(target: &Uri, place: Option<(&str, &str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs(target).filter(|(name, _)| name != "page" && name != "cursor"));
    if let Some((name, value)) = place {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { target.path().to_owned() } else { format!("{}?{query}", target.path()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str, meta: &Meta) -> Vec<String> {
        links(&target.parse().unwrap(), meta).into_iter().map(|(name, target)| format!("{name} {target}")).collect()
    }

    fn page(page: u64, total: u64) -> Meta {
        Meta { page: Some(page), total: Some(total), per_page: Some(20), ..Meta::default() }
    }

    #[test]
    fn pages_lead_on_and_back_and_nowhere_else() {
        assert_eq!(of("/n", &page(1, 0)), ["first /n?page=1", "last /n?page=1"]);
        assert_eq!(of("/n", &page(1, 20)), ["first /n?page=1", "last /n?page=1"]);
        assert_eq!(
            of("/n?q=%22a%22&page=2&limit=20", &page(2, 50)),
            [
                "next /n?q=%22a%22&limit=20&page=3",
                "prev /n?q=%22a%22&limit=20&page=1",
                "first /n?q=%22a%22&limit=20&page=1",
                "last /n?q=%22a%22&limit=20&page=3"
            ]
        );
        assert_eq!(of("/n?page=9", &page(9, 30)), ["prev /n?page=2", "first /n?page=1", "last /n?page=2"]);
        let capped = Meta { total_capped: true, ..page(1, COUNT_CAP) };
        assert_eq!(of("/n", &capped), ["next /n?page=2", "first /n?page=1"]);
    }

    #[test]
    fn cursors_lead_on_only() {
        let more = Meta { next_cursor: Some("a/b".into()), ..Meta::default() };
        assert_eq!(of("/j?kind=x", &more), ["next /j?kind=x&cursor=a%2Fb", "first /j?kind=x"]);
        assert_eq!(of("/j?cursor=c&kind=x", &Meta::default()), ["first /j?kind=x"]);
        assert_eq!(of("/j?kind=x", &Meta::default()), Vec::<String>::new());
    }
}
