//! One GET request, for probes and checks: no pool, no redirects, everything within one timeout.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Returns the status and up to `most` bytes of the body, or what went wrong in words.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    headers: &BTreeMap<String, String>,
    timeout: Duration,
    most: usize,
) -> Result<(StatusCode, Bytes), String> {
    match tokio::time::timeout(timeout, exchange(address, path, headers, most)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("GET {path} was not answered within {}", pretty(timeout))),
    }
}

/// Connects, or says in words why not.
pub(crate) async fn connect(address: SocketAddr, timeout: Duration) -> Result<TcpStream, String> {
    match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(format!("nothing listens on {address} (the service must listen on the port in `PORT`)"))
        }
        Ok(Err(error)) => Err(format!("cannot connect to {address}: {error}")),
        Err(_) => Err(format!("no connection to {address} within {}", pretty(timeout))),
    }
}

async fn exchange(
    address: SocketAddr,
    path: &str,
    headers: &BTreeMap<String, String>,
    most: usize,
) -> Result<(StatusCode, Bytes), String> {
    let broken = |error: hyper::Error| format!("GET {path} got no proper answer: {error}");
    let mut request =
        Request::get(path).header(header::CONNECTION, "close").header(header::USER_AGENT, "towpath-probe");
    if !headers.keys().any(|name| name.eq_ignore_ascii_case("host")) {
        request = request.header(header::HOST, address.to_string());
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| format!("GET {path} cannot be sent: {error}"))?;
    let stream = connect(address, Duration::MAX).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        // Without interest in the body it is not waited for: a probe may be answered by a stream.
        if most == 0 {
            return Ok((status, Bytes::new()));
        }
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|error| format!("the answer to GET {path} broke off: {error}"))?;
        Ok((status, body.to_bytes()))
    };
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // The connection may end before the answer was looked at.
        _ = connection => answer.await,
    }
}

pub(crate) fn pretty(duration: Duration) -> String {
    towpath_core::units::Millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).to_string()
}
