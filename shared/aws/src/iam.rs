//! IAM: what a role may do, asked beforehand.

use crate::error::{AwsError, failed};

/// IAM, which is the same in all Regions.
#[derive(Debug, Clone)]
pub(crate) struct Iam(aws_sdk_iam::Client);

impl Iam {
    pub fn new(client: aws_sdk_iam::Client) -> Self {
        Self(client)
    }

    /// Which of these actions the policies of a role do not allow on a resource.
    ///
    /// # Errors
    /// [`AwsError`] of iam:SimulatePrincipalPolicy.
    pub async fn missing_actions(
        &self,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> Result<Vec<String>, AwsError> {
        let mut pages = self
            .0
            .simulate_principal_policy()
            .policy_source_arn(role)
            .set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()))
            .resource_arns(resource)
            .into_paginator()
            .items()
            .send();
        let mut lacking = Vec::new();
        while let Some(result) = pages.next().await {
            let result = result.map_err(failed("iam:SimulatePrincipalPolicy", role))?;
            if result.eval_decision() != &aws_sdk_iam::types::PolicyEvaluationDecisionType::Allowed {
                lacking.push(result.eval_action_name().to_owned());
            }
        }
        Ok(lacking)
    }
}
