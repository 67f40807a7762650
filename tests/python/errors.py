"""The errors with which the embedded AWS can refuse, as botocore's descriptions of the services name them.

    errors.py make     writes shared/local/src/faults/modelled.tsv anew
    errors.py check    compares it with the descriptions, and the operations with the permissions of the templates

A line is an error of an operation: the service's signing name, the operation, the error's code on the wire, its HTTP
status, and `again` where trying again helps or `final` where it does not. The operation `*` stands for all of a service:
what each may answer, though no description lists it.
"""

import pathlib
import re
import sys

import botocore.loaders

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "shared/local/src/faults/modelled.tsv"

# botocore's name of a service, and every operation that the functions, the command and doctor ask of it.
OPERATIONS = {
    "application-autoscaling": """
        DeleteScalingPolicy DeleteScheduledAction DeregisterScalableTarget DescribeScalableTargets
        DescribeScalingPolicies DescribeScheduledActions PutScalingPolicy PutScheduledAction RegisterScalableTarget""",
    "backup": """
        DeleteRecoveryPoint DescribeBackupJob DescribeBackupVault DescribeCopyJob DescribeRecoveryPoint
        DescribeRegionSettings DescribeRestoreJob GetRestoreJobMetadata ListBackupJobs ListCopyJobs
        ListRecoveryPointsByBackupVault ListRestoreJobs ListTags StartBackupJob StartCopyJob StartRestoreJob TagResource
        UntagResource UpdateRecoveryPointLifecycle UpdateRegionSettings""",
    "cloudwatch": "DeleteAlarms DescribeAlarms PutMetricAlarm",
    "dynamodb": """
        BatchGetItem BatchWriteItem DeleteItem DeleteResourcePolicy DescribeContinuousBackups DescribeContributorInsights
        DescribeKinesisStreamingDestination DescribeTable DescribeTimeToLive EnableKinesisStreamingDestination GetItem
        GetResourcePolicy ListContributorInsights ListTables ListTagsOfResource PutItem PutResourcePolicy Query
        RestoreTableFromBackup Scan TagResource TransactWriteItems UntagResource UpdateContinuousBackups
        UpdateContributorInsights UpdateItem UpdateTable UpdateTimeToLive""",
    "events": "DescribeRule EnableRule ListTargetsByRule PutEvents",
    "iam": "GetRole SimulatePrincipalPolicy",
    "kms": "Decrypt DescribeKey EnableKeyRotation GenerateDataKey GetKeyPolicy GetKeyRotationStatus",
    "lambda": "GetFunctionConcurrency GetFunctionConfiguration Invoke ListEventSourceMappings",
    "resourcegroupstaggingapi": "GetResources",
    "sqs": "GetQueueAttributes GetQueueUrl",
}
SIGNING_NAMES = {"cloudwatch": "monitoring", "resourcegroupstaggingapi": "tagging"}

# Statuses that the descriptions leave out: what else they leave out is 400, or 500 for a fault of the service. They stand
# on the pages of the API references.
STATUSES = {
    "application-autoscaling": {"ConcurrentUpdateException": 500, "InternalServiceException": 500},
    "kms": {
        "DependencyTimeoutException": 503,
        "DisabledException": 409,
        "DryRunOperationException": 412,
        "KMSInvalidStateException": 409,
    },
    "sqs": {"InvalidAddress": 404, "InvalidSecurity": 403},
}

# After which errors beside throttling and faults of the service trying again helps, and the words of the descriptions
# that say so.
AGAIN = {
    "backup": {"InvalidResourceStateException": "Try again later"},
    "dynamodb": {
        "BackupInUseException": "another ongoing conflicting backup control plane operation",
        "ContinuousBackupsUnavailableException": "have not yet been enabled",
        "LimitExceededException": "simultaneous table operations",
        "ProvisionedThroughputExceededException": "Your request is eventually successful",
        "RequestLimitExceeded": "Throughput exceeds the current throughput quota",
        "ResourceInUseException": "attempt the request again",
        "TableInUseException": "either being created or deleted",
        "ThrottlingException": "due to request throttling",
        "TransactionConflictException": "there is an ongoing transaction",
        "TransactionInProgressException": "already in progress",
    },
    "events": {"ConcurrentModificationException": "concurrent modification"},
    "lambda": {
        "CodeArtifactUserDeletedException": "Wait for Lambda",
        "CodeArtifactUserPendingException": "try the request again",
        "ResourceConflictException": "another operation is in progress",
        "SnapStartNotReadyException": "Lambda is initializing",
        "SnapStartRegenerationFailureException": "Wait for Lambda to retry",
    },
    "resourcegroupstaggingapi": {"ThrottledException": "exceeded the allowed frequency"},
    "sqs": {"RequestThrottled": "due to request throttling"},
}

# What every service may answer, from the pages of common errors. Codes and statuses differ by what a service speaks.
# A token that has expired is another one with the next invocation.
QUERY = {"cloudwatch", "iam"}
COMMON = [
    # (code, code of the services that began with the query protocol, status, whether trying again helps)
    ("AccessDeniedException", "AccessDenied", 403, False),
    ("ExpiredTokenException", "ExpiredToken", 403, True),
    ("InternalFailure", "InternalFailure", 500, True),
    ("ServiceUnavailable", "ServiceUnavailable", 503, True),
    ("ThrottlingException", "Throttling", 400, True),
    ("TooManyRequestsException", "TooManyRequestsException", 429, True),
    ("UnrecognizedClientException", "InvalidClientTokenId", 403, False),
]
# Services whose denials have another status than the page of common errors says.
DENIALS_OF_400 = {"dynamodb", "events", "kms", "application-autoscaling", "sqs", "resourcegroupstaggingapi"}
TOKENS_OF_400 = {"dynamodb"}
# Internal errors that a service's guide names and its description does not.
ALSO = {"cloudwatch": [("InternalServiceFault", 500)]}

# Permissions that no call of ours asks for: AWS itself does on a role's behalf, or a policy only names them.
NO_CALLS = {
    "backup:CopyFromBackupVault", "backup:CopyIntoBackupVault", "dynamodb:RestoreTableFromAwsBackup",
    "dynamodb:StartAwsBackupJob", "iam:CreateServiceLinkedRole", "iam:PassRole", "lambda:InvokeFunction",
    "logs:CreateLogStream", "logs:PutLogEvents", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage",
    "sts:AssumeRole",
}  # fmt: skip


def words(documentation: str) -> str:
    """A documentation without its markup."""
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", documentation or ""))


def retried(loader: botocore.loaders.Loader, service: str) -> dict[str, int]:
    """The statuses of the codes that botocore itself tries again, beside its general ones."""
    policies = loader.load_data("_retry")["retry"].get(service, {}).get("__default__", {}).get("policies", {})
    found = (policy.get("applies_when", {}).get("response", {}) for policy in policies.values())
    return {
        policy["service_error_code"]: policy["http_status_code"] for policy in found if "service_error_code" in policy
    }


def rows() -> list[tuple[str, str, str, int, str]]:
    """The table, in order."""
    loader = botocore.loaders.Loader()
    found = []
    for service, operations in OPERATIONS.items():
        model = loader.load_service_model(service, "service-2")
        speaks_query = model["metadata"]["protocol"] == "query"
        name = SIGNING_NAMES.get(service, service)
        theirs = retried(loader, service)

        def row(operation: str, shape_name: str) -> tuple[str, str, str, int, str]:
            shape = model["shapes"][shape_name]
            error = shape.get("error", {})
            code = error.get("code", shape_name) if speaks_query else shape_name
            status = error.get("httpStatusCode") or theirs.get(shape_name) or STATUSES.get(service, {}).get(shape_name)
            status = status or (500 if shape.get("fault") else 400)
            quote = AGAIN.get(service, {}).get(shape_name)
            if quote is not None and quote not in words(shape.get("documentation", "")):
                raise SystemExit(f"{service} does not say of {shape_name}: {quote}")
            again = status >= 500 or status == 429 or "retryable" in shape or shape_name in theirs or quote is not None
            return name, operation, code, status, "again" if again else "final"

        known = {error["shape"] for operation in model["operations"].values() for error in operation.get("errors", [])}
        for told in (AGAIN, STATUSES):
            if unknown := set(told.get(service, {})) - known:
                raise SystemExit(f"{service} has no {', '.join(sorted(unknown))}")
        for operation in operations.split():
            errors = model["operations"][operation].get("errors", [])
            found.extend(row(operation, error["shape"]) for error in errors)
        for code, older, status, again in COMMON:
            if code.startswith("AccessDenied") and service in DENIALS_OF_400:
                status = 400
            if status == 403 and service in TOKENS_OF_400:
                status = 400
            code = older if service in QUERY else code
            found.append((name, "*", code, status, "again" if again else "final"))
        found.extend((name, "*", code, status, "again") for code, status in ALSO.get(service, []))
    return sorted(set(found))


def written() -> str:
    """The table as it is kept."""
    return "".join("\t".join(map(str, row)) + "\n" for row in rows())


def uncovered() -> set[str]:
    """The permissions of the functions whose operation is not in the table."""
    prefixes = {"cloudwatch": "cloudwatch", "tag": "resourcegroupstaggingapi"}
    missing = set()
    for template in ("template.yaml", "target.yaml"):
        # Permissions are entries of a list: what a key policy names, or a condition, is none of a function's.
        for line in (ROOT / template).read_text().splitlines():
            for prefix, action in re.findall(r"\b([a-z-]+):([A-Z][A-Za-z]+)\b", line.split("#")[0]):
                service = prefixes.get(prefix, prefix)
                operations = OPERATIONS.get(service, "").split()
                if f"{prefix}:{action}" in NO_CALLS or prefix in {"kms", "aws"} or service not in OPERATIONS:
                    continue
                if action not in operations and action not in {"AWSServiceName", "PassedToService"}:
                    missing.add(f"{prefix}:{action}")
    return missing


def main() -> None:
    if sys.argv[1:] == ["make"]:
        TABLE.write_text(written())
    elif sys.argv[1:] != ["check"]:
        raise SystemExit(__doc__)
    elif TABLE.read_text() != written():
        raise SystemExit(f"{TABLE.relative_to(ROOT)} is not what botocore's descriptions say: run errors.py make")
    if missing := uncovered():
        raise SystemExit(f"permissions without their operation in the table: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
