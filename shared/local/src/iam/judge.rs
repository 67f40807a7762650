//! Who may do what: identity policies and resource policies, put together as AWS does.

use std::sync::Arc;

use super::{
    Iam,
    account::{Account, Role},
    actions::{self, Request},
    facts::{Facts, Principal, account_of},
    holdings::Holdings,
    managed,
    policy::{Named, Policy, PolicyKind},
};
use crate::{
    api::ApiError,
    record::{Context, Required},
    wire::Service,
};

/// What policies say of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// Nothing allows it.
    Implicit,
    /// A statement denies it.
    Explicit,
}

/// A resource's own policy.
#[derive(Debug, Clone)]
struct Bound {
    /// `None` is one that leaves everything to the account's IAM.
    policy: Option<Arc<Policy>>,
    /// Whether no one may do anything that it does not allow, or leave to IAM: so for keys and for trust.
    governs: bool,
}

impl Iam {
    /// What a request needs, and whether its caller may do it. A caller without a token is the account's root,
    /// who may do all; an administrator is judged by resource policies alone.
    ///
    /// # Errors
    /// As the service refuses an unknown token, or what is not allowed.
    pub(crate) fn authorise(
        &mut self,
        service: Service,
        request: &Request<'_>,
        holdings: Holdings<'_>,
    ) -> (Vec<Required>, Result<(), ApiError>) {
        let (account, caller) = (&request.scope().account, &request.scope().caller);
        self.now = request.scope().now;
        if !caller.is_empty() && self.role(account, caller).is_none() {
            return (Vec::new(), Err(service.unknown_token()));
        }
        let Some(mut required) = actions::required(service, request, holdings) else {
            // Who may do all is told that there is no such operation.
            let all = self.role(account, caller).is_none_or(Role::has_everything);
            let done = if all {
                Ok(())
            } else {
                let action = format!("{}:{}", service.action_prefix(), request.operation);
                Err(service.access_denied(self.refused(request, &action, "*")))
            };
            return (Vec::new(), done);
        };
        for need in &mut required {
            if need.resource.starts_with("arn:aws:dynamodb:")
                && !holdings.dynamo.has_tag_conditions(&need.resource)
            {
                need.context.retain(|key, _| !key.starts_with("aws:RequestTag/") && key != "aws:TagKeys");
                continue;
            }
            for (key, value) in holdings.tags(&need.resource).into_iter().flatten() {
                need.context.insert(format!("aws:ResourceTag/{key}"), vec![value.clone()]);
            }
        }
        let bounds: Vec<Option<Bound>> =
            required.iter().map(|need| self.bound(service, request, need, holdings)).collect();
        let refusal = required
            .iter()
            .zip(&bounds)
            .find_map(|(need, bound)| self.refusal(request, need, bound.as_ref()));
        let done = refusal.map_or(Ok(()), |message| Err(service.access_denied(message)));
        (required, done)
    }

    /// Why somebody may not do one thing; `None` when they may.
    fn refusal(&self, request: &Request<'_>, need: &Required, bound: Option<&Bound>) -> Option<String> {
        let scope = request.scope();
        let (account, role) = self.known(&scope.account, &scope.caller);
        let everything = role.is_none_or(|role| role.has_everything());
        let own = account_of(&need.resource).is_none_or(|owner| owner == scope.account);
        // An account's root is bound by nothing but the trust of a role.
        let trust = need.action == "sts:AssumeRole";
        let plain = bound.is_none_or(|bound| bound.policy.is_none());
        if everything && !trust && (role.is_none() || plain && own) {
            return None;
        }
        let principal = principal(&scope.account, role, request.session());
        let facts = Facts {
            principal: Some(&principal),
            action: &need.action,
            resource: &need.resource,
            context: &need.context,
            at: Some((&scope.region, scope.now)),
        };
        let identity = match (role, account) {
            (Some(role), Some(account)) if !everything => account.identity(role, &facts),
            _ => Verdict::Allowed,
        };
        let told = |why: &str| Some(format!("{}{why}", self.refused(request, &need.action, &need.resource)));
        if identity == Verdict::Explicit {
            return told(" with an explicit deny in an identity-based policy");
        }
        let (verdict, named) = match bound {
            None => (Verdict::Implicit, Named::Account),
            // The default policy of a key: the account's root, and so its IAM.
            Some(Bound { policy: None, .. }) if own && !trust => (Verdict::Allowed, Named::Account),
            Some(Bound { policy: None, .. }) => (Verdict::Implicit, Named::Account),
            Some(Bound { policy: Some(policy), .. }) => resource(policy, &principal, &facts),
        };
        if verdict == Verdict::Explicit {
            return told(" with an explicit deny in a resource-based policy");
        }
        let granted = verdict == Verdict::Allowed && named == Named::Itself && own;
        let governed = bound.is_some_and(|bound| bound.governs) || !own;
        if granted || identity == Verdict::Allowed && (!governed || verdict == Verdict::Allowed) {
            return None;
        }
        if trust {
            return told("");
        }
        let kind = if governed && verdict != Verdict::Allowed { "resource" } else { "identity" };
        told(&format!(" because no {kind}-based policy allows the {} action", need.action))
    }

    /// The policy of what is asked for, if it has one.
    fn bound(
        &mut self,
        service: Service,
        request: &Request<'_>,
        need: &Required,
        holdings: Holdings<'_>,
    ) -> Option<Bound> {
        if need.action == "sts:AssumeRole" {
            let name = need.resource.rsplit('/').next()?;
            let trust = self.role(account_of(&need.resource)?, name).map(|role| Arc::clone(&role.trust));
            return Some(Bound { policy: trust, governs: true });
        }
        if need.resource.starts_with("arn:aws:kms:") {
            let text = holdings.kms.policy_of(&need.resource);
            return Some(Bound { policy: text.and_then(|text| self.read_once(text)), governs: true });
        }
        if service == Service::DynamoDb && need.action.starts_with("dynamodb:") {
            let text = holdings.dynamo.policy_of(&need.resource)?;
            return Some(Bound { policy: Some(self.read_once(text)?), governs: false });
        }
        if service == Service::Backup && need.action.starts_with("backup:") {
            let scope = request.scope();
            let text = holdings.backup.vault_policy(&scope.account, &scope.region, request.vault()?)?;
            return Some(Bound { policy: Some(self.read_once(text)?), governs: false });
        }
        None
    }

    /// Whether a resource policy denies its own author to change it from then on.
    pub(crate) fn shuts_out(
        &mut self,
        request: &Request<'_>,
        action: &str,
        resource_arn: &str,
        text: &str,
    ) -> bool {
        let Some(policy) = self.read_once(text) else { return false };
        let scope = request.scope();
        let (_, role) = self.known(&scope.account, &scope.caller);
        let principal = principal(&scope.account, role, request.session());
        let facts = Facts {
            principal: Some(&principal),
            action,
            resource: resource_arn,
            context: &Context::new(),
            at: Some((&scope.region, scope.now)),
        };
        resource(&policy, &principal, &facts).0 == Verdict::Explicit
    }

    /// A resource policy, read at its first use. Nothing comes of one that is no policy.
    fn read_once(&mut self, text: &str) -> Option<Arc<Policy>> {
        if let Some(policy) = self.resource_policies.get(text) {
            return policy.clone();
        }
        let policy = Policy::read(text, PolicyKind::Resource).ok().map(Arc::new);
        self.resource_policies.insert(text.to_owned(), policy.clone());
        policy
    }

    fn refused(&self, request: &Request<'_>, action: &str, resource: &str) -> String {
        let scope = request.scope();
        let (_, role) = self.known(&scope.account, &scope.caller);
        let who = principal(&scope.account, role, request.session()).session_arn;
        format!("User: {who} is not authorized to perform: {action} on resource: {resource}")
    }

    fn known(&self, account: &str, caller: &str) -> (Option<&Account>, Option<&Role>) {
        let account = self.accounts.get(account);
        (account, account.and_then(|account| account.roles.get(caller)))
    }
}

impl Account {
    /// What the policies of a role say.
    pub(super) fn identity(&self, role: &Role, facts: &Facts<'_>) -> Verdict {
        said(
            self.policies_of(role)
                .flat_map(|(_, policy)| &policy.statements)
                .filter(|s| s.applies(facts))
                .map(|s| s.denies),
        )
    }

    /// The policies of a role, by name: its own, then those that are attached.
    pub(super) fn policies_of<'a>(
        &'a self,
        role: &'a Role,
    ) -> impl Iterator<Item = (&'a str, &'a Policy)> + 'a {
        let inline = role.inline.iter().map(|(name, policy)| (name.as_str(), &**policy));
        let attached = role.attached.iter().filter_map(|arn| {
            let policy = self.policies.get(arn).or_else(|| managed::of_aws().get(arn.as_str()))?;
            Some((arn.as_str(), &*policy.policy))
        });
        inline.chain(attached)
    }
}

/// An explicit deny wins, then any allow.
pub(super) fn said(denials: impl Iterator<Item = bool>) -> Verdict {
    let mut verdict = Verdict::Implicit;
    for denies in denials {
        if denies {
            return Verdict::Explicit;
        }
        verdict = Verdict::Allowed;
    }
    verdict
}

/// What a resource policy says of somebody, and how it names those that it allows.
fn resource(policy: &Policy, who: &Principal<'_>, facts: &Facts<'_>) -> (Verdict, Named) {
    let mut named = Named::Account;
    let verdict = said(policy.statements.iter().filter_map(|statement| {
        let how = statement.names(who)?;
        let applies = statement.applies(facts);
        if applies && !statement.denies {
            named = named.max(how);
        }
        applies.then_some(statement.denies)
    }));
    (verdict, named)
}

/// A role in a session, or the root of an account.
pub(super) fn principal<'a>(account: &'a str, role: Option<&'a Role>, session: &str) -> Principal<'a> {
    match role {
        None => {
            let arn = format!("arn:aws:iam::{account}:root");
            Principal { account, session_arn: arn.clone(), arn, user_id: account.to_owned(), tags: None }
        }
        Some(role) => Principal {
            account,
            arn: role.arn.clone(),
            session_arn: format!("arn:aws:sts::{account}:assumed-role/{}/{session}", role.name),
            user_id: format!("{}:{session}", role.id),
            tags: Some(&role.tags),
        },
    }
}
