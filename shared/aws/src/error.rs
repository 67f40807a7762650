//! One error for every call to AWS: what was asked, of what, what came back, and whether to try again.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use thiserror::Error;

/// What a failed call means to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The thing does not exist.
    NotFound,
    /// The condition of a write does not hold: somebody else was first.
    Condition,
    /// The role lacks a right. Of AWS Backup this may also mean that the thing does not exist.
    Denied,
    /// Too many requests: try again later.
    Throttled,
    /// No answer, or a server error: it may or may not have taken effect. Try again.
    Unavailable,
    /// AWS refuses the request as it is: trying again gives the same.
    Refused,
}

/// A call to AWS that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation} of {resource}: {code}: {message}")]
pub struct AwsError {
    /// Such as `backup:StartBackupJob`.
    pub operation: &'static str,
    /// What it was asked of: an ARN, a name or an id.
    pub resource: String,
    /// What it means.
    pub meaning: Meaning,
    /// AWS's error code, or what stands for one.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

impl AwsError {
    /// Whether trying the same again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self.meaning, Meaning::Throttled | Meaning::Unavailable)
    }

    /// An answer that lacks what the service model promises.
    pub fn incomplete(operation: &'static str, resource: impl Into<String>, missing: &str) -> Self {
        Self {
            operation,
            resource: resource.into(),
            meaning: Meaning::Unavailable,
            code: "IncompleteAnswer".to_owned(),
            message: format!("the answer has no {missing}"),
        }
    }
}

/// Turns an SDK error into ours.
pub fn failed<E, R>(
    operation: &'static str,
    resource: impl Into<String>,
) -> impl FnOnce(SdkError<E, R>) -> AwsError
where
    E: ProvideErrorMetadata,
{
    let resource = resource.into();
    move |error| {
        let (meaning, code, message) = match &error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("Unknown");
                let message = service.err().message().unwrap_or("no message");
                (meaning_of(code), code.to_owned(), message.to_owned())
            }
            SdkError::TimeoutError(_) => {
                (Meaning::Unavailable, "Timeout".to_owned(), "no answer in time".to_owned())
            }
            SdkError::DispatchFailure(_) => {
                (Meaning::Unavailable, "DispatchFailure".to_owned(), "the connection failed".to_owned())
            }
            SdkError::ResponseError(_) => {
                (Meaning::Unavailable, "ResponseError".to_owned(), "the answer could not be read".to_owned())
            }
            _ => (
                Meaning::Refused,
                "ConstructionFailure".to_owned(),
                "the request could not be built".to_owned(),
            ),
        };
        AwsError { operation, resource, meaning, code, message }
    }
}

fn meaning_of(code: &str) -> Meaning {
    match code {
        "ResourceNotFoundException"
        | "NotFoundException"
        | "TableNotFoundException"
        | "ObjectNotFoundException"
        | "ResourceNotFound" => Meaning::NotFound,
        "ConditionalCheckFailedException" | "AlreadyExistsException" => Meaning::Condition,
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "ExpiredTokenException" => Meaning::Denied,
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "TooManyRequestsException"
        | "LimitExceededException"
        | "TransactionInProgressException" => Meaning::Throttled,
        "InternalServerError"
        | "InternalFailure"
        | "InternalServerErrorException"
        | "ServiceUnavailableException"
        | "ServiceUnavailable"
        | "DependencyFailureException"
        | "DependencyTimeoutException"
        | "KMSInternalException" => Meaning::Unavailable,
        _ => Meaning::Refused,
    }
}
