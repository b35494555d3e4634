//! HTTP clients that trust what the settings say, and take the way that they say.

use crate::secret::Secret;

/// A client to be made, for servers with usual certificates or one of `pem`, through the proxy if there is one. `except` are the
/// hosts it is not asked for.
///
/// # Errors
/// A certificate or the proxy cannot be used.
pub(crate) fn client(
    pem: Option<&[u8]>,
    proxy: Option<&Secret>,
    except: &str,
) -> Result<reqwest::ClientBuilder, reqwest::Error> {
    // A scratch image has no certificates; what the system has, if anything, is trusted as well.
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let mut trusted =
        roots.map(|root| reqwest::Certificate::from_der(root)).collect::<Result<Vec<_>, _>>()?;
    if let Some(pem) = pem {
        trusted.extend(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    let client = reqwest::Client::builder().http1_only().no_proxy().tls_certs_merge(trusted);
    Ok(match proxy {
        None => client,
        Some(url) => {
            let except = reqwest::NoProxy::from_string(except);
            client.proxy(reqwest::Proxy::all(url.expose())?.no_proxy(except))
        }
    })
}
