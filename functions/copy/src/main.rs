//! The copy function's Lambda binary.

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::runtime;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::logs();
    let app = &runtime::app()?;
    let answer = |event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of(event.context.deadline());
        // Boxed: keeps the parent future small.
        let reply = Box::pin(backup_chain_copy::handle(app, event.payload, deadline)).await;
        reply.map_err(|error| Diagnostic {
            error_type: error.name().to_owned(),
            error_message: error.to_string(),
        })
    };
    run(service_fn(answer)).await
}
