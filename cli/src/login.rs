//! As whom a command talks to AWS, and in which Region: found where the AWS CLI finds it, and looked at once, before
//! any command goes on. What is in the way is one line with the way out.

use std::error::Error;
use std::iter::successors;
use std::sync::{Mutex, PoisonError};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{self, Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_sso::error::ProvideErrorMetadata;
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_types::os_shim_internal::{Env, Fs};
use backup_chain_core::ids::Region;

use crate::outcome::Failure;

/// What a command line says of whom to be and where; what it leaves open, the surroundings say.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A profile of the AWS CLI's configuration.
    pub profile: Option<String>,
    /// The Region.
    pub region: Option<Region>,
}

impl Access {
    /// The configuration that the AWS CLI would take, on a clock.
    pub async fn config(&self, time: SharedTimeSource) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).time_source(time.clone());
        if let Some(region) = &self.region {
            loader = loader.region(aws_config::Region::new(region.to_string()));
        }
        let Some(name) = &self.profile else { return loader.load().await };
        let config = loader.profile_name(name).load().await;
        // As with the AWS CLI, a profile that is named comes before credentials in variables.
        let here = ProviderConfig::default().with_time_source(time).with_region(config.region().cloned());
        let profile = ProfileFileCredentialsProvider::builder().configure(&here).profile_name(name).build();
        let container = EcsCredentialsProvider::builder().configure(&here).build();
        let machine = ImdsCredentialsProvider::builder().configure(&here).build();
        let chain = CredentialsProviderChain::first_try("Profile", profile)
            .or_else("EcsContainer", container)
            .or_else("Ec2InstanceMetadata", machine);
        config.to_builder().credentials_provider(SharedCredentialsProvider::new(chain)).build()
    }

    /// The configuration once it is seen that there are a Region and credentials in it. All clients share what was
    /// found, so that a `credential_process` runs once.
    ///
    /// # Errors
    /// What there is not, and the way to it.
    pub(crate) async fn checked(&self, config: SdkConfig) -> Result<SdkConfig, Failure> {
        if let Some(name) = &self.profile {
            let set = profiles().await?;
            if set.get_profile(name).is_none() {
                return Err(Failure::refused(no_profile(&set, name)));
            }
        }
        if config.region().is_none() {
            let profile = self.profile.as_ref();
            let profile = profile.map(|name| format!(", or region in profile {name}")).unwrap_or_default();
            return Err(Failure::refused(format!(
                "no Region is set: name one with --region, or set AWS_REGION{profile}"
            )));
        }
        let Some(provider) = config.credentials_provider() else { return Ok(config) };
        let found = match provider.provide_credentials().await {
            Ok(found) => found,
            Err(error) => {
                let set = profiles().await?;
                let name = self.profile.as_deref().unwrap_or_else(|| set.selected_profile());
                return Err(Failure::refused(Search { set: &set, name }.failed(&error)));
            }
        };
        let provider = Found { found: Mutex::new(Some(found)), provider };
        let config = config.to_builder().identity_cache(IdentityCache::lazy().build());
        Ok(config.credentials_provider(SharedCredentialsProvider::new(provider)).build())
    }
}

/// Credentials that were looked at, for whoever asks first; then the provider is asked again.
#[derive(Debug)]
struct Found {
    found: Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
}

impl ProvideCredentials for Found {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(found) => future::ProvideCredentials::ready(Ok(found)),
            None => self.provider.provide_credentials(),
        }
    }
}

/// The profiles of the AWS CLI's configuration.
async fn profiles() -> Result<ProfileSet, Failure> {
    let loaded = profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await;
    loaded.map_err(|error| {
        Failure::refused(format!("the configuration of the AWS CLI cannot be read: {}", with_causes(&error)))
    })
}

fn no_profile(set: &ProfileSet, name: &str) -> String {
    let mut names: Vec<&str> = set.profiles().collect();
    names.sort_unstable();
    let there = if names.is_empty() {
        "none is configured".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    };
    format!("there is no AWS profile {name}: {there}; make one with aws configure sso --profile {name}")
}

/// Where credentials were looked for in vain.
struct Search<'a> {
    set: &'a ProfileSet,
    /// The profile.
    name: &'a str,
}

impl Search<'_> {
    /// What is in the way, and the way out.
    fn failed(&self, error: &CredentialsError) -> String {
        let Self { set, name } = self;
        if set.get_profile(name).is_none() && *name != "default" {
            return no_profile(set, name);
        }
        let says = |key: &str| self.roles().find_map(|profile| Some((profile.name(), profile.get(key)?)));
        if let Some(error) = cause::<ConnectorError>(error) {
            return format!(
                "there is no connection to where the credentials of AWS profile {name} come from: {}: check the \
                 network, and the proxy if there is one",
                root_cause(error)
            );
        }
        let sso = says("sso_session").or_else(|| says("sso_start_url")).map(|(of, _)| of);
        if let Some(error) = cause::<GetRoleCredentialsError>(error)
            && !error.is_unauthorized_exception()
        {
            return format!(
                "IAM Identity Center gives profile {} no credentials: {}: see its sso_account_id and sso_role_name",
                sso.unwrap_or(name),
                said(error)
            );
        }
        let assumed = cause::<AssumeRoleError>(error).map(said);
        if let Some(why) = assumed.or_else(|| cause::<AssumeRoleWithWebIdentityError>(error).map(said)) {
            let role = says("role_arn").map(|(_, role)| format!("{role} ")).unwrap_or_default();
            return match says("mfa_serial") {
                Some((of, _)) => format!(
                    "the role {role}of AWS profile {name} cannot be assumed: {why}; profile {of} asks for a code of an \
                     MFA device, which this command cannot ask you for: {}",
                    exported(name)
                ),
                None => format!("the role {role}of AWS profile {name} cannot be assumed: {why}"),
            };
        }
        if let Some(of) = sso {
            return format!(
                "the IAM Identity Center session of AWS profile {of} has ended, or was never begun: run aws sso login \
                 --profile {of}"
            );
        }
        if let Some((of, _)) = says("credential_process") {
            return format!(
                "the credential_process of AWS profile {of} gives no credentials: {}",
                process(error)
            );
        }
        if says("login_session").is_some() {
            return format!(
                "AWS profile {name} is of aws login, which this command does not know: {}",
                exported(name)
            );
        }
        match error {
            CredentialsError::CredentialsNotLoaded(_) => {
                let of = if set.get_profile(name).is_some() {
                    format!(" in profile {name}")
                } else {
                    String::new()
                };
                format!(
                    "there are no AWS credentials{of}: name a profile that has some with --profile, or set AWS_PROFILE, or \
                     AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
                )
            }
            _ => format!("AWS credentials cannot be had: {}", with_causes(error)),
        }
    }

    /// The profile, and those that it takes credentials from.
    fn roles(&self) -> impl Iterator<Item = &Profile> {
        let next = |profile: &&Profile| self.set.get_profile(profile.get("source_profile")?);
        // A circle is refused by the SDK.
        successors(self.set.get_profile(self.name), next).take(16)
    }
}

/// The way out that the AWS CLI has for whatever it alone can do.
fn exported(name: &str) -> String {
    format!(
        "run eval \"$(aws configure export-credentials --profile {name} --format env)\" and leave out the profile"
    )
}

/// What a `credential_process` has written to standard error, or what is wrong with its answer.
fn process(error: &CredentialsError) -> String {
    let told = root_cause(error).replace('\n', " ");
    match told.split_once("exited with code ") {
        Some((_, told)) => told.replacen(". Stderr: ", ": ", 1).trim_end().to_owned(),
        None => told,
    }
}

fn said(error: &impl ProvideErrorMetadata) -> String {
    format!(
        "{}: {}",
        error.code().unwrap_or("no error code"),
        error.message().unwrap_or("no reason is given")
    )
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| (*error).source())
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error and what it comes from, on one line.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = causes(error).map(|error| error.to_string().replace('\n', " ")).collect();
    // Many errors repeat their cause.
    said.dedup_by(|cause, error| error.contains(cause.as_str()));
    said.join(": ")
}
