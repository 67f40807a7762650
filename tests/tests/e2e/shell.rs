//! What shells and `man` are told of the command.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use backup_chain_cli::command;

use crate::cli::offline;

/// What bash offers for the last of some words.
fn offered(script: &str, words: &[&str]) -> BTreeSet<String> {
    let typed = words.join(" ");
    let last = words.len() - 1;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("completions");
    fs::write(&file, script).unwrap();
    let text = format!(
        "source {}\n\
         complete -p backup-chain | grep -q . || exit 9\n\
         function=$(complete -p backup-chain | sed 's/.*-F \\([^ ]*\\) .*/\\1/')\n\
         COMP_WORDS=({typed}) COMP_CWORD={last} COMP_LINE='{typed}' COMP_POINT={}\n\
         \"$function\" backup-chain '{}' '{}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        file.display(),
        typed.len(),
        words[last],
        words[last - 1],
    );
    let done = Command::new("bash").args(["--norc", "-c", &text]).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn bash_completes_commands_and_options() {
    let script = offline("completions bash").await.done();
    let all = offered(&script, &["backup-chain", "re"]);
    let named: BTreeSet<String> = command().get_subcommands().map(|it| it.get_name().to_owned()).collect();
    let begin = named.into_iter().filter(|name| name.starts_with("re")).collect::<BTreeSet<_>>();
    assert!(begin.contains("restore") && begin.contains("retention"), "{begin:?}");
    assert_eq!(all, begin);
    let options = offered(&script, &["backup-chain", "restore", "start", "--dry"]);
    assert_eq!(options, BTreeSet::from(["--dry-run".to_owned()]));
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let told = offline(&format!("completions {shell}")).await.done();
        assert!(told.contains("retention"), "{shell}: {told}");
    }
    assert_eq!(offline("completions tcsh").await.code, 2);
}

/// The pages of a command and of all below it.
fn pages(of: &clap::Command, name: &str, all: &mut BTreeSet<String>) {
    all.insert(format!("{name}.1"));
    for below in of.get_subcommands() {
        pages(below, &format!("{name}-{}", below.get_name()), all);
    }
}

/// What groff says against a page; none where there is no groff.
fn complaints(page: &str) -> Option<String> {
    let mut groff = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww", "-z"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    Some(String::from_utf8(groff.wait_with_output().unwrap().stderr).unwrap())
}

#[tokio::test]
async fn every_command_has_a_page_for_man() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man1");
    offline(&format!("man --dir {}", dir.display())).await.done();
    let written: BTreeSet<String> =
        fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let mut expected = BTreeSet::new();
    pages(&command(), "backup-chain", &mut expected);
    assert_eq!(written, expected);
    for name in written {
        let page = fs::read_to_string(dir.join(&name)).unwrap();
        for section in ["\n.SH NAME\n", "\n.SH SYNOPSIS\n", "\n.SH DESCRIPTION\n"] {
            assert!(page.contains(section), "{name} has no {section:?}");
        }
        if let Some(said) = complaints(&page) {
            assert_eq!(said, "", "{name}");
        }
    }
    let main = offline("man").await.done();
    assert!(main.contains("backup\\-chain\\-restore(1)"), "{main}");
    let there = folder.path().join("file");
    fs::write(&there, "").unwrap();
    let refused = offline(&format!("man --dir {}", there.display())).await.refusal();
    assert!(refused.contains("File exists"), "{refused}");
}
