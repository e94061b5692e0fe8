//! Who may ask: tokens, and the names under which the server answers at all.
//!
//! A browser can be made to send requests here by any page it shows (DNS rebinding, cross-site requests). Such requests
//! carry a foreign `Host` or `Origin`, and are refused before anything else is looked at.

use std::{fmt, net::IpAddr};

use http::{HeaderMap, Uri, header};
use subtle::ConstantTimeEq as _;
use towpath_core::ids::{Digest, PrincipalName};

/// Who may ask.
#[derive(Clone, Default)]
pub struct Access {
    /// The SHA-256 digest of each token with whom it stands for. The tokens themselves are not kept.
    pub tokens: Vec<(Digest, PrincipalName)>,
}

impl Access {
    /// Returns the access of one token.
    pub fn of_token(token: &str, principal: PrincipalName) -> Self {
        Self { tokens: vec![(Digest::of(token.as_bytes()), principal)] }
    }

    /// Returns whom the `Authorization` header stands for. The time it takes does not tell which token was nearly right.
    pub(crate) fn principal(&self, headers: &HeaderMap) -> Option<PrincipalName> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        self.who(&Digest::of(token.trim().as_bytes())).cloned()
    }

    /// Returns whom the token with this digest stands for.
    pub(crate) fn who(&self, given: &Digest) -> Option<&PrincipalName> {
        let mut found = None;
        for (hash, principal) in &self.tokens {
            if bool::from(hash.as_bytes().ct_eq(given.as_bytes())) {
                found = Some(principal);
            }
        }
        found
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.tokens.iter().map(|(_, principal)| principal)).finish()
    }
}

/// The names under which the server answers.
pub(crate) struct Hosts {
    port: u16,
    more: Vec<String>,
}

impl Hosts {
    pub(crate) fn new(port: u16, more: &[String]) -> Self {
        Self { port, more: more.iter().map(|host| host.to_ascii_lowercase()).collect() }
    }

    /// Says whether the request is meant for this server: its one `Host` is ours, and so is the address it was sent to.
    pub(crate) fn is_ours(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        let to = uri.authority().is_none_or(|authority| self.knows(authority.as_str(), 80));
        to && host.to_str().is_ok_and(|host| self.knows(host, 80))
    }

    /// Says whether the page that sent the request, if a page did, is ours.
    pub(crate) fn is_same_origin(&self, headers: &HeaderMap) -> bool {
        headers.get_all(header::ORIGIN).iter().all(|origin| {
            let Ok(origin) = origin.to_str() else { return false };
            match origin.split_once("://") {
                Some(("http", host)) => self.knows(host, 80),
                Some(("https", host)) => self.knows(host, 443),
                _ => false,
            }
        })
    }

    fn knows(&self, authority: &str, default_port: u16) -> bool {
        let authority = authority.to_ascii_lowercase();
        let (name, port) = match authority.rsplit_once(':') {
            // The colons of a bare IPv6 address are inside its brackets.
            Some((name, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port) => (name, port),
                Err(_) => return false,
            },
            _ => (authority.as_str(), default_port),
        };
        if self.more.iter().any(|more| *more == authority || *more == name) {
            return true;
        }
        port == self.port && (name == "localhost" || is_loopback(name))
    }
}

fn is_loopback(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
        None => name.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4() && address.is_loopback()),
    }
}

#[cfg(test)]
mod tests;
