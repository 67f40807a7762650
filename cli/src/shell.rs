//! What a shell and `man` are told of the command: generated from its own definition.

use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::Console;
use crate::outcome::{Failure, Outcome};

/// Write the completions of a shell to standard output
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain completions bash > ~/.local/share/bash-completion/completions/backup-chain\n  \
    backup-chain completions zsh > ~/.zfunc/_backup-chain\n  \
    backup-chain completions fish > ~/.config/fish/completions/backup-chain.fish\n\n\
    For zsh, ~/.zfunc is to be in fpath before compinit runs. They name commands and options, and ask AWS nothing.")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Write the manual page of the command, or a page for each command, in the form of man
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain man --dir ~/.local/share/man/man1\n  \
    backup-chain man | man -l -\n\n\
    Then man backup-chain-restore-start is the page of backup-chain restore start. The folder is made if need be.")]
pub(crate) struct Man {
    /// The folder for a page of each command; the command's own page goes to standard output unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn completions(completions: &Completions, console: &mut Console<'_>) -> Result<Outcome, Failure> {
    let mut text = Vec::new();
    let mut command = crate::Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(completions.shell, &mut command, name, &mut text);
    // clap_complete 4.6.11 writes the hyphen of our name in one way where bash goes and in another where it arrives.
    let text =
        String::from_utf8_lossy(&text).replace("        backup__subcmd__chain", "        backup__chain");
    console.out.write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}

pub(crate) fn man(man: &Man, console: &mut Console<'_>) -> Result<Outcome, Failure> {
    // The page of a command has its --help; a page of `help` for each would say it twice.
    let command = crate::Cli::command().disable_help_subcommand(true);
    let Some(dir) = &man.dir else {
        clap_mangen::Man::new(command).render(console.out)?;
        return Ok(Outcome::Done);
    };
    let unwritten = |error: io::Error| Failure::refused(format!("{}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(unwritten)?;
    clap_mangen::generate_to(command, dir).map_err(unwritten)?;
    console.line(format_args!("the pages are in {}", dir.display()))?;
    Ok(Outcome::Done)
}
