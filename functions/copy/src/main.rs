//! The copy function's Lambda binary.

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::runtime;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::logs();
    let edge = &runtime::edge()?;
    let answer = |event: LambdaEvent<Value>| async move {
        let deadline = Deadline::at(event.context.deadline().try_into()?);
        Ok::<_, Error>(backup_chain_copy::handle(edge, event.payload, deadline).await?)
    };
    run(service_fn(answer)).await
}
