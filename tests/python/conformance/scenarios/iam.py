"""IAM: roles and their policies."""

import json

from ..scenario import Scenario, Step

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "dynamodb:DescribeTable", "Resource": "*"}],
    }
)
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"

ROOT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::${account}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)

SCENARIOS = [
    Scenario(
        "iam: a role and its policies",
        [
            Step(
                "iam.CreateRole",
                {"RoleName": "backup", "AssumeRolePolicyDocument": TRUST},
                {"Role.Arn": "arn:aws:iam::${account}:role/backup", "Role.Path": "/"},
            ),
            Step(
                "iam.CreateRole",
                {"RoleName": "backup", "AssumeRolePolicyDocument": TRUST},
                error="EntityAlreadyExists",
            ),
            Step(
                "iam.CreateRole",
                {"RoleName": "wrong", "AssumeRolePolicyDocument": "{"},
                error="MalformedPolicyDocument",
            ),
            Step("iam.GetRole", {"RoleName": "backup"}, {"Role.RoleName": "backup"}),
            Step("iam.GetRole", {"RoleName": "missing"}, error="NoSuchEntity"),
            Step("iam.ListRoles", {}, {"Roles[].RoleName": ["backup"]}),
            Step("iam.AttachRolePolicy", {"RoleName": "backup", "PolicyArn": MANAGED}),
            Step(
                "iam.ListAttachedRolePolicies",
                {"RoleName": "backup"},
                {"AttachedPolicies[].PolicyArn": [MANAGED]},
            ),
            Step(
                "iam.PutRolePolicy",
                {"RoleName": "backup", "PolicyName": "tables", "PolicyDocument": POLICY},
            ),
            Step("iam.ListRolePolicies", {"RoleName": "backup"}, {"PolicyNames": ["tables"]}),
            Step("iam.GetRolePolicy", {"RoleName": "backup", "PolicyName": "tables"}, {"PolicyName": "tables"}),
            Step(
                "iam.DeleteRole",
                {"RoleName": "backup"},
                error="DeleteConflict",
                fact="AWS documents that a role's policies are to be detached and deleted before it is deleted.",
            ),
            Step("iam.DeleteRolePolicy", {"RoleName": "backup", "PolicyName": "tables"}),
            Step("iam.DetachRolePolicy", {"RoleName": "backup", "PolicyArn": MANAGED}),
            Step("iam.DeleteRole", {"RoleName": "backup"}),
        ],
    ),
    Scenario(
        "iam: managed policies and simulation",
        [
            Step("iam.CreatePolicy", {"PolicyName": "reads", "PolicyDocument": POLICY}, keep="policy"),
            Step("iam.GetPolicy", {"PolicyArn": "${policy.Policy.Arn}"}, {"Policy.PolicyName": "reads"}),
            Step(
                "iam.GetPolicyVersion",
                {"PolicyArn": "${policy.Policy.Arn}", "VersionId": "v1"},
                {"PolicyVersion.IsDefaultVersion": True},
            ),
            Step("iam.ListPolicies", {"Scope": "Local"}, {"Policies[].PolicyName": ["reads"]}),
            Step("iam.CreateRole", {"RoleName": "reader", "AssumeRolePolicyDocument": ROOT}, keep="role"),
            Step("iam.UpdateAssumeRolePolicy", {"RoleName": "reader", "PolicyDocument": ROOT}),
            Step("iam.TagRole", {"RoleName": "reader", "Tags": [{"Key": "team", "Value": "shop"}]}),
            Step(
                "iam.SimulatePrincipalPolicy",
                {"PolicySourceArn": "${role.Role.Arn}", "ActionNames": ["dynamodb:GetItem"]},
                {"EvaluationResults[].EvalDecision": ["implicitDeny"]},
                fact="AWS documents that what no policy allows is denied implicitly.",
            ),
            Step(
                "iam.SimulateCustomPolicy",
                {"PolicyInputList": [EVERYTHING], "ActionNames": ["dynamodb:GetItem"]},
                {"EvaluationResults[].EvalDecision": ["allowed"]},
            ),
            Step(
                "sts.AssumeRole",
                {"RoleArn": "${role.Role.Arn}", "RoleSessionName": "try"},
                {"AssumedRoleUser.Arn": "arn:aws:sts::${account}:assumed-role/reader/try"},
            ),
            Step("iam.DeletePolicy", {"PolicyArn": "${policy.Policy.Arn}"}),
            Step("iam.CreateServiceLinkedRole", {"AWSServiceName": "backup.amazonaws.com"}),
        ],
    ),
]
