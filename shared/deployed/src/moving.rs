//! `backup-chain-local clock`: shows and moves the clock of an embedded AWS that is served.

use std::time::Duration;

use backup_chain_local::admin::{CLOCK, Move, Shown};
use bytes::Bytes;
use clap::{Args, Subcommand};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::{Span, Timestamp};
use serde_json::Value;
use tokio::{net::TcpStream, time::MissedTickBehavior};

/// How often a way that takes long is reported.
const PROGRESS: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Clock {
    /// Where the embedded AWS is served.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL",
        default_value = "http://127.0.0.1:4566"
    )]
    endpoint: Uri,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tell the time.
    Show,
    /// Move the clock on by a time, such as 90s, 1h30m, 1d, 2w or 1mo.
    Advance {
        /// How far; a day has 24 hours, a month is one of the calendar.
        by: Span,
    },
    /// Move the clock on to a moment, such as 2026-01-05T07:00:00Z.
    Set {
        /// The moment; the clock never goes back.
        moment: Timestamp,
    },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0} is no address of an embedded AWS: an example is http://127.0.0.1:4566")]
    Endpoint(Uri),
    #[error("no embedded AWS is served at {0}: {1}; start one with backup-chain-local serve")]
    Connect(Uri, std::io::Error),
    #[error("what is served at {0} is no embedded AWS with a clock")]
    Other(Uri),
    #[error("the embedded AWS went away: {0}")]
    Broken(#[from] hyper::Error),
    #[error("{0}")]
    Refused(String),
}

/// Does what was asked, and tells the time then. `note` is reported the time now and then on a way that takes long.
pub(crate) async fn run(clock: &Clock, mut note: impl FnMut(&Shown)) -> Result<Timestamp, Failure> {
    let endpoint = &clock.endpoint;
    let order = match &clock.what {
        What::Show => return Ok(ask(endpoint, None).await?.now),
        What::Advance { by } => Move::Advance(*by),
        What::Set { moment } => Move::Set(*moment),
    };
    let moved = ask(endpoint, Some(&order));
    tokio::pin!(moved);
    let mut looks = tokio::time::interval(PROGRESS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.tick().await;
    loop {
        tokio::select! {
            moved = &mut moved => return Ok(moved?.now),
            _ = looks.tick() => note(&ask(endpoint, None).await?),
        }
    }
}

/// Asks for the time, or has the clock moved. An order is dropped with its connection.
async fn ask(endpoint: &Uri, order: Option<&Move>) -> Result<Shown, Failure> {
    let authority = endpoint.authority().filter(|_| endpoint.scheme_str() == Some("http"));
    let authority = authority.ok_or_else(|| Failure::Endpoint(endpoint.clone()))?;
    let other = || Failure::Other(endpoint.clone());
    let address = (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(80));
    let stream =
        TcpStream::connect(address).await.map_err(|error| Failure::Connect(endpoint.clone(), error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // What breaks the connection is reported to the one who waits for an answer.
    let connection = tokio::spawn(connection);
    let request = Request::builder().uri(CLOCK).header("host", authority.as_str());
    let (request, body) = match order {
        None => (request.method("GET"), Vec::new()),
        Some(order) => (request.method("POST"), serde_json::to_vec(order).map_err(|_| other())?),
    };
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| other())?;
    let answer = sender.send_request(request).await?;
    let is_done = answer.status().is_success();
    let body = answer.into_body().collect().await?.to_bytes();
    connection.abort();
    if is_done {
        return serde_json::from_slice(&body).map_err(|_| other());
    }
    let said: Value = serde_json::from_slice(&body).map_err(|_| other())?;
    Err(said["error"].as_str().map_or_else(other, |error| Failure::Refused(error.to_owned())))
}
