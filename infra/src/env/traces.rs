use std::{borrow::Cow, time::Duration};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Problems, optional};

const ENDPOINT_EXAMPLE: &str = "http://127.0.0.1:4318";
const PAIRS_EXAMPLE: &str = "deployment.environment.name=production,service.namespace=nano";

// Raw settings of traces: names and meanings are OpenTelemetry's, so that a deployment sets them once for everything.
#[derive(clap::Args)]
#[command(next_help_heading = "Traces (OpenTelemetry)")]
pub struct TraceArgs {
    /// Where spans go, by OTLP over HTTP (protobuf); v1/traces is appended. Without it none are exported; ids are still given, passed on and logged. Example: http://127.0.0.1:4318
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true, value_name = "URL")]
    otel_exporter_otlp_endpoint: Option<String>,
    /// Headers of each export, as key=value pairs with commas; values are percent-encoded. Example: x-api-key=secret
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", hide_env_values = true, value_name = "PAIRS")]
    otel_exporter_otlp_headers: Option<String>,
    /// The only protocol there is: http/protobuf.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_PROTOCOL", value_name = "NAME", default_value = "http/protobuf")]
    otel_exporter_otlp_protocol: String,
    /// How long an export may take, in milliseconds, 1 to 60000.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TIMEOUT", value_name = "MS", default_value = "10000")]
    otel_exporter_otlp_timeout: String,
    /// The name of this service in traces: nano-api, nano-worker or nano-scheduler, unless given.
    #[arg(long, env = "OTEL_SERVICE_NAME", value_name = "NAME")]
    otel_service_name: Option<String>,
    /// What else all spans say about this process, as key=value pairs with commas. Example: deployment.environment.name=production
    #[arg(long, env = "OTEL_RESOURCE_ATTRIBUTES", value_name = "PAIRS")]
    otel_resource_attributes: Option<String>,
    /// Which traces are exported: always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio. Those named parentbased go by the caller's decision where there is one.
    #[arg(long, env = "OTEL_TRACES_SAMPLER", value_name = "NAME", default_value = "parentbased_always_on")]
    otel_traces_sampler: String,
    /// The share of traces that a sampler named traceidratio exports, 0 to 1.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "NUMBER", default_value = "1")]
    otel_traces_sampler_arg: String,
    /// true: nothing is exported, whatever else is set.
    #[arg(long, env = "OTEL_SDK_DISABLED", value_name = "true|false", default_value = "false")]
    otel_sdk_disabled: String,
}

/// Which traces are exported.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SamplerSettings {
    /// Whether a caller's decision is followed where there is one.
    pub parent_based: bool,
    /// Of the traces that begin here, 0 to 1.
    pub share: f64,
}

/// Where spans go and which.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The whole address, with `/v1/traces`; `None` exports nothing.
    pub endpoint: Option<Url>,
    /// May hold keys.
    pub headers: Vec<(String, SecretString)>,
    pub timeout: Duration,
    pub service_name: Option<String>,
    pub attributes: Vec<(String, String)>,
    pub sampler: SamplerSettings,
}

impl TraceArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<TraceSettings> {
        let found_before = problems.iter().count();
        let endpoint = optional(&self.otel_exporter_otlp_endpoint).and_then(|text| {
            let url = problems.url("OTEL_EXPORTER_OTLP_ENDPOINT", text, &["http", "https"], ENDPOINT_EXAMPLE)?;
            if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
                let what = "must be scheme, host, port and path alone; keys go into OTEL_EXPORTER_OTLP_HEADERS";
                problems.add("OTEL_EXPORTER_OTLP_ENDPOINT", what, ENDPOINT_EXAMPLE);
                return None;
            }
            traces_address(&url)
        });
        let protocol = [("http/protobuf", ())];
        problems.choice("OTEL_EXPORTER_OTLP_PROTOCOL", &self.otel_exporter_otlp_protocol, &protocol, "http/protobuf");
        let timeout =
            problems.number("OTEL_EXPORTER_OTLP_TIMEOUT", &self.otel_exporter_otlp_timeout, 1..=60_000, "10000");
        let headers = self.headers(problems);
        let attributes = match optional(&self.otel_resource_attributes).map(pairs) {
            Some(Err(what)) => {
                problems.add("OTEL_RESOURCE_ATTRIBUTES", what, PAIRS_EXAMPLE);
                Vec::new()
            }
            Some(Ok(pairs)) => pairs,
            None => Vec::new(),
        };
        let sampler = self.sampler(problems);
        let disabled = problems.flag("OTEL_SDK_DISABLED", &self.otel_sdk_disabled);
        // A value that is wrong must not turn into the default.
        if problems.iter().count() > found_before {
            return None;
        }
        Some(TraceSettings {
            endpoint: endpoint.filter(|_| disabled == Some(false)),
            headers,
            timeout: Duration::from_millis(timeout?),
            service_name: optional(&self.otel_service_name).map(str::to_owned),
            attributes,
            sampler: sampler?,
        })
    }

    /// Values are not repeated: they are keys, as a rule.
    fn headers(&self, problems: &mut Problems) -> Vec<(String, SecretString)> {
        let pairs = match optional(&self.otel_exporter_otlp_headers).map(pairs) {
            Some(Ok(pairs)) => pairs,
            Some(Err(_)) => {
                problems.add("OTEL_EXPORTER_OTLP_HEADERS", "is no list of key=value pairs", "x-api-key=secret");
                return Vec::new();
            }
            None => return Vec::new(),
        };
        for (name, value) in &pairs {
            let usable =
                http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok();
            if !usable {
                let what = format!("has a pair that cannot be a header ({name:?})");
                problems.add("OTEL_EXPORTER_OTLP_HEADERS", what, "x-api-key=secret");
            }
        }
        pairs.into_iter().map(|(name, value)| (name, value.into())).collect()
    }

    fn sampler(&self, problems: &mut Problems) -> Option<SamplerSettings> {
        let samplers = [
            ("always_on", (false, Some(1.0))),
            ("always_off", (false, Some(0.0))),
            ("traceidratio", (false, None)),
            ("parentbased_always_on", (true, Some(1.0))),
            ("parentbased_always_off", (true, Some(0.0))),
            ("parentbased_traceidratio", (true, None)),
        ];
        let sampler =
            problems.choice("OTEL_TRACES_SAMPLER", &self.otel_traces_sampler, &samplers, "parentbased_always_on");
        let share = problems.number("OTEL_TRACES_SAMPLER_ARG", &self.otel_traces_sampler_arg, 0.0..=1.0, "0.1");
        let (parent_based, fixed) = sampler?;
        Some(SamplerSettings { parent_based, share: fixed.or(share)? })
    }
}

/// The specification's way from the common address to that of traces.
fn traces_address(url: &Url) -> Option<Url> {
    let mut base = url.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", url.path()));
    }
    base.join("v1/traces").ok()
}

/// `key=value,key=value` with percent-encoded values, as the W3C's baggage.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("has {pair:?}, which is no key=value"))?;
            let (name, value) = (name.trim(), value.trim());
            if name.is_empty() {
                return Err(format!("has {pair:?}, which names nothing"));
            }
            Ok((
                name.to_owned(),
                percent_decoded(value)
                    .ok_or_else(|| format!("has a value of {name} that is not percent-encoded UTF-8"))?,
            ))
        })
        .collect()
}

/// `None` for bytes that are no UTF-8, and for a `%` without two digits, which the crate would pass through.
fn percent_decoded(text: &str) -> Option<String> {
    let is_escape =
        |after: &str| after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> TraceArgs {
        TraceArgs {
            otel_exporter_otlp_endpoint: None,
            otel_exporter_otlp_headers: None,
            otel_exporter_otlp_protocol: "http/protobuf".into(),
            otel_exporter_otlp_timeout: "10000".into(),
            otel_service_name: None,
            otel_resource_attributes: None,
            otel_traces_sampler: "parentbased_always_on".into(),
            otel_traces_sampler_arg: "1".into(),
            otel_sdk_disabled: "false".into(),
        }
    }

    fn problems_of(args: &TraceArgs) -> String {
        let mut problems = Problems::default();
        assert!(args.check(&mut problems).is_none());
        problems.to_string()
    }

    #[test]
    fn nothing_set_exports_nothing_and_an_endpoint_gets_the_path_of_traces() {
        let mut problems = Problems::default();
        assert!(args().check(&mut problems).unwrap().endpoint.is_none());
        for (given, address) in [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("https://otlp.example/tenant/", "https://otlp.example/tenant/v1/traces"),
            ("https://otlp.example/tenant", "https://otlp.example/tenant/v1/traces"),
        ] {
            let args = TraceArgs { otel_exporter_otlp_endpoint: Some(given.into()), ..args() };
            assert_eq!(args.check(&mut problems).unwrap().endpoint.unwrap().as_str(), address);
        }
        let disabled = TraceArgs {
            otel_exporter_otlp_endpoint: Some("http://collector:4318".into()),
            otel_sdk_disabled: "true".into(),
            ..args()
        };
        assert!(disabled.check(&mut problems).unwrap().endpoint.is_none());
        assert!(problems.is_empty(), "{problems}");
    }

    #[test]
    fn every_wrong_value_is_named_at_once_and_keys_are_not_repeated() {
        let found = problems_of(&TraceArgs {
            otel_exporter_otlp_endpoint: Some("collector:4318".into()),
            otel_exporter_otlp_headers: Some("x-api-key hunter2".into()),
            otel_exporter_otlp_protocol: "grpc".into(),
            otel_exporter_otlp_timeout: "0".into(),
            otel_resource_attributes: Some("production".into()),
            otel_traces_sampler: "sometimes".into(),
            otel_traces_sampler_arg: "2".into(),
            otel_sdk_disabled: "maybe".into(),
            ..args()
        });
        for variable in [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "OTEL_RESOURCE_ATTRIBUTES",
            "OTEL_TRACES_SAMPLER",
            "OTEL_TRACES_SAMPLER_ARG",
            "OTEL_SDK_DISABLED",
        ] {
            assert!(found.contains(variable), "{variable} is not named: {found}");
        }
        assert!(!found.contains("hunter2"), "{found}");
        let login = problems_of(&TraceArgs {
            otel_exporter_otlp_endpoint: Some("http://me:hunter2@collector:4318".into()),
            ..args()
        });
        assert!(login.contains("OTEL_EXPORTER_OTLP_HEADERS") && !login.contains("hunter2"), "{login}");
    }

    #[test]
    fn samplers_have_the_specifications_names() {
        let sampler = |name: &str, share: &str| {
            let args = TraceArgs { otel_traces_sampler: name.into(), otel_traces_sampler_arg: share.into(), ..args() };
            args.check(&mut Problems::default()).unwrap().sampler
        };
        assert_eq!(sampler("always_on", "0.5"), SamplerSettings { parent_based: false, share: 1.0 });
        assert_eq!(sampler("parentbased_always_off", "0.5"), SamplerSettings { parent_based: true, share: 0.0 });
        assert_eq!(sampler("parentbased_traceidratio", "0.25"), SamplerSettings { parent_based: true, share: 0.25 });
    }

    #[test]
    fn pairs_are_read_as_the_specification_says() {
        assert_eq!(
            pairs("a=1, b = x%20y%2C ,,c="),
            Ok(vec![("a".into(), "1".into()), ("b".into(), "x y,".into()), ("c".into(), String::new())])
        );
        assert!(pairs("a").is_err() && pairs("=1").is_err() && pairs("a=%zz").is_err() && pairs("a=%f").is_err());
    }
}
