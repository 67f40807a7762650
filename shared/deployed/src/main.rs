//! The embedded AWS as a program.

mod demo;
mod moving;

use std::{
    error::Error,
    io::{IsTerminal, stdout},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use backup_chain_aws::runtime::CLOCK;
use backup_chain_deployed::stack::{self, NoFunction, Schedules};
use backup_chain_local::{Options, Plan, World, admin::Shown, backup, dynamodb, server};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    net::TcpListener,
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// An embedded AWS for Backup Chain, in memory: AWS Backup, DynamoDB, KMS, Lambda, EventBridge, SQS and more.
#[derive(Debug, Parser)]
#[command(name = "backup-chain-local", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the embedded AWS on this machine until Ctrl-C.
    #[command(
        after_help = "Examples:\n  backup-chain-local serve --port 4566\n  backup-chain-local serve --deploy --pace aws\n  \
        backup-chain-local serve --deploy --clock held --start 2026-01-05T06:50:00Z --tick 1h\n\n\
        Then, in another shell, set what it prints and use any AWS client:\n  aws dynamodb list-tables\n\n\
        An access key of twelve digits is the account. Everything is gone when it stops.\n\
        RUST_LOG=backup_chain_local=debug tells each call on standard error."
    )]
    Serve(Serving),
    /// Show or move the clock of an embedded AWS that is served.
    #[command(
        after_help = "Examples:\n  backup-chain-local clock show\n  backup-chain-local clock advance 1d\n  \
        backup-chain-local clock set 2026-02-05T07:00:00Z\n\n\
        What is due until then happens, each at its moment and to its end: schedules fire, jobs and functions run. The\n\
        command ends when all is done, and tells the time. Ctrl-C stops the clock where it is."
    )]
    Clock(moving::Clock),
    /// Live through six weeks of backups in less than a minute, draw the chains and check them.
    #[command(
        after_help = "Examples:\n  backup-chain-local demo\n  backup-chain-local demo --report report.html\n\n\
        Nothing is kept but the report, and nothing outside the process is touched. Every run prints the same, but for its last\n\
        line. It exits with 1 when a check does not hold. NO_COLOR=1 turns colours off."
    )]
    Demo {
        /// Write the report of the weeks to this file, and what the catalog says to one that is named like it, with .json.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
}

/// What is served, and how.
#[derive(Debug, Args)]
struct Serving {
    /// The TCP port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// The seed of keys, ids and all other randomness.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How long the jobs of AWS Backup and the changes of tables take.
    #[arg(long, value_enum, default_value_t = Pace::Quick)]
    pace: Pace,
    /// Deploy Backup Chain in account 111122223333, Regions eu-central-1 and eu-west-1.
    #[arg(long)]
    deploy: bool,
    /// The time from one tick of the deployment to the next, in whole minutes: a long one makes months short.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = minutes, requires = "deploy")]
    tick: SignedDuration,
    /// Whether time runs, or stands still while no function runs and `backup-chain-local clock` does not move it.
    #[arg(long, value_enum, default_value_t = Time::Running)]
    clock: Time,
    /// What the clock shows at first, such as 2026-01-05T06:50:00Z; the present moment unless said.
    #[arg(long, value_name = "MOMENT")]
    start: Option<Timestamp>,
    /// Where the functions' built binaries are; beside this program unless said.
    #[arg(long, value_name = "FOLDER", requires = "deploy")]
    functions: Option<PathBuf>,
    /// A plan of faults: a YAML file.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Let every reader see every change at once, as AWS never promises: to compare with emulators that know no lag,
    /// or for a session whose answers are known beforehand. Nothing is proven for AWS that way.
    #[arg(long)]
    consistent: bool,
    /// Write every exchange to this file, as lines of JSON, with bodies but without credentials.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// How fast the world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pace {
    /// No time at all: for scripts.
    Instant,
    /// Seconds: to try things.
    Quick,
    /// Minutes, as AWS takes them; events come up to five minutes late.
    Aws,
}

/// How time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Time {
    /// As everywhere.
    Running,
    /// When it is moved.
    Held,
}

/// A time of whole minutes.
fn minutes(text: &str) -> Result<SignedDuration, String> {
    let time: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    if time < SignedDuration::from_mins(1) || time != SignedDuration::from_mins(time.as_mins()) {
        return Err("a schedule runs every so many whole minutes, such as 1m, 15m or 1h".to_owned());
    }
    Ok(time)
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("port {0} is in use: stop what listens there, or choose another with --port")]
    PortInUse(u16),
    #[error("cannot listen on 127.0.0.1:{0}: {1}")]
    Listen(u16, std::io::Error),
    #[error("cannot write {}: {error}", path.display())]
    Record { path: PathBuf, error: std::io::Error },
    #[error("serving failed: {0}")]
    Serve(#[from] std::io::Error),
    #[error("the plan of faults {path} cannot be read: {problem}")]
    Faults { path: PathBuf, problem: String },
    #[error("{0}; build it (cargo build --workspace), or say where the functions are with --functions")]
    NoFunction(NoFunction),
    #[error("the deployment broke off: {}", chain(&**.0))]
    Deploy(stack::Failure),
    #[error(transparent)]
    Clock(#[from] moving::Failure),
    #[error("the demo broke off: {}", chain(&**.0))]
    Demo(stack::Failure),
}

/// An error with what lies behind it: the SDK's own say little.
fn chain(error: &dyn Error) -> String {
    let behind = error.source().map(chain).unwrap_or_default();
    if behind.is_empty() { error.to_string() } else { format!("{error}: {behind}") }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serving) => run(Builder::new_current_thread().enable_all(), serve(&serving)),
        Command::Clock(clock) => run(Builder::new_current_thread().enable_all(), moved(&clock)),
        // Its clock moves only when everybody waits.
        Command::Demo { report } => {
            run(Builder::new_current_thread().enable_time().start_paused(true), play(report.as_deref()))
        }
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            #[expect(clippy::print_stderr, reason = "the program's own error output")]
            {
                eprintln!("error: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(
    runtime: &mut Builder,
    work: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    runtime.build()?.block_on(work)
}

async fn play(report: Option<&Path>) -> Result<ExitCode, Failure> {
    let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let held = demo::run(stdout().lock(), colour, report).await.map_err(Failure::Demo)?;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn moved(clock: &moving::Clock) -> Result<ExitCode, Failure> {
    #[expect(clippy::print_stderr, reason = "how far the clock is")]
    let note = |shown: &Shown| eprintln!("{:.0} ...", shown.now);
    let now = moving::run(clock, note).await?;
    #[expect(clippy::print_stdout, reason = "what was asked for")]
    {
        println!("{now:.0}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of this program.
fn beside() -> Option<PathBuf> {
    std::env::current_exe().ok()?.parent().map(Path::to_owned)
}

async fn serve(serving: &Serving) -> Result<ExitCode, Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let plan = serving.faults.as_deref().map(plan).transpose()?;
    let functions = serving.deploy.then(|| serving.functions.clone().or_else(beside)).flatten();
    let port = serving.port;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Failure::PortInUse(port),
            _ => Failure::Listen(port, error),
        })?;
    let address = listener.local_addr()?;
    let mut ended = signal(SignalKind::terminate())?;
    #[expect(clippy::disallowed_methods, reason = "a world that is served begins today")]
    let start = serving.start.unwrap_or_else(Timestamp::now);
    // A deployment takes a moment, and is there at the start.
    let begin = if serving.deploy { start - SignedDuration::from_mins(1) } else { start };
    let world = World::new(Options { start: begin, seed: serving.seed });
    world.keep_no_calls();
    if serving.consistent {
        world.consistent();
    }
    if let Some(path) = &serving.record {
        let unwritable = |error| Failure::Record { path: path.clone(), error };
        world.tap(std::fs::File::create(path).map_err(unwritable)?);
    }
    match serving.pace {
        Pace::Instant => hurry(&world, SignedDuration::ZERO),
        Pace::Quick => hurry(&world, SignedDuration::from_secs(2)),
        Pace::Aws => {}
    }
    if let Some(functions) = &functions {
        deploy(&world, functions, serving.tick).await?;
    }
    if serving.clock == Time::Held {
        world.hold_clock();
    }
    world.clock().move_to(start);
    world.with_dynamodb(|tables| {
        tables.durations = match serving.pace {
            Pace::Instant => dynamodb::Durations::none(),
            Pace::Quick | Pace::Aws => dynamodb::Durations::served(),
        };
    });
    if let Some(plan) = plan {
        plan.apply(&world);
    }
    // Functions that others make are told the time as well.
    world.tell_clock_in(CLOCK);
    let clock = world.clock_file()?;
    #[expect(clippy::print_stdout, reason = "what a shell needs to talk to this program")]
    {
        println!(
            "export AWS_ENDPOINT_URL=http://{address}\n\
             export AWS_ACCESS_KEY_ID=111122223333\n\
             export AWS_SECRET_ACCESS_KEY=not-checked\n\
             export AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1\n\
             export {}={}\n\
             # The embedded AWS listens; Ctrl-C stops it.",
            CLOCK,
            clock.display(),
        );
        if functions.is_some() {
            let names = stack::FUNCTIONS.map(|(name, _)| stack::function(name)).join(", ");
            println!("# Backup Chain is deployed: its functions are {names}.");
        }
        if serving.clock == Time::Held {
            println!("# Its clock stands still at {start:.0}: backup-chain-local clock advance 1h moves it.");
        }
    }
    tokio::select! {
        served = server::serve(world, listener) => served?,
        stop = tokio::signal::ctrl_c() => stop?,
        _ = ended.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(path: &Path) -> Result<Plan, Failure> {
    let unreadable = |problem: String| Failure::Faults { path: path.to_owned(), problem };
    let document = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    Plan::read(&document).map_err(unreadable)
}

/// Jobs take so long, and their events come as late.
fn hurry(world: &World, time: SignedDuration) {
    world.with_backup(|jobs| {
        jobs.set_durations(backup::Durations {
            start: time / 2,
            backup: time,
            copy: time,
            restore: time,
            cold: time,
            delete: time / 2,
            ..backup::Durations::default()
        });
        jobs.event_faults_mut().delay_to = time;
    });
}

async fn deploy(world: &World, functions: &Path, tick: SignedDuration) -> Result<(), Failure> {
    let schedules = Schedules { tick, ..Schedules::default() };
    match stack::deploy_programs(world, schedules, functions).await {
        Ok(_) => Ok(()),
        Err(failure) => Err(match failure.downcast::<NoFunction>() {
            Ok(missing) => Failure::NoFunction(*missing),
            Err(failure) => Failure::Deploy(failure),
        }),
    }
}
