//! A proxy between here and the store: whether there is one for it, and what it means when requests fail.

use hyper_util::client::proxy::matcher::Matcher;

use super::error::StoreErrorKind;
use super::refusal::Refusal;
use crate::config::{Config, Proxy};

/// The one that requests for this URL go through, by the same rules as the client's.
pub(super) fn between(config: &Config, url: &str) -> Option<Proxy> {
    let proxy = config.proxies.of(url)?;
    let rules = Matcher::builder().all(proxy.url.expose()).no(config.proxies.except.as_str()).build();
    rules.intercept(&url.parse().ok()?).map(|_| proxy.clone())
}

/// What to say of a request that did not get to the store, in the words of all its causes.
pub(super) fn failed(
    proxy: &Proxy,
    endpoint: &str,
    chain: &str,
    reason: &str,
) -> Option<(StoreErrorKind, String)> {
    let Proxy { name, address, .. } = proxy;
    if chain.contains("proxy authorization required") {
        return Some((StoreErrorKind::Refused, wants_login(proxy)));
    }
    // What fails below that is the connection to the proxy itself.
    if chain.contains("tunnel error") && !chain.contains("failed to create underlying connection") {
        return Some((
            StoreErrorKind::Transient,
            format!(
                "the proxy {address} ({name}) makes no connection to {endpoint} ({reason}): allow it there, or except the store \
                 from it by NO_PROXY"
            ),
        ));
    }
    chain.contains("onnect").then(|| {
        (
            StoreErrorKind::Transient,
            format!(
                "the proxy {address} ({name}) between here and {endpoint} cannot be reached ({reason}): correct {name}, or except \
                 the store from it by NO_PROXY"
            ),
        )
    })
}

/// What a refusal means that is none of a store's.
pub(super) fn refused(proxy: &Proxy, refusal: &Refusal) -> Option<(StoreErrorKind, String)> {
    (refusal.status == 407).then(|| (StoreErrorKind::Refused, wants_login(proxy)))
}

/// Behind a refusal without a code of S3's, which a proxy may have given that passes plain requests on.
pub(super) fn may_be_its(proxy: &Proxy) -> String {
    format!(" (or the proxy {} refuses, which {} puts in between)", proxy.address, proxy.name)
}

fn wants_login(proxy: &Proxy) -> String {
    let Proxy { name, address, .. } = proxy;
    format!("the proxy {address} wants a login: put it into {name}, like http://user:password@{address}")
}
