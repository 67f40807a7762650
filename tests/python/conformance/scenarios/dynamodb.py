"""DynamoDB."""

from ..scenario import Like, Scenario, Step
from .tables import item, ready, table

ARN = "arn:aws:dynamodb:eu-central-1:${account}:table/orders"
STREAM = "arn:aws:kinesis:eu-central-1:${account}:stream/changes"
POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::${account}:root"},'
    '"Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:eu-central-1:${account}:table/orders"}]}'
)

TABLES = Scenario(
    "dynamodb: tables",
    [
        Step(
            "dynamodb.CreateTable",
            table("orders"),
            {
                "TableDescription.TableArn": ARN,
                "TableDescription.BillingModeSummary.BillingMode": "PAY_PER_REQUEST",
                "TableDescription.TableId": Like("[0-9a-f-]{36}"),
            },
            fact="AWS documents that CreateTable answers the table's description, with an id of its own.",
        ),
        ready("orders"),
        Step("dynamodb.CreateTable", table("orders"), error="ResourceInUseException"),
        Step(
            "dynamodb.CreateTable",
            table("ab"),
            error="ValidationException",
            fact="AWS documents that table names have at least 3 characters.",
        ),
        Step("dynamodb.ListTables", {}, {"TableNames": ["orders"]}),
        Step(
            "dynamodb.UpdateTable",
            {
                "TableName": "orders",
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
            },
        ),
        ready("orders"),
        Step(
            "dynamodb.DescribeTable",
            {"TableName": "orders"},
            {
                "Table.ProvisionedThroughput.ReadCapacityUnits": 5,
                "Table.ProvisionedThroughput.WriteCapacityUnits": 6,
            },
        ),
        Step("dynamodb.DescribeTable", {"TableName": "missing"}, error="ResourceNotFoundException"),
        Step("dynamodb.UpdateTable", {"TableName": "orders", "DeletionProtectionEnabled": True}),
        ready("orders"),
        Step(
            "dynamodb.DeleteTable",
            {"TableName": "orders"},
            error="ValidationException",
            fact="AWS documents that a table with deletion protection cannot be deleted.",
        ),
        Step("dynamodb.UpdateTable", {"TableName": "orders", "DeletionProtectionEnabled": False}),
        ready("orders"),
        Step("dynamodb.DeleteTable", {"TableName": "orders"}, {"TableDescription.TableStatus": "DELETING"}),
        Step("dynamodb.DescribeTable", {"TableName": "orders"}, error="ResourceNotFoundException", wait=True),
        Step("dynamodb.DeleteTable", {"TableName": "orders"}, error="ResourceNotFoundException"),
    ],
)

ITEMS = Scenario(
    "dynamodb: items",
    [
        Step("dynamodb.CreateTable", table("orders")),
        ready("orders"),
        Step("dynamodb.PutItem", {"TableName": "orders", "Item": item("a", 1, name={"S": "first"})}),
        Step(
            "dynamodb.PutItem",
            {"TableName": "orders", "Item": item("a", 1), "ConditionExpression": "attribute_not_exists(pk)"},
            error="ConditionalCheckFailedException",
            fact="AWS documents ConditionalCheckFailedException for a condition that does not hold.",
        ),
        Step("dynamodb.PutItem", {"TableName": "orders", "Item": {"pk": {"S": "a"}}}, error="ValidationException"),
        Step("dynamodb.PutItem", {"TableName": "missing", "Item": item("a", 1)}, error="ResourceNotFoundException"),
        Step(
            "dynamodb.GetItem",
            {"TableName": "orders", "Key": item("a", 1), "ConsistentRead": True},
            {"Item": item("a", 1, name={"S": "first"})},
        ),
        Step("dynamodb.GetItem", {"TableName": "orders", "Key": item("b", 1)}, {"Item": None}),
        Step(
            "dynamodb.UpdateItem",
            {
                "TableName": "orders",
                "Key": item("a", 1),
                "UpdateExpression": "SET #name = :name ADD amount :one",
                "ExpressionAttributeNames": {"#name": "name"},
                "ExpressionAttributeValues": {":name": {"S": "changed"}, ":one": {"N": "1"}},
                "ReturnValues": "ALL_NEW",
            },
            {"Attributes": item("a", 1, name={"S": "changed"}, amount={"N": "1"})},
        ),
        Step(
            "dynamodb.BatchWriteItem",
            {"RequestItems": {"orders": [{"PutRequest": {"Item": item("a", number)}} for number in (2, 3)]}},
            {"UnprocessedItems": {}},
        ),
        Step(
            "dynamodb.BatchGetItem",
            {"RequestItems": {"orders": {"Keys": [item("a", 2)]}}},
            {"Responses.orders": [item("a", 2)], "UnprocessedKeys": {}},
        ),
        Step(
            "dynamodb.Query",
            {
                "TableName": "orders",
                "KeyConditionExpression": "pk = :pk AND sk > :sk",
                "ExpressionAttributeValues": {":pk": {"S": "a"}, ":sk": {"N": "1"}},
                "Limit": 1,
            },
            {"Count": 1, "ScannedCount": 1, "Items": [item("a", 2)], "LastEvaluatedKey": item("a", 2)},
            fact="AWS documents that a page that Limit ends tells LastEvaluatedKey.",
        ),
        Step("dynamodb.Scan", {"TableName": "orders", "Select": "COUNT"}, {"Count": 3, "Items": None}),
        Step(
            "dynamodb.TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "orders", "Item": item("b", 1)}}]},
        ),
        Step(
            "dynamodb.TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "orders", "Item": item("c", 1)}},
                    {
                        "ConditionCheck": {
                            "TableName": "orders",
                            "Key": item("b", 1),
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                ]
            },
            error="TransactionCanceledException",
            fact="AWS documents that a transaction with a condition that fails is cancelled as a whole.",
        ),
        Step(
            "dynamodb.TransactGetItems",
            {"TransactItems": [{"Get": {"TableName": "orders", "Key": item(key, 1)}} for key in ("b", "c")]},
            {"Responses[0].Item": item("b", 1), "Responses[1].Item": None},
        ),
        Step(
            "dynamodb.DeleteItem",
            {"TableName": "orders", "Key": item("b", 1), "ReturnValues": "ALL_OLD"},
            {"Attributes": item("b", 1)},
        ),
    ],
)

STATEMENTS = Scenario(
    "dynamodb: PartiQL",
    [
        Step("dynamodb.CreateTable", table("orders")),
        ready("orders"),
        Step("dynamodb.PutItem", {"TableName": "orders", "Item": item("a", 1)}),
        Step(
            "dynamodb.ExecuteStatement",
            {"Statement": "SELECT * FROM \"orders\" WHERE pk = 'a'"},
            {"Items": [item("a", 1)]},
        ),
        Step(
            "dynamodb.BatchExecuteStatement",
            {"Statements": [{"Statement": "SELECT * FROM \"orders\" WHERE pk = 'a' AND sk = 1"}]},
            {"Responses[0].Item": item("a", 1)},
        ),
        Step(
            "dynamodb.ExecuteTransaction",
            {"TransactStatements": [{"Statement": "INSERT INTO \"orders\" VALUE {'pk': 'b', 'sk': 1}"}]},
        ),
        Step("dynamodb.ExecuteStatement", {"Statement": "NONSENSE"}, error="ValidationException"),
    ],
)

SETTINGS = Scenario(
    "dynamodb: settings beside a table",
    [
        Step("dynamodb.CreateTable", table("orders", Tags=[{"Key": "team", "Value": "shop"}])),
        ready("orders"),
        Step("dynamodb.ListTagsOfResource", {"ResourceArn": ARN}, {"Tags": [{"Key": "team", "Value": "shop"}]}),
        Step("dynamodb.TagResource", {"ResourceArn": ARN, "Tags": [{"Key": "stage", "Value": "test"}]}),
        Step("dynamodb.UntagResource", {"ResourceArn": ARN, "TagKeys": ["team"]}),
        Step("dynamodb.ListTagsOfResource", {"ResourceArn": ARN}, {"Tags": [{"Key": "stage", "Value": "test"}]}),
        Step(
            "dynamodb.DescribeTimeToLive",
            {"TableName": "orders"},
            {"TimeToLiveDescription.TimeToLiveStatus": "DISABLED"},
        ),
        Step(
            "dynamodb.UpdateTimeToLive",
            {"TableName": "orders", "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True}},
            {"TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True}},
        ),
        Step(
            "dynamodb.DescribeTimeToLive",
            {"TableName": "orders"},
            {"TimeToLiveDescription": {"AttributeName": "expires", "TimeToLiveStatus": "ENABLED"}},
            wait=True,
        ),
        Step(
            "dynamodb.DescribeContinuousBackups",
            {"TableName": "orders"},
            {
                "ContinuousBackupsDescription.ContinuousBackupsStatus": "ENABLED",
                "ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus": "DISABLED",
            },
            fact="AWS documents that continuous backups are ENABLED on all tables at table creation.",
        ),
        Step(
            "dynamodb.UpdateContinuousBackups",
            {"TableName": "orders", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
            {
                "ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus": "ENABLED",
                "ContinuousBackupsDescription.PointInTimeRecoveryDescription.RecoveryPeriodInDays": 35,
            },
            fact="AWS documents that the recovery period is 35 days when none is given.",
        ),
        Step("dynamodb.GetResourcePolicy", {"ResourceArn": ARN}, error="PolicyNotFoundException"),
        Step("dynamodb.PutResourcePolicy", {"ResourceArn": ARN, "Policy": POLICY}, keep="policy"),
        Step("dynamodb.GetResourcePolicy", {"ResourceArn": ARN}, {"RevisionId": "${policy.RevisionId}"}),
        Step(
            "dynamodb.PutResourcePolicy",
            {"ResourceArn": ARN, "Policy": POLICY, "ExpectedRevisionId": "no-such-revision"},
            error="PolicyNotFoundException",
            fact="AWS documents PolicyNotFoundException for an ExpectedRevisionId that is not the policy's.",
        ),
        Step(
            "dynamodb.DeleteResourcePolicy",
            {"ResourceArn": ARN},
            error="ResourceInUseException",
            fact="AWS documents that a policy rests for 15 seconds after a change; the error is an assumption.",
        ),
        Step(
            "dynamodb.EnableKinesisStreamingDestination",
            {"TableName": "orders", "StreamArn": STREAM},
            {"DestinationStatus": "ENABLING"},
        ),
        Step(
            "dynamodb.DescribeKinesisStreamingDestination",
            {"TableName": "orders"},
            {"KinesisDataStreamDestinations[].DestinationStatus": ["ACTIVE"]},
            wait=True,
        ),
        Step("dynamodb.DisableKinesisStreamingDestination", {"TableName": "orders", "StreamArn": STREAM}),
        Step(
            "dynamodb.UpdateContributorInsights",
            {"TableName": "orders", "ContributorInsightsAction": "ENABLE"},
            {"ContributorInsightsStatus": Like("ENABL(ING|ED)")},
        ),
        Step(
            "dynamodb.DescribeContributorInsights",
            {"TableName": "orders"},
            {"ContributorInsightsStatus": "ENABLED"},
            wait=True,
        ),
    ],
)

LIMITS = Scenario(
    "dynamodb: limits and endpoints",
    [
        Step("dynamodb.DescribeLimits", {}, {"TableMaxReadCapacityUnits": 40000}),
        Step("dynamodb.DescribeEndpoints", {}, {"length(Endpoints)": 1}),
        Step("dynamodb.CreateTable", table("orders")),
        ready("orders"),
        Step("dynamodb.ListContributorInsights", {"TableName": "orders"}),
        Step("dynamodb.EnableKinesisStreamingDestination", {"TableName": "orders", "StreamArn": STREAM}),
        Step(
            "dynamodb.DescribeKinesisStreamingDestination",
            {"TableName": "orders"},
            {"KinesisDataStreamDestinations[].DestinationStatus": ["ACTIVE"]},
            wait=True,
        ),
        Step(
            "dynamodb.UpdateKinesisStreamingDestination",
            {
                "TableName": "orders",
                "StreamArn": STREAM,
                "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"},
            },
            {"DestinationStatus": "UPDATING"},
        ),
    ],
)

SCENARIOS = [TABLES, ITEMS, STATEMENTS, SETTINGS, LIMITS]
