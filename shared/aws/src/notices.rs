//! Where the functions report what has happened: the event bus, and an outbox in the catalog for what it does not take.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use backup_chain_core::ids::EntryId;
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::notice::{Notice, SOURCE};
use jiff::SignedDuration;

use crate::catalog::{Catalog, OutboxEvent, Write};
use crate::context::Context;
use crate::error::{AwsError, Error, failed};

/// The event bus of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
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
    async fn put(&self, notice: &Notice) -> Result<(), AwsError> {
        let (kind, detail) = parts(notice)?;
        let none = Err(AwsError::incomplete(PUT, &self.name, "entry"));
        self.put_each([(kind, detail.as_str())]).await?.pop().unwrap_or(none)
    }

    /// Puts events on the bus, at most ten, and tells for each whether it was taken.
    async fn put_each<'a>(
        &self,
        events: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Vec<Result<(), AwsError>>, AwsError> {
        let entry = |(kind, detail): (&str, &str)| {
            let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(SOURCE);
            entry.detail_type(kind).detail(detail).build()
        };
        let entries = events.into_iter().map(entry).collect();
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(failed(PUT, &self.name))?;
        let taken = answer.entries().iter().map(|entry| match entry.error_code() {
            None => Ok(()),
            Some(code) => Err(AwsError::of_entry(PUT, &self.name, code, entry.error_message())),
        });
        Ok(taken.collect())
    }
}

const PUT: &str = "events:PutEvents";

fn parts(notice: &Notice) -> Result<(&'static str, String), AwsError> {
    notice.parts().map_err(|error| AwsError::not_sent(PUT, "an event", error))
}

/// How many events go into one call.
const BATCH: usize = 10;

/// How long an event that the bus does not take is offered again: as long as EventBridge itself tries a target.
const OUTBOX_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// The event bus with its outbox.
#[derive(Debug, Clone)]
pub struct Notices {
    context: Context,
    bus: Bus,
    catalog: Catalog,
}

impl Notices {
    pub(crate) fn new(context: Context, bus: Bus, catalog: Catalog) -> Self {
        Self { context, bus, catalog }
    }

    /// Puts on the event bus what has happened. What the bus does not take is kept in the catalog's outbox and offered
    /// again by each tick, for a day: the work does not wait for it. An event is published before what it reports is
    /// recorded: when that is cut off, it is published again.
    ///
    /// # Errors
    /// [`Error`] of the catalog, when the bus does not take it and the outbox cannot either.
    pub async fn publish(&self, notice: &Notice) -> Result<(), Error> {
        let Err(error) = self.bus.put(notice).await else { return Ok(()) };
        let (kind, detail) = parts(notice)?;
        let now = self.context.now();
        let id = EntryId::new(now, self.context.random().number());
        let mut untold = OutboxEvent { id, at: now, kind: kind.to_owned(), detail, rev: 0 };
        self.context.record_deferred(&Measured::default(), "an event for the bus", &error.into());
        self.catalog.commit([Write::of(&mut untold)]).await
    }

    /// Offers the bus again what it has not taken, oldest first.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn publish_outbox(&self) -> Result<(), Error> {
        let waiting = self.catalog.outbox().await?;
        for some in waiting.chunks(BATCH) {
            let events = some.iter().map(|untold| (untold.kind.as_str(), untold.detail.as_str()));
            let told = match self.bus.put_each(events).await {
                Ok(told) => told,
                Err(error) => some.iter().map(|_| Err(error.clone())).collect(),
            };
            for (untold, told) in some.iter().zip(told) {
                match told {
                    Ok(()) => self.catalog.remove_from_outbox(untold).await?,
                    Err(error) if untold.at + OUTBOX_RETENTION < self.context.now() => {
                        tracing::error!(%error, kind = untold.kind, detail = untold.detail,
                            "the event bus has not taken an event for a day: it is given up");
                        self.context.measure(&Measured::default().with(Metric::NoticesLost, 1));
                        self.catalog.remove_from_outbox(untold).await?;
                    }
                    Err(error) => self.context.record_deferred(
                        &Measured::default(),
                        "an event for the bus",
                        &error.into(),
                    ),
                }
            }
        }
        Ok(())
    }
}
