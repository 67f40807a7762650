//! Vector indexes, from the documents in which they were captured.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types as aws;
use backup_chain_core::settings::Json;
use serde_json::Value;

/// The parts of an index.
struct Parts {
    attribute: Option<aws::VectorAttributeDefinition>,
    schema: Vec<aws::SearchSchemaElement>,
    projection: Option<aws::Projection>,
    dimensions: Option<i64>,
    distance: Option<aws::VectorDistanceFunction>,
}

impl Parts {
    fn of(index: &Json) -> Result<Self, BuildError> {
        let index = &index.0;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let attribute = text(&index["VectorAttribute"]["AttributeName"]);
        let element = |element: &Value| {
            aws::SearchSchemaElement::builder()
                .set_attribute_name(text(&element["AttributeName"]))
                .set_search_schema_element_type(element["SearchSchemaElementType"].as_str().map(Into::into))
                .build()
        };
        let projection = index.get("Projection").map(|projection| {
            let also: Vec<String> = list(&projection["NonKeyAttributes"]).iter().filter_map(text).collect();
            aws::Projection::builder()
                .set_projection_type(projection["ProjectionType"].as_str().map(Into::into))
                .set_non_key_attributes(Some(also).filter(|also| !also.is_empty()))
                .build()
        });
        Ok(Self {
            attribute: attribute
                .map(|name| aws::VectorAttributeDefinition::builder().attribute_name(name).build())
                .transpose()?,
            schema: list(&index["SearchSchema"]).iter().map(element).collect::<Result<_, _>>()?,
            projection,
            dimensions: index["Dimensions"].as_i64(),
            distance: index["DistanceFunction"].as_str().map(Into::into),
        })
    }
}

/// An index as a restore keeps it.
pub(crate) fn kept(name: &str, index: &Json) -> Result<aws::VectorIndex, BuildError> {
    let Parts { attribute, schema, projection, dimensions, distance } = Parts::of(index)?;
    aws::VectorIndex::builder()
        .index_name(name)
        .set_vector_attribute(attribute)
        .set_search_schema(Some(schema).filter(|schema| !schema.is_empty()))
        .set_projection(projection)
        .set_dimensions(dimensions)
        .set_distance_function(distance)
        .build()
}

/// The update of a table that makes an index.
pub(crate) fn made(name: &str, index: &Json) -> Result<aws::VectorIndexUpdate, BuildError> {
    let Parts { attribute, schema, projection, dimensions, distance } = Parts::of(index)?;
    let action = aws::CreateVectorIndexAction::builder()
        .index_name(name)
        .set_vector_attribute(attribute)
        .set_search_schema(Some(schema).filter(|schema| !schema.is_empty()))
        .set_projection(projection)
        .set_dimensions(dimensions)
        .set_distance_function(distance)
        .build()?;
    Ok(aws::VectorIndexUpdate::builder().create(action).build())
}
