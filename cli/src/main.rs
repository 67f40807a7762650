//! The operator's command.

use std::io::{stderr, stdin, stdout};
use std::process::ExitCode;

use aws_config::BehaviorVersion;
use backup_chain_cli::{Console, run};
use backup_chain_core::ids::Region;
use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = async |region: Option<Region>| {
        let defaults = aws_config::defaults(BehaviorVersion::latest());
        match region {
            Some(region) => defaults.region(aws_config::Region::new(region.to_string())).load().await,
            None => defaults.load().await,
        }
    };
    let (mut out, mut err, mut input) = (stdout().lock(), stderr().lock(), stdin().lock());
    let mut console = Console { out: &mut out, err: &mut err, input: &mut input };
    run(std::env::args_os(), Timestamp::now(), config, &mut console).await.into()
}
