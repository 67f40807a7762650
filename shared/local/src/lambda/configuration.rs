//! How a function is configured.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    function::{Function, Program},
    names::{Key, arn, invalid},
};
use crate::{api::ApiError, wire::text};

/// What GetFunctionConfiguration tells.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) role: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) runtime: String,
    pub(super) handler: String,
    pub(super) architecture: String,
    pub(super) description: String,
    pub(super) timeout: SignedDuration,
    pub(super) memory: u32,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) dead_letters: Option<String>,
    pub(super) modified: Timestamp,
    pub(super) revision: String,
    pub(super) code_size: usize,
    pub(super) code_hash: String,
}

const MAX_TIMEOUT_SECONDS: i64 = 900;

impl Configuration {
    fn of(key: &Key, now: Timestamp) -> Self {
        let [account, region, name] = key.clone();
        Self {
            role: role_arn(&account, &name),
            arn: arn(key),
            name,
            account,
            region,
            runtime: "provided.al2023".to_owned(),
            handler: "bootstrap".to_owned(),
            architecture: "x86_64".to_owned(),
            description: String::new(),
            timeout: SignedDuration::from_secs(3),
            memory: 128,
            environment: BTreeMap::new(),
            dead_letters: None,
            modified: now,
            revision: String::new(),
            code_size: 0,
            code_hash: hash(&[]),
        }
    }

    pub(super) fn in_process(key: &Key, function: &Function, now: Timestamp) -> Self {
        let Function { timeout, ref role, ref environment, .. } = *function;
        let [account, _, name] = key;
        let role = role_arn(account, role.as_ref().unwrap_or(name));
        Self { role, timeout, environment: environment.clone(), ..Self::of(key, now) }
    }

    pub(super) fn of_program(key: &Key, program: &Program<'_>, now: Timestamp) -> Self {
        let role = role_arn(&key[0], program.role);
        let Program { timeout, memory, ref environment, .. } = *program;
        Self { role, timeout, memory, environment: environment.clone(), ..Self::of(key, now) }
    }

    /// What CreateFunction asks for, but for its code.
    ///
    /// # Errors
    /// As Lambda refuses it.
    pub(super) fn created(key: &Key, body: &Value, now: Timestamp) -> Result<Self, ApiError> {
        if text(body, "PackageType").is_some_and(|kind| kind != "Zip") {
            return Err(invalid("the embedded AWS runs zip packages only"));
        }
        for member in ["Role", "Runtime", "Handler"] {
            if text(body, member).is_none_or(str::is_empty) {
                return Err(invalid(format!("{member} is required when PackageType is Zip")));
            }
        }
        Self::of(key, now).changed(body, now)
    }

    /// This configuration with what a request changes.
    ///
    /// # Errors
    /// As Lambda refuses it.
    pub(super) fn changed(mut self, body: &Value, now: Timestamp) -> Result<Self, ApiError> {
        let set = |place: &mut String, member: &str| {
            if let Some(given) = text(body, member) {
                given.clone_into(place);
            }
        };
        set(&mut self.role, "Role");
        set(&mut self.runtime, "Runtime");
        set(&mut self.handler, "Handler");
        set(&mut self.description, "Description");
        if !["provided.al2023", "provided.al2"].contains(&self.runtime.as_str()) {
            return Err(invalid(format!(
                "the embedded AWS runs no runtime {}: use provided.al2023",
                self.runtime
            )));
        }
        if let Some([architecture]) = body["Architectures"].as_array().map(Vec::as_slice) {
            self.architecture = architecture.as_str().unwrap_or_default().to_owned();
        }
        if let Some(seconds) = body["Timeout"].as_i64() {
            if !(1..=MAX_TIMEOUT_SECONDS).contains(&seconds) {
                return Err(refused(&format!(
                    "'{seconds}' at 'timeout' failed to satisfy constraint: 1 to {MAX_TIMEOUT_SECONDS}"
                )));
            }
            self.timeout = SignedDuration::from_secs(seconds);
        }
        if let Some(memory) = body["MemorySize"].as_u64() {
            self.memory = u32::try_from(memory)
                .ok()
                .filter(|memory| (128..=10_240).contains(memory))
                .ok_or_else(|| {
                    refused(&format!("'{memory}' at 'memorySize' failed to satisfy constraint: 128 to 10240"))
                })?;
        }
        if let Some(variables) = body["Environment"]["Variables"].as_object() {
            let reserved = variables.keys().find(|name| RESERVED.contains(&name.as_str()));
            if let Some(name) = reserved {
                return Err(invalid(format!(
                    "Lambda was unable to configure your environment variables because the environment variables \
                     you have provided contains reserved keys that are currently not supported for modification. \
                     Reserved keys used in this request: {name}"
                )));
            }
            self.environment = variables
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
        }
        if let Some(target) = text(&body["DeadLetterConfig"], "TargetArn") {
            self.dead_letters = Some(target.to_owned()).filter(|target| !target.is_empty());
        }
        self.modified = now;
        Ok(self)
    }

    pub(super) fn with_code(self, package: &[u8], revision: String, now: Timestamp) -> Self {
        Self { code_size: package.len(), code_hash: hash(package), revision, modified: now, ..self }
    }

    pub(super) fn view(&self) -> Value {
        let mut view = json!({
            "FunctionName": self.name,
            "FunctionArn": self.arn,
            "Runtime": self.runtime,
            "Role": self.role,
            "Handler": self.handler,
            "CodeSize": self.code_size,
            "CodeSha256": self.code_hash,
            "Description": self.description,
            "Timeout": self.timeout.as_secs(),
            "MemorySize": self.memory,
            "LastModified": self.modified.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
            "Version": "$LATEST",
            "PackageType": "Zip",
            "Architectures": [self.architecture],
            "TracingConfig": { "Mode": "PassThrough" },
            "EphemeralStorage": { "Size": 512 },
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "RevisionId": self.revision,
            "LoggingConfig": { "LogFormat": "Text", "LogGroup": format!("/aws/lambda/{}", self.name) },
        });
        if !self.environment.is_empty() {
            view["Environment"] = json!({ "Variables": self.environment });
        }
        if let Some(target) = &self.dead_letters {
            view["DeadLetterConfig"] = json!({ "TargetArn": target });
        }
        view
    }

    /// The name of the role, without its path.
    pub(super) fn role_name(&self) -> &str {
        self.role.rsplit('/').next().unwrap_or_default()
    }
}

/// Variables that Lambda sets itself and lets no one set.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

fn refused(message: &str) -> ApiError {
    ApiError::client("ValidationException", format!("1 validation error detected: Value {message}"))
}

fn hash(package: &[u8]) -> String {
    BASE64_STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, package))
}

fn role_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}
