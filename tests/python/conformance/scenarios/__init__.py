"""The scenarios, a module per service, for every client and every server."""

from ..scenario import Scenario
from . import backup, cloudwatch, dynamodb, events, iam, kms, scaling, sqs, sts, tagging

ALL: list[Scenario] = [
    *backup.SCENARIOS,
    *cloudwatch.SCENARIOS,
    *dynamodb.SCENARIOS,
    *events.SCENARIOS,
    *iam.SCENARIOS,
    *kms.SCENARIOS,
    *scaling.SCENARIOS,
    *sqs.SCENARIOS,
    *sts.SCENARIOS,
    *tagging.SCENARIOS,
]
