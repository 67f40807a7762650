//! What the Lambda binaries share: logs and start-up.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use thiserror::Error;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::app::App;
use crate::clock::{Clock, FileClock, Random};
use crate::deployment::{Deployment, SettingError};
use crate::logs::FlatJsonFormat;
use crate::meter::Meter;

/// The variable that names a file with another clock than the system's. Only the embedded AWS sets it, whose time can
/// stand still and be moved; a function on AWS has none.
///
/// The file is one line: the moment in milliseconds since 1970 and, while that clock goes, the moment at which the
/// system's clock said so.
pub const CLOCK: &str = "BACKUP_CHAIN_CLOCK";

/// The clock of this process: the system's, but where [`CLOCK`] names another.
///
/// # Errors
/// When the file that it names tells no time.
pub fn time_source() -> Result<SharedTimeSource, ClockError> {
    match std::env::var_os(CLOCK) {
        None => Ok(SharedTimeSource::new(SystemTimeSource::new())),
        Some(path) => FileClock::open(path.into()).map(SharedTimeSource::new).map_err(ClockError),
    }
}

/// The clock that [`CLOCK`] names tells no time.
#[derive(Debug, Error)]
#[error("environment variable {CLOCK} {0}: unset it; only a running embedded AWS has such a file")]
pub struct ClockError(String);

/// Why a function cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A variable that the template sets.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The clock.
    #[error(transparent)]
    Clock(#[from] ClockError),
}

/// Structured JSON logs on standard output, of the level in `BACKUP_CHAIN_LOG` (default `info`).
pub fn logs() {
    let wanted = std::env::var("BACKUP_CHAIN_LOG").unwrap_or_else(|_| "info".to_owned());
    let level = wanted.parse();
    // A clock that cannot be read is reported by `app`, and ends the start-up.
    let time = time_source().unwrap_or_else(|_| SharedTimeSource::new(SystemTimeSource::new()));
    subscriber(*level.as_ref().unwrap_or(&LevelFilter::INFO), time, std::io::stdout).init();
    if level.is_err() {
        tracing::warn!(wanted, "BACKUP_CHAIN_LOG is no log level: info is taken");
    }
}

/// What [`logs`] installs. No level goes below `debug`: at `trace` the SDK logs whole answers, and with them the
/// settings of tables.
pub fn subscriber<W>(level: LevelFilter, time: SharedTimeSource, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(FlatJsonFormat(Clock::new(time)));
    // Not by target: those filters link a regular-expression engine into every function.
    tracing_subscriber::registry().with(lines.with_writer(writer)).with(level.min(LevelFilter::DEBUG))
}

/// The parts of a function of the deployment that the environment describes. What it measures goes to standard output.
///
/// # Errors
/// When a variable that the template sets is missing or malformed, or the clock cannot be read.
pub fn app() -> Result<App, StartError> {
    let variable = |name: &str| std::env::var(name).ok();
    let deployment = Deployment::read(variable)?;
    // Lambda gives a function its Region and credentials as variables and in no other way. Without the default chain,
    // its clients for files, other roles and the metadata services stay out of the binary.
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(deployment.region.to_string()))
        .time_source(time_source()?)
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        // As the default chain has it.
        .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_millis(3100)).build());
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    Ok(App::measured(config.build(), deployment, Random::system(), Meter::stdout()))
}
