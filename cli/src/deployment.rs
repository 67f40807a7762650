//! The deployment that a command talks to: found through its functions, read with the operator's rights.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use backup_chain_aws::App;
use backup_chain_aws::catalog::Catalog;
use backup_chain_aws::clock::Random;
use backup_chain_aws::deployment::Deployment;
use backup_chain_core::ids::Region;
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
        let Some(region) = config.region().map(ToString::to_string) else {
            return Err(Failure::refused("no Region is set: name one with --region, or set AWS_REGION"));
        };
        if let Some(provider) = config.credentials_provider() {
            provider.provide_credentials().await.map_err(|error| no_credentials(&error))?;
        }
        // An invocation whose answer was lost may have taken effect: it is not sent twice.
        let once = aws_sdk_lambda::config::Builder::from(config).retry_config(RetryConfig::disabled());
        let lambda = Client::from_conf(once.build());
        let name = format!("{prefix}session");
        let request = Client::new(config).get_function_configuration().function_name(&name).send();
        let function = ask(&name, &region, "GetFunctionConfiguration", request).await?;
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
        let answer = ask(&name, &self.region, "InvokeFunction", request).await?;
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

fn no_credentials(error: &CredentialsError) -> Failure {
    Failure::Refused(match error {
        CredentialsError::CredentialsNotLoaded(_) => "there are no AWS credentials: set AWS_PROFILE, or \
            AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
            .to_owned(),
        _ => format!("AWS credentials cannot be had: {}", with_causes(error)),
    })
}

/// An error and what it comes from, on one line.
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let mut said: Vec<String> = causes.map(|error| error.to_string().replace('\n', " ")).collect();
    // Many errors repeat their cause.
    said.dedup_by(|cause, error| error.contains(cause.as_str()));
    said.join(": ")
}

/// Sends a request about a function and says what is in the way.
async fn ask<T, E, R>(
    function: &str,
    region: &str,
    right: &str,
    request: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> Result<T, Failure>
where
    E: Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    request.await.map_err(|error| {
        Failure::refused(match error.code() {
            Some("ResourceNotFoundException") => format!(
                "there is no function {function} in {region}: deploy the stack there, or name the Region with --region \
                 and the beginning of its functions' names with --stack-prefix"
            ),
            Some("AccessDeniedException") => {
                let message = error.message().unwrap_or("no reason is given");
                format!("you need the right lambda:{right} on function {function} in {region}: {message}")
            }
            Some("TooManyRequestsException") => {
                format!("function {function} in {region} has no room for another invocation: try again in a minute")
            }
            Some(code) => {
                format!("function {function} in {region}: {code}: {}", error.message().unwrap_or("no reason is given"))
            }
            None => format!("function {function} in {region}: {}", with_causes(&error)),
        })
    })
}
