//! Lambda's API.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    Handled, Lambda,
    concurrency::throttled,
    configuration::Configuration,
    deployed::{Code, Deployed},
    invocation::Origin,
    names::{Key, invalid, key, missing, not_found},
    process::Package,
    retries::Retries,
    routes,
    running::{MAX_PAYLOAD_BYTES, executed},
};
use crate::{
    api::{ApiError, Scope},
    sqs::Sqs,
    wire::{Incoming, Protocol, Reply, text},
};

impl Lambda {
    pub(crate) fn handle(
        &mut self,
        request: &Incoming,
        operation: &str,
        body: &Value,
        sqs: &Sqs,
    ) -> Result<Handled, ApiError> {
        let (scope, name) = (&request.scope, routes::named(&request.path));
        let query =
            |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if operation == "Invoke" {
            return self.invoke(request, name, body);
        }
        let answer = match operation {
            "CreateFunction" => self.create(scope, body)?,
            "ListFunctions" => self.list(scope),
            "GetFunction" => {
                let function = self.find(scope, name)?;
                json!({
                    "Configuration": function.configuration.view(),
                    "Code": { "RepositoryType": "S3", "Location": "" },
                })
            }
            "GetFunctionConfiguration" => self.find(scope, name)?.configuration.view(),
            "UpdateFunctionConfiguration" => {
                let function = self.find(scope, name)?;
                let changed = Configuration::clone(&function.configuration).changed(body, scope.now)?;
                self.replace(scope, name, changed, None)?
            }
            "UpdateFunctionCode" => {
                let (package, zip) = package(body)?;
                let revision = self.rng.uuid();
                let function = self.find(scope, name)?;
                let changed =
                    Configuration::clone(&function.configuration).with_code(&zip, revision, scope.now);
                self.replace(scope, name, changed, Some(package))?
            }
            "DeleteFunction" => {
                self.find(scope, name)?;
                let key = key(scope, name);
                self.functions.remove(&key);
                return Ok(nothing(204));
            }
            "PutFunctionEventInvokeConfig" => {
                let function = self.find_mut(scope, name)?;
                function.retries = Retries::read(body)?;
                function.retries.view(&function.configuration.arn, scope.now)
            }
            "GetFunctionEventInvokeConfig" => {
                let function = self.find(scope, name)?;
                function.retries.view(&function.configuration.arn, function.configuration.modified)
            }
            "PutFunctionConcurrency" => self.put_concurrency(scope, name, body)?,
            "GetFunctionConcurrency" => self.get_concurrency(scope, name)?,
            "DeleteFunctionConcurrency" => {
                self.delete_concurrency(scope, name)?;
                return Ok(nothing(204));
            }
            "AddPermission" => self.find_mut(scope, name)?.add_permission(body)?,
            "GetPolicy" => {
                let function = self.find(scope, name)?;
                let policy = function.policy();
                let policy = policy
                    .ok_or_else(|| not_found("The resource you requested does not exist.".to_owned()))?;
                json!({ "Policy": policy, "RevisionId": function.configuration.revision })
            }
            "RemovePermission" => {
                let sid = request.path.get(4).map(String::as_str).unwrap_or_default();
                let removed = self.find_mut(scope, name)?.permissions.remove(sid);
                removed
                    .ok_or_else(|| not_found(format!("Statement {sid} is not found in resource policy.")))?;
                return Ok(nothing(204));
            }
            "CreateEventSourceMapping" => {
                let name = routes::name_of(text(body, "FunctionName").unwrap_or_default());
                self.find(scope, name)?;
                let view = self.create_mapping(scope, key(scope, name), body, sqs)?;
                return Ok(Handled::Reply(Reply::answer(Protocol::Rest, operation, &view).with_status(202)));
            }
            "ListEventSourceMappings" => self.list_mappings(scope, query)?,
            "GetEventSourceMapping" => self.get_mapping(scope, mapping_of(request))?,
            "UpdateEventSourceMapping" => {
                let view = self.update_mapping(scope, mapping_of(request), body)?;
                return Ok(Handled::Reply(Reply::answer(Protocol::Rest, operation, &view).with_status(202)));
            }
            "DeleteEventSourceMapping" => {
                let view = self.delete_mapping(scope, mapping_of(request))?;
                return Ok(Handled::Reply(Reply::answer(Protocol::Rest, operation, &view).with_status(202)));
            }
            other => return Err(crate::wire::Service::Lambda.unknown_operation(other)),
        };
        let created = ["CreateFunction", "AddPermission"].contains(&operation);
        let reply = Reply::answer(Protocol::Rest, operation, &answer);
        Ok(Handled::Reply(if created { reply.with_status(201) } else { reply }))
    }

    fn create(&mut self, scope: &Scope, body: &Value) -> Result<Value, ApiError> {
        let name = routes::name_of(text(body, "FunctionName").unwrap_or_default());
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(invalid(format!(
                "a function's name has 1 to 64 letters, digits, - and _, not {name:?}"
            )));
        }
        let key: Key = key(scope, name);
        if self.functions.get(&key).is_some_and(Deployed::is_there) {
            return Err(ApiError {
                status: 409,
                ..ApiError::client("ResourceConflictException", format!("Function already exist: {name}"))
            });
        }
        let (package, zip) = package(&body["Code"])?;
        let configuration = Configuration::created(&key, body, scope.now)?;
        let configuration = configuration.with_code(&zip, self.rng.uuid(), scope.now);
        let view = configuration.view();
        let deployed = Deployed {
            configuration: Arc::new(configuration),
            code: Code::Package(Arc::new(package)),
            retries: Retries::default(),
            permissions: std::collections::BTreeMap::new(),
        };
        self.functions.insert(key, deployed);
        Ok(view)
    }

    /// A changed function runs in new environments.
    fn replace(
        &mut self,
        scope: &Scope,
        name: &str,
        configuration: Configuration,
        package: Option<Package>,
    ) -> Result<Value, ApiError> {
        let view = configuration.view();
        let function = self.find_mut(scope, name)?;
        function.configuration = Arc::new(configuration);
        match (package, &function.code) {
            (Some(package), _) => function.code = Code::Package(Arc::new(package)),
            (None, Code::Package(package)) => package.forget_environments(),
            (None, Code::Here(_)) => {}
        }
        Ok(view)
    }

    fn list(&self, scope: &Scope) -> Value {
        let listed: Vec<Value> = self
            .functions
            .iter()
            .filter(|([account, region, _], found)| {
                *account == scope.account && *region == scope.region && found.is_there()
            })
            .map(|(_, function)| function.configuration.view())
            .collect();
        json!({ "Functions": listed })
    }

    fn invoke(&mut self, request: &Incoming, name: &str, body: &Value) -> Result<Handled, ApiError> {
        let scope = &request.scope;
        self.find(scope, name).map_err(|_| missing(scope, name))?;
        let asynchronous = match request.header("x-amz-invocation-type") {
            None | Some("RequestResponse") => false,
            Some("Event") => true,
            Some("DryRun") => return Ok(Handled::Reply(executed(204, ""))),
            Some(other) => {
                return Err(invalid(format!(
                    "1 validation error detected: Value '{other}' at 'invocationType' is none"
                )));
            }
        };
        // A function that is invoked without a payload is given an empty object.
        let payload = if body.is_null() { json!({}).to_string().into() } else { request.body.clone() };
        // AWS documents 6 MB, and 1 MB for an event that no one waits for.
        let most = if asynchronous { 1 << 20 } else { MAX_PAYLOAD_BYTES };
        if payload.len() > most {
            let message =
                format!("Request must be smaller than {most} bytes for the InvokeFunction operation");
            return Err(ApiError { status: 413, code: "RequestTooLargeException".to_owned(), message });
        }
        if asynchronous {
            self.ask(key(scope, name), payload, scope.now);
            return Ok(Handled::Reply(executed(202, "")));
        }
        if self.is_stopped(&key(scope, name)) {
            return Err(throttled());
        }
        let (answer, answered) = oneshot::channel();
        let wants_log = request.header("x-amz-log-type") == Some("Tail");
        let request_id = self.rng.uuid();
        self.begin(request_id, &key(scope, name), payload, Origin::Caller { answer, wants_log });
        Ok(Handled::Begun(answered))
    }
}

fn nothing(status: u16) -> Handled {
    Handled::Reply(Reply::answer(Protocol::Rest, "", &Value::Null).with_status(status))
}

fn mapping_of(request: &Incoming) -> &str {
    request.path.get(2).map(String::as_str).unwrap_or_default()
}

/// The package of a request, and its bytes.
fn package(code: &Value) -> Result<(Package, Vec<u8>), ApiError> {
    let zip =
        text(code, "ZipFile").ok_or_else(|| invalid("give the code as ZipFile: there is no S3 here"))?;
    let zip = BASE64_STANDARD.decode(zip).map_err(|_| invalid("ZipFile is no base64"))?;
    let unreadable = |error: String| {
        invalid(format!(
            "Could not unzip uploaded file. Please check your file, then try to upload again. ({error})"
        ))
    };
    Ok((Package::of_zip(&zip).map_err(unreadable)?, zip))
}
