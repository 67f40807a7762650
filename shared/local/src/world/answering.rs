//! Requests on their way to a service: what of them faults let through, and what the world puts in their place.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use super::State;
use crate::{
    api::{ApiError, Scope},
    faults::{Batch, Cut, Left, Page},
    iam,
    lambda::Handled,
    wire::{Incoming, Reply, Service, text},
};

/// Which part of a request is answered.
pub(super) struct Part {
    /// The batch of which entries are refused.
    pub(super) batch: Option<Batch>,
    pub(super) refused: BTreeMap<usize, String>,
    pub(super) cut: Option<Cut>,
    pub(super) page: Option<Page>,
}

impl State {
    /// Whether a PutResourcePolicy takes its caller the right to change the policy, and does not confirm that.
    pub(super) fn shuts_its_author_out(&mut self, incoming: &Incoming, body: &Value) -> bool {
        if body["ConfirmRemoveSelfResourceAccess"].as_bool().unwrap_or_default() {
            return false;
        }
        let request = iam::Request { incoming, operation: "PutResourcePolicy", body };
        let (arn, policy) = (text(body, "ResourceArn"), text(body, "Policy"));
        arn.zip(policy).is_some_and(|(arn, policy)| {
            self.iam.shuts_out(&request, "dynamodb:PutResourcePolicy", arn, policy)
        })
    }

    /// A request of DynamoDB, with the ARN of the key in the place of what names it: an alias, an id, or nothing,
    /// which is the key that AWS manages for DynamoDB.
    ///
    /// # Errors
    /// `ValidationException` for a key that is not there or cannot be used.
    pub(super) fn with_key<'a>(
        &mut self,
        scope: &Scope,
        body: &'a Value,
    ) -> Result<Cow<'a, Value>, ApiError> {
        let member = ["SSESpecification", "SSESpecificationOverride"]
            .into_iter()
            .find(|member| body[*member]["Enabled"].as_bool().unwrap_or_default());
        let Some(member) = member else { return Ok(Cow::Borrowed(body)) };
        let encryption = &body[member];
        let arn = match text(encryption, "KMSMasterKeyId") {
            Some(_) if text(encryption, "SSEType").is_none() => {
                return Err(ApiError::client(
                    "ValidationException",
                    "One or more parameter values were invalid: SSEType KMS is required if KMSMasterKeyId is specified",
                ));
            }
            Some(named) => self.kms.of_table(scope, named)?,
            None => self.kms.managed(&scope.account, &scope.region, "dynamodb", scope.now),
        };
        let mut body = body.clone();
        body[member]["KMSMasterKeyId"] = Value::from(arn);
        Ok(Cow::Owned(body))
    }

    /// Answers a request as far as its faults let it: without the entries that are refused, with the page that it
    /// gets.
    pub(super) fn answer_part(
        &mut self,
        service: Service,
        request: &Incoming,
        operation: &str,
        body: &Value,
        resource: &mut String,
        part: &Part,
    ) -> Handled {
        if let Some(batch) = part.batch {
            return match batch.left(body, &part.refused) {
                Left::Request(left) => self.route(service, request, operation, &left, resource, &|answer| {
                    batch.answer(body, &part.refused, answer)
                }),
                Left::Nothing(answer) => {
                    let answer = batch.answer(body, &part.refused, answer);
                    Handled::Reply(Reply::answer(service.protocol(request), operation, &answer))
                }
                Left::Refusal(reply) => Handled::Reply(reply),
            };
        }
        let Some(cut) = &part.cut else {
            return self.route(service, request, operation, body, resource, &std::convert::identity);
        };
        let asked = cut.asked(request, body, part.page);
        let (request, body) = asked.as_ref().map_or((request, body), |(request, body)| (request, body));
        match part.page {
            Some(Page::Empty) => {
                self.route(service, request, operation, body, resource, &|answer| cut.emptied(answer))
            }
            _ => self.route(service, request, operation, body, resource, &std::convert::identity),
        }
    }
}
