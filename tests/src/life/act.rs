//! What happens to a deployment from outside, as data: what people do, and what goes wrong.

use backup_chain_checker::Policy;
use backup_chain_local::Fault;
use jiff::SignedDuration;

/// Something that happens at a moment of a life.
#[derive(Debug, Clone)]
pub struct Act {
    /// When, from its beginning on.
    pub after: SignedDuration,
    /// What.
    pub what: What,
}

/// What happens. What it is about may not be there any more: then nothing happens.
#[derive(Debug, Clone)]
pub enum What {
    /// An application makes a table.
    Create(String),
    /// An application drops a table.
    Drop(String),
    /// An application writes into a table.
    Write(String),
    /// A policy is applied.
    Apply(Box<Policy>),
    /// A policy is switched on or off.
    Switch(String, bool),
    /// A policy is deleted.
    Delete(String),
    /// A policy is run by an operator.
    Run(String),
    /// A manual backup is asked for.
    Backup(String),
    /// Retention is run by an operator.
    Retention,
    /// A restore point is held; a number chooses among those that are there.
    Hold(u32),
    /// The hold of a restore point is lifted.
    Lift(u32),
    /// A restore point is removed by an operator, against its guards where that is said.
    Remove(u32, bool),
    /// The newest point of a table is restored under another name, out of its copies where that is said.
    Restore(String, bool),
    /// The catalog loses its restore points and heads, and is rebuilt.
    Rebuild,
    /// A function is asked for another tick, whether one is running or not.
    Tick(&'static str),
    /// A function dies at one of its next calls.
    Crash(Crash),
    /// The next backup of a table fails.
    FailBackup(String),
    /// The next copy of a table fails.
    FailCopy(String),
    /// Somebody stops every backup that can be stopped.
    Abort,
    /// A recovery point vanishes behind our back.
    Vanish(u32),
    /// The tags of a recovery point are changed behind our back.
    Retag(u32, Retag),
    /// Something that lasts goes wrong.
    Trouble(Trouble, SignedDuration),
    /// All faults are over. What comes until the next act is let come.
    Calm,
    /// Everything has come to rest, and is looked at.
    Quiet,
}

/// Where a function dies.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    /// The role of the function.
    pub caller: &'static str,
    /// At which of its next calls.
    pub nth: usize,
    /// Whether that call still takes effect.
    pub effect: bool,
}

/// How tags are changed.
#[derive(Debug, Clone, Copy)]
pub enum Retag {
    /// All of them are gone.
    None,
    /// One part of the metadata is gone.
    Part,
    /// They are those of another recovery point.
    Other(u32),
    /// One more holds it.
    Hold,
}

/// What goes wrong for a while.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// Calls meet a fault.
    Calls(Calls),
    /// A Region is away.
    Away(&'static str),
    /// Events are lost.
    EventsLost,
    /// Events come twice, late and in another order.
    EventsLate(SignedDuration),
    /// No schedule fires.
    NoTicks,
    /// A key cannot be used.
    KeyOff(Key),
    /// AWS's clock is ahead of ours by so many seconds, or behind.
    Skew(i64),
    /// Changes are seen so late.
    Lag(SignedDuration),
    /// Jobs of a table take so long.
    Slow(String, SignedDuration),
    /// Jobs begin so late: some never do.
    LateStart(SignedDuration),
    /// The copies of a table meet errors of AWS's own systems.
    CopiesHang(String),
    /// A recovery point is under a legal hold.
    LegalHold(u32),
    /// The vault of the backups is locked, the vault of the copies where that is said.
    Lock(bool),
}

/// Which calls meet which fault.
#[derive(Debug, Clone)]
pub struct Calls {
    /// Of this service, `*` being any.
    pub service: String,
    /// Of this operation, `*` being any.
    pub operation: String,
    /// What they meet.
    pub fault: Fault,
    /// Only those of this function.
    pub caller: Option<&'static str>,
    /// So many of a thousand.
    pub share: u32,
    /// At most so many.
    pub times: usize,
}

/// A key of the deployment.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// The metadata key.
    Metadata,
    /// Its replica in the target Region.
    Replica,
    /// The key of the vault of the backups.
    Vault,
    /// The key of the vault of the copies.
    Copies,
}
