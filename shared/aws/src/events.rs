//! EventBridge: where the functions tell what has happened.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use backup_chain_core::notice::{Notice, SOURCE};

use crate::edge::Edge;
use crate::error::{AwsError, Meaning, failed};

/// The event bus of a deployment.
#[derive(Debug, Clone)]
pub struct Bus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl Bus {
    pub(crate) fn new(client: aws_sdk_eventbridge::Client, name: String) -> Self {
        Self { client, name }
    }

    /// Puts one event on the bus.
    ///
    /// # Errors
    /// [`AwsError`] of events:PutEvents, also when it answers 200 and takes no event.
    pub async fn put(&self, notice: &Notice) -> Result<(), AwsError> {
        const OPERATION: &str = "events:PutEvents";
        let refused = |code: &str, message: &str| AwsError {
            operation: OPERATION,
            resource: self.name.clone(),
            meaning: Meaning::Refused,
            code: code.to_owned(),
            message: message.to_owned(),
        };
        let (kind, detail) = notice.parts().map_err(|error| refused("Malformed", &error.to_string()))?;
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(kind)
            .detail(detail)
            .build();
        let answer =
            self.client.put_events().entries(entry).send().await.map_err(failed(OPERATION, &self.name))?;
        match answer.entries().iter().find_map(|entry| Some((entry.error_code()?, entry.error_message()))) {
            None => Ok(()),
            Some((code, message)) => Err(refused(code, message.unwrap_or("no message"))),
        }
    }
}

impl Edge {
    /// Tells the event bus what has happened. Told before it is recorded, it is told again when either is cut off,
    /// and never not at all. A bus that refuses for good does not hold up the work: the catalog says the same, and the
    /// log says that nobody was told.
    ///
    /// # Errors
    /// [`AwsError`] of events:PutEvents, where trying again helps.
    pub async fn tell(&self, notice: &Notice) -> Result<(), AwsError> {
        match self.bus().put(notice).await {
            Err(error) if !error.is_transient() => {
                tracing::error!(%error, ?notice, "the event bus cannot be told");
                Ok(())
            }
            told => told,
        }
    }
}
