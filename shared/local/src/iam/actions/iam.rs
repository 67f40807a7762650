//! IAM.

use super::request::{Request, tags_in, with_tags};
use crate::record::Required;

pub(super) fn required(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let action = format!("iam:{operation}");
    let account = &request.scope().account;
    let named = |kind: &str, member: &str| {
        let path = request.member("Path").unwrap_or("/");
        format!("arn:aws:iam::{account}:{kind}{path}{}", request.member(member).unwrap_or("*"))
    };
    let on_role = || Request::need(&action, named("role", "RoleName"));
    Some(match operation {
        "ListRoles" | "ListPolicies" | "SimulateCustomPolicy" => vec![Request::need(&action, "*")],
        "CreateRole" | "TagRole" => vec![with_tags(on_role(), &tags_in(&body["Tags"]))],
        "GetRole"
        | "DeleteRole"
        | "UpdateAssumeRolePolicy"
        | "PutRolePolicy"
        | "GetRolePolicy"
        | "ListRolePolicies"
        | "DeleteRolePolicy"
        | "ListAttachedRolePolicies" => vec![on_role()],
        "AttachRolePolicy" | "DetachRolePolicy" => {
            let mut need = on_role();
            let arn = request.member("PolicyArn").unwrap_or_default();
            need.context.insert("iam:PolicyARN".to_owned(), vec![arn.to_owned()]);
            vec![need]
        }
        "CreatePolicy" => {
            vec![with_tags(Request::need(&action, named("policy", "PolicyName")), &tags_in(&body["Tags"]))]
        }
        "GetPolicy" | "GetPolicyVersion" | "DeletePolicy" => {
            vec![Request::need(&action, request.member("PolicyArn").unwrap_or("*"))]
        }
        "CreateServiceLinkedRole" => {
            let service = request.member("AWSServiceName").unwrap_or("*");
            let role = format!("arn:aws:iam::{account}:role/aws-service-role/{service}/*");
            let mut need = Request::need(&action, role);
            need.context.insert("iam:AWSServiceName".to_owned(), vec![service.to_owned()]);
            vec![need]
        }
        "SimulatePrincipalPolicy" => {
            vec![Request::need(&action, request.member("PolicySourceArn").unwrap_or("*"))]
        }
        _ => return None,
    })
}
