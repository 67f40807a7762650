//! Functions that are programs: each environment is a process that takes one invocation at a time.

use std::{
    io::{BufRead as _, BufReader, Read},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{sync::watch, task::JoinHandle};

use super::{configuration::Configuration, outcome::Failure, runtime_api::Desk};
use crate::scratch::Scratch;

/// The code of a function that is a program, and its environments that wait.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) program: PathBuf,
    /// The folder that it is in, when that is ours to remove.
    _unpacked: Option<Scratch>,
    pub(super) idle: Mutex<Vec<Environment>>,
}

impl Package {
    pub(super) fn of_program(program: &Path) -> Self {
        Self { program: program.to_owned(), _unpacked: None, idle: Mutex::default() }
    }

    /// Unpacks what CreateFunction was given.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of_zip(zip: &[u8]) -> Result<Self, String> {
        let unpacked = Scratch::new().map_err(|error| error.to_string())?;
        let code = unpacked.path().join("code");
        let mut archive =
            zip::ZipArchive::new(std::io::Cursor::new(zip)).map_err(|error| error.to_string())?;
        archive.extract(&code).map_err(|error| error.to_string())?;
        Ok(Self { program: code.join("bootstrap"), _unpacked: Some(unpacked), idle: Mutex::default() })
    }

    /// Ends the environments that wait: what comes next starts again.
    pub(super) fn forget_environments(&self) {
        self.idle().clear();
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that serves one function. Dropping it ends the process.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) process: Process,
    pub(super) log: Log,
    pub(super) desk: Arc<Desk>,
    pub(super) runtime_api: JoinHandle<()>,
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.runtime_api.abort();
    }
}

impl Environment {
    pub(super) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.child.id())).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib.div_ceil(1024))
    }
}

/// What a process is reported the world around it.
pub(super) struct Surroundings<'a> {
    pub(super) endpoint: &'a str,
    pub(super) runtime_api: &'a str,
    /// The variable that names the file that tells the time, and the file.
    pub(super) clock: Option<(&'a str, &'a str)>,
}

/// The operating system's side of an environment.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    /// Whether it has been waited for: its number may be another's.
    pub(super) is_gone: bool,
    /// Whether the process has closed its standard output, as it does when it ends.
    pub(super) closed: watch::Receiver<bool>,
}

impl Process {
    pub(super) fn spawn(
        program: &Path,
        configuration: &Configuration,
        around: &Surroundings<'_>,
        log: &Log,
    ) -> std::io::Result<Self> {
        let Configuration { name, account, region, handler, memory, .. } = configuration;
        let folder = program.parent().unwrap_or(Path::new("/"));
        let memory = memory.to_string();
        let group = format!("/aws/lambda/{name}");
        let variables = [
            ("_HANDLER", handler.as_str()),
            ("AWS_ACCESS_KEY_ID", account),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_ENDPOINT_URL", around.endpoint),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "embedded"),
            ("AWS_LAMBDA_RUNTIME_API", around.runtime_api),
            ("AWS_REGION", region),
            ("AWS_SECRET_ACCESS_KEY", "not-checked"),
            ("AWS_SESSION_TOKEN", configuration.role_name()),
            ("LAMBDA_TASK_ROOT", &folder.to_string_lossy()),
            ("LANG", "en_US.UTF-8"),
            ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
            ("TZ", ":UTC"),
        ];
        let mut child = Command::new(program)
            .env_clear()
            .envs(&configuration.environment)
            .envs(variables)
            .envs(around.clock)
            .current_dir(folder)
            // A group of its own: what it starts ends with it, and a Ctrl-C is ours to act on.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (closing, closed) = watch::channel(false);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out_log, err_log) = (log.clone(), log.clone());
        if let Some(out) = out {
            std::thread::spawn(move || {
                out_log.copy(out);
                // No one listens any more when the environment is gone.
                let _ = closing.send(true);
            });
        }
        if let Some(err) = err {
            std::thread::spawn(move || err_log.copy(err));
        }
        Ok(Self { child, is_gone: false, closed })
    }

    /// Ends when the process has ended, with how.
    pub(super) async fn ended(&mut self) -> Failure {
        // A process can close its output and live, or end while a child of its own keeps the output open.
        const POLL_INTERVAL: Duration = Duration::from_millis(50);
        while !self.is_over() {
            if *self.closed.borrow() {
                tokio::time::sleep(POLL_INTERVAL / 50).await;
            } else {
                let _ = tokio::time::timeout(POLL_INTERVAL, self.closed.wait_for(|closed| *closed)).await;
            }
        }
        let how = self.end().map_or_else(|error| error.to_string(), |status| status.to_string());
        Failure::Died { kind: "Runtime.ExitError", message: format!("Runtime exited with error: {how}") }
    }

    /// Whether the process has ended. It keeps its number until it is waited for.
    fn is_over(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.is_gone || matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), look), Ok(Some(_)))
    }

    /// Ends it with all that it has started, if it has not ended by itself.
    fn end(&mut self) -> std::io::Result<ExitStatus> {
        if !self.is_gone {
            // Fails when nothing is left to be ended.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            self.is_gone = true;
        }
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// What a process writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) -> String {
        std::mem::take(&mut *self.text())
    }

    /// Copies lines until the pipe is closed.
    fn copy(&self, pipe: impl Read) {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            self.text().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }

    /// Waits until nothing more has come for a moment.
    pub(super) async fn settle(&self) {
        const SETTLE_PAUSE: Duration = Duration::from_millis(2);
        let mut seen = usize::MAX;
        while seen != self.text().len() {
            seen = self.text().len();
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
    }
}
