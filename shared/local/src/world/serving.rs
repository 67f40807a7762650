//! A request on its way through a world: its faults, its caller's rights, its answer, its record.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tokio::sync::oneshot;

use super::{State, answering::Part, recording::Recorded};
use crate::{
    api::ApiError,
    faults::{Batch, Crash, Cut, Fault, Lost, Met, Site},
    iam,
    lambda::Handled,
    record::{Fate, Required},
    wire::{Incoming, Protocol, Reply, Service},
};

pub(super) enum Served {
    Reply(Reply),
    Slow(Reply, Duration),
    Later(oneshot::Receiver<Reply>),
    Lost(Lost),
    Crashed,
}

impl State {
    /// Routes a request, with its faults, and records it.
    pub(super) fn serve(&mut self, request: &Incoming) -> Served {
        let Some(service) = Service::named(&request.service) else {
            let message = format!("the embedded AWS has no service {:?}", request.service);
            let error = ApiError { status: 501, code: "NotImplemented".to_owned(), message };
            return Served::Reply(Reply::refusal(Protocol::Rest, &error));
        };
        let protocol = service.protocol(request);
        let body = match request.document(protocol) {
            Ok(body) => body,
            Err(error) => {
                let error = ApiError::client(service.malformed(), error);
                return Served::Reply(service.refusal(protocol, &error));
            }
        };
        let operation = match service.operation(request) {
            Ok(operation) => operation,
            Err(error) => return Served::Reply(service.refusal(protocol, &error)),
        };
        let mut resource = service.resource(request, &body);

        let crash = self.faults.crash(&request.scope.caller);
        if crash == Some(Crash::Before) {
            let fate = Fate::DiedBefore;
            let call = Recorded { service, operation, resource, required: Vec::new(), fate, error: None };
            self.record(request, call, None);
            return Served::Crashed;
        }
        let batch = Batch::of(service, &operation);
        let cut = Cut::of(service, &operation, request, &body);
        let met = self.faults.meet(&Site {
            service: service.name(),
            operation: &operation,
            caller: &request.scope.caller,
            resource: &resource,
            region: &request.scope.region,
            at: request.scope.now,
            body: &body,
            entries: batch.map(|batch| batch.entries(&body)).unwrap_or_default(),
            pages: cut.as_ref().map_or(&[], Cut::pages),
        });
        let (fault, refused) = match met {
            Met::Nothing => (None, BTreeMap::new()),
            Met::Fault(fault) => (Some(fault), BTreeMap::new()),
            Met::Entries(refused) => (None, refused),
        };
        let lost = fault.as_ref().and_then(Fault::loses);
        let struck =
            fault.as_ref().and_then(|fault| service.struck(protocol, fault, request, &operation, &resource));
        let part = Part {
            batch: batch.filter(|_| !refused.is_empty()),
            refused,
            cut,
            page: fault.as_ref().and_then(Fault::cuts),
        };
        let (required, permitted) = self.authorise(service, request, &operation, &body);
        let handled = match (struck, lost, permitted) {
            (Some(reply), _, _) => Some(Handled::Reply(reply)),
            (None, Some((_, false)), _) => None,
            (None, _, Err(error)) => Some(Handled::Reply(service.refusal(protocol, &error))),
            (None, _, Ok(())) => {
                Some(self.answer_part(service, request, &operation, &body, &mut resource, &part))
            }
        };
        let fate = match (crash, lost) {
            (Some(_), _) => Fate::DiedAfter,
            (None, Some((_, true))) => Fate::Unheard,
            (None, Some((_, false))) => Fate::Lost,
            (None, None) => Fate::Heard,
        };
        let reply = match &handled {
            Some(Handled::Reply(reply)) => Some(reply),
            Some(Handled::Begun(_)) | None => None,
        };
        let error = match lost {
            Some((Lost::Timeout, _)) => Some("Timeout".to_owned()),
            Some((Lost::Reset, _)) => Some("Reset".to_owned()),
            None => reply.and_then(|reply| reply.error.clone()),
        };
        let late = fault.as_ref().and_then(Fault::delays);
        self.record(request, Recorded { service, operation, resource, required, fate, error }, reply);
        match (crash, lost, handled) {
            (Some(_), _, _) => Served::Crashed,
            (None, None, Some(Handled::Reply(reply))) => match late {
                Some(late) => Served::Slow(reply, late),
                None => Served::Reply(reply),
            },
            (None, None, Some(Handled::Begun(reply))) => Served::Later(reply),
            (None, Some((how, _)), _) => Served::Lost(how),
            // A request that is neither refused nor lost is handled.
            (None, None, None) => Served::Lost(Lost::Reset),
        }
    }

    /// What a request needs, and whether its caller may do it.
    fn authorise(
        &mut self,
        service: Service,
        incoming: &Incoming,
        operation: &str,
        body: &Value,
    ) -> (Vec<Required>, Result<(), ApiError>) {
        let now = incoming.scope.now;
        let holdings = iam::Holdings { backup: &self.backup, dynamo: &self.dynamo, kms: &self.kms, now };
        self.iam.authorise(service, &iam::Request { incoming, operation, body }, holdings)
    }
}
