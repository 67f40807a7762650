//! The embedded AWS as a program.

use std::{net::Ipv4Addr, process::ExitCode};

use backup_chain_local::{Options, World, server};
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use tokio::net::TcpListener;

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
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("port {0} is in use: stop what listens there, or choose another with --port")]
    PortInUse(u16),
    #[error("cannot listen on 127.0.0.1:{0}: {1}")]
    Listen(u16, std::io::Error),
    #[error("serving failed: {0}")]
    Serve(#[from] std::io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Command::Serve { port, seed } = Cli::parse().command;
    match serve(port, seed).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[expect(clippy::print_stderr, reason = "the program's own error output")]
            {
                eprintln!("error: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn serve(port: u16, seed: u64) -> Result<(), Failure> {
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
        served = server::serve(world, listener) => Ok(served?),
        stop = tokio::signal::ctrl_c() => Ok(stop?),
    }
}
