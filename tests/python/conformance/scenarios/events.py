"""EventBridge: rules, and events that match them."""

import json

from ..scenario import Scenario, Step

PATTERN = json.dumps({"source": ["aws.backup"], "detail": {"state": ["COMPLETED"]}})


def event(source: str, state: str) -> str:
    """An event as EventBridge delivers it."""
    return json.dumps(
        {
            "id": "1",
            "detail-type": "Copy Job State Change",
            "source": source,
            "account": "111122223333",
            "time": "2026-01-01T00:00:00Z",
            "region": "eu-central-1",
            "resources": [],
            "detail": {"state": state},
        }
    )


SCENARIOS = [
    Scenario(
        "events: rules and their targets",
        [
            Step(
                "events.PutRule",
                {"Name": "copies", "EventPattern": PATTERN, "State": "ENABLED"},
                {"RuleArn": "arn:aws:events:eu-central-1:${account}:rule/copies"},
            ),
            Step("events.PutRule", {"Name": "wrong", "EventPattern": "{"}, error="InvalidEventPatternException"),
            Step("events.DescribeRule", {"Name": "copies"}, {"State": "ENABLED", "EventBusName": "default"}),
            Step("events.DescribeRule", {"Name": "missing"}, error="ResourceNotFoundException"),
            Step("events.ListRules", {}, {"Rules[].Name": ["copies"]}),
            Step(
                "events.PutTargets",
                {
                    "Rule": "copies",
                    "Targets": [{"Id": "queue", "Arn": "arn:aws:sqs:eu-central-1:${account}:letters"}],
                },
                {"FailedEntryCount": 0, "FailedEntries": []},
            ),
            Step("events.ListTargetsByRule", {"Rule": "copies"}, {"Targets[].Id": ["queue"]}),
            Step("events.DisableRule", {"Name": "copies"}),
            Step("events.DescribeRule", {"Name": "copies"}, {"State": "DISABLED"}),
            Step("events.EnableRule", {"Name": "copies"}),
            Step(
                "events.PutEvents",
                {"Entries": [{"Source": "app", "DetailType": "test", "Detail": "{}"}]},
                {"FailedEntryCount": 0},
            ),
            Step(
                "events.DeleteRule",
                {"Name": "copies"},
                error="ValidationException",
                fact="AWS documents that a rule's targets are to be removed before it is deleted.",
            ),
            Step("events.RemoveTargets", {"Rule": "copies", "Ids": ["queue"]}, {"FailedEntryCount": 0}),
            Step("events.DeleteRule", {"Name": "copies"}),
        ],
    ),
    Scenario(
        "events: patterns",
        [
            Step("events.TestEventPattern", {"EventPattern": PATTERN, "Event": event("aws.backup", "COMPLETED")}, {"Result": True}),
            Step("events.TestEventPattern", {"EventPattern": PATTERN, "Event": event("aws.backup", "FAILED")}, {"Result": False}),
            Step("events.TestEventPattern", {"EventPattern": PATTERN, "Event": event("app", "COMPLETED")}, {"Result": False}),
        ],
    ),
    Scenario(
        "events: buses and tags",
        [
            Step("events.CreateEventBus", {"Name": "mine"}, keep="bus"),
            Step("events.CreateEventBus", {"Name": "mine"}, error="ResourceAlreadyExistsException"),
            Step("events.DescribeEventBus", {"Name": "mine"}, {"Arn": "${bus.EventBusArn}"}),
            Step("events.ListEventBuses", {}, {"EventBuses[].Name": ["default", "mine"]}),
            Step(
                "events.TagResource",
                {"ResourceARN": "${bus.EventBusArn}", "Tags": [{"Key": "team", "Value": "shop"}]},
            ),
            Step("events.ListTagsForResource", {"ResourceARN": "${bus.EventBusArn}"}, {"Tags[].Key": ["team"]}),
            Step("events.UntagResource", {"ResourceARN": "${bus.EventBusArn}", "TagKeys": ["team"]}),
            Step(
                "events.ListRuleNamesByTarget",
                {"TargetArn": "arn:aws:sqs:eu-central-1:${account}:none"},
                {"RuleNames": []},
            ),
            Step("events.DeleteEventBus", {"Name": "mine"}),
        ],
    ),
]
