//! The services that the world knows: their protocols, operations, resources and common errors.

use serde_json::Value;

use super::{Incoming, Protocol, text};
use crate::{api::ApiError, backup::Backup, faults::Fault, lambda::Lambda};

/// A service, by its signing name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Backup,
    DynamoDb,
    Kms,
    Lambda,
    Tagging,
    Sts,
}

impl Service {
    pub(crate) fn named(signing_name: &str) -> Option<Self> {
        Some(match signing_name {
            "backup" => Self::Backup,
            "dynamodb" => Self::DynamoDb,
            "kms" => Self::Kms,
            "lambda" => Self::Lambda,
            "tagging" => Self::Tagging,
            "sts" => Self::Sts,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::DynamoDb => "dynamodb",
            Self::Kms => "kms",
            Self::Lambda => "lambda",
            Self::Tagging => "tagging",
            Self::Sts => "sts",
        }
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Backup | Self::Lambda => Protocol::Rest,
            Self::DynamoDb => Protocol::Json10,
            Self::Kms | Self::Tagging => Protocol::Json11,
            Self::Sts => Protocol::Query,
        }
    }

    /// The operation that a request asks for.
    ///
    /// # Errors
    /// `UnknownOperationException`, naming what was asked.
    pub(crate) fn operation(self, request: &Incoming) -> Result<String, ApiError> {
        let of_target = |prefix: &str| {
            let target = request.target.as_deref()?;
            target.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned)
        };
        let operation = match self {
            Self::Backup => Backup::operation(&request.method, &request.path).map(str::to_owned),
            Self::Lambda => Lambda::operation(&request.method, &request.path).map(str::to_owned),
            Self::DynamoDb => of_target("DynamoDB_20120810"),
            Self::Kms => of_target("TrentService"),
            Self::Tagging => of_target("ResourceGroupsTaggingAPI_20170126"),
            Self::Sts => {
                request.form().into_iter().find(|(name, _)| name == "Action").map(|(_, action)| action)
            }
        };
        operation.ok_or_else(|| {
            let asked = request
                .target
                .clone()
                .unwrap_or_else(|| format!("{} /{}", request.method, request.path.join("/")));
            self.unknown_operation(&asked)
        })
    }

    pub(crate) fn unknown_operation(self, asked: &str) -> ApiError {
        ApiError::client(
            "UnknownOperationException",
            format!("the embedded AWS has no operation {asked} of {}", self.name()),
        )
    }

    /// The error code for a body that is no JSON.
    pub(crate) fn malformed(self) -> &'static str {
        if self == Self::Lambda { "InvalidRequestContentException" } else { "SerializationException" }
    }

    /// The resource that a request names, as far as the request alone tells.
    pub(crate) fn resource(self, request: &Incoming, body: &Value) -> String {
        let of_members = |members: &[&str]| {
            members.iter().find_map(|member| text(body, member)).unwrap_or_default().to_owned()
        };
        match self {
            Self::DynamoDb => {
                let named = of_members(&["TableName", "ResourceArn"]);
                if named.is_empty() { tables_of_batch(body) } else { named }
            }
            Self::Kms => of_members(&["KeyId", "TargetKeyId"]),
            Self::Lambda => Lambda::named(&request.path).to_owned(),
            Self::Backup => request
                .path
                .iter()
                .find(|segment| segment.starts_with("arn:"))
                .cloned()
                .or_else(|| {
                    let after = request.path.iter().position(|segment| segment.ends_with("-vaults"))?;
                    request.path.get(after + 1).cloned()
                })
                .unwrap_or_else(|| of_members(&["RecoveryPointArn", "ResourceArn", "BackupVaultName"])),
            Self::Tagging | Self::Sts => String::new(),
        }
    }

    /// The service's own error for a fault that is answered; `None` when the fault loses the message.
    pub(crate) fn fault(
        self,
        fault: Fault,
        request: &Incoming,
        operation: &str,
        resource: &str,
    ) -> Option<ApiError> {
        let refused = |status, code: &str, message: &str| {
            Some(ApiError { status, code: code.to_owned(), message: message.to_owned() })
        };
        match fault {
            Fault::TimeoutBefore | Fault::TimeoutAfter => None,
            Fault::Throttle => match self {
                Self::DynamoDb if crate::dynamodb::is_item_operation(operation) => refused(
                    400,
                    "ProvisionedThroughputExceededException",
                    "The level of configured provisioned throughput for the table was exceeded. Consider \
                     increasing your provisioning level with the UpdateTable API.",
                ),
                Self::Lambda => refused(429, "TooManyRequestsException", "Rate Exceeded."),
                Self::Tagging => refused(400, "ThrottledException", "Rate exceeded"),
                Self::Sts => refused(400, "Throttling", "Rate exceeded"),
                Self::Backup | Self::DynamoDb | Self::Kms => {
                    refused(400, "ThrottlingException", "Rate exceeded")
                }
            },
            Fault::ServerError => {
                let code = match self {
                    Self::Backup => "ServiceUnavailableException",
                    Self::DynamoDb => "InternalServerError",
                    Self::Kms => "KMSInternalException",
                    Self::Lambda => "ServiceException",
                    Self::Tagging => "InternalServiceException",
                    Self::Sts => "InternalFailure",
                };
                refused(500, code, "The request processing has failed because of an internal error.")
            }
            Fault::Deny => {
                let (status, code) = match self {
                    Self::Backup | Self::Lambda => (403, "AccessDeniedException"),
                    Self::Sts => (403, "AccessDenied"),
                    Self::DynamoDb | Self::Kms | Self::Tagging => (400, "AccessDeniedException"),
                };
                let scope = &request.scope;
                // The one operation whose permission has another name.
                let action = if operation == "Invoke" { "InvokeFunction" } else { operation };
                let message = format!(
                    "User: arn:aws:sts::{}:assumed-role/{}/session is not authorized to perform: {}:{action} \
                     on resource: {}",
                    scope.account,
                    if scope.caller.is_empty() { "anybody" } else { &scope.caller },
                    if self == Self::Tagging { "tag" } else { self.name() },
                    if resource.is_empty() { "*" } else { resource },
                );
                refused(status, code, &message)
            }
        }
    }
}

/// The tables of a batch or transaction, sorted, joined by commas.
fn tables_of_batch(body: &Value) -> String {
    let mut tables: Vec<&str> = Vec::new();
    if let Some(by_table) = body.get("RequestItems").and_then(Value::as_object) {
        tables.extend(by_table.keys().map(String::as_str));
    }
    for item in body.get("TransactItems").and_then(Value::as_array).into_iter().flatten() {
        tables.extend(item.as_object().into_iter().flatten().filter_map(|(_, part)| text(part, "TableName")));
    }
    tables.sort_unstable();
    tables.dedup();
    tables.join(",")
}
