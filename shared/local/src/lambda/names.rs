//! What functions are called, and how Lambda refuses what is asked of them.

use crate::api::{ApiError, Scope};

/// Account, Region and name.
pub(super) type Key = [String; 3];

pub(super) fn key(scope: &Scope, name: &str) -> Key {
    [scope.account.clone(), scope.region.clone(), name.to_owned()]
}

/// `arn:aws:lambda:<Region>:<account>:function:<name>[:<version>]`
pub(super) fn key_of_arn(arn: &str) -> Option<Key> {
    let mut parts = arn.split(':').skip(3);
    let (region, account, kind, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (kind == "function").then(|| [account, region, name].map(str::to_owned))
}

pub(super) fn arn([account, region, name]: &Key) -> String {
    format!("arn:aws:lambda:{region}:{account}:function:{name}")
}

pub(super) fn missing(scope: &Scope, name: &str) -> ApiError {
    not_found(format!("Function not found: {}", arn(&key(scope, name))))
}

pub(super) fn not_found(message: String) -> ApiError {
    ApiError { status: 404, ..ApiError::client("ResourceNotFoundException", message) }
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidParameterValueException", message)
}
