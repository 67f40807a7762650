//! Sessions: asked for by an operator, followed, and looked at.

use backup_chain_core::ids::{PolicyName, SessionId, VaultName};
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::replies::Recorded;
use backup_chain_core::session::{Copies, Session, SessionTrigger, Skipped, Status};
use backup_chain_core::tier::TierSlot;
use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Console;
use crate::console::{Form, count, utc, utc_or_dash, word};
use crate::deployment::Deployed;
use crate::ids::Named;
use crate::outcome::{By, Failure, Outcome};
use crate::points::{self, PointView};
use crate::replies;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a policy now: an extra restore point in the chain of each of its tables
    #[command(after_help = "Example:\n  backup-chain session run gold --wait=copies\n\n\
        Exit code 1: it failed; 3: something of it needs attention, such as a table without its restore point or a \
        copy that failed.")]
    Run {
        /// The policy
        policy: PolicyName,
        #[command(flatten)]
        wait: Wait,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Stop a session: no more of its backups are started
    #[command(
        after_help = "Example:\n  backup-chain session stop 01KEAH2B80V6X9V0T0T1W2YJ3M --reason \"the wrong policy\"\n\n\
        Backups that AWS is making already become restore points. What is not started is owed to the next backups of \
        its tables."
    )]
    Stop {
        /// The session
        id: Named<SessionId>,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// List sessions, the newest first
    #[command(after_help = "Example:\n  backup-chain session list --policy gold --limit 5")]
    List {
        /// Only those of this policy
        #[arg(long)]
        policy: Option<PolicyName>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show a session with its restore points
    #[command(after_help = "Example:\n  backup-chain session show 01KEAH2B80V6X9V0T0T1W2YJ3M")]
    Show {
        /// The session: its id, or the end of it
        id: Named<SessionId>,
    },
}

/// Manual backups.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  backup-chain backup orders carts --wait\n\n\
    A manual backup is never outdated: it stays until you remove it with backup-chain remove.")]
pub(crate) struct Backup {
    /// Names or ARNs of tables
    #[arg(required = true, value_name = "TABLE")]
    tables: Vec<String>,
    /// The vault in the source Region; the deployment's own unless given
    #[arg(long)]
    vault: Option<VaultName>,
    #[command(flatten)]
    wait: Wait,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Wait until the session has ended, or with =copies until its copies have, too
    #[arg(long, value_name = "FOR", num_args = 0..=1, require_equals = true, default_missing_value = "backups")]
    wait: Option<WaitFor>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WaitFor {
    /// The session's backups
    Backups,
    /// Their copies as well
    Copies,
}

/// The time between two looks at a session.
const POLL_INTERVAL: SignedDuration = SignedDuration::from_secs(15);

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    match command {
        Command::Run { policy, wait, reason, by } => {
            let request = SessionRequest::Run { policy, by: by.by, reason };
            start(&request, &wait, deployed, json, console).await
        }
        Command::Stop { id, reason, by } => {
            let id = among(id, deployed).await?;
            let request = SessionRequest::Stop { session: id.clone(), by: by.by, reason };
            deployed.invoke("session", &request, console).await?;
            let session = find(deployed, &id).await?;
            show(deployed, &session, json, console).await?;
            Ok(Outcome::Done)
        }
        Command::List { policy, limit } => list(policy.as_ref(), limit, deployed, json, console).await,
        Command::Show { id } => {
            let id = among(id, deployed).await?;
            let session = find(deployed, &id).await?;
            show(deployed, &session, json, console).await?;
            Ok(Outcome::Done)
        }
    }
}

pub(crate) async fn backup(
    backup: Backup,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Backup { tables, vault, wait, reason, by } = backup;
    let request = SessionRequest::Backup { tables, vault, by: by.by, reason };
    start(&request, &wait, deployed, json, console).await
}

/// Asks for a session and shows how it stands, at once or when it has ended.
async fn start(
    request: &SessionRequest,
    wait: &Wait,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let answer = deployed.invoke("session", request, console).await?;
    let Recorded { recorded } = replies::read(&answer)?;
    let Some(id) = recorded.first() else {
        return Err(Failure::refused("the session function names no session: see its log"));
    };
    let mut session = find(deployed, id).await?;
    let mut told = String::new();
    while let Some(what) = wait.wait {
        let points = deployed.catalog().points_of_session(id).await?;
        let copies = Copies::among(&points);
        let go_on = session.status.is_open() || (what == WaitFor::Copies && copies.open > 0);
        if !go_on {
            break;
        }
        let stands = progress(&session, &points, copies);
        if stands != told {
            console.note(&stands)?;
            told = stands;
        }
        deployed.app.context.clock().until(deployed.app.context.now() + POLL_INTERVAL).await;
        session = find(deployed, id).await?;
    }
    let status = show(deployed, &session, json, console).await?;
    Ok(match status {
        Status::Failed | Status::Canceled => Outcome::Failed,
        Status::Warning => Outcome::Attention,
        Status::Planning | Status::Running | Status::Succeeded => Outcome::Done,
    })
}

/// How a session that is waited for stands.
fn progress(session: &Session, points: &[RestorePoint], copies: Copies) -> String {
    let backups = points.iter().filter(|point| point.kind != PointKind::Copy);
    let ended = backups.filter(|point| !point.state().is_open()).count();
    let planned = count(session.planned as usize, "backup");
    let mut stands =
        format!("session {} is {}: {ended} of {planned} ended", session.id, word(&session.status));
    if copies.wanted > 0 {
        stands.push_str(&format!(
            ", {} of {} ended",
            copies.wanted - copies.open,
            count(copies.wanted, "copy")
        ));
    }
    stands
}

/// The session that is meant.
async fn among(id: Named<SessionId>, deployed: &Deployed) -> Result<SessionId, Failure> {
    let all = async || Ok(deployed.catalog().sessions().await?.into_iter().map(|session| session.id));
    id.among("session", all, "backup-chain session list").await
}

async fn find(deployed: &Deployed, id: &SessionId) -> Result<Session, Failure> {
    deployed.catalog().session(id).await?.ok_or_else(|| {
        Failure::refused(format!(
            "there is no session {id}: see backup-chain session list; sessions are remembered for 90 days"
        ))
    })
}

/// A session, as lists show it.
#[derive(Debug, Serialize)]
struct SessionView<'a> {
    id: &'a SessionId,
    policy: Option<&'a PolicyName>,
    revision: Option<u32>,
    trigger: SessionTrigger,
    slot: Timestamp,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    status: Status,
    planned: u32,
    available: u32,
    copies: Copies,
    skipped: &'a [Skipped],
    missed: &'a [TierSlot],
    problems: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'a str>,
}

impl<'a> SessionView<'a> {
    /// The session with what became of the copies among its points.
    fn of(session: &'a Session, copies: Copies) -> Self {
        let Session { id, trigger, slot, started_at, ended_at, status, planned, available, .. } = session;
        Self {
            id,
            policy: session.policy.as_ref().map(|policy| &policy.name),
            revision: session.policy.as_ref().map(|policy| policy.revision),
            trigger: *trigger,
            slot: *slot,
            started_at: *started_at,
            ended_at: *ended_at,
            status: copies.judge(*status),
            planned: *planned,
            available: *available,
            copies,
            skipped: &session.skipped,
            missed: &session.missed,
            problems: &session.problems,
            stopped: session.stopped.as_deref(),
        }
    }

    fn policy_label(&self) -> String {
        self.policy.map_or_else(|| "-".to_owned(), ToString::to_string)
    }

    /// How many of the planned points there are, as far as it is known.
    fn points(&self) -> String {
        let Self { available, planned, .. } = self;
        if self.status.is_open() { format!("{planned} planned") } else { format!("{available} of {planned}") }
    }

    /// What became of its copies; nothing where there are none.
    fn copies(&self) -> String {
        let Copies { wanted, available, open, failed, superseded } = self.copies;
        if wanted == 0 {
            return "-".to_owned();
        }
        let rest = [(open, "to come"), (failed, "failed"), (superseded, "superseded")];
        let rest = rest.into_iter().filter(|(number, _)| *number > 0);
        let rest: String = rest.map(|(number, what)| format!(", {number} {what}")).collect();
        format!("{available} of {wanted}{rest}")
    }

    fn notes(&self) -> String {
        let notes =
            [(self.skipped.len(), "table"), (self.missed.len(), "slot"), (self.problems.len(), "problem")];
        let said = ["skipped", "missed", ""];
        let notes = notes.into_iter().zip(said).filter(|((number, _), _)| *number > 0);
        let notes: Vec<String> = notes
            .map(|((number, what), said)| format!("{} {said}", count(number, what)).trim_end().to_owned())
            .collect();
        notes.join(", ")
    }

    fn row(&self, form: &Form) -> [String; 8] {
        [
            self.id.to_string(),
            self.policy_label(),
            word(&self.trigger),
            form.at(self.started_at),
            word(&self.status),
            self.points(),
            self.copies(),
            self.notes(),
        ]
    }
}

async fn list(
    policy: Option<&PolicyName>,
    limit: usize,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let sessions = deployed.catalog().sessions().await?;
    let of_policy = |session: &Session| session.policy.as_ref().map(|policy| policy.name.clone());
    let is_asked =
        |session: &&Session| policy.is_none_or(|policy| of_policy(session).as_ref() == Some(policy));
    let mut listed = Vec::new();
    for session in sessions.iter().rev().filter(is_asked).take(limit) {
        let points = deployed.catalog().points_of_session(&session.id).await?;
        listed.push(SessionView::of(session, Copies::among(&points)));
    }
    if let Some(policy) = policy {
        console.tell_in(&deployed.zone_of(policy).await?);
    }
    let form = console.form();
    let heading = ["SESSION", "POLICY", "TRIGGER", "STARTED (UTC)", "STATUS", "POINTS", "COPIES", "NOTES"];
    let rows = listed.iter().map(|session| session.row(&form));
    if json {
        console.list(&listed, heading, rows)?;
    } else if listed.is_empty() {
        console.line("no sessions")?;
    } else {
        console.table(heading, rows)?;
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    session: SessionView<'a>,
    points: Vec<PointView<'a>>,
}

async fn show(
    deployed: &Deployed,
    session: &Session,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Status, Failure> {
    let mut points = deployed.catalog().points_of_session(&session.id).await?;
    points.sort_by(|a, b| (&a.table, a.kind, &a.vault).cmp(&(&b.table, b.kind, &b.vault)));
    let view = SessionView::of(session, Copies::among(&points));
    let status = view.status;
    let points: Vec<PointView<'_>> = points.iter().map(PointView::of).collect();
    if json {
        console.json(&Shown { session: view, points })?;
        return Ok(status);
    }
    let of = view.policy.map_or_else(
        || "manual backups".to_owned(),
        |policy| format!("policy {policy}, revision {}", view.revision.unwrap_or_default()),
    );
    console.line(format_args!("session  {}", view.id))?;
    console.line(format_args!("of       {of}, {}", word(&view.trigger)))?;
    console.line(format_args!("slot     {} UTC", utc(view.slot)))?;
    let ended = utc_or_dash(view.ended_at);
    console.line(format_args!("ran      {} to {ended} UTC", utc(view.started_at)))?;
    console.line(format_args!("status   {}, {}", word(&view.status), view.points()))?;
    if view.copies.wanted > 0 {
        console.line(format_args!("copies   {}", view.copies()))?;
    }
    if let Some(why) = view.stopped {
        let open = if view.status.is_open() { ": what AWS is making becomes a restore point" } else { "" };
        console.line(format_args!("stopped  {why}{open}"))?;
    }
    for problem in view.problems {
        console.line(format_args!("problem  {problem}"))?;
    }
    for Skipped { table, why, .. } in view.skipped {
        console.line(format_args!("skipped  {table}: {why}"))?;
    }
    for TierSlot { tier, slot } in view.missed {
        console.line(format_args!("missed   {tier} of {} UTC", utc(*slot)))?;
    }
    if !points.is_empty() {
        console.line("")?;
        let form = console.form();
        console.table(points::LONG, points.iter().map(|point| point.long_row(&form)))?;
    }
    Ok(status)
}
