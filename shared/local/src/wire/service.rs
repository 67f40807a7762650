//! The services that the world knows: their protocols, operations, resources and common errors.

use serde_json::{Value, json};

use super::{Incoming, Protocol, Reply, text};
use crate::{
    api::{ApiError, Scope},
    backup::Backup,
    faults::{Fault, status_of},
    lambda::routes,
};

/// A service, by its signing name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Backup,
    CloudWatch,
    DynamoDb,
    Events,
    Iam,
    Kms,
    Lambda,
    Scaling,
    Sqs,
    Sts,
    Tagging,
}

impl Service {
    const ALL: [Self; 11] = [
        Self::Backup,
        Self::CloudWatch,
        Self::DynamoDb,
        Self::Events,
        Self::Iam,
        Self::Kms,
        Self::Lambda,
        Self::Scaling,
        Self::Sqs,
        Self::Sts,
        Self::Tagging,
    ];

    pub(crate) fn named(signing_name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == signing_name)
    }

    /// The signing name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::CloudWatch => "monitoring",
            Self::DynamoDb => "dynamodb",
            Self::Events => "events",
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::Lambda => "lambda",
            Self::Scaling => "application-autoscaling",
            Self::Sqs => "sqs",
            Self::Sts => "sts",
            Self::Tagging => "tagging",
        }
    }

    /// What IAM's names of the service's actions begin with.
    pub(crate) fn action_prefix(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch",
            Self::Tagging => "tag",
            other => other.name(),
        }
    }

    /// How a request speaks: some services take several protocols.
    pub(crate) fn protocol(self, request: &Incoming) -> Protocol {
        match self {
            Self::Backup | Self::Lambda => Protocol::Rest,
            Self::DynamoDb | Self::Sqs => Protocol::Json10,
            Self::Events | Self::Kms | Self::Scaling => Protocol::Json11,
            Self::Iam | Self::Sts => Protocol::Query(self.namespace()),
            Self::CloudWatch | Self::Tagging => match (request.rpc_operation(), &request.target) {
                (Some(_), _) => Protocol::Cbor,
                (None, Some(_)) if self == Self::CloudWatch => Protocol::Json10,
                (None, Some(_)) => Protocol::Json11,
                (None, None) => Protocol::Query(self.namespace()),
            },
        }
    }

    /// The XML namespace of the query protocol.
    fn namespace(self) -> &'static str {
        match self {
            Self::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            _ => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }

    /// What precedes the operation in `X-Amz-Target`, where the service speaks JSON.
    fn target_prefix(self) -> &'static str {
        match self {
            Self::CloudWatch => "GraniteServiceVersion20100801",
            Self::DynamoDb => "DynamoDB_20120810",
            Self::Events => "AWSEvents",
            Self::Kms => "TrentService",
            Self::Scaling => "AnyScaleFrontendService",
            Self::Sqs => "AmazonSQS",
            Self::Tagging => "ResourceGroupsTaggingAPI_20170126",
            Self::Backup | Self::Iam | Self::Lambda | Self::Sts => "",
        }
    }

    /// The operation that a request asks for.
    ///
    /// # Errors
    /// `UnknownOperationException`, naming what was asked.
    pub(crate) fn operation(self, request: &Incoming) -> Result<String, ApiError> {
        let operation = match self.protocol(request) {
            Protocol::Rest if self == Self::Backup => {
                Backup::operation(&request.method, &request.path).map(str::to_owned)
            }
            Protocol::Rest => routes::operation(&request.method, &request.path).map(str::to_owned),
            Protocol::Json10 | Protocol::Json11 => request.target.as_deref().and_then(|target| {
                target.strip_prefix(self.target_prefix())?.strip_prefix('.').map(str::to_owned)
            }),
            Protocol::Cbor => request.rpc_operation().map(str::to_owned),
            Protocol::Query(_) => {
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

    /// A refusal by this service. One that spoke the query protocol alone once still tells the codes of that time,
    /// in a header, beside the error types of its newer protocol.
    pub(crate) fn refusal(self, protocol: Protocol, error: &ApiError) -> Reply {
        let older = match self {
            Self::CloudWatch => Some(crate::cloudwatch::query_code(&error.code)),
            Self::Sqs => crate::sqs::query_code(&error.code),
            _ => None,
        };
        match (older, protocol) {
            (Some(code), Protocol::Query(_)) => {
                Reply::refusal(protocol, &ApiError { code: code.to_owned(), ..error.clone() })
            }
            (Some(code), _) => {
                let fault = if error.status < 500 { "Sender" } else { "Receiver" };
                Reply::refusal(protocol, error).with_header("x-amzn-query-error", format!("{code};{fault}"))
            }
            // Two services spell the member with a capital.
            (None, Protocol::Json11) if matches!(self, Self::Scaling | Self::Tagging) => {
                let body = json!({ "__type": error.code, "Message": error.message });
                Reply::new(protocol, error.status, Some(error.code.clone()), body.to_string())
            }
            (None, _) => Reply::refusal(protocol, error),
        }
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
            Self::Lambda => routes::named(&request.path).to_owned(),
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
            Self::Sqs => of_members(&["QueueUrl", "QueueName"]),
            Self::Iam => of_members(&["RoleName", "PolicyArn", "PolicyName"]),
            Self::Events => of_members(&["Name", "Rule", "EventBusName"]),
            Self::CloudWatch => of_members(&["AlarmName"]),
            Self::Scaling => of_members(&["ResourceId"]),
            Self::Tagging | Self::Sts => String::new(),
        }
    }

    /// How the service answers a fault; `None` when the fault loses the message, or is one of entries or pages.
    pub(crate) fn struck(
        self,
        protocol: Protocol,
        fault: &Fault,
        request: &Incoming,
        operation: &str,
        resource: &str,
    ) -> Option<Reply> {
        let error = |status, code: &str, message: &str| {
            let message = message.to_owned();
            Some(self.refusal(protocol, &ApiError { status, code: code.to_owned(), message }))
        };
        match fault {
            Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::ResetBefore | Fault::ResetAfter => None,
            Fault::Entries(_) | Fault::ShortPage | Fault::EmptyPage | Fault::Slow(_) => None,
            Fault::Throttle => match self {
                Self::DynamoDb if crate::dynamodb::is_item_operation(operation) => error(
                    400,
                    "ProvisionedThroughputExceededException",
                    "The level of configured provisioned throughput for the table was exceeded. Consider \
                     increasing your provisioning level with the UpdateTable API.",
                ),
                Self::Lambda => error(429, "TooManyRequestsException", "Rate Exceeded."),
                Self::Tagging => error(400, "ThrottledException", "Rate exceeded"),
                Self::CloudWatch | Self::Iam | Self::Sts => error(400, "Throttling", "Rate exceeded"),
                Self::Sqs => error(403, "RequestThrottled", "Request is throttled."),
                Self::Backup | Self::DynamoDb | Self::Events | Self::Kms | Self::Scaling => {
                    error(400, "ThrottlingException", "Rate exceeded")
                }
            },
            Fault::ServerError => {
                let code = match self {
                    Self::Backup => "ServiceUnavailableException",
                    Self::DynamoDb => "InternalServerError",
                    Self::Events => "InternalException",
                    Self::Kms => "KMSInternalException",
                    Self::Lambda => "ServiceException",
                    Self::CloudWatch => "InternalServiceFault",
                    Self::Sqs | Self::Sts => "InternalFailure",
                    Self::Iam => "ServiceFailure",
                    Self::Scaling | Self::Tagging => "InternalServiceException",
                };
                error(500, code, "The request processing has failed because of an internal error.")
            }
            Fault::Deny => Some(self.refusal(protocol, &self.denied(&request.scope, operation, resource))),
            Fault::Error { code, status } => {
                let status = status.or_else(|| status_of(self.name(), code)).unwrap_or(400);
                error(status, code, "Refused by a fault of the embedded AWS.")
            }
            Fault::Bare(status) => Some(Reply::foreign(*status, "")),
            Fault::BadGateway => Some(Reply::foreign(
                502,
                "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
            )),
        }
    }
}

impl Service {
    /// How the service refuses a caller whose role lacks the permission.
    pub(crate) fn denied(self, scope: &Scope, operation: &str, resource: &str) -> ApiError {
        // The one operation whose permission has another name.
        let action = if operation == "Invoke" { "InvokeFunction" } else { operation };
        let message = format!(
            "User: arn:aws:sts::{}:assumed-role/{}/session is not authorized to perform: {}:{action} on resource: {}",
            scope.account,
            if scope.caller.is_empty() { "anybody" } else { &scope.caller },
            self.action_prefix(),
            if resource.is_empty() { "*" } else { resource },
        );
        self.access_denied(message)
    }

    /// A refusal for lack of a right, in the service's own code.
    pub(crate) fn access_denied(self, message: String) -> ApiError {
        let (status, code) = match self {
            Self::Backup | Self::Lambda => (403, "AccessDeniedException"),
            Self::CloudWatch | Self::Iam | Self::Sts => (403, "AccessDenied"),
            Self::DynamoDb | Self::Events | Self::Kms | Self::Scaling | Self::Sqs | Self::Tagging => {
                (400, "AccessDeniedException")
            }
        };
        ApiError { status, code: code.to_owned(), message }
    }

    /// How the service refuses a session token that names no role.
    pub(crate) fn unknown_token(self) -> ApiError {
        let (status, code) = match self {
            Self::CloudWatch | Self::Iam | Self::Sqs | Self::Sts => (403, "InvalidClientTokenId"),
            // AWS documents 400 for DynamoDB, 403 for the others.
            Self::DynamoDb => (400, "UnrecognizedClientException"),
            Self::Backup | Self::Events | Self::Kms | Self::Lambda | Self::Scaling | Self::Tagging => {
                (403, "UnrecognizedClientException")
            }
        };
        let message = "The security token included in the request is invalid.".to_owned();
        ApiError { status, code: code.to_owned(), message }
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
