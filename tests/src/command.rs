//! The operator's command, run in process against the embedded AWS.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use backup_chain_cli::{Access, Console, Screen, run};
use backup_chain_deployed::stack::{ACCOUNT, SOURCE};
use backup_chain_local::World;
use serde_json::Value;

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: u8,
    /// What it printed on standard output.
    pub out: String,
    /// What it printed on standard error.
    pub err: String,
}

impl Ran {
    /// The answer of a command that did what it was asked.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.out
    }

    /// The same as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// The line of a refusal that follows others: what was found until then.
    #[track_caller]
    pub fn last_refusal(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:#?}");
        let last = self.err.lines().last().unwrap_or_default();
        last.strip_prefix("error: ").unwrap_or_else(|| panic!("{last}")).to_owned()
    }

    /// The one line of a refusal.
    #[track_caller]
    pub fn refusal(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:#?}");
        let lines: Vec<&str> = self.err.lines().filter(|line| !line.ends_with("is running ...")).collect();
        let [line] = lines.as_slice() else { panic!("{lines:#?}") };
        line.strip_prefix("error: ").unwrap_or_else(|| panic!("{line}")).to_owned()
    }
}

/// Runs a command line, its words parted by spaces, as an operator who types `input`.
pub async fn cli_answering(world: &World, line: &str, input: &str) -> Ran {
    run_on(world, line, input, Screen::default()).await
}

/// Runs a command line on a terminal of so many columns, where colour is welcome or not.
pub async fn cli_on_terminal(world: &World, line: &str, columns: usize, colour: bool) -> Ran {
    run_on(world, line, "", Screen { width: Some(columns), colour }).await
}

async fn run_on(world: &World, line: &str, input: &str, screen: Screen) -> Ran {
    let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), input.as_bytes());
    let mut console = Console::new(&mut out, &mut err, &mut input).on(screen);
    let config = async |access: Access| {
        let region = access.region.map_or_else(|| SOURCE.to_owned(), |region| region.to_string());
        world.sdk_config(ACCOUNT, &region, "operator-at-the-desk")
    };
    let args = ["backup-chain"].into_iter().chain(line.split_whitespace());
    let code = run(args, world.now(), config, &mut console).await;
    Ran { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// Runs a command line as an operator who types nothing.
pub async fn cli(world: &World, line: &str) -> Ran {
    cli_answering(world, line, "").await
}
