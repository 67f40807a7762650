"""Application Auto Scaling: the capacity of tables."""

from ..scenario import Like, Scenario, Step
from .tables import ready, table

TARGET = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/orders",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}
POLICY = {
    **TARGET,
    "PolicyName": "reads",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
    },
}

SCENARIOS = [
    Scenario(
        "application-autoscaling: targets and policies of a table",
        [
            Step("dynamodb.CreateTable", table("orders")),
            ready("orders"),
            Step(
                "application-autoscaling.RegisterScalableTarget",
                {**TARGET, "MinCapacity": 5, "MaxCapacity": 50},
                {"ScalableTargetARN": Like("arn:aws:application-autoscaling:eu-central-1:${account}:scalable-target/.+")},
            ),
            Step(
                "application-autoscaling.RegisterScalableTarget",
                {**TARGET, "MinCapacity": 50, "MaxCapacity": 5},
                error="ValidationException",
            ),
            Step(
                "application-autoscaling.DescribeScalableTargets",
                {"ServiceNamespace": "dynamodb"},
                {"ScalableTargets[].ResourceId": ["table/orders"], "ScalableTargets[].MinCapacity": [5]},
            ),
            Step("application-autoscaling.PutScalingPolicy", POLICY, {"PolicyARN": Like("arn:aws:autoscaling:.+")}),
            Step(
                "application-autoscaling.DescribeScalingPolicies",
                {"ServiceNamespace": "dynamodb"},
                {"ScalingPolicies[].PolicyName": ["reads"]},
            ),
            Step("application-autoscaling.DeleteScalingPolicy", {**TARGET, "PolicyName": "reads"}),
            Step(
                "application-autoscaling.DeleteScalingPolicy",
                {**TARGET, "PolicyName": "reads"},
                error="ObjectNotFoundException",
            ),
            Step("application-autoscaling.DeregisterScalableTarget", TARGET),
            Step("application-autoscaling.DeregisterScalableTarget", TARGET, error="ObjectNotFoundException"),
        ],
    ),
    Scenario(
        "application-autoscaling: scheduled actions, activities and tags",
        [
            Step("dynamodb.CreateTable", table("orders")),
            ready("orders"),
            Step(
                "application-autoscaling.RegisterScalableTarget",
                {**TARGET, "MinCapacity": 5, "MaxCapacity": 50},
                keep="target",
            ),
            Step(
                "application-autoscaling.PutScheduledAction",
                {
                    **TARGET,
                    "ScheduledActionName": "night",
                    "Schedule": "cron(0 22 * * ? *)",
                    "ScalableTargetAction": {"MinCapacity": 1},
                },
            ),
            Step(
                "application-autoscaling.DescribeScheduledActions",
                {"ServiceNamespace": "dynamodb"},
                {"ScheduledActions[].ScheduledActionName": ["night"]},
            ),
            Step("application-autoscaling.DeleteScheduledAction", {**TARGET, "ScheduledActionName": "night"}),
            Step("application-autoscaling.DescribeScalingActivities", {"ServiceNamespace": "dynamodb"}),
            Step(
                "application-autoscaling.TagResource",
                {"ResourceARN": "${target.ScalableTargetARN}", "Tags": {"team": "shop"}},
            ),
            Step(
                "application-autoscaling.ListTagsForResource",
                {"ResourceARN": "${target.ScalableTargetARN}"},
                {"Tags.team": "shop"},
            ),
            Step(
                "application-autoscaling.UntagResource",
                {"ResourceARN": "${target.ScalableTargetARN}", "TagKeys": ["team"]},
            ),
        ],
    ),
]
