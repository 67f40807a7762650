//! The operator's command.

use std::io::{Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use aws_config::BehaviorVersion;
use backup_chain_aws::clock::Clock;
use backup_chain_aws::runtime;
use backup_chain_cli::{Console, run};
use backup_chain_core::ids::Region;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let time = match runtime::time_source() {
        Ok(time) => time,
        Err(error) => {
            // No one is left to be told that this cannot be written.
            let _ = writeln!(stderr(), "error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let now = Clock::new(time.clone()).now();
    let config = async |region: Option<Region>| {
        let defaults = aws_config::defaults(BehaviorVersion::latest()).time_source(time);
        match region {
            Some(region) => defaults.region(aws_config::Region::new(region.to_string())).load().await,
            None => defaults.load().await,
        }
    };
    let (mut out, mut err, mut input) = (stdout().lock(), stderr().lock(), stdin().lock());
    let mut console = Console { out: &mut out, err: &mut err, input: &mut input };
    run(std::env::args_os(), now, config, &mut console).await.into()
}
