//! Which service answers a request, and what it is given of the others.

use serde_json::Value;

use super::State;
use crate::{
    api::ApiError,
    lambda::Handled,
    scaling, sts, tagging,
    wire::{Incoming, Reply, Service, text},
};

impl State {
    pub(super) fn route(
        &mut self,
        service: Service,
        request: &Incoming,
        operation: &str,
        body: &Value,
        resource: &mut String,
        edit: &dyn Fn(Value) -> Value,
    ) -> Handled {
        let scope = &request.scope;
        let protocol = service.protocol(request);
        let answer = match service {
            Service::DynamoDb
                if operation == "PutResourcePolicy" && self.shuts_its_author_out(request, body) =>
            {
                // AWS documents the parameter, and not how it refuses without it (assumption A49).
                Err(ApiError::client(
                    "ValidationException",
                    "The policy denies its author to change it in the future: set ConfirmRemoveSelfResourceAccess to \
                     confirm that",
                ))
            }
            Service::DynamoDb => match self.with_key(scope, body) {
                Err(error) => Err(error),
                Ok(body) if operation == "RestoreTableFromBackup" => {
                    let named = text(&body, "BackupArn").unwrap_or_default();
                    let from = self.backup.snapshot_of(&scope.account, &scope.region, named);
                    let kms = &self.kms;
                    let usable = |key: &str| kms.of_table(scope, key).map(|_| ());
                    let reply = self.dynamo.restore_table_from_backup(scope, &body, from, usable);
                    return Handled::Reply(reply);
                }
                Ok(body) => {
                    return Handled::Reply(self.dynamo.handle(scope, operation, &body).edited(edit));
                }
            },
            Service::CloudWatch => self.cloudwatch.handle(scope, operation, body),
            Service::Events => self.events.handle(scope, operation, body),
            Service::Iam => self.iam.handle(scope, operation, body),
            Service::Scaling => {
                let mut around =
                    scaling::Around { cloudwatch: &mut self.cloudwatch, dynamo: &mut self.dynamo };
                self.scaling.handle(scope, operation, body, &mut around)
            }
            Service::Sqs => self.sqs.handle(scope, operation, body),
            Service::Sts => {
                sts::handle(&self.iam, &mut self.secrets, request, operation, body, self.is_served)
            }
            Service::Lambda => match self.lambda.handle(request, operation, body, &self.sqs) {
                Ok(Handled::Reply(reply)) => return Handled::Reply(reply.edited(edit)),
                Ok(begun) => return begun,
                Err(error) => Err(error),
            },
            Service::Kms => self.kms.handle(scope, operation, body),
            Service::Tagging => {
                let (backup, cloudwatch, dynamo) = (&mut self.backup, &mut self.cloudwatch, &mut self.dynamo);
                tagging::handle(&mut tagging::Around { backup, cloudwatch, dynamo }, scope, operation, body)
            }
            Service::Backup => {
                let (backup, mut around) = self.backup();
                backup.handle(scope, &request.method, &request.path, &request.query, body, &mut around).map(
                    |handled| {
                        *resource = handled.resource;
                        handled.answer
                    },
                )
            }
        };
        Handled::Reply(match answer {
            // The one operation of AWS Backup that answers with another status.
            Ok(answer) if operation == "CancelLegalHold" => {
                Reply::answer(protocol, operation, &answer).with_status(201)
            }
            Ok(answer) => Reply::answer(protocol, operation, &edit(answer)),
            Err(error) => service.refusal(protocol, &error),
        })
    }
}
