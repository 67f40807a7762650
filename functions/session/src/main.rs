//! The session function's Lambda binary.

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::runtime;
use backup_chain_core::invoke::SessionRequest;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::logs();
    let edge = &runtime::edge()?;
    let answer = |event: LambdaEvent<SessionRequest>| async move {
        let deadline = Deadline::at(event.context.deadline().try_into()?);
        // Boxed: its future is deep.
        Ok::<_, Error>(Box::pin(backup_chain_session::handle(edge, event.payload, deadline)).await?)
    };
    run(service_fn(answer)).await
}
