//! The errors that AWS's models name, by service and operation.

use std::sync::LazyLock;

/// An error that a service may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelledError {
    /// The signing name of the service, such as `backup` or `monitoring`.
    pub service: &'static str,
    /// The operation; `*` for all of the service.
    pub operation: &'static str,
    /// The code on the wire, such as `ConditionalCheckFailedException`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Whether trying the same again helps: at once, after a while, or when something under way has ended.
    pub retryable: bool,
}

/// The errors that the models name for each operation that Backup Chain asks for, in the order of service, operation
/// and code. `tests/python/errors.py` makes the table of botocore's descriptions, and holds it against them.
#[must_use]
pub fn modelled_errors() -> &'static [ModelledError] {
    &TABLE.modelled
}

/// The errors that every service may answer though no model lists them: throttling, its own faults, denials and
/// credentials that have expired. Their operation is `*`.
#[must_use]
pub fn common_errors() -> &'static [ModelledError] {
    &TABLE.common
}

/// The status that a service has for an error of this code; `None` where the table does not say.
pub(crate) fn status_of(service: &str, code: &str) -> Option<u16> {
    let all = TABLE.modelled.iter().chain(&TABLE.common);
    all.filter(|error| error.service == service).find(|error| error.code == code).map(|error| error.status)
}

struct Table {
    modelled: Vec<ModelledError>,
    common: Vec<ModelledError>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let all = include_str!("modelled.tsv").lines().filter_map(read);
    let (common, modelled) = all.partition(|error| error.operation == "*");
    Table { modelled, common }
});

fn read(line: &'static str) -> Option<ModelledError> {
    let mut fields = line.split('\t');
    Some(ModelledError {
        service: fields.next()?,
        operation: fields.next()?,
        code: fields.next()?,
        status: fields.next()?.parse().ok()?,
        retryable: fields.next()? == "again",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = include_str!("modelled.tsv").lines().count();
        assert_eq!(modelled_errors().len() + common_errors().len(), lines);
        assert!(modelled_errors().is_sorted());
    }

    /// Facts 11.3: the codes that mean "try again" beside throttling, by service; every 5xx and every 429 is one.
    #[test]
    fn what_may_pass_is_told_from_what_does_not() {
        let all = || modelled_errors().iter().chain(common_errors());
        for (service, code) in [
            ("dynamodb", "InternalServerError"),
            ("backup", "ServiceUnavailableException"),
            ("application-autoscaling", "InternalServiceException"),
            ("tagging", "InternalServiceException"),
            ("monitoring", "InternalServiceFault"),
            ("events", "InternalException"),
            ("kms", "KMSInternalException"),
            ("kms", "KeyUnavailableException"),
            ("iam", "ServiceFailure"),
            ("lambda", "ServiceException"),
        ] {
            let error = all().find(|error| error.service == service && error.code == code);
            assert!(error.is_some_and(|error| error.retryable), "{service} {code}");
        }
        for error in all() {
            assert!(error.retryable || (error.status < 500 && error.status != 429), "{error:?}");
        }
        let condition = all().find(|error| error.code == "ConditionalCheckFailedException");
        assert!(condition.is_some_and(|error| !error.retryable));
    }
}
