//! The rules for headers and targets: what is refused, what is removed and what is added before a message goes on.
//!
//! After [`request`] every request has exactly one valid `Host`, an origin-form (or asterisk) target, one framing header
//! and no hop-by-hop headers, whatever the client sent. It looks at heads only; bodies are framed by hyper.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
        UPGRADE, VIA,
    },
    request, response,
    uri::PathAndQuery,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HTTP: HeaderValue = HeaderValue::from_static("http");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
const VIA_US: HeaderValue = HeaderValue::from_static("1.1 towpath");

/// Why a request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) detail: &'static str,
}

const fn bad(detail: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, detail }
}

/// What a connection adds to each of its requests.
#[derive(Debug)]
pub(crate) struct From {
    /// The client's address, for `X-Forwarded-For`.
    pub(crate) client: HeaderValue,
    /// The `Host` of an HTTP/1.0 request that has none.
    pub(crate) host: HeaderValue,
}

/// What a request's body is, as its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// Makes the head one that may go to an instance. `body` is how hyper will deliver the body. Says whether the client asks
/// for another protocol.
pub(crate) fn request(parts: &mut request::Parts, from: &From, body: Framing) -> Result<bool, Refusal> {
    let found = Found::of(&parts.headers);
    target(parts)?;
    host(parts, from)?;
    let codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
    if found.transfer_encoding && !is_only_chunked(codings) {
        return Err(Refusal {
            status: StatusCode::NOT_IMPLEMENTED,
            detail: "no transfer coding but a single `chunked` is accepted",
        });
    }
    if found.expect && !expects_continue(&parts.headers) {
        return Err(Refusal {
            status: StatusCode::EXPECTATION_FAILED,
            detail: "no expectation but `100-continue` can be met",
        });
    }
    let upgrade = parts.version == Version::HTTP_11 && found.upgrade && asks_upgrade(&parts.headers);
    if upgrade && body != Framing::None {
        return Err(bad("a request that asks for another protocol may not have a body"));
    }
    let te_trailers = found.te && allows_trailers(&parts.headers);
    found.remove(&mut parts.headers, upgrade);
    parts.headers.remove(EXPECT);
    match body {
        Framing::None => {
            // A body that is announced as empty stays announced: some applications answer 411 otherwise.
        }
        Framing::Length(length) => {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        Framing::Chunked => {
            parts.headers.remove(CONTENT_LENGTH);
            // Set by us, or hyper drops the body of a GET.
            parts.headers.insert(TRANSFER_ENCODING, CHUNKED);
        }
    }
    if te_trailers {
        parts.headers.insert(TE, TRAILERS);
        parts.headers.append(CONNECTION, HeaderValue::from_static("te"));
    }
    if upgrade {
        parts.headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    forwarded(&mut parts.headers, from);
    parts.version = Version::HTTP_11;
    Ok(upgrade)
}

/// Makes the head of an instance's answer one that may go to the client. Says whether the connection may be used again.
pub(crate) fn response(parts: &mut response::Parts) -> Result<bool, Refusal> {
    let found = Found::of(&parts.headers);
    let mut reusable = true;
    if found.transfer_encoding {
        if !is_only_chunked(parts.headers.get_all(TRANSFER_ENCODING).iter()) {
            return Err(Refusal {
                status: StatusCode::BAD_GATEWAY,
                detail: "the instance answered with an unknown transfer coding",
            });
        }
        // RFC 9112 section 6.3: the length is overridden, and the message may be an attempt at smuggling.
        reusable = parts.headers.remove(CONTENT_LENGTH).is_none();
    }
    let upgraded = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    let protocol = if upgraded { parts.headers.get(UPGRADE).cloned() } else { None };
    found.remove(&mut parts.headers, false);
    if let Some(protocol) = protocol {
        parts.headers.insert(UPGRADE, protocol);
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    if found.content_length {
        one_length(parts);
    }
    parts.version = Version::HTTP_11;
    Ok(reusable)
}

/// hyper has checked that repeated lengths agree; they become one.
fn one_length(parts: &mut response::Parts) {
    if parts.status == StatusCode::NO_CONTENT {
        parts.headers.remove(CONTENT_LENGTH);
        return;
    }
    let mut values = parts.headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = values.next() else { return };
    let plain = first.as_bytes().iter().all(u8::is_ascii_digit);
    if values.next().is_none() && plain {
        return;
    }
    let text = first.to_str().ok().and_then(|text| text.split(',').next());
    let number: Option<u64> = text.and_then(|text| text.trim().parse().ok());
    match number {
        Some(number) => parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(number)),
        None => parts.headers.remove(CONTENT_LENGTH),
    };
}

/// Which headers that need work are there, found in one pass.
#[derive(Debug, Default, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "a set of headers")]
struct Found {
    connection: bool,
    keep_alive: bool,
    proxy: bool,
    te: bool,
    transfer_encoding: bool,
    upgrade: bool,
    expect: bool,
    content_length: bool,
    underscore: bool,
}

impl Found {
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "connection" => found.connection = true,
                "keep-alive" => found.keep_alive = true,
                "proxy-connection" | "proxy-authenticate" | "proxy-authorization" | "http2-settings" => {
                    found.proxy = true;
                }
                "te" => found.te = true,
                "transfer-encoding" => found.transfer_encoding = true,
                "upgrade" => found.upgrade = true,
                "expect" => found.expect = true,
                "content-length" => found.content_length = true,
                other if other.contains('_') => found.underscore = true,
                _ => {}
            }
        }
        found
    }

    /// Removes what belongs to this connection only (RFC 9110 section 7.6.1).
    fn remove(self, headers: &mut HeaderMap, keep_upgrade: bool) {
        if self.connection {
            remove_nominated(headers, keep_upgrade);
            headers.remove(CONNECTION);
        }
        if self.keep_alive {
            headers.remove(KEEP_ALIVE);
        }
        if self.proxy {
            for name in [PROXY_CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, HTTP2_SETTINGS] {
                headers.remove(name);
            }
        }
        if self.te {
            headers.remove(TE);
        }
        if self.transfer_encoding {
            headers.remove(TRANSFER_ENCODING);
        }
        if self.upgrade && !keep_upgrade {
            headers.remove(UPGRADE);
        }
        if self.underscore {
            remove_ambiguous(headers);
        }
    }
}

/// Removes the headers that `Connection` names, but for those that frame or route the message: naming one of these would be
/// a way to make the next hop read it differently.
fn remove_nominated(headers: &mut HeaderMap, keep_upgrade: bool) {
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| {
            !matches!(name.as_str(), "host" | "content-length" | "transfer-encoding" | "close" | "keep-alive")
        })
        .filter(|name| !(keep_upgrade && *name == UPGRADE))
        .collect();
    for name in nominated {
        headers.remove(name);
    }
}

/// Removes headers such as `X_Forwarded_For` and `Content_Length`: applications behind CGI or WSGI cannot tell them from
/// those with `-`, so that a client could forge what the proxy sets.
fn remove_ambiguous(headers: &mut HeaderMap) {
    let ambiguous: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name.contains('_')
                && (name.starts_with("x_forwarded")
                    || name.starts_with("x-forwarded")
                    || name.starts_with("content_")
                    || matches!(name, "transfer_encoding" | "x_real_ip"))
        })
        .cloned()
        .collect();
    for name in ambiguous {
        headers.remove(name);
    }
}

/// Makes the target origin-form; the authority of an absolute-form target becomes `Host` (RFC 9112 section 3.2.2).
fn target(parts: &mut request::Parts) -> Result<(), Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, detail: "this is no forward proxy" });
    }
    if parts.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(bad("the target's scheme is not `http`"));
    }
    let Some(authority) = parts.uri.authority() else {
        let path = parts.uri.path();
        return if path.starts_with('/') || (path == "*" && parts.method == Method::OPTIONS) {
            Ok(())
        } else {
            Err(bad("the target is not a path"))
        };
    };
    if parts.uri.scheme().is_none() {
        return Err(bad("the target is not a path"));
    }
    let authority = authority.as_str();
    if !is_host(authority.as_bytes()) || authority.is_empty() {
        return Err(bad("the target's authority is not a host"));
    }
    let value = HeaderValue::from_str(authority).map_err(|_| bad("the target's authority is not a host"))?;
    if parts.version == Version::HTTP_2 && parts.headers.get(HOST).is_some_and(|host| host != value) {
        return Err(bad("`Host` and `:authority` disagree"));
    }
    if parts.headers.get_all(HOST).iter().count() < 2 {
        parts.headers.insert(HOST, value);
    }
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    Ok(())
}

/// Sees to it that there is exactly one valid `Host` (RFC 9112 section 3.2).
fn host(parts: &mut request::Parts, from: &From) -> Result<(), Refusal> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err(bad("there is more than one `Host`"));
    }
    match first {
        Some(host) if is_host(host.as_bytes()) => Ok(()),
        Some(_) => Err(bad("`Host` is not a host")),
        None if parts.version == Version::HTTP_10 => {
            parts.headers.insert(HOST, from.host.clone());
            Ok(())
        }
        None => Err(bad("there is no `Host`")),
    }
}

/// Says whether the bytes are a host with an optional port (RFC 3986 section 3.2.2); an empty one is allowed.
fn is_host(bytes: &[u8]) -> bool {
    let (name, port) = match bytes.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !bytes.ends_with(b"]") => bytes.split_at(colon),
        Some(_) | None => (bytes, &[][..]),
    };
    let port_ok = port.iter().skip(1).all(u8::is_ascii_digit) && port.len() <= 6;
    let name_ok = match name.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        Some(literal) => literal.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')),
        None => name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(byte)),
    };
    port_ok && name_ok
}

/// Says whether the only transfer coding, named once, is `chunked`.
fn is_only_chunked<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> bool {
    let first = values.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    first && values.next().is_none()
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get_all(EXPECT).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Says whether the client asks for another protocol that we tunnel. HTTP/2 is not tunnelled: it would hide requests from
/// routing and rules.
fn asks_upgrade(headers: &HeaderMap) -> bool {
    let named = headers.get_all(CONNECTION).iter().any(|value| has_token(value, b"upgrade"));
    named && !headers.get_all(UPGRADE).iter().any(|value| has_token(value, b"h2c") || has_token(value, b"h2"))
}

fn allows_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().any(|value| has_token(value, b"trailers"))
}

fn has_token(value: &HeaderValue, token: &[u8]) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

/// Says where the request came from. A proxy in front may have said so already: its word for protocol and host stays, and its
/// client is kept before ours.
fn forwarded(headers: &mut HeaderMap, from: &From) {
    let chain = match headers.get(FORWARDED_FOR) {
        None => from.client.clone(),
        Some(_) => chain(headers, from),
    };
    headers.insert(FORWARDED_FOR, chain);
    if !headers.contains_key(FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO, HTTP);
    }
    if !headers.contains_key(FORWARDED_HOST)
        && let Some(host) = headers.get(HOST).cloned()
    {
        headers.insert(FORWARDED_HOST, host);
    }
    headers.append(VIA, VIA_US);
}

fn chain(headers: &HeaderMap, from: &From) -> HeaderValue {
    let mut chain = Vec::with_capacity(64);
    for value in headers.get_all(FORWARDED_FOR) {
        chain.extend_from_slice(value.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(from.client.as_bytes());
    HeaderValue::from_bytes(&chain).unwrap_or_else(|_| from.client.clone())
}

#[cfg(test)]
mod tests;
