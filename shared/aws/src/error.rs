//! What the edge fails with: one type for calls to AWS, and one for each fault that is our own.
//!
//! What a failed call means comes from the HTTP status first (every 5xx and every 429 may pass, whatever its code, as
//! the SDKs take it), then from the codes that AWS's services document. Nothing else is read out of an error: a caller
//! asks for its [`Meaning`], never for its words.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use backup_chain_core::point::IllegalMove;
use thiserror::Error;

use crate::unreadable::UnreadableRecord;

/// What a failed call means to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The thing does not exist. Of what was just made it may mean that it is not seen yet.
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

/// In place of a code, where AWS was not reached.
const NO_CONNECTION: &str = "no connection";

/// A call to AWS that failed.
#[derive(Debug, Clone)]
pub struct AwsError {
    /// Such as `backup:StartBackupJob`.
    pub operation: &'static str,
    /// What it was asked of: an ARN, a name or an id.
    pub resource: String,
    /// What it means.
    pub meaning: Meaning,
    /// AWS's error code; where AWS gave none, what happened instead.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// The HTTP status of the answer; none where none came.
    pub status: Option<u16>,
    /// By which AWS's support finds the call.
    pub request_id: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, resource, code, message, .. } = self;
        write!(f, "{operation} of {resource}: {code}: {message}")?;
        match &self.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

impl StdError for AwsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl AwsError {
    fn without_answer(
        operation: &'static str,
        resource: impl Into<String>,
        meaning: Meaning,
        code: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            operation,
            resource: resource.into(),
            meaning,
            code: code.to_owned(),
            message: message.into(),
            status: None,
            request_id: None,
            source: None,
        }
    }

    /// An answer that lacks what the service model promises.
    pub fn incomplete(operation: &'static str, resource: impl Into<String>, missing: &str) -> Self {
        let message = format!("the answer has no {missing}");
        Self::without_answer(operation, resource, Meaning::Unavailable, "incomplete answer", message)
    }

    /// A request that cannot be made, for what it is to carry: nothing was sent.
    pub fn not_sent(operation: &'static str, resource: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::without_answer(operation, resource, Meaning::Refused, "not sent", why.to_string())
    }

    /// An entry of a batch that the service refused, though the call as a whole answered.
    pub fn of_entry(
        operation: &'static str,
        resource: impl Into<String>,
        code: &str,
        message: Option<&str>,
    ) -> Self {
        let meaning = meaning_of(None, code);
        Self::without_answer(operation, resource, meaning, code, message.unwrap_or("no message"))
    }

    /// The same without what it was asked of and what AWS said of that: neither may be reported.
    #[must_use]
    pub fn redacted(self, resource: &str, message: &str) -> Self {
        Self { resource: resource.to_owned(), message: message.to_owned(), source: None, ..self }
    }

    /// Whether trying the same again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self.meaning, Meaning::Throttled | Meaning::Unavailable)
    }

    /// Whether there was no connection to AWS at all.
    pub fn is_unreached(&self) -> bool {
        self.code == NO_CONNECTION
    }

    /// Whether somebody else moved what was to be written.
    pub fn is_conflict(&self) -> bool {
        self.meaning == Meaning::Condition
    }
}

/// What the catalog, and whatever is built on it, fails with.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// A call to AWS failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A record of the catalog cannot be read.
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    /// A restore point cannot go where it was to go: a fault of ours, refused before anything is written.
    #[error(transparent)]
    Move(#[from] IllegalMove),
}

impl Error {
    /// Whether trying the same again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_transient())
    }

    /// Whether somebody else moved what was to be written: read it again.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_conflict())
    }

    /// What a failed invocation reports to Lambda as the error type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Record(_) => "UnreadableRecord",
            Self::Move(_) => "IllegalMove",
            Self::Aws(error) => match error.meaning {
                Meaning::NotFound => "AwsNotFound",
                Meaning::Condition => "Overtaken",
                Meaning::Denied => "AwsDenied",
                Meaning::Throttled => "AwsThrottled",
                Meaning::Unavailable => "AwsUnavailable",
                Meaning::Refused => "AwsRefused",
            },
        }
    }
}

/// Turns an SDK error into ours.
pub fn failed<E>(
    operation: &'static str,
    resource: impl Into<String>,
) -> impl FnOnce(SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let resource = resource.into();
    move |error| {
        let answer = error.raw_response();
        let status = answer.map(|answer| answer.status().as_u16());
        let header = |name: &str| answer.and_then(|answer| answer.headers().get(name)).map(str::to_owned);
        let request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id"));
        let (meaning, code, message) = match &error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("no error code");
                let message = service.err().message().unwrap_or("no message");
                (meaning_of(status, code), code.to_owned(), message.to_owned())
            }
            SdkError::TimeoutError(_) => {
                (Meaning::Unavailable, "no answer".to_owned(), "no answer in time".to_owned())
            }
            SdkError::DispatchFailure(failure) => {
                let cause = failure.as_connector_error().map(|error| root_cause(error));
                let cause = cause.as_deref().unwrap_or("no reason known");
                // Such as credentials that have ended meanwhile.
                let (code, what) = if failure.is_other() {
                    ("not sent", "it could not be sent")
                } else {
                    (NO_CONNECTION, "the connection failed")
                };
                (Meaning::Unavailable, code.to_owned(), format!("{what}: {cause}"))
            }
            SdkError::ResponseError(_) => (
                Meaning::Unavailable,
                "unreadable answer".to_owned(),
                "the answer could not be read".to_owned(),
            ),
            _ => (Meaning::Refused, "not sent".to_owned(), "the request could not be built".to_owned()),
        };
        let source = error.into_source().ok().map(Arc::from);
        AwsError { operation, resource, meaning, code, message, status, request_id, source }
    }
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// By the status first: a 5xx or a 429 may pass, whatever it is called.
fn meaning_of(status: Option<u16>, code: &str) -> Meaning {
    let by_code = meaning_of_code(code);
    match status {
        Some(429) => Meaning::Throttled,
        Some(500..) if by_code != Some(Meaning::Throttled) => Meaning::Unavailable,
        // AWS's services have a code for every refusal. An answer without one comes from something in between.
        Some(404) => by_code.unwrap_or(Meaning::NotFound),
        Some(401 | 403) => by_code.unwrap_or(Meaning::Denied),
        _ => by_code.unwrap_or(Meaning::Refused),
    }
}

/// By the codes that the services document, and those that every service gives (IAM and SQS have words of their own).
fn meaning_of_code(code: &str) -> Option<Meaning> {
    Some(match code {
        "ResourceNotFoundException"
        | "NotFoundException"
        | "TableNotFoundException"
        | "PolicyNotFoundException"
        | "ObjectNotFoundException"
        | "ResourceNotFound"
        | "NoSuchEntity"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "QueueDoesNotExist" => Meaning::NotFound,
        "ConditionalCheckFailedException" | "AlreadyExistsException" => Meaning::Condition,
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId" => Meaning::Denied,
        "ThrottlingException"
        | "ThrottlingError"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "ProvisionedThroughputExceeded"
        | "TooManyRequestsException"
        | "LimitExceededException"
        | "TransactionConflict"
        | "TransactionConflictException"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException"
        | "ConcurrentModificationException"
        | "ConcurrentUpdateException"
        | "SlowDown" => Meaning::Throttled,
        "InternalServerError"
        | "InternalServerErrorException"
        | "InternalServiceException"
        | "InternalServiceError"
        | "InternalServiceFault"
        | "InternalException"
        | "InternalFailure"
        | "InternalError"
        | "ServiceFailure"
        | "ServiceException"
        | "ServiceUnavailableException"
        | "ServiceUnavailable"
        | "DependencyFailureException"
        | "DependencyTimeoutException"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        // Lambda renews a function's credentials.
        | "ExpiredToken"
        | "ExpiredTokenException" => Meaning::Unavailable,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_comes_before_the_code() {
        for code in ["InternalServiceFault", "ValidationException", "AccessDeniedException", "no error code"]
        {
            assert_eq!(meaning_of(Some(500), code), Meaning::Unavailable, "{code}");
            assert_eq!(meaning_of(Some(503), code), Meaning::Unavailable, "{code}");
            assert_eq!(meaning_of(Some(429), code), Meaning::Throttled, "{code}");
        }
        assert_eq!(meaning_of(Some(503), "Throttling"), Meaning::Throttled);
    }

    #[test]
    fn a_code_speaks_where_the_status_says_little() {
        assert_eq!(meaning_of(Some(400), "InternalServerError"), Meaning::Unavailable);
        assert_eq!(meaning_of(Some(400), "ResourceNotFoundException"), Meaning::NotFound);
        assert_eq!(meaning_of(Some(404), "NoSuchEntity"), Meaning::NotFound);
        assert_eq!(meaning_of(Some(400), "InvalidParameterValueException"), Meaning::Refused);
        assert_eq!(meaning_of(Some(403), "no error code"), Meaning::Denied);
        assert_eq!(meaning_of(None, "ThrottlingException"), Meaning::Throttled);
        assert_eq!(meaning_of(None, "InternalException"), Meaning::Unavailable);
    }
}
