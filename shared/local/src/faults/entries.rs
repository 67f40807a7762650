//! Batches, whose entries can fail while the call succeeds.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    api::ApiError,
    wire::{Protocol, Reply, Service, text},
};

/// What refused entries say.
const MESSAGE: &str = "Refused by a fault of the embedded AWS.";
/// Which codes of an entry are not its sender's fault.
const SERVICE_FAULT_CODES: [&str; 6] = [
    "InternalError",
    "InternalFailure",
    "KmsThrottled",
    "RequestThrottled",
    "ServiceUnavailable",
    "ThrottlingException",
];

/// The places of refused entries, with a code each.
type Refused = BTreeMap<usize, String>;

/// How an operation takes several entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batch {
    /// PutEvents: the answer has an entry for each, in their order.
    Events,
    /// BatchGetItem: what is not answered is in `UnprocessedKeys`.
    Get,
    /// BatchWriteItem: what is not done is in `UnprocessedItems`.
    Write,
    /// The batches of SQS: what is not done is in `Failed`, by its id.
    Messages,
    /// A transaction of DynamoDB: one refused entry cancels it.
    Transaction,
}

/// What is left of a batch.
#[derive(Debug)]
pub(crate) enum Left {
    /// The request without what is refused.
    Request(Value),
    /// Nothing, and the call succeeds with this for its answer.
    Nothing(Value),
    /// The call fails.
    Refusal(Reply),
}

impl Batch {
    /// How this operation takes entries; `None` when it takes none.
    pub(crate) fn of(service: Service, operation: &str) -> Option<Self> {
        match (service, operation) {
            (Service::Events, "PutEvents") => Some(Self::Events),
            (Service::DynamoDb, "BatchGetItem") => Some(Self::Get),
            (Service::DynamoDb, "BatchWriteItem") => Some(Self::Write),
            (Service::DynamoDb, "TransactGetItems" | "TransactWriteItems") => Some(Self::Transaction),
            (Service::Sqs, "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch") => {
                Some(Self::Messages)
            }
            _ => None,
        }
    }

    /// The entries of a request. Those of a batch over tables follow each other as their tables do.
    pub(crate) fn entries(self, body: &Value) -> Vec<&Value> {
        match self {
            Self::Events | Self::Messages => list(&body["Entries"]).collect(),
            Self::Transaction => list(&body["TransactItems"]).collect(),
            Self::Get => by_table(body).flat_map(|(_, wanted)| list(&wanted["Keys"])).collect(),
            Self::Write => by_table(body).flat_map(|(_, wanted)| list(wanted)).collect(),
        }
    }

    /// A request without what is refused of it.
    pub(crate) fn left(self, body: &Value, refused: &Refused) -> Left {
        let goes_on = self.entries(body).len() > refused.len();
        match self {
            Self::Transaction => Left::Refusal(canceled(list(&body["TransactItems"]).count(), refused)),
            // AWS documents that a batch of which nothing is processed fails as a whole.
            Self::Get | Self::Write if !goes_on => Left::Refusal(Reply::refusal(
                Protocol::Json10,
                &ApiError::client(
                    "ProvisionedThroughputExceededException",
                    "The level of configured provisioned throughput for one or more tables was exceeded.",
                ),
            )),
            Self::Get | Self::Write => {
                let mut request = body.clone();
                request["RequestItems"] = self.of_tables(body, |place| !refused.contains_key(&place));
                Left::Request(request)
            }
            Self::Events | Self::Messages if !goes_on => Left::Nothing(json!({})),
            Self::Events | Self::Messages => {
                let mut request = body.clone();
                request["Entries"] = list(&body["Entries"])
                    .enumerate()
                    .filter(|(place, _)| !refused.contains_key(place))
                    .map(|(_, entry)| entry.clone())
                    .collect();
                Left::Request(request)
            }
        }
    }

    /// The answer to what was left, with what was refused.
    pub(crate) fn answer(self, body: &Value, refused: &Refused, mut answer: Value) -> Value {
        match self {
            Self::Events => {
                let mut done = list(&answer["Entries"]).cloned().collect::<Vec<_>>().into_iter();
                let entries: Vec<Value> = (0..list(&body["Entries"]).count())
                    .filter_map(|place| match refused.get(&place) {
                        Some(code) => Some(json!({ "ErrorCode": code, "ErrorMessage": MESSAGE })),
                        None => done.next(),
                    })
                    .collect();
                answer["FailedEntryCount"] =
                    json!(entries.iter().filter(|entry| entry.get("ErrorCode").is_some()).count());
                answer["Entries"] = Value::Array(entries);
            }
            Self::Get => {
                answer["UnprocessedKeys"] = self.of_tables(body, |place| refused.contains_key(&place));
            }
            Self::Write => {
                answer["UnprocessedItems"] = self.of_tables(body, |place| refused.contains_key(&place));
            }
            Self::Messages => {
                let mut failed: Vec<Value> = list(&answer["Failed"]).cloned().collect();
                for (place, entry) in list(&body["Entries"]).enumerate() {
                    if let Some(code) = refused.get(&place) {
                        failed.push(json!({
                            "Id": text(entry, "Id"),
                            "Code": code,
                            "Message": MESSAGE,
                            "SenderFault": !SERVICE_FAULT_CODES.contains(&code.as_str()),
                        }));
                    }
                }
                answer["Failed"] = Value::Array(failed);
            }
            Self::Transaction => {}
        }
        answer
    }

    /// The `RequestItems` of a request with the entries alone that are wanted.
    fn of_tables(self, body: &Value, is_wanted: impl Fn(usize) -> bool) -> Value {
        let mut place = 0;
        let mut chosen = Map::new();
        for (table, wanted) in by_table(body) {
            let entries = if self == Self::Get { &wanted["Keys"] } else { wanted };
            let mut kept = Vec::new();
            for entry in list(entries) {
                if is_wanted(place) {
                    kept.push(entry.clone());
                }
                place += 1;
            }
            if kept.is_empty() {
                continue;
            }
            let kept = Value::Array(kept);
            let mut of_table = wanted.clone();
            if self == Self::Get {
                of_table["Keys"] = kept;
            } else {
                of_table = kept;
            }
            chosen.insert(table.clone(), of_table);
        }
        Value::Object(chosen)
    }
}

/// How DynamoDB cancels a transaction: with a reason for each of its entries, `None` for those that are none.
fn canceled(entries: usize, refused: &Refused) -> Reply {
    const CODE: &str = "TransactionCanceledException";
    let codes: Vec<&str> =
        (0..entries).map(|place| refused.get(&place).map_or("None", String::as_str)).collect();
    let reasons: Vec<Value> = codes
        .iter()
        .map(|code| match *code {
            "None" => json!({ "Code": code }),
            code => json!({ "Code": code, "Message": MESSAGE }),
        })
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{CODE}"),
        "Message": message,
        "CancellationReasons": reasons,
    });
    Reply::new(Protocol::Json10, 400, Some(CODE.to_owned()), body.to_string())
}

fn by_table(body: &Value) -> impl Iterator<Item = (&String, &Value)> {
    body["RequestItems"].as_object().into_iter().flatten()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
