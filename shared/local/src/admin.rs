//! What a served world can be reported beside AWS's own APIs: to move its clock.
//!
//! `GET /_clock` shows the clock; `POST /_clock` with `{"advance": "1d"}` or `{"set": "2026-01-05T07:00:00Z"}` moves
//! it, and answers when the moment is reached and everything has happened that was due until then. Nothing is signed.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::World;

/// The path of the clock.
pub const CLOCK: &str = "/_clock";

/// An order to the clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Move {
    /// Go on by so much; a day has 24 hours, a month is one of the calendar.
    Advance(Span),
    /// Go on to this moment.
    Set(Timestamp),
}

/// What the clock shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown {
    /// The world's time.
    pub now: Timestamp,
    /// Whether it stands still while nothing runs.
    pub held: bool,
    /// Where it is on its way to.
    pub moving_to: Option<Timestamp>,
}

/// Why an order is not followed.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("send {{\"advance\": \"1d\"}} or {{\"set\": \"2026-01-05T07:00:00Z\"}}: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("the clock shows {0:.0} already, and never goes back")]
    Past(Timestamp),
    #[error("the clock cannot be moved so far: {0}")]
    TooFar(#[from] jiff::Error),
    #[error("the clock is asked with GET and moved with POST")]
    Method,
}

#[derive(Serialize)]
struct Refused {
    error: String,
}

/// Answers a request about the clock.
pub(crate) async fn answer(world: &World, method: &Method, body: &[u8]) -> Response<Bytes> {
    let done = match *method {
        Method::GET => Ok(()),
        Method::POST => follow(world, body).await,
        _ => Err(Refusal::Method),
    };
    let (status, body) = match done {
        Ok(()) => {
            let shown = Shown { now: world.now(), held: world.holds_clock(), moving_to: world.moving_to() };
            (StatusCode::OK, serde_json::to_vec(&shown))
        }
        Err(refusal) => {
            (StatusCode::BAD_REQUEST, serde_json::to_vec(&Refused { error: refusal.to_string() }))
        }
    };
    let mut answer = Response::new(Bytes::from(body.unwrap_or_default()));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    answer
}

async fn follow(world: &World, body: &[u8]) -> Result<(), Refusal> {
    let order: Move = serde_json::from_slice(body)?;
    world.move_clock(|now| goal(&order, now)).await
}

/// Where an order leads at a moment.
fn goal(order: &Move, now: Timestamp) -> Result<Timestamp, Refusal> {
    let goal = match order {
        Move::Advance(by) => now.to_zoned(TimeZone::UTC).checked_add(*by)?.timestamp(),
        Move::Set(moment) => *moment,
    };
    if goal < now { Err(Refusal::Past(now)) } else { Ok(goal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_lead_forward_only() {
        let now: Timestamp = "2026-01-31T06:50:00Z".parse().unwrap();
        let lead = |order: &str| {
            let order = serde_json::from_str(order).map_err(Refusal::from);
            order.and_then(|order| goal(&order, now)).map_err(|refusal| refusal.to_string())
        };
        let leads = |order: &str, to: &str| assert_eq!(lead(order).unwrap(), to.parse().unwrap(), "{order}");
        leads(r#"{"advance": "1d"}"#, "2026-02-01T06:50:00Z");
        leads(r#"{"advance": "1mo 2h"}"#, "2026-02-28T08:50:00Z");
        leads(r#"{"advance": "PT90S"}"#, "2026-01-31T06:51:30Z");
        leads(r#"{"set": "2026-01-31T06:50:00Z"}"#, "2026-01-31T06:50:00Z");
        let refused = |order: &str, why: &str| {
            let said = lead(order).unwrap_err();
            assert!(said.contains(why), "{order}: {said}");
        };
        refused(r#"{"advance": "-1d"}"#, "never goes back");
        refused(r#"{"set": "2026-01-31T06:49:59Z"}"#, "shows 2026-01-31T06:50:00Z already");
        refused(r#"{"advance": "9000y"}"#, "so far");
        refused(r#"{"advance": "soon"}"#, "send");
        refused("", "send");
    }
}
