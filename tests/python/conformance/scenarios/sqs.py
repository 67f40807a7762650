"""SQS: standard queues."""

from ..scenario import Like, Scenario, Step

URL = "${queue.QueueUrl}"
MISSING = "AWS.SimpleQueueService.NonExistentQueue"

SCENARIOS = [
    Scenario(
        "sqs: a queue and its messages",
        [
            Step(
                "sqs.CreateQueue",
                {"QueueName": "letters", "Attributes": {"VisibilityTimeout": "60"}},
                {"QueueUrl": Like("https?://.*/${account}/letters")},
                keep="queue",
            ),
            Step(
                "sqs.CreateQueue",
                {"QueueName": "letters", "Attributes": {"VisibilityTimeout": "60"}},
                {"QueueUrl": URL},
                fact="AWS documents that CreateQueue with the same name and attributes answers the queue's URL.",
            ),
            Step(
                "sqs.CreateQueue",
                {"QueueName": "letters", "Attributes": {"VisibilityTimeout": "61"}},
                error="QueueAlreadyExists",
                fact="AWS documents QueueNameExists for the same name with other attributes.",
            ),
            Step("sqs.GetQueueUrl", {"QueueName": "letters"}, {"QueueUrl": URL}),
            Step(
                "sqs.GetQueueUrl",
                {"QueueName": "missing"},
                error=MISSING,
                fact="AWS documents that SQS keeps the error codes of its query protocol for clients of both.",
            ),
            Step("sqs.ListQueues", {}, {"QueueUrls": [URL]}),
            Step(
                "sqs.GetQueueAttributes",
                {"QueueUrl": URL, "AttributeNames": ["All"]},
                {
                    "Attributes.VisibilityTimeout": "60",
                    "Attributes.MessageRetentionPeriod": "345600",
                    "Attributes.QueueArn": "arn:aws:sqs:eu-central-1:${account}:letters",
                },
                fact="AWS documents that messages are kept for four days by default.",
            ),
            Step("sqs.SetQueueAttributes", {"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "30"}}),
            Step(
                "sqs.SendMessage",
                {"QueueUrl": URL, "MessageBody": "hello"},
                {"MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592"},
                keep="sent",
            ),
            Step(
                "sqs.ReceiveMessage",
                {"QueueUrl": URL, "MessageSystemAttributeNames": ["ApproximateReceiveCount"]},
                {
                    "Messages[].Body": ["hello"],
                    "Messages[].MessageId": ["${sent.MessageId}"],
                    "Messages[].Attributes.ApproximateReceiveCount": ["1"],
                },
                keep="received",
            ),
            Step(
                "sqs.ReceiveMessage",
                {"QueueUrl": URL},
                {"Messages": None},
                fact="AWS documents that a received message is invisible until its visibility timeout is over.",
            ),
            Step(
                "sqs.ChangeMessageVisibility",
                {"QueueUrl": URL, "ReceiptHandle": "${received.Messages[0].ReceiptHandle}", "VisibilityTimeout": 0},
            ),
            Step("sqs.ReceiveMessage", {"QueueUrl": URL}, {"Messages[].Body": ["hello"]}, keep="again", wait=True),
            Step("sqs.DeleteMessage", {"QueueUrl": URL, "ReceiptHandle": "${again.Messages[0].ReceiptHandle}"}),
            Step("sqs.TagQueue", {"QueueUrl": URL, "Tags": {"team": "shop"}}),
            Step("sqs.ListQueueTags", {"QueueUrl": URL}, {"Tags": {"team": "shop"}}),
            Step("sqs.UntagQueue", {"QueueUrl": URL, "TagKeys": ["team"]}),
            Step("sqs.PurgeQueue", {"QueueUrl": URL}),
            Step("sqs.DeleteQueue", {"QueueUrl": URL}),
        ],
    ),
    Scenario(
        "sqs: batches and dead letters",
        [
            Step("sqs.CreateQueue", {"QueueName": "dead"}, keep="dead"),
            Step(
                "sqs.CreateQueue",
                {
                    "QueueName": "work",
                    "Attributes": {
                        "RedrivePolicy": '{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:${account}:dead","maxReceiveCount":3}'
                    },
                },
                keep="queue",
            ),
            Step(
                "sqs.ListDeadLetterSourceQueues", {"QueueUrl": "${dead.QueueUrl}"}, {"queueUrls": ["${queue.QueueUrl}"]}
            ),
            Step(
                "sqs.SendMessageBatch",
                {
                    "QueueUrl": URL,
                    "Entries": [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b"}],
                },
                {"Successful[].Id": ["1", "2"]},
            ),
            Step(
                "sqs.SendMessageBatch",
                {
                    "QueueUrl": URL,
                    "Entries": [{"Id": "1", "MessageBody": "a"}, {"Id": "1", "MessageBody": "b"}],
                },
                error="AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Step("sqs.ReceiveMessage", {"QueueUrl": URL}, {"length(Messages)": 1}, keep="got"),
            Step(
                "sqs.ChangeMessageVisibilityBatch",
                {
                    "QueueUrl": URL,
                    "Entries": [
                        {"Id": "1", "ReceiptHandle": "${got.Messages[0].ReceiptHandle}", "VisibilityTimeout": 60}
                    ],
                },
                {"Successful[].Id": ["1"]},
            ),
            Step(
                "sqs.DeleteMessageBatch",
                {"QueueUrl": URL, "Entries": [{"Id": "1", "ReceiptHandle": "${got.Messages[0].ReceiptHandle}"}]},
                {"Successful[].Id": ["1"]},
            ),
        ],
    ),
]
