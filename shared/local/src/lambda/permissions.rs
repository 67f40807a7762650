//! Who else may invoke a function: its resource-based policy, as far as services are concerned.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{deployed::Deployed, names::invalid};
use crate::{api::ApiError, glob::like, wire::text};

/// The statement of a function that any service may invoke.
pub(super) fn any_service(arn: &str) -> Value {
    json!({ "Sid": "any-service", "Effect": "Allow", "Principal": { "Service": "*" },
        "Action": "lambda:InvokeFunction", "Resource": arn })
}

/// Whether a service may invoke on behalf of one of its resources.
pub(super) fn may_invoke(statements: &BTreeMap<String, Value>, service: &str, source_arn: &str) -> bool {
    statements.values().any(|statement| {
        let named = text(&statement["Principal"], "Service").unwrap_or_default();
        let condition = text(&statement["Condition"]["ArnLike"], "AWS:SourceArn");
        (named == "*" || named == service) && condition.is_none_or(|pattern| like(pattern, source_arn))
    })
}

impl Deployed {
    /// AddPermission: lets a service invoke.
    pub(super) fn add_permission(&mut self, body: &Value) -> Result<Value, ApiError> {
        let needed = |member: &str| {
            text(body, member)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| invalid(format!("{member} is required")))
        };
        let (sid, action, principal) = (needed("StatementId")?, needed("Action")?, needed("Principal")?);
        if self.permissions.contains_key(sid) {
            return Err(ApiError {
                status: 409,
                ..ApiError::client(
                    "ResourceConflictException",
                    format!("The statement id ({sid}) provided already exists."),
                )
            });
        }
        let mut statement = json!({ "Sid": sid, "Effect": "Allow", "Principal": { "Service": principal },
            "Action": action, "Resource": self.configuration.arn });
        if let Some(source) = text(body, "SourceArn") {
            statement["Condition"] = json!({ "ArnLike": { "AWS:SourceArn": source } });
        }
        let answer = json!({ "Statement": statement.to_string() });
        self.permissions.insert(sid.to_owned(), statement);
        Ok(answer)
    }

    /// The policy, when anybody may invoke.
    pub(super) fn policy(&self) -> Option<String> {
        let statements: Vec<&Value> = self.permissions.values().collect();
        (!statements.is_empty())
            .then(|| json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string())
    }
}
