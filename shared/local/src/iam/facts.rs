//! What a condition can ask about: who asks, for what, and what the request says.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::record::Context;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Principal<'a> {
    /// The account.
    pub(super) account: &'a str,
    /// The ARN of the role, or of the account's root.
    pub(super) arn: String,
    /// The ARN of the role's session; that of the root for itself.
    pub(super) session_arn: String,
    /// `aws:userid`.
    pub(super) user_id: String,
    /// The role's tags.
    pub(super) tags: Option<&'a BTreeMap<String, String>>,
}

/// All that is known of one thing that somebody wants to do. What is asked for is worked out then: most policies
/// ask for little.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// Who asks; no one in a simulation of loose policies.
    pub(super) principal: Option<&'a Principal<'a>>,
    /// The IAM action.
    pub(super) action: &'a str,
    /// The ARN, or `*`.
    pub(super) resource: &'a str,
    /// The keys that the request gives, and those of the resource's tags.
    pub(super) context: &'a Context,
    /// The Region and the time of the request; none in a simulation.
    pub(super) at: Option<(&'a str, Timestamp)>,
}

impl Facts<'_> {
    /// The values of a condition key, whose name AWS compares without regard to case; `None` when the request
    /// has no such key.
    pub(super) fn get(&self, key: &str) -> Option<Vec<String>> {
        if let Some(values) = self.context.get(key) {
            return Some(values.clone());
        }
        if let Some((_, values)) = self.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) {
            return Some(values.clone());
        }
        let lower = key.to_ascii_lowercase();
        let principal = self.principal;
        let value = match lower.as_str() {
            "aws:principalarn" => principal?.arn.clone(),
            "aws:principalaccount" => principal?.account.to_owned(),
            "aws:principaltype" => {
                if principal?.tags.is_some() { "AssumedRole" } else { "Account" }.to_owned()
            }
            // The account of whoever asks KMS, also through another service.
            "kms:calleraccount" if self.action.starts_with("kms:") => principal?.account.to_owned(),
            "aws:userid" => principal?.user_id.clone(),
            "aws:principalisawsservice" | "aws:viaawsservice" => principal.map(|_| "false".to_owned())?,
            "aws:securetransport" => principal.map(|_| "true".to_owned())?,
            "aws:requestedregion" => self.at?.0.to_owned(),
            "aws:currenttime" => self.at?.1.to_string(),
            "aws:epochtime" => self.at?.1.as_second().to_string(),
            "aws:resourceaccount" => account_of(self.resource)?.to_owned(),
            _ => {
                // AWS documents the tag keys in these names as case-insensitive too.
                let wanted = lower.strip_prefix("aws:principaltag/")?;
                let (_, value) =
                    principal?.tags?.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
                value.clone()
            }
        };
        Some(vec![value])
    }
}

/// The account that an ARN names.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty() && *account != "*")
}
