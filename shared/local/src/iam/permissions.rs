//! What roles are asked for and what policies say, for those who compare the two.

use super::{
    Iam,
    facts::Facts,
    judge::{Verdict, said},
    policy::{Policy, PolicyKind},
};
use crate::{Context, Required, World};

/// A policy of a role.
#[derive(Debug, Clone)]
pub struct Permissions(Policy);

impl Permissions {
    /// Reads a policy (a JSON document).
    ///
    /// # Errors
    /// What is wrong with it, as IAM says it.
    pub fn read(document: &str) -> Result<Self, String> {
        Policy::read(document, PolicyKind::Identity).map(Self)
    }

    /// Whether it allows, and nothing in it denies, what a call needs.
    pub fn allow(&self, need: &Required) -> bool {
        let Required { action, resource, context } = need;
        let facts = Facts { principal: None, action, resource, context, at: None };
        let applies = self.0.statements.iter().filter(|statement| statement.applies(&facts));
        said(applies.map(|statement| statement.denies)) == Verdict::Allowed
    }
}

impl Iam {
    fn asked_of(&self, role_arn: &str) -> Vec<Required> {
        let asked = self.asked.borrow();
        let of_role = asked.iter().filter(|(role, ..)| role == role_arn);
        let need = |(_, action, resource): &(String, String, String)| Required {
            action: action.clone(),
            resource: resource.clone(),
            context: Context::new(),
        };
        of_role.map(need).collect()
    }
}

impl World {
    /// What services wanted to do with a role that they were passed, each thing once.
    pub fn asked_of(&self, role_arn: &str) -> Vec<Required> {
        self.with_iam(|iam| iam.asked_of(role_arn))
    }
}
