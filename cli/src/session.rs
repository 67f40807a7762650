//! Sessions: asked for by an operator, followed, and looked at.

use backup_chain_core::ids::{PolicyName, SessionId, TableName, VaultName};
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::replies::Recorded;
use backup_chain_core::session::{Session, SessionTrigger, Skipped, Status};
use backup_chain_core::tier::TierSlot;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Console;
use crate::console::{count, utc, utc_or_dash, word};
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};
use crate::points::PointView;
use crate::replies;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a policy now: an extra restore point in the chain of each of its tables
    #[command(after_help = "Example:\n  backup-chain session run gold --wait")]
    Run {
        /// The policy
        policy: PolicyName,
        #[command(flatten)]
        wait: Wait,
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
        /// The session
        id: SessionId,
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
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Wait until the session has ended; exit code 1 when it failed
    #[arg(long)]
    wait: bool,
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
        Command::Run { policy, wait } => {
            start(&SessionRequest::Run { policy }, &wait, deployed, json, console).await
        }
        Command::List { policy, limit } => list(policy.as_ref(), limit, deployed, json, console).await,
        Command::Show { id } => {
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
    let Backup { tables, vault, wait } = backup;
    start(&SessionRequest::Backup { tables, vault }, &wait, deployed, json, console).await
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
    if wait.wait {
        let mut told = String::new();
        while session.status.is_open() {
            let points = deployed.catalog().points_of_session(id).await?;
            let done = points.iter().filter(|point| !point.state().is_open()).count();
            let stands = format!(
                "session {id} is {}: {done} of {} ended",
                word(&session.status),
                count(points.len(), "job")
            );
            if stands != told {
                console.note(&stands)?;
                told = stands;
            }
            deployed.app.context.clock().until(deployed.app.context.now() + POLL_INTERVAL).await;
            session = find(deployed, id).await?;
        }
    }
    show(deployed, &session, json, console).await?;
    Ok(if session.status == Status::Failed { Outcome::Wrong } else { Outcome::Done })
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
    skipped: &'a [Skipped],
    missed: &'a [TierSlot],
    problems: &'a [String],
}

impl<'a> SessionView<'a> {
    fn of(session: &'a Session) -> Self {
        let Session { id, trigger, slot, started_at, ended_at, status, planned, available, .. } = session;
        Self {
            id,
            policy: session.policy.as_ref().map(|policy| &policy.name),
            revision: session.policy.as_ref().map(|policy| policy.revision),
            trigger: *trigger,
            slot: *slot,
            started_at: *started_at,
            ended_at: *ended_at,
            status: *status,
            planned: *planned,
            available: *available,
            skipped: &session.skipped,
            missed: &session.missed,
            problems: &session.problems,
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

    fn row(&self) -> [String; 7] {
        [
            self.id.to_string(),
            self.policy_label(),
            word(&self.trigger),
            utc(self.started_at),
            word(&self.status),
            self.points(),
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
    let is_asked = |session: &&SessionView<'_>| policy.is_none_or(|policy| session.policy == Some(policy));
    let all: Vec<SessionView<'_>> = sessions.iter().rev().map(SessionView::of).collect();
    let listed: Vec<&SessionView<'_>> = all.iter().filter(is_asked).take(limit).collect();
    if json {
        console.json(&listed)?;
    } else if listed.is_empty() {
        console.line("no sessions")?;
    } else {
        let heading = ["SESSION", "POLICY", "TRIGGER", "STARTED (UTC)", "STATUS", "POINTS", "NOTES"];
        console.table(heading, listed.into_iter().map(SessionView::row))?;
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
) -> Result<(), Failure> {
    let mut points = deployed.catalog().points_of_session(&session.id).await?;
    points.sort_by(|a, b| (&a.table, a.kind, &a.vault).cmp(&(&b.table, b.kind, &b.vault)));
    let view = SessionView::of(session);
    let points: Vec<PointView<'_>> = points.iter().map(PointView::of).collect();
    if json {
        return console.json(&Shown { session: view, points });
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
        let row = |point: &PointView<'_>| {
            let [id, at, state, flags, size, notes] = point.row();
            [name(point.table), word(&point.kind), point.vault.clone(), id, at, state, flags, size, notes]
        };
        let heading = ["TABLE", "KIND", "VAULT", "POINT", "MOMENT (UTC)", "STATE", "FLAGS", "SIZE", "NOTES"];
        console.table(heading, points.iter().map(row))?;
    }
    Ok(())
}

fn name(table: &TableName) -> String {
    table.to_string()
}
