//! Lines of the log, and the spans that give them their ids.
//!
//! A line is one flat JSON object: its own fields and those of all spans around it, the innermost first. So each line
//! on a restore point can be found by `session`, `policy`, `table` or `point`, whoever wrote it, and by Lambda's
//! `requestId`.

use std::fmt::{self, Debug};

use backup_chain_core::ids::{RunId, Table, VaultArn};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::Restore;
use backup_chain_core::session::Session;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Span, Subscriber, error_span};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::Clock;

// The spans are of the level `error`: a filter that hides lines must not hide the ids of those that it shows.

/// Around the work on a session.
pub fn of_session(session: &Session) -> Span {
    let policy = session.policy.as_ref().map(|policy| policy.name.as_str());
    error_span!("session", session = %session.id, policy)
}

/// Around the work on a restore point.
pub fn of_point(point: &RestorePoint) -> Span {
    let policy = point.policy.as_ref().map(|policy| policy.name.as_str());
    let (table, vault) = (&point.table.arn.name, point.place());
    error_span!("point", session = %point.session, policy, %table, point = %point.id, kind = ?point.kind, vault)
}

/// Around the work on a chain.
pub fn of_chain(table: &Table, vault: &VaultArn) -> Span {
    error_span!("chain", table = %table.arn.name, vault = vault.place())
}

/// Around a retention run.
pub fn of_run(run: &RunId) -> Span {
    error_span!("run", %run)
}

/// Around the work on a restore.
pub fn of_restore(restore: &Restore) -> Span {
    let (table, target) = (&restore.table.arn.name, &restore.target);
    error_span!("restore", restore = %restore.id, %table, point = %restore.point, %target)
}

/// Writes an event as one flat JSON object, with the moment that a clock tells.
#[derive(Debug, Clone)]
pub(crate) struct FlatJsonFormat(pub Clock);

#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    level: &'a str,
    #[serde(flatten)]
    fields: Map<String, Value>,
    module: &'a str,
}

impl<S> FormatEvent<S, JsonFields> for FlatJsonFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut of_spans = Map::new();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let told = extensions.get::<FormattedFields<JsonFields>>();
            if let Some(Value::Object(of_span)) = told.and_then(|told| serde_json::from_str(told).ok()) {
                of_spans.extend(of_span);
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        // The event's own come before those of its spans, the innermost of those first.
        for (name, value) in of_spans {
            if !RESERVED.contains(&name.as_str()) {
                fields.0.entry(name).or_insert(value);
            }
        }
        let timestamp = format!("{:.3}", self.0.now());
        let metadata = event.metadata();
        let line = Line {
            timestamp: &timestamp,
            level: metadata.level().as_str(),
            fields: fields.0,
            module: metadata.target(),
        };
        let line = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

/// The names that are the line's own.
const RESERVED: [&str; 4] = ["timestamp", "level", "message", "module"];

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    /// The text of a line is a field too, `message`, and the first of an event. A field of the same name, or of another
    /// name that is the line's own, stands beside it.
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        let mut name = field.name().to_owned();
        let is_text = name == "message" && !self.0.contains_key("message");
        if !is_text && RESERVED.contains(&name.as_str()) {
            name.push('_');
        }
        self.0.insert(name, value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}"));
    }
}
