//! Bodies of webhooks.

use domain::webhook::{NAME_MAX, URL_MAX, WebhookEvent};
use url::Url;
use utoipa::ToSchema;

use crate::{
    reply::Issue,
    request::fields::{self, Fields, Input, Raw, boolean, line},
    views::words,
};

/// An address, whoever may be told there.
fn address(raw: Raw) -> Result<Url, Issue> {
    let text = fields::text(raw)?;
    if text.len() > URL_MAX {
        return Err(Issue::TooLong(URL_MAX));
    }
    let url: Url = text.parse().map_err(|_| Issue::Format("https://example.org/hooks"))?;
    // Letters beyond ASCII take more room as they are sent.
    if url.as_str().len() > URL_MAX { Err(Issue::TooLong(URL_MAX)) } else { Ok(url) }
}

#[derive(ToSchema)]
pub struct NewWebhook {
    #[schema(min_length = 1, max_length = 100, example = "Course catalogue")]
    pub name: String,
    /// With https, at most 2,000 characters. Whatever stands for an address that is not on the internet is refused, now and at every
    /// attempt; redirects are not followed.
    #[schema(value_type = String, example = "https://example.org/hooks/nano")]
    pub url: Url,
    /// What it is told of.
    #[schema(schema_with = words::webhook_events)]
    pub events: Vec<WebhookEvent>,
}

impl Input for NewWebhook {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", line(NAME_MAX));
        let url = fields.required("url", address);
        let events = fields.required("events", fields::words);
        Some(Self { name: name?, url: url?, events: events? })
    }
}

/// Fields that are left out stay as they are.
#[derive(ToSchema)]
pub struct EditWebhook {
    #[schema(required = false, min_length = 1, max_length = 100, example = "Course catalogue")]
    pub name: Option<String>,
    /// As when it was made.
    #[schema(required = false, value_type = Option<String>, example = "https://example.org/hooks/nano")]
    pub url: Option<Url>,
    #[schema(required = false, schema_with = words::maybe_webhook_events)]
    pub events: Option<Vec<WebhookEvent>>,
    /// False: it is told nothing, and what waits is not sent. True: it is told of what happens from now on, and its failures are
    /// forgotten.
    #[schema(required = false)]
    pub enabled: Option<bool>,
}

impl Input for EditWebhook {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            name: fields.optional("name", line(NAME_MAX)),
            url: fields.optional("url", address),
            events: fields.optional("events", fields::words),
            enabled: fields.optional("enabled", boolean),
        })
    }
}
