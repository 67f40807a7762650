//! Counts with their unit, such as `8 hours`, as the canonical form has them.

use serde::{Serialize, Serializer};

fn counted(count: u32, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

pub(super) fn hours<S: Serializer>(count: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&counted(*count, "hour"))
}

pub(super) fn some_hours<S: Serializer>(count: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    count.map(|count| counted(count, "hour")).serialize(serializer)
}

pub(super) fn days<S: Serializer>(count: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    count.map(|count| counted(count, "day")).serialize(serializer)
}

pub(super) fn minutes<S: Serializer>(count: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&counted(*count, "minute"))
}
