//! Roles made from within: what tests and deployments in process start from.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Iam,
    account::{ADMINISTRATOR, Role},
    managed,
    policy::{Policy, PolicyKind},
};
use crate::World;

/// Roles made from within are functions' and AWS Backup's.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
"Principal":{"Service":["lambda.amazonaws.com","backup.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;

impl Iam {
    /// The role of this name, made when there is none.
    fn made(&mut self, account: &str, name: &str, now: Timestamp) -> Result<&mut Role, String> {
        if self.role(account, name).is_none() {
            let role = Role {
                name: name.to_owned(),
                path: "/".to_owned(),
                id: self.unique_id("AROA"),
                arn: format!("arn:aws:iam::{account}:role/{name}"),
                created: now,
                description: None,
                longest_session: 3600,
                trust: Arc::new(Policy::read(TRUST, PolicyKind::Trust)?),
                inline: BTreeMap::new(),
                attached: BTreeSet::new(),
                tags: BTreeMap::new(),
            };
            self.account(account).roles.insert(name.to_owned(), role);
        }
        self.account(account).roles.get_mut(name).ok_or_else(|| format!("no role {name}"))
    }

    /// Makes a role an administrator's, unless it is there already.
    pub(crate) fn ensure_administrator(&mut self, account: &str, name: &str, now: Timestamp) {
        if self.role(account, name).is_none()
            && let Ok(role) = self.made(account, name, now)
        {
            role.attached.insert(ADMINISTRATOR.to_owned());
        }
    }
}

impl World {
    /// Gives a role these policies (JSON documents) and no others; a role that is not there is made, trusted to
    /// Lambda and AWS Backup.
    ///
    /// # Errors
    /// What is wrong with a document. The role is then as it was.
    pub fn put_role(&self, account: &str, name: &str, policies: &[&str]) -> Result<(), String> {
        let named = policies.iter().zip(1..).map(|(text, number)| (format!("policy-{number}"), *text));
        self.give(account, name, None, named)
    }

    /// Gives a role this trust too, and its policies by their names, as CloudFormation does.
    ///
    /// # Errors
    /// What is wrong with a document. The role is then as it was.
    pub fn make_role(
        &self,
        account: &str,
        name: &str,
        trust: &str,
        policies: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let named = policies.iter().map(|(name, text)| (name.clone(), text.as_str()));
        self.give(account, name, Some(trust), named)
    }

    fn give<'a>(
        &self,
        account: &str,
        name: &str,
        trust: Option<&str>,
        policies: impl Iterator<Item = (String, &'a str)>,
    ) -> Result<(), String> {
        let trust = trust.map(|text| Policy::read(text, PolicyKind::Trust).map(Arc::new)).transpose()?;
        let inline = policies
            .map(|(name, text)| Ok((name, Arc::new(Policy::read(text, PolicyKind::Identity)?))))
            .collect::<Result<_, String>>()?;
        let now = self.now();
        self.with_iam(|iam| {
            let role = iam.made(account, name, now)?;
            if let Some(trust) = trust {
                role.trust = trust;
            }
            role.inline = inline;
            role.attached.clear();
            Ok(())
        })
    }

    /// Makes a role for AWS Backup as its console makes the default one, with AWS's two managed policies: for backups
    /// and copies, and for restores.
    ///
    /// # Errors
    /// None in practice.
    pub fn put_service_role(&self, account: &str, name: &str) -> Result<(), String> {
        let now = self.now();
        self.with_iam(|iam| {
            let role = iam.made(account, name, now)?;
            role.inline.clear();
            role.attached = [managed::BACKUP, managed::RESTORES].map(str::to_owned).into();
            Ok(())
        })
    }
}
