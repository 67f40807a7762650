//! The world over TCP.

use std::io;

use http_body_util::{BodyExt as _, Full};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{Lost, World, admin};

/// Longer than the patience of any client: botocore waits for a minute.
const LOST_REPLY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(90);

/// Serves a world on a listener, and drives it, until the future is dropped. The runtime's time runs here: on a paused
/// one the network's own timers would stand still too. The world's clock can be held and moved ([`crate::admin`]). A
/// message that is lost keeps its connection silent, one that is
/// reset closes it without an answer.
///
/// # Errors
/// When the listener fails.
pub async fn serve(world: World, listener: TcpListener) -> io::Result<()> {
    world.served_at(format!("http://{}", listener.local_addr()?));
    let driver = world.clone();
    tokio::select! {
        served = accept(world, listener) => served,
        () = driver.drive() => Ok(()),
    }
}

async fn accept(world: World, listener: TcpListener) -> io::Result<()> {
    // Connections end with the server: the set aborts its tasks when it is dropped.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        while connections.try_join_next().is_some() {}
        let world = world.clone();
        connections.spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let world = world.clone();
                async move { answer(&world, request).await }
            });
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "connection closed");
            }
        });
    }
}

async fn answer(
    world: &World,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<http::Response<Full<bytes::Bytes>>, Lost> {
    let (head, body) = request.into_parts();
    // A client that goes away while it sends is as lost as an answer.
    let body = body.collect().await.map_err(|_| Lost::Reset)?.to_bytes();
    if head.uri.path() == admin::CLOCK {
        return Ok(admin::answer(world, &head.method, &body).await.map(Full::new));
    }
    match world.handle(http::Request::from_parts(head, body)).await {
        Ok(response) => Ok(response.map(Full::new)),
        // The client hears nothing for as long as it has patience.
        Err(Lost::Timeout) => {
            tokio::time::sleep(LOST_REPLY_TIMEOUT).await;
            Err(Lost::Timeout)
        }
        Err(lost) => Err(lost),
    }
}
