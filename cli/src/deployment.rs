//! The deployment that a command talks to: found through its functions, read with the operator's rights.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use backup_chain_aws::App;
use backup_chain_aws::catalog::Catalog;
use backup_chain_aws::clock::Random;
use backup_chain_aws::deployment::Deployment;
use backup_chain_aws::error::failed;
use backup_chain_core::calendar::Zone;
use backup_chain_core::ids::{PolicyName, Region};
use backup_chain_core::policy::Policy;
use serde::Serialize;
use serde_json::Value;

use crate::Console;
use crate::outcome::Failure;

/// A deployment.
#[derive(Debug)]
pub(crate) struct Deployed {
    lambda: Client,
    config: SdkConfig,
    region: String,
    prefix: String,
    /// Its tables, vaults and keys, for reading.
    pub app: App,
}

impl Deployed {
    /// Finds the deployment whose functions' names begin with `prefix`: the session function's own
    /// configuration names everything else.
    pub async fn find(config: &SdkConfig, prefix: String) -> Result<Self, Failure> {
        // Looked at before: see `Access::checked`.
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        // An invocation whose answer was lost may have taken effect: it is not sent twice.
        let once = aws_sdk_lambda::config::Builder::from(config).retry_config(RetryConfig::disabled());
        let lambda = Client::from_conf(once.build());
        let name = format!("{prefix}session");
        let request = Client::new(config).get_function_configuration().function_name(&name).send();
        let function = ask(&name, &region, "lambda:GetFunctionConfiguration", request).await?;
        let variables: HashMap<String, String> = function
            .environment()
            .and_then(|environment| environment.variables())
            .cloned()
            .unwrap_or_default();
        // Lambda itself sets this one.
        let variable = |name: &str| {
            if name == "AWS_REGION" { Some(region.clone()) } else { variables.get(name).cloned() }
        };
        let deployment = Deployment::read(variable)
            .map_err(|error| Failure::refused(format!("function {name} in {region}: {error}")))?;
        let app = App::new(config.clone(), deployment, Random::system());
        Ok(Self { lambda, config: config.clone(), region, prefix, app })
    }

    /// The configuration for clients of a Region.
    pub fn config_in(&self, region: &Region) -> SdkConfig {
        self.config.to_builder().region(aws_config::Region::new(region.to_string())).build()
    }

    /// The full name of a function of the stack, or of what is named like one.
    pub fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The time zone of a stored policy; UTC of one that is not stored, or cannot be read.
    pub async fn zone_of(&self, policy: &PolicyName) -> Result<Zone, Failure> {
        let stored = self.catalog().policy(policy).await?;
        let home = self.app.context.deployment().policy_home();
        let policy = stored.and_then(|stored| Policy::parse(&stored.document, &home).ok());
        Ok(policy.map_or(Zone::UTC, |policy| policy.time_zone))
    }

    /// Its catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.app.catalog
    }

    /// Invokes a function and waits for its answer. What the function refuses is refused here, in its words.
    pub async fn invoke(
        &self,
        function: &str,
        request: &impl Serialize,
        console: &mut Console<'_>,
    ) -> Result<Value, Failure> {
        let name = format!("{}{function}", self.prefix);
        console.note(format_args!("{name} in {} is running ...", self.region))?;
        let payload = Blob::new(serde_json::to_vec(request)?);
        let request = self.lambda.invoke().function_name(&name).payload(payload).send();
        let answer = ask(&name, &self.region, "lambda:InvokeFunction", request).await?;
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let said: Value = serde_json::from_slice(payload)
            .map_err(|error| Failure::refused(format!("function {name} answers with no JSON: {error}")))?;
        match answer.function_error() {
            None => Ok(said),
            Some(_) => {
                let message = said.get("errorMessage").and_then(Value::as_str);
                Err(Failure::refused(
                    message.unwrap_or("the function failed and does not say why: see its log").trim(),
                ))
            }
        }
    }
}

/// Sends a request about a function and says what is in the way.
async fn ask<T, E>(
    function: &str,
    region: &str,
    right: &'static str,
    request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Failure>
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    request.await.map_err(|error| {
        let Some(code) = error.code() else {
            return Failure::from(failed(right, format!("function {function} in {region}"))(error));
        };
        let message = error.message().unwrap_or("no reason is given");
        Failure::refused(match code {
            "ResourceNotFoundException" => format!(
                "there is no function {function} in {region}: deploy the stack there, or name the Region with --region \
                 and the beginning of its functions' names with --stack-prefix"
            ),
            "AccessDeniedException" => {
                format!("you need the right {right} on function {function} in {region}: {message}")
            }
            "TooManyRequestsException" => {
                format!("function {function} in {region} has no room for another invocation: try again in a minute")
            }
            "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidSignatureException" => format!(
                "AWS does not take your credentials ({code}: {message}): get new ones where they come from, such as with \
                 aws sso login"
            ),
            code => format!("function {function} in {region}: {code}: {message}"),
        })
    })
}
