//! What the Lambda binaries share: logs and start-up.

use aws_config::BehaviorVersion;

use crate::clock::Random;
use crate::deployment::{Deployment, SettingError};
use crate::edge::Edge;

/// Structured JSON logs on standard output, at the level of `BACKUP_CHAIN_LOG` (default `info`).
pub fn logs() {
    let filter = std::env::var("BACKUP_CHAIN_LOG").unwrap_or_else(|_| "info".to_owned());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}

/// The edge of the deployment that the environment describes.
///
/// # Errors
/// When a variable that the template sets is missing or malformed.
pub async fn edge() -> Result<Edge, SettingError> {
    let deployment = Deployment::read(|name| std::env::var(name).ok())?;
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    Ok(Edge::new(config, deployment, Random::system()))
}
