//! STS: who am I, and who may I be.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    api::{ApiError, Scope},
    iam::Iam,
    rng::Rng,
    wire::{Incoming, Service, text, timestamp},
};

/// Answers a request; `is_served` when clients have clocks of their own. Whether the caller may assume the role has
/// been judged before.
///
/// # Errors
/// As STS answers it.
pub(crate) fn handle(
    iam: &Iam,
    rng: &mut Rng,
    request: &Incoming,
    operation: &str,
    body: &Value,
    is_served: bool,
) -> Result<Value, ApiError> {
    let Scope { account, caller, .. } = &request.scope;
    match operation {
        "GetCallerIdentity" => {
            let (arn, user) = iam.identity_of(account, caller, &request.session);
            Ok(json!({ "Arn": arn, "UserId": user, "Account": account }))
        }
        "AssumeRole" => {
            // The model ends no session, but clients give up credentials that seem to be over: by their own clock or by
            // the world's, whichever they go by.
            let now = request.scope.now;
            #[expect(clippy::disallowed_methods, reason = "clients go by it")]
            let from = if is_served { now.max(Timestamp::now()) } else { now };
            assume(iam, rng, from, body)
        }
        _ => Err(Service::Sts.unknown_operation(operation)),
    }
}

/// Credentials of a role in a session that begins at `from`. They say whose they are, and are good without end: the
/// model does not end sessions.
fn assume(iam: &Iam, rng: &mut Rng, from: Timestamp, body: &Value) -> Result<Value, ApiError> {
    let invalid = |message: &str| ApiError::client("ValidationError", message);
    let role_arn = text(body, "RoleArn").unwrap_or_default();
    let session = text(body, "RoleSessionName").unwrap_or_default();
    let fits = |char: char| char.is_ascii_alphanumeric() || "_+=,.@-".contains(char);
    if !(2..=64).contains(&session.len()) || !session.chars().all(fits) {
        return Err(invalid("RoleSessionName must be 2 to 64 letters, digits and any of _+=,.@-"));
    }
    if text(body, "Policy").is_some() || body.get("PolicyArns").is_some() {
        return Err(invalid("the embedded AWS models no session policies"));
    }
    let role = iam.session_of(role_arn).ok_or_else(|| invalid("RoleArn names no role"))?;
    let seconds: i64 = match text(body, "DurationSeconds") {
        None => 3600,
        Some(given) => given.parse().map_err(|_| invalid("DurationSeconds is no number"))?,
    };
    if seconds < 900 || seconds > role.longest {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let (account, name) = (role.account, role.name);
    let expiration = from.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(from);
    Ok(json!({
        "Credentials": {
            "AccessKeyId": format!("ASIA{account}"),
            "SecretAccessKey": crate::rng::hex(&rng.array::<20>()),
            "SessionToken": format!("{name}/{session}"),
            "Expiration": timestamp(expiration),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{}:{session}", role.id),
            "Arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
        },
    }))
}
