//! The embedded AWS as a program.

mod demo;

use std::{
    error::Error,
    io::{IsTerminal, stdout},
    net::Ipv4Addr,
    process::ExitCode,
};

use backup_chain_local::{Options, World, server, stack};
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use tokio::{net::TcpListener, runtime::Builder};

/// An embedded AWS for Backup Chain: DynamoDB, AWS Backup, KMS, tagging and STS, in memory.
#[derive(Debug, Parser)]
#[command(name = "backup-chain-local", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the embedded AWS on this machine until Ctrl-C.
    #[command(after_help = "Example:\n  backup-chain-local serve --port 4566\n\n\
        Then, in another shell, set what it prints and use any AWS client:\n  aws dynamodb list-tables\n\n\
        An access key of twelve digits is the account. Everything is gone when it stops.\n\
        RUST_LOG=backup_chain_local=debug tells each call on standard error.")]
    Serve {
        /// The TCP port on 127.0.0.1; 0 takes a free one.
        #[arg(long, default_value_t = 4566)]
        port: u16,
        /// The seed of keys, ids and all other randomness.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Live through six weeks of backups in less than a minute, draw the chains and check them.
    #[command(after_help = "Example:\n  backup-chain-local demo\n\n\
        Nothing is kept, and nothing outside the process is touched. Every run prints the same, but for its last\n\
        line. It exits with 1 when a check does not hold. NO_COLOR=1 turns colours off.")]
    Demo {},
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("port {0} is in use: stop what listens there, or choose another with --port")]
    PortInUse(u16),
    #[error("cannot listen on 127.0.0.1:{0}: {1}")]
    Listen(u16, std::io::Error),
    #[error("serving failed: {0}")]
    Serve(#[from] std::io::Error),
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
        Command::Serve { port, seed } => run(Builder::new_current_thread().enable_all(), serve(port, seed)),
        // Its clock moves only when everybody waits.
        Command::Demo {} => run(Builder::new_current_thread().enable_time().start_paused(true), play()),
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

async fn play() -> Result<ExitCode, Failure> {
    let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let held = demo::run(stdout().lock(), colour).await.map_err(Failure::Demo)?;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn serve(port: u16, seed: u64) -> Result<ExitCode, Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Failure::PortInUse(port),
            _ => Failure::Listen(port, error),
        })?;
    let address = listener.local_addr()?;
    let world = World::new(Options { start: Timestamp::now(), seed });
    #[expect(clippy::print_stdout, reason = "what a shell needs to talk to this program")]
    {
        println!(
            "export AWS_ENDPOINT_URL=http://{address}\n\
             export AWS_ACCESS_KEY_ID=111122223333\n\
             export AWS_SECRET_ACCESS_KEY=not-checked\n\
             export AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1\n\
             # The embedded AWS listens; Ctrl-C stops it."
        );
    }
    tokio::select! {
        served = server::serve(world, listener) => served?,
        stop = tokio::signal::ctrl_c() => stop?,
    }
    Ok(ExitCode::SUCCESS)
}
