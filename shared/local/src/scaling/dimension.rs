//! What a scalable target is of: a table or a global index, its reads or its writes.

use serde_json::{Value, json};

use super::requests::{invalid, required};
use crate::{
    api::{ApiError, Scope},
    dynamodb::Dynamo,
};

pub(super) const DYNAMODB: &str = "dynamodb";

/// The services that AWS scales; DynamoDB is the one that is modelled.
const NAMESPACES: [&str; 15] = [
    "appstream",
    "cassandra",
    "comprehend",
    "custom-resource",
    DYNAMODB,
    "ec2",
    "ecs",
    "elasticache",
    "elasticmapreduce",
    "kafka",
    "lambda",
    "neptune",
    "rds",
    "sagemaker",
    "workspaces",
];

/// What a target is known by: its resource id and its dimension.
pub(super) type Key = (String, String);

/// One capacity of a table or of one of its global indexes.
#[derive(Debug, Clone)]
pub(super) struct Dimension {
    /// `table/NAME` or `table/NAME/index/INDEX`.
    pub(super) resource: String,
    /// `dynamodb:table:ReadCapacityUnits` and its like.
    pub(super) name: String,
    table: String,
    index: Option<String>,
    pub(super) writes: bool,
}

impl Dimension {
    /// What a request names.
    ///
    /// # Errors
    /// When there is no such capacity.
    pub(super) fn read(body: &Value) -> Result<Self, ApiError> {
        let namespace = namespace(body)?;
        let (resource, name) = (required(body, "ResourceId")?, required(body, "ScalableDimension")?);
        let parts: Vec<&str> = resource.split('/').collect();
        let (table, index) = match parts.as_slice() {
            ["table", table] => (*table, None),
            ["table", table, "index", index] => (*table, Some((*index).to_owned())),
            _ => return Err(unsupported()),
        };
        let kind = if index.is_some() { "index" } else { "table" };
        let units = name.strip_prefix(&format!("{DYNAMODB}:{kind}:")).ok_or_else(unsupported)?;
        let writes = match units {
            "ReadCapacityUnits" => false,
            "WriteCapacityUnits" => true,
            _ => return Err(unsupported()),
        };
        if namespace != DYNAMODB || table.is_empty() {
            return Err(unsupported());
        }
        Ok(Self {
            resource: resource.to_owned(),
            name: name.to_owned(),
            table: table.to_owned(),
            index,
            writes,
        })
    }

    /// What a target of this resource and dimension is of.
    pub(super) fn of(resource: &str, name: &str) -> Option<Self> {
        Self::read(
            &json!({ "ServiceNamespace": DYNAMODB, "ResourceId": resource, "ScalableDimension": name }),
        )
        .ok()
    }

    /// The table, its index if it is one's, and whether it is about writes.
    pub(super) fn parts(&self) -> (&str, Option<&str>, bool) {
        (&self.table, self.index.as_deref(), self.writes)
    }

    /// What its target is known by.
    pub(super) fn key(&self) -> Key {
        (self.resource.clone(), self.name.clone())
    }

    /// `Read` or `Write`.
    pub(super) fn direction(&self) -> &'static str {
        if self.writes { "Write" } else { "Read" }
    }

    /// The dimensions of its metrics in CloudWatch.
    pub(super) fn metric_dimensions(&self) -> Value {
        let mut dimensions = vec![json!({ "Name": "TableName", "Value": self.table })];
        if let Some(index) = &self.index {
            dimensions.push(json!({ "Name": "GlobalSecondaryIndexName", "Value": index }));
        }
        Value::Array(dimensions)
    }

    /// The provisioned units now: 0 when the table is on-demand, or gone.
    pub(super) fn capacity(&self, dynamo: &Dynamo, scope: &Scope) -> u64 {
        self.throughput(dynamo, scope)
            .ok()
            .and_then(|throughput| throughput[format!("{}CapacityUnits", self.direction())].as_u64())
            .unwrap_or_default()
    }

    /// Whether the table can be changed now.
    pub(super) fn is_active(&self, dynamo: &Dynamo, scope: &Scope) -> bool {
        dynamo.described(scope, &self.table).is_some_and(|table| table["TableStatus"] == "ACTIVE")
    }

    /// The `ProvisionedThroughput` of the table or index.
    ///
    /// # Errors
    /// When there is none of its name.
    pub(super) fn throughput(&self, dynamo: &Dynamo, scope: &Scope) -> Result<Value, ApiError> {
        let description = dynamo
            .described(scope, &self.table)
            .ok_or_else(|| invalid(format!("DynamoDB table does not exist: {}", self.resource)))?;
        let Some(index) = &self.index else { return Ok(description["ProvisionedThroughput"].clone()) };
        description["GlobalSecondaryIndexes"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|known| known["IndexName"] == json!(index))
            .map(|known| known["ProvisionedThroughput"].clone())
            .ok_or_else(|| invalid(format!("DynamoDB index does not exist: {}", self.resource)))
    }

    /// The UpdateTable request that sets its units.
    pub(super) fn update(&self, throughput: &Value, units: u64) -> Value {
        let (mut read, mut write) =
            (throughput["ReadCapacityUnits"].clone(), throughput["WriteCapacityUnits"].clone());
        *(if self.writes { &mut write } else { &mut read }) = json!(units);
        let wanted = json!({ "ReadCapacityUnits": read, "WriteCapacityUnits": write });
        match &self.index {
            None => json!({ "TableName": self.table, "ProvisionedThroughput": wanted }),
            Some(index) => json!({
                "TableName": self.table,
                "GlobalSecondaryIndexUpdates":
                    [{ "Update": { "IndexName": index, "ProvisionedThroughput": wanted } }],
            }),
        }
    }
}

/// The namespace of a request.
///
/// # Errors
/// When AWS knows none of that name.
pub(super) fn namespace(body: &Value) -> Result<&str, ApiError> {
    let namespace = required(body, "ServiceNamespace")?;
    if NAMESPACES.contains(&namespace) {
        return Ok(namespace);
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{namespace}' at 'serviceNamespace' failed to satisfy constraint: \
         Member must satisfy enum value set: [{}]",
        NAMESPACES.join(", ")
    )))
}

fn unsupported() -> ApiError {
    invalid("Unsupported service namespace, resource type or scalable dimension")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(resource: &str, dimension: &str) -> Result<Dimension, ApiError> {
        Dimension::read(&json!({
            "ServiceNamespace": "dynamodb", "ResourceId": resource, "ScalableDimension": dimension,
        }))
    }

    #[test]
    fn tables_and_indexes_have_two_dimensions_each() {
        let index = read("table/orders/index/by-day", "dynamodb:index:WriteCapacityUnits").unwrap();
        assert_eq!(
            (index.table.as_str(), index.index.as_deref(), index.writes),
            ("orders", Some("by-day"), true)
        );
        assert!(!read("table/orders", "dynamodb:table:ReadCapacityUnits").unwrap().writes);
        for (resource, dimension) in [
            ("table/orders", "dynamodb:index:ReadCapacityUnits"),
            ("table/orders/index/by-day", "dynamodb:table:ReadCapacityUnits"),
            ("table/orders", "dynamodb:table:Items"),
            ("orders", "dynamodb:table:ReadCapacityUnits"),
            ("table/", "dynamodb:table:ReadCapacityUnits"),
        ] {
            assert_eq!(read(resource, dimension).unwrap_err().code, "ValidationException");
        }
    }
}
