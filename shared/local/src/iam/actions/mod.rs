//! What each operation needs: IAM actions, on which resources, with which condition keys, as AWS's Service
//! Authorization Reference lists them.

mod backup;
mod dynamodb;
mod events;
mod iam;
mod kms;
mod plain;
mod request;

pub(crate) use self::request::Request;
use super::holdings::Holdings;
use crate::{lambda::routes, record::Required, wire::Service};

/// What a request needs; `None` for an operation that is not known here, which only an account's root and its
/// administrators may call.
pub(super) fn required(
    service: Service,
    request: &Request<'_>,
    holdings: Holdings<'_>,
) -> Option<Vec<Required>> {
    match service {
        Service::Backup => backup::required(request),
        Service::CloudWatch => events::of_cloudwatch(request),
        Service::DynamoDb => dynamodb::required(request),
        Service::Events => events::required(request),
        Service::Iam => iam::required(request),
        Service::Kms => kms::required(request, holdings.kms),
        Service::Lambda => of_lambda(request),
        Service::Scaling => plain::of_scaling(request),
        Service::Sqs => plain::of_sqs(request),
        Service::Sts => of_sts(request),
        Service::Tagging => plain::of_tagging(request),
    }
}

fn of_lambda(request: &Request<'_>) -> Option<Vec<Required>> {
    let operation = request.operation;
    let on = |name: &str| request.arn("lambda", &format!("function:{name}"));
    let own = || format!("lambda:{operation}");
    Some(match operation {
        "Invoke" => vec![Request::need("lambda:InvokeFunction", on(routes::named(&request.incoming.path)))],
        "CreateFunction" => {
            let create = Request::need(&own(), on(request.member("FunctionName").unwrap_or("*")));
            std::iter::once(create).chain(request.pass_role("Role", "lambda.amazonaws.com")).collect()
        }
        "ListFunctions" | "CreateEventSourceMapping" | "ListEventSourceMappings" => {
            vec![Request::need(&own(), "*")]
        }
        "GetEventSourceMapping" | "UpdateEventSourceMapping" | "DeleteEventSourceMapping" => {
            let id = request.incoming.path.get(2).map(String::as_str).unwrap_or_default();
            vec![Request::need(&own(), request.arn("lambda", &format!("event-source-mapping:{id}")))]
        }
        "AddPermission"
        | "DeleteFunction"
        | "DeleteFunctionConcurrency"
        | "GetFunction"
        | "GetFunctionConcurrency"
        | "GetFunctionConfiguration"
        | "GetFunctionEventInvokeConfig"
        | "GetPolicy"
        | "PutFunctionConcurrency"
        | "PutFunctionEventInvokeConfig"
        | "RemovePermission"
        | "UpdateFunctionCode"
        | "UpdateFunctionConfiguration" => {
            vec![Request::need(&own(), on(routes::named(&request.incoming.path)))]
        }
        _ => return None,
    })
}

fn of_sts(request: &Request<'_>) -> Option<Vec<Required>> {
    match request.operation {
        // AWS documents that everybody may ask who they are.
        "GetCallerIdentity" => Some(Vec::new()),
        "AssumeRole" => {
            let mut need = Request::need("sts:AssumeRole", request.member("RoleArn").unwrap_or("*"));
            for (key, member) in
                [("sts:RoleSessionName", "RoleSessionName"), ("sts:ExternalId", "ExternalId")]
            {
                if let Some(value) = request.member(member) {
                    need.context.insert(key.to_owned(), vec![value.to_owned()]);
                }
            }
            Some(vec![need])
        }
        _ => None,
    }
}
