//! STS: who am I.

use serde_json::{Value, json};

use crate::{
    api::{ApiError, Scope},
    wire::Service,
};

/// Answers a request.
pub(crate) fn handle(scope: &Scope, operation: &str) -> Result<Value, ApiError> {
    if operation != "GetCallerIdentity" {
        return Err(Service::Sts.unknown_operation(operation));
    }
    let account = &scope.account;
    let (arn, user) = if scope.caller.is_empty() {
        (format!("arn:aws:iam::{account}:root"), account.clone())
    } else {
        let role = &scope.caller;
        (format!("arn:aws:sts::{account}:assumed-role/{role}/session"), format!("AROAEMBEDDED:{role}"))
    };
    Ok(json!({ "Arn": arn, "UserId": user, "Account": account }))
}
