//! Requests that ask for another protocol (WebSocket): sent on a connection of their own, and, if the instance agrees, bytes
//! are copied both ways until one side ends.
//!
//! A tunnel counts as a request in flight until it ends; a drain's deadline ends it.

use std::rc::Rc;

use http::{Request, Response, StatusCode, request};
use hyper::{
    client::conn::http1,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    body::{ReqBody, RespBody},
    client::Busy,
    forward::{Exchange, Placement},
    pool::{Conn, Cut, Registered},
};

/// Sends the request and, if the instance changes the protocol, connects both sides.
pub(crate) async fn open(
    exchange: Exchange,
    mut parts: request::Parts,
    client_side: OnUpgrade,
    placement: Placement,
    busy: Busy,
) -> Response<RespBody> {
    parts.extensions.clear();
    let options = &exchange.client.worker.options;
    let Ok(stream) = placement.flight.endpoint.connect(options).await else {
        return exchange.give_up(&placement, StatusCode::SERVICE_UNAVAILABLE);
    };
    let Ok((mut sender, conn)) = connect(stream, &placement).await else {
        return exchange.give_up(&placement, StatusCode::BAD_GATEWAY);
    };
    conn.set_deadline(Some(exchange.client.worker.now() + options.response_timeout));
    let sent = sender.send_request(Request::from_parts(parts, ReqBody::Full(None))).await;
    conn.set_deadline(None);
    let mut response = match sent {
        Ok(response) => response,
        Err(_) if conn.cut() == Cut::TimedOut => return exchange.give_up(&placement, StatusCode::GATEWAY_TIMEOUT),
        Err(_) => return exchange.give_up(&placement, StatusCode::BAD_GATEWAY),
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // The connection ends with this answer: nothing else may be sent on it.
        return exchange.answer(response, None, conn, placement, busy);
    }
    let instance_side = hyper::upgrade::on(&mut response);
    let answer = exchange.switched(response, &placement);
    let tunnel = placement.flight.endpoint.register(None);
    let guard = Registered(Rc::clone(&tunnel));
    let task = tokio::task::spawn_local(async move {
        let _guard = guard;
        // Held until the tunnel ends: it is in flight.
        let _placement = placement;
        if let (Ok(client), Ok(instance)) = tokio::join!(client_side, instance_side) {
            copy(client, instance).await;
        }
    });
    tunnel.bind(task.abort_handle());
    answer
}

async fn connect(stream: TcpStream, placement: &Placement) -> hyper::Result<(http1::SendRequest<ReqBody>, Rc<Conn>)> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let conn = placement.flight.endpoint.register(None);
    let guard = Registered(Rc::clone(&conn));
    let task = tokio::task::spawn_local(async move {
        let _guard = guard;
        // An error is seen by the request or the body that it breaks.
        let _ = connection.with_upgrades().await;
    });
    conn.bind(task.abort_handle());
    Ok((sender, conn))
}

async fn copy(client: Upgraded, instance: Upgraded) {
    let (mut client, mut instance) = (TokioIo::new(client), TokioIo::new(instance));
    // Either side may end it in any way it likes.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut instance).await;
}
