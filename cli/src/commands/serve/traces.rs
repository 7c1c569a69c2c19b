//! Where traces go, by the environment: the variables that OpenTelemetry has for that.

use plimsoll_scheduler_plugin::{Config, Traces};

/// Adds to a configuration what the environment says of traces. The configuration goes first where both say where they
/// go; what is sent along, which is often a secret, is said by the environment alone.
pub(super) fn complete(config: Config) -> Config {
    #[expect(clippy::disallowed_methods, reason = "OpenTelemetry has variables of its own")]
    let said = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    Config { traces: traces(config.traces, said), ..config }
}

fn traces(stated: Option<Traces>, said: impl Fn(&str) -> Option<String>) -> Option<Traces> {
    let is = |name: &str, value: &str| said(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(value));
    if stated.is_none() && (is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none")) {
        return None;
    }
    let own = || said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(|url| Traces { url, ..Traces::at("") });
    let shared = || Some(Traces::at(said("OTEL_EXPORTER_OTLP_ENDPOINT")?.trim()));
    let mut traces = stated.or_else(own).or_else(shared)?;
    let protocol = said("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| said("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(protocol) = protocol.filter(|protocol| protocol != "http/protobuf") {
        tracing::warn!(protocol, "traces are sent by http/protobuf, the one protocol that is spoken here");
    }
    if let Some(service) = said("OTEL_SERVICE_NAME") {
        traces.service = service;
    }
    let headers = said("OTEL_EXPORTER_OTLP_TRACES_HEADERS").or_else(|| said("OTEL_EXPORTER_OTLP_HEADERS"));
    for header in headers.unwrap_or_default().split(',') {
        if let Some((name, value)) = header.split_once('=') {
            traces.headers.push((name.trim().to_owned(), decoded(value.trim())));
        }
    }
    Some(traces)
}

/// A value in the form of W3C's `baggage`: `%` and two hexadecimal digits are a byte.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        // `from_str_radix` alone takes `+5` too.
        let digits = more.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit));
        let coded = digits.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        let (byte, left) = match coded.filter(|_| *first == b'%') {
            Some(byte) => (byte, &more[2..]),
            None => (*first, more),
        };
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stated: Option<&str>, variables: &[(&str, &str)]) -> Option<Traces> {
        let said = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        traces(stated.map(Traces::at), said)
    }

    #[test]
    fn the_environment_says_where_traces_go() {
        const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
        const OWN: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other:9/in");
        let url = |stated, variables: &[_]| of(stated, variables).map(|traces| traces.url);
        assert_eq!(of(None, &[]), None);
        assert_eq!(url(None, &[ALL]).as_deref(), Some("http://collector:4318/v1/traces"));
        assert_eq!(url(None, &[ALL, OWN]).as_deref(), Some("http://other:9/in"), "as it is");
        assert_eq!(url(Some("http://mine:1"), &[ALL, OWN]).as_deref(), Some("http://mine:1/v1/traces"));
        assert_eq!(of(None, &[ALL, ("OTEL_SDK_DISABLED", "true")]), None);
        assert_eq!(of(None, &[ALL, ("OTEL_TRACES_EXPORTER", "none")]), None);
        assert!(of(Some("http://mine:1"), &[("OTEL_SDK_DISABLED", "true")]).is_some());
    }

    #[test]
    fn and_what_is_sent_along() {
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a%+5=b, x-team = blue%,nothing");
        let it = of(Some("http://mine:1"), &[headers, ("OTEL_SERVICE_NAME", "placement")]).expect("traces");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(it.headers, [pair("authorization", "Bearer a%+5=b"), pair("x-team", "blue%")]);
        assert_eq!(it.service, "placement");
        assert_eq!(of(Some("http://mine:1"), &[]).expect("traces").service, "plimsoll");
    }
}
