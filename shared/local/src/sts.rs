//! STS: who am I.

use crate::{
    api::Scope,
    wire::{Protocol, Reply, Service},
};

/// Answers a request of the query protocol.
pub(crate) fn handle(scope: &Scope, operation: &str) -> Reply {
    if operation != "GetCallerIdentity" {
        return Reply::refusal(Protocol::Query, &Service::Sts.unknown_operation(operation));
    }
    let account = &scope.account;
    let (arn, user) = if scope.caller.is_empty() {
        (format!("arn:aws:iam::{account}:root"), account.clone())
    } else {
        let role = crate::wire::escaped(&scope.caller);
        (format!("arn:aws:sts::{account}:assumed-role/{role}/session"), format!("AROAEMBEDDED:{role}"))
    };
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user}</UserId><Account>{account}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    Reply::new(Protocol::Query, 200, None, body)
}
