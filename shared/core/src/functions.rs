//! The functions of a deployment, in one list: the command, the embedded deployment and the tests go by it, and a test
//! of `shared/deployed` compares it with the template.

/// A function of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// The name that follows the stack's. Its binary is `backup-chain-` and this.
    pub name: &'static str,
    /// Whether the tick invokes it.
    pub has_tick: bool,
    /// The queue of job events that feeds it, by what follows the stack's name.
    pub queue: Option<&'static str>,
    /// What it does with the metadata key, as KMS names it. Only in the source Region is anything sealed.
    pub key_use: &'static str,
}

/// Stores policies, plans sessions and starts backups.
pub const SESSION: Function =
    Function { name: "session", has_tick: true, queue: None, key_use: "kms:GenerateDataKey" };

/// Follows jobs, completes restore points and starts copies.
pub const COPY: Function =
    Function { name: "copy", has_tick: true, queue: Some("jobs"), key_use: "kms:Decrypt" };

/// Removes outdated restore points.
pub const RETENTION: Function =
    Function { name: "retention", has_tick: false, queue: None, key_use: "kms:Decrypt" };

/// Restores tables.
pub const RESTORE: Function =
    Function { name: "restore", has_tick: true, queue: Some("restores"), key_use: "kms:Decrypt" };

/// All of them, the session function first.
pub const FUNCTIONS: [Function; 4] = [SESSION, COPY, RETENTION, RESTORE];

/// The queues of job events, each with the name of the function that it feeds.
pub fn feeds() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS.into_iter().filter_map(|function| Some((function.queue?, function.name)))
}
