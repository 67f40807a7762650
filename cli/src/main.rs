//! The operator's command.

use std::io::{Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use backup_chain_aws::clock::Clock;
use backup_chain_aws::runtime;
use backup_chain_cli::{Access, Console, run};

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
    let config = async |access: Access| access.config(time).await;
    let (mut out, mut err, mut input) = (stdout().lock(), stderr().lock(), stdin().lock());
    let mut console = Console { out: &mut out, err: &mut err, input: &mut input };
    run(std::env::args_os(), now, config, &mut console).await.into()
}
