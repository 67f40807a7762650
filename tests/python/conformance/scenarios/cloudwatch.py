"""CloudWatch: alarms."""

from ..scenario import Scenario, Step

ARN = "arn:aws:cloudwatch:eu-central-1:${account}:alarm:throttled"
ALARM = {
    "AlarmName": "throttled",
    "Namespace": "AWS/DynamoDB",
    "MetricName": "ReadThrottleEvents",
    "Dimensions": [{"Name": "TableName", "Value": "orders"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 5,
    "Threshold": 1.5,
    "ComparisonOperator": "GreaterThanThreshold",
    "Tags": [{"Key": "team", "Value": "shop"}],
}

SCENARIOS = [
    Scenario(
        "cloudwatch: alarms",
        [
            Step("cloudwatch.PutMetricAlarm", ALARM),
            Step(
                "cloudwatch.DescribeAlarms",
                {"AlarmNames": ["throttled"]},
                {
                    "MetricAlarms[].AlarmArn": [ARN],
                    "MetricAlarms[].Threshold": [1.5],
                    "MetricAlarms[].StateValue": ["INSUFFICIENT_DATA"],
                },
                fact="AWS documents that an alarm's state is INSUFFICIENT_DATA when it is made.",
            ),
            Step("cloudwatch.ListTagsForResource", {"ResourceARN": ARN}, {"Tags": [{"Key": "team", "Value": "shop"}]}),
            Step("cloudwatch.TagResource", {"ResourceARN": ARN, "Tags": [{"Key": "stage", "Value": "test"}]}),
            Step("cloudwatch.UntagResource", {"ResourceARN": ARN, "TagKeys": ["team"]}),
            Step("cloudwatch.ListTagsForResource", {"ResourceARN": ARN}, {"Tags": [{"Key": "stage", "Value": "test"}]}),
            Step("cloudwatch.DeleteAlarms", {"AlarmNames": ["throttled"]}),
            Step("cloudwatch.DescribeAlarms", {"AlarmNames": ["throttled"]}, {"MetricAlarms": []}),
        ],
    ),
    Scenario(
        "cloudwatch: states and actions of alarms",
        [
            Step(
                "cloudwatch.PutMetricAlarm",
                {
                    "AlarmName": "throttles",
                    "Namespace": "AWS/DynamoDB",
                    "MetricName": "ThrottledRequests",
                    "Dimensions": [{"Name": "TableName", "Value": "orders"}],
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 1.0,
                    "ComparisonOperator": "GreaterThanThreshold",
                },
            ),
            Step(
                "cloudwatch.DescribeAlarmsForMetric",
                {
                    "Namespace": "AWS/DynamoDB",
                    "MetricName": "ThrottledRequests",
                    "Dimensions": [{"Name": "TableName", "Value": "orders"}],
                },
                {"MetricAlarms[].AlarmName": ["throttles"]},
            ),
            Step("cloudwatch.DisableAlarmActions", {"AlarmNames": ["throttles"]}),
            Step("cloudwatch.EnableAlarmActions", {"AlarmNames": ["throttles"]}),
            Step(
                "cloudwatch.SetAlarmState",
                {"AlarmName": "throttles", "StateValue": "ALARM", "StateReason": "a test"},
            ),
            Step("cloudwatch.DescribeAlarms", {"StateValue": "ALARM"}, {"MetricAlarms[].AlarmName": ["throttles"]}),
        ],
    ),
]
