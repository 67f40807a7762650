//! What Lambda writes into a function's log around an invocation.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};

/// The lines of one invocation.
pub(super) fn start(request_id: &str) -> String {
    format!("START RequestId: {request_id} Version: $LATEST\n")
}

/// What an invocation took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) duration: SignedDuration,
    /// How long the environment took to start, when this invocation started it.
    pub(super) init: Option<SignedDuration>,
    /// The most memory that the process has used, in MiB, where the machine tells.
    pub(super) memory: Option<u64>,
}

/// The closing lines of an invocation.
pub(super) fn end(request_id: &str, usage: Usage, memory: u32, status: Option<&str>) -> String {
    let millis = |time: SignedDuration| time.as_secs_f64() * 1000.0;
    let billed = millis(usage.duration + usage.init.unwrap_or_default()).ceil();
    let mut report = format!(
        "END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {billed} ms\t\
         Memory Size: {memory} MB\tMax Memory Used: {} MB\t",
        millis(usage.duration),
        usage.memory.unwrap_or_default(),
    );
    if let Some(init) = usage.init {
        report.push_str(&format!("Init Duration: {:.2} ms\t", millis(init)));
    }
    if let Some(status) = status {
        report.push_str(&format!("Status: {status}\t"));
    }
    report.push('\n');
    report
}

/// The line that stands where a function ran out of time.
pub(super) fn timed_out(request_id: &str, at: Timestamp, timeout: SignedDuration) -> String {
    format!("{at:.3} {request_id} Task timed out after {:.2} seconds\n", timeout.as_secs_f64())
}

/// The last 4 KB of a log, as Invoke answers them.
pub(super) fn tail(log: &str) -> String {
    const MAX_LINE_BYTES: usize = 4096;
    let bytes = log.as_bytes();
    BASE64_STANDARD.encode(&bytes[bytes.len().saturating_sub(MAX_LINE_BYTES)..])
}
