//! What the Lambda binaries share: logs and start-up.

use aws_config::BehaviorVersion;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock::Random;
use crate::deployment::{Deployment, SettingError};
use crate::edge::Edge;
use crate::logs::Flat;
use crate::meter::Meter;

/// Structured JSON logs on standard output, by the filter in `BACKUP_CHAIN_LOG` (default `info`).
pub fn logs() {
    let filter = std::env::var("BACKUP_CHAIN_LOG").unwrap_or_else(|_| "info".to_owned());
    subscriber(&filter, std::io::stdout).init();
}

/// What [`logs`] installs. No filter goes below `debug`: at `trace` the SDK logs whole answers, and with them the
/// settings of tables.
pub fn subscriber<W>(filter: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(Flat);
    tracing_subscriber::registry()
        .with(lines.with_writer(writer))
        .with(EnvFilter::new(filter))
        .with(LevelFilter::DEBUG)
}

/// The edge of the deployment that the environment describes. What it measures goes to standard output.
///
/// # Errors
/// When a variable that the template sets is missing or malformed.
pub async fn edge() -> Result<Edge, SettingError> {
    let deployment = Deployment::read(|name| std::env::var(name).ok())?;
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    Ok(Edge::measured(config, deployment, Random::system(), Meter::stdout()))
}
