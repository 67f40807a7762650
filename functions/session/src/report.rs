//! How a session is measured when it ends, and how its points name who made them.

use backup_chain_aws::App;
use backup_chain_core::ids::PolicyRef;
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::session::{Session, Status};

/// Measured with what is reported, as often: what an alarm goes by must not be lost.
pub(crate) fn measure_end(app: &App, session: &Session, owed: usize) {
    let measured = Measured::of_session(session)
        .with(Metric::SessionsEnded, 1)
        .with(Metric::SessionsFailed, i64::from(session.status == Status::Failed))
        .with(Metric::SlotsOwed, owed);
    app.context.measure(&measured);
}

/// The policy that made a point, for messages.
pub(crate) fn maker(policy: Option<&PolicyRef>) -> String {
    policy.map_or_else(|| "manual backup".to_owned(), |policy| policy.name.to_string())
}
