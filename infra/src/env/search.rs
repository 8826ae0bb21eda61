use std::path::PathBuf;

use url::Url;

use super::{Login, Problems, login::login, optional};

const URL_EXAMPLE: &str = "https://user:password@search.nano.example:9200";

// Raw settings of the search index.
#[derive(clap::Args)]
#[command(next_help_heading = "Search")]
pub struct SearchArgs {
    /// embedded: an index on this machine's disk, shared by its processes. opensearch: a cluster.
    #[arg(long, env = "SEARCH_BACKEND", value_name = "embedded|opensearch", default_value = "embedded")]
    search_backend: String,
    /// The folder of the embedded index. Required for embedded. Example: /var/lib/nano/search
    #[arg(long, env = "SEARCH_DIR", value_name = "FOLDER")]
    search_dir: Option<String>,
    /// The OpenSearch cluster. Required for opensearch. Example: https://user:password@search.nano.example:9200
    #[arg(long, env = "OPENSEARCH_URL", hide_env_values = true, value_name = "URL")]
    opensearch_url: Option<String>,
    /// The index (embedded) or alias (OpenSearch). Lower-case letters, digits, - and _.
    #[arg(long, env = "SEARCH_INDEX", value_name = "NAME", default_value = "nanos")]
    search_index: String,
}

/// Which search index to use, and where it is.
#[derive(Debug, Clone)]
pub enum SearchSettings {
    Embedded {
        dir: PathBuf,
        index: String,
    },
    /// `url` without the login it came with.
    OpenSearch {
        url: Url,
        login: Option<Login>,
        index: String,
    },
}

#[derive(Clone, Copy)]
enum Backend {
    Embedded,
    OpenSearch,
}

impl SearchArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<SearchSettings> {
        let index = self.search_index.trim();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let usable =
            index.starts_with(|c: char| c.is_ascii_lowercase()) && index.len() <= 100 && index.chars().all(allowed);
        if !usable {
            let what =
                format!("must be lower-case letters, digits, - and _, beginning with a letter, but is {index:?}");
            problems.add("SEARCH_INDEX", what, "nanos");
        }
        let backends = [("embedded", Backend::Embedded), ("opensearch", Backend::OpenSearch)];
        let settings = match problems.choice("SEARCH_BACKEND", &self.search_backend, &backends, "embedded")? {
            Backend::Embedded => {
                let dir = problems.required("SEARCH_DIR", &self.search_dir, "/var/lib/nano/search")?;
                SearchSettings::Embedded { dir: PathBuf::from(dir), index: index.to_owned() }
            }
            Backend::OpenSearch => {
                let Some(text) = optional(&self.opensearch_url) else {
                    problems.add("OPENSEARCH_URL", "is missing, and SEARCH_BACKEND is opensearch", URL_EXAMPLE);
                    return None;
                };
                let mut url = problems.url("OPENSEARCH_URL", text, &["http", "https"], URL_EXAMPLE)?;
                let login = match login(&url) {
                    Ok(login) => login,
                    Err(what) => {
                        problems.add("OPENSEARCH_URL", what, URL_EXAMPLE);
                        return None;
                    }
                };
                // An http URL with a host can always lose its login.
                let _ = url.set_username("").and_then(|()| url.set_password(None));
                SearchSettings::OpenSearch { url, login, index: index.to_owned() }
            }
        };
        usable.then_some(settings)
    }
}
