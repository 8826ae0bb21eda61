//! The context of a trace as it travels: W3C Trace Context (`traceparent`, `tracestate`), and the header of AWS load
//! balancers. What does not follow the rules is ignored, as the specification asks: a trace then begins here.

use std::str::FromStr;

use http::{HeaderMap, HeaderName};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Of AWS load balancers: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html>.
pub const AMAZON: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Longest list of `tracestate` that is passed on, in bytes; the specification asks for at least 512.
const STATE_LIMIT: usize = 512;

/// What a request says about the trace it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub enum Caller {
    /// The span that called.
    Span(SpanContext),
    /// The trace alone, as load balancers tell it.
    Trace(TraceId),
}

impl Caller {
    /// `traceparent` goes first: it names the span that called, a load balancer only the trace.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        if let Some(parent) = one(headers, &TRACEPARENT).and_then(parse) {
            return Some(Self::Span(with_state(parent, headers)));
        }
        amazon(one(headers, &AMAZON)?)
    }
}

/// A header that comes once; more than one is as good as none.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

/// Reads a `traceparent`: version, trace, span, flags. Later versions may have more behind that.
pub fn parse(text: &str) -> Option<SpanContext> {
    let text = text.trim();
    let (version, rest) = (hex(text.get(..2)?)?, text.get(2..55)?);
    let later = text.get(55..)?;
    if version == 0xff || (version == 0 && !later.is_empty()) || !(later.is_empty() || later.starts_with('-')) {
        return None;
    }
    let mut parts = rest.strip_prefix('-')?.split('-');
    let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
    if trace.len() != 32 || span.len() != 16 || flags.len() != 2 || parts.next().is_some() {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_bytes(hex(trace)?.to_be_bytes()),
        span_id(span)?,
        // Only what is defined today; the rest must not be passed on.
        TraceFlags::new(u8::try_from(hex(flags)?).ok()? & TraceFlags::SAMPLED.to_u8()),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

/// The `traceparent` of a span; `None` for one that is no part of a trace.
pub fn format(context: &SpanContext) -> Option<String> {
    context
        .is_valid()
        .then(|| format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8()))
}

/// A context to begin a span in.
pub(super) fn remote(parent: SpanContext) -> Context {
    Context::new().with_remote_span_context(parent)
}

fn with_state(parent: SpanContext, headers: &HeaderMap) -> SpanContext {
    let values: Vec<&str> = headers
        .get_all(TRACESTATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .filter(|text| !text.is_empty())
        .collect();
    let list = values.join(",");
    if list.is_empty() || list.len() > STATE_LIMIT {
        return parent;
    }
    match TraceState::from_str(&list) {
        Ok(state) => {
            SpanContext::new(parent.trace_id(), parent.span_id(), parent.trace_flags(), parent.is_remote(), state)
        }
        Err(_) => parent,
    }
}

/// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`; a load balancer tells the root alone.
fn amazon(text: &str) -> Option<Caller> {
    let field = |name: &str| text.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let mut root = field("Root")?.splitn(3, '-');
    let (version, time, rest) = (root.next()?, root.next()?, root.next()?);
    if version != "1" || time.len() != 8 || rest.len() != 24 {
        return None;
    }
    let trace = TraceId::from_bytes((hex(time)? << 96 | hex(rest)?).to_be_bytes());
    if trace == TraceId::INVALID {
        return None;
    }
    let parent = field("Parent").filter(|parent| parent.len() == 16).and_then(span_id);
    let sampled = match field("Sampled") {
        Some("1") => Some(TraceFlags::SAMPLED),
        Some("0") => Some(TraceFlags::NOT_SAMPLED),
        _ => None,
    };
    match (parent.filter(|&id| id != SpanId::INVALID), sampled) {
        (Some(parent), Some(flags)) => {
            Some(Caller::Span(SpanContext::new(trace, parent, flags, true, TraceState::NONE)))
        }
        _ => Some(Caller::Trace(trace)),
    }
}

fn span_id(text: &str) -> Option<SpanId> {
    Some(SpanId::from_bytes(u64::try_from(hex(text)?).ok()?.to_be_bytes()))
}

/// Lower-case hexadecimal digits, at most 32.
fn hex(text: &str) -> Option<u128> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if digits { u128::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_traceparent_survives_the_way_there_and_back() {
        let context = parse(PARENT).unwrap();
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(format(&context).as_deref(), Some(PARENT));
        let unsampled = PARENT.replace("-01", "-00");
        assert_eq!(format(&parse(&unsampled).unwrap()), Some(unsampled));
        assert_eq!(format(&SpanContext::empty_context()), None);
    }

    #[test]
    fn malformed_ones_are_ignored() {
        for wrong in [
            "",
            "00",
            "garbage",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
        assert!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some(), "a later version");
        assert!(parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff").unwrap().is_sampled());
    }

    #[test]
    fn two_parents_are_none_and_a_bad_state_is_left_out() {
        let mut twice = headers(&[("traceparent", PARENT)]);
        twice.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert_eq!(Caller::of(&twice), None);
        let state_of =
            |state: &'static str| match Caller::of(&headers(&[("traceparent", PARENT), ("tracestate", state)])) {
                Some(Caller::Span(context)) => context.trace_state().header(),
                other => panic!("{other:?}"),
            };
        assert_eq!(state_of("vendor=opaque,other=1"), "vendor=opaque,other=1");
        assert_eq!(state_of("no equals sign"), "");
        assert_eq!(Caller::of(&headers(&[("tracestate", "vendor=opaque")])), None, "a state without a parent");
    }

    #[test]
    fn a_load_balancer_names_the_trace() {
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let of = |text: &'static str| Caller::of(&headers(&[("x-amzn-trace-id", text)]));
        let Some(Caller::Trace(trace)) = of(root) else { panic!("no trace") };
        assert_eq!(trace.to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(
            of("Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793"),
            Some(Caller::Trace(trace))
        );
        let full = of("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
        let Some(Caller::Span(parent)) = full else { panic!("{full:?}") };
        assert_eq!((parent.span_id().to_string().as_str(), parent.is_sampled()), ("53995c3f42cd8ad8", true));
        for wrong in [
            "",
            "Root=",
            "Root=1-5759e988",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-BD862e3fe1be46a994272793",
            "Root=1-00000000-000000000000000000000000",
        ] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
        let both = Caller::of(&headers(&[
            ("traceparent", PARENT),
            ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793"),
        ]));
        assert!(matches!(both, Some(Caller::Span(parent)) if format(&parent).as_deref() == Some(PARENT)));
    }
}
