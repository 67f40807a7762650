//! Processes of a served world that are killed with SIGKILL: which, and when.
//!
//! Moments are counted in exchanges with the embedded AWS, which `serve --record` writes into a pipe: whoever reads the
//! line kills. A delay may be added, so that a process also dies between its calls; nothing is asserted on it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![allow(clippy::missing_panics_doc, reason = "helpers of tests may panic as tests do")]

pub mod seen;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::served::Served;

/// Whose processes are killed. A function that is idle has a process too, and several at times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// One process of this function.
    One(&'static str),
    /// Each process of this function.
    Each(&'static str),
    /// The next process of this function that starts, before it has asked for anything.
    Newborn(&'static str),
    /// All at once.
    All,
    /// The process of this number, which is no function.
    Process(u32),
}

/// A kill that is to come.
#[derive(Debug, Clone, Copy)]
pub struct Strike {
    /// After so many exchanges from now on.
    pub after: usize,
    /// And so much later.
    pub delay: Duration,
    /// Who is killed.
    pub victim: Victim,
    /// Which of several.
    pub pick: usize,
}

impl Strike {
    /// One to `most` strikes within so many exchanges.
    pub fn some(rng: &mut Rng, most: usize, within: usize, victims: &[Victim]) -> Vec<Self> {
        let strike = |rng: &mut Rng| Self {
            after: rng.usize(1..=within),
            // Half of them strike between two calls.
            delay: Duration::from_micros(if rng.bool() { rng.u64(0..30_000) } else { 0 }),
            victim: victims[rng.usize(0..victims.len())],
            pick: rng.usize(..),
        };
        (0..rng.usize(1..=most)).map(|_| strike(rng)).collect()
    }
}

/// A served world with the product deployed in it, whose functions are killed.
#[derive(Debug)]
pub struct Hunted {
    /// The world.
    pub served: Served,
    watch: Arc<Watch>,
    /// The pipe is in it, and what the served world keeps in files.
    pub folder: TempDir,
}

#[derive(Debug, Default)]
struct Watch {
    server: OnceLock<u32>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    exchanges: usize,
    /// When they strike, counted from the beginning.
    coming: Vec<Strike>,
    waiting_for_births: Vec<Arc<AtomicBool>>,
    killed: usize,
    /// How many invocations have ended by a SIGKILL, by function.
    cut_off: BTreeMap<String, usize>,
    panics: Vec<String>,
}

impl Hunted {
    /// Serves with these options, in a folder of its own for what is temporary.
    pub fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("exchanges");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut serve = Served::local();
        serve.env("TMPDIR", folder.path()).env("RUST_LOG", "backup_chain_local=info").stderr(Stdio::piped());
        let watch = Arc::new(Watch::default());
        let reader = Arc::clone(&watch);
        let read = pipe.clone();
        thread::spawn(move || reader.read(&read));
        let options = [&["--deploy", "--record", pipe.to_str().unwrap()], options].concat();
        let mut served = Served::start(serve, &options);
        watch.server.set(served.id()).unwrap();
        let (log, listener) = (served.process.stderr.take().unwrap(), Arc::clone(&watch));
        thread::spawn(move || listener.listen(BufReader::new(log)));
        Self { served, watch, folder }
    }

    /// From now on these strikes are to come, in place of those that have not come yet.
    pub fn arm(&self, strikes: &[Strike]) {
        self.watch.disarm();
        let mut state = self.watch.state();
        let now = state.exchanges;
        state.coming.extend(strikes.iter().map(|strike| Strike { after: now + strike.after, ..*strike }));
        // The last one is the next.
        state.coming.sort_by_key(|strike| std::cmp::Reverse(strike.after));
        drop(state);
    }

    /// No one is killed any more. Returns how many strikes have not come.
    pub fn disarm(&self) -> usize {
        self.watch.disarm()
    }

    /// Kills now, and tells how many.
    pub fn kill(&self, victim: Victim, pick: usize) -> usize {
        self.watch.kill(victim, pick)
    }

    /// How many exchanges there have been.
    pub fn exchanges(&self) -> usize {
        self.watch.state().exchanges
    }

    /// How many processes were killed.
    pub fn killed(&self) -> usize {
        self.watch.state().killed
    }

    /// How many invocations the kills have cut off, by function: the others have struck an idle process.
    pub fn cut_off(&self) -> BTreeMap<String, usize> {
        self.watch.state().cut_off.clone()
    }

    /// What the functions and the world have said of panics.
    pub fn panics(&self) -> Vec<String> {
        self.watch.state().panics.clone()
    }

    /// The live processes of functions: number and function.
    pub fn functions(&self) -> Vec<(u32, String)> {
        functions(self.served.id())
    }
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Reads the exchanges, and strikes. While no one reads, the world waits.
    fn read(self: &Arc<Self>, pipe: &Path) {
        let mut lines = BufReader::new(fs::File::open(pipe).unwrap());
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            line.clear();
            let mut due = Vec::new();
            {
                let mut state = self.state();
                state.exchanges += 1;
                let now = state.exchanges;
                while let Some(strike) = state.coming.pop_if(|strike| strike.after <= now) {
                    due.push(strike);
                }
            }
            for strike in due {
                thread::sleep(strike.delay);
                match strike.victim {
                    Victim::Newborn(function) => self.await_birth(function, strike.delay),
                    victim => {
                        self.kill(victim, strike.pick);
                    }
                }
            }
        }
    }

    /// Kills the next process of a function that starts.
    fn await_birth(self: &Arc<Self>, function: &'static str, delay: Duration) {
        let Some(server) = self.server.get().copied() else { return };
        let of_function = move || {
            let all = functions(server).into_iter();
            all.filter(|(_, name)| name == function).map(|(id, _)| id).collect::<Vec<u32>>()
        };
        let (known, is_over) = (of_function(), Arc::new(AtomicBool::new(false)));
        self.state().waiting_for_births.push(Arc::clone(&is_over));
        let watch = Arc::clone(self);
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                if let Some(newborn) = of_function().into_iter().find(|id| !known.contains(id)) {
                    thread::sleep(delay);
                    watch.state().killed += usize::from(kill(newborn));
                    return;
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
    }

    fn disarm(&self) -> usize {
        let mut state = self.state();
        for is_over in state.waiting_for_births.drain(..) {
            is_over.store(true, Ordering::Relaxed);
        }
        state.coming.drain(..).count()
    }

    fn kill(&self, victim: Victim, pick: usize) -> usize {
        let Some(server) = self.server.get() else { return 0 };
        let mut victims = functions(*server);
        match victim {
            Victim::All => {}
            Victim::Process(id) => victims = vec![(id, String::new())],
            Victim::Each(function) | Victim::One(function) | Victim::Newborn(function) => {
                victims.retain(|(_, name)| name == function);
            }
        }
        if matches!(victim, Victim::One(_)) && !victims.is_empty() {
            let chosen = pick % victims.len();
            victims = vec![victims.swap_remove(chosen)];
        }
        let killed = victims.into_iter().filter(|(id, _)| kill(*id)).count();
        self.state().killed += killed;
        killed
    }

    /// Reads what the world says of each invocation: its log, and at its end whose it was.
    fn listen(&self, log: impl BufRead) {
        let mut was_killed = false;
        for line in log.lines().map_while(Result::ok) {
            was_killed |= line.contains("Runtime exited with error: signal: 9");
            if line.contains("panicked at") {
                self.state().panics.push(line.clone());
            }
            if let Some((_, function)) = line.split_once(" function=\"backup-chain-") {
                if was_killed {
                    *self.state().cut_off.entry(function.trim_end_matches('"').to_owned()).or_default() += 1;
                }
                was_killed = false;
            }
        }
    }
}

/// The children of a served world that live and run a function: number and name.
fn functions(server: u32) -> Vec<(u32, String)> {
    let tasks = fs::read_dir(format!("/proc/{server}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|ids| ids.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    let name = |id: u32| {
        // One that has ended runs nothing any more.
        let program = fs::read_link(format!("/proc/{id}/exe")).ok()?;
        Some((id, program.file_name()?.to_str()?.strip_prefix("backup-chain-")?.to_owned()))
    };
    children.into_iter().filter_map(name).filter(|(_, name)| name != "local").collect()
}

fn kill(id: u32) -> bool {
    i32::try_from(id).ok().and_then(Pid::from_raw).is_some_and(|id| kill_process(id, Signal::KILL).is_ok())
}
