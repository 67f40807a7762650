//! The operator's command.

use std::io::{Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use backup_chain_aws::clock::Clock;
use backup_chain_aws::runtime;
use backup_chain_cli::{Access, Console, Screen, run};
use terminal_size::{Width, terminal_size_of};

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
    let screen = Screen {
        width: terminal_size_of(stdout()).map(|(Width(columns), _)| usize::from(columns)),
        // NO_COLOR and what a terminal says of itself are heeded.
        colour: AutoStream::choice(&stdout()) != ColorChoice::Never,
    };
    let mut console = Console::new(&mut out, &mut err, &mut input).on(screen);
    run(std::env::args_os(), now, config, &mut console).await.into()
}
