"""Judges the SAM templates: two linters, a few rules of our own, and a trial in another's AWS.

    templates.py            all of it, for template.yaml and target.yaml
    templates.py lint       cfn-lint and sam validate only

Both linters must be without a finding. AWS SAM's own translator turns the templates into plain CloudFormation, of which
moto makes every resource that it knows; what it does not know is listed here. Runs in .tools/lint (setup.sh).
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ["template.yaml", "target.yaml"]
SOURCE, TARGET, ACCOUNT, STACK = "eu-central-1", "eu-west-1", "123456789012", "backup-chain"

# What moto does not make. A type that it comes to know goes from here.
UNKNOWN_TO_MOTO = {
    "AWS::Backup::BackupVault",
    "AWS::CloudWatch::Alarm",
    "AWS::KMS::ReplicaKey",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
# What would take data with it must stay when the stack goes.
KEPT = {"AWS::Backup::BackupVault", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::KMS::ReplicaKey"}
# The most characters that AWS allows in the inline policies of a role, not counting white space.
MOST_POLICY = 10_240
# The most characters that AWS allows in the name of a role, and the longest names that go into one.
MOST_NAME, LONGEST = 64, {"AWS::StackName": "a" * 28, "AWS::Region": "ap-southeast-1"}
# AWS Backup may act by roles with one of these in their names, its description of backup jobs says.
BACKUP_ROLES = ("AWSBackup", "AwsBackup")

os.environ |= {
    "AWS_DEFAULT_REGION": SOURCE,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "SAM_CLI_TELEMETRY": "0",
}


def lint() -> list[str]:
    """What the linters say."""
    bin = Path(sys.executable).parent
    findings = []
    for template in TEMPLATES:
        for command in (
            [bin / "cfn-lint", "--include-checks", "I", "--", template],
            [bin / "sam", "validate", "--lint", "--template", template],
        ):
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                findings.append(f"{command[0].name} on {template}:\n{done.stdout}{done.stderr}")
    return findings


def plain(template: str) -> dict:
    """The template as CloudFormation gets it from AWS SAM."""
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    read = yaml_parse((ROOT / template).read_text())
    if "Transform" not in read:
        return read
    for resource in read["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://code/function.zip"

    class Policies:
        def load(self) -> dict:
            return {}

    return transform(read, {}, Policies())


def statements(node: object):
    """Every statement of every policy below a node."""
    if isinstance(node, dict):
        if "Effect" in node and ("Action" in node or "NotAction" in node):
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def listed(value: object) -> list:
    return value if isinstance(value, list) else [value]


def rules(template: str, resources: dict) -> list[str]:
    """What our own rules say."""
    import cfnlint

    known = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
    services = json.loads(known.read_text())
    findings = []
    for name, resource in resources.items():
        place = f"{template}: {name}"
        if resource["Type"] in KEPT and {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {
            "Retain"
        }:
            findings.append(f"{place} would take data with it: DeletionPolicy and UpdateReplacePolicy must be Retain")
        for statement in statements(resource):
            by_events = "events.amazonaws.com" in json.dumps(statement.get("Principal"))
            if resource["Type"] == "AWS::SNS::TopicPolicy" and by_events and "Condition" in statement:
                findings.append(f"{place}: {statement['Sid']} has a condition, which EventBridge may not meet on a topic")
            for action in listed(statement["Action"]):
                service, _, operation = action.partition(":")
                if operation != "*" and operation.lower() not in services.get(service, {}).get("Actions", {}):
                    findings.append(f"{place}: IAM knows no action {action}")
            if "iam:PassRole" in listed(statement["Action"]):
                passed = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
                if passed != "backup.amazonaws.com" or "*" in json.dumps(statement["Resource"]):
                    findings.append(f"{place}: {statement.get('Sid')} passes roles to more than AWS Backup")
        if resource["Type"] != "AWS::IAM::Role":
            continue
        named = re.sub(r"\$\{([A-Za-z:]+)\}", lambda match: LONGEST[match[1]], resource["Properties"]["RoleName"]["Fn::Sub"])
        if len(named) > MOST_NAME:
            findings.append(f"{place}: its name may have {len(named)} characters, more than {MOST_NAME}")
        trusted = json.dumps(resource["Properties"]["AssumeRolePolicyDocument"])
        if "backup.amazonaws.com" in trusted and not any(part in named for part in BACKUP_ROLES):
            findings.append(f"{place}: AWS Backup may not act by it: its name has none of {BACKUP_ROLES}")
        policies = [policy["PolicyDocument"] for policy in resource["Properties"]["Policies"]]
        if (size := sum(len(re.sub(r"\s", "", json.dumps(policy))) for policy in policies)) > MOST_POLICY:
            findings.append(f"{place}: its policies have {size} characters, more than {MOST_POLICY}")
        sids = [statement.get("Sid") for statement in statements(policies)]
        if None in sids or len(set(sids)) < len(sids):
            findings.append(f"{place}: every statement needs a Sid of its own")
        for statement in statements(policies):
            if any("*" in action for action in listed(statement["Action"])):
                findings.append(f"{place}: {statement['Sid']} allows actions by a pattern")
    return findings


def metrics(alarm: dict) -> list[tuple[str, str, dict]]:
    """The metrics that an alarm goes by: namespace, name, and dimensions with what they are set to."""
    given = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]
    return [
        (each["Namespace"], each["MetricName"], {one["Name"]: one["Value"] for one in each["Dimensions"]})
        for each in given
    ]


def alarms(source: dict) -> list[str]:
    """What the alarms go by. When they go off is judged by tests/tests/e2e/alarms.rs."""
    resources = source["Resources"]
    found = {name: each["Properties"] for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    findings = []
    # The metrics of a table show nothing of its indexes.
    catalog = resources["Catalog"]["Properties"]
    table = {"TableName": {"Ref": "Catalog"}}
    indexes = [table | {"GlobalSecondaryIndexName": each["IndexName"]} for each in catalog["GlobalSecondaryIndexes"]]
    wanted = [
        ("AWS/DynamoDB", metric, dimensions)
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents")
        for dimensions in [table, *indexes]
    ]
    findings += compare("what CatalogThrottledAlarm sees", metrics(found["CatalogThrottledAlarm"]), wanted)
    for name, alarm in found.items():
        shown = json.dumps(resources["Dashboard"]["Properties"]["DashboardBody"])
        if f"${{{name}.Arn}}" not in shown:
            findings.append(f"{name} is not on the dashboard")
        if "TreatMissingData" not in alarm:
            findings.append(f"{name} does not say what no data means")
        findings += [
            f"{name}: the dashboard does not show {metric}"
            for namespace, metric, _ in metrics(alarm)
            if namespace == "BackupChain" and metric not in ("RunsBraked", "RetentionRuns") and metric not in shown
        ]
    # Alarms look at five and ten minutes at a time.
    ticks = source["Parameters"]["Tick"]["AllowedPattern"]
    for tick, wanted in {"rate(1 minute)": True, "rate(5 minutes)": True, "rate(6 minutes)": False}.items():
        findings += compare(f"tick {tick}", re.search(ticks, tick) is not None, wanted)
    return findings


def retried() -> list[str]:
    """A deployment that fails stays as it is, and the same command goes on with it: what docs/deploy.md says of sam."""
    import boto3
    from botocore.stub import ANY, Stubber
    from samcli.lib.deploy.deployer import Deployer

    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    findings = []
    for environment in ("default", "target"):
        deploy = config[environment]["deploy"]["parameters"]
        findings += compare(f"{environment}: rollback", deploy.get("disable_rollback"), True)
    client = boto3.client("cloudformation", region_name=SOURCE)
    stub, named = Stubber(client), {"StackName": STACK}
    failed = named | {"CreationTime": "2026-01-05T00:00:00Z", "StackStatus": "CREATE_FAILED"}
    stub.add_response("describe_stacks", {"Stacks": [failed]}, named)
    stub.add_response("get_template_summary", {"Parameters": []}, named)
    change = dict.fromkeys(("ChangeSetName", "TemplateBody", "Parameters", "Capabilities", "Description", "Tags"), ANY)
    stub.add_response("create_change_set", {"Id": "arn:change"}, named | change | {"ChangeSetType": "UPDATE"})
    done = named | {"ChangeSetName": "arn:change", "DisableRollback": True}
    stub.add_response("execute_change_set", {}, done)
    with stub:
        deployer = Deployer(client)
        made, _ = deployer.create_changeset(STACK, "{}", [], [], None, None, None, [])
        deployer.execute_changeset(made["Id"], STACK, deploy["disable_rollback"])
        stub.assert_no_pending_responses()
    return findings


def jobs() -> list[tuple[dict, bool]]:
    """Events of jobs as AWS's samples have them, and whether anything is to be done about them."""
    ends = {
        "Backup Job State Change": ["COMPLETED", "FAILED", "ABORTED", "EXPIRED", "PARTIAL"],
        "Copy Job State Change": ["COMPLETED", "FAILED", "PARTIAL"],
        "Restore Job State Change": ["COMPLETED", "FAILED", "ABORTED"],
    }
    told = []
    for kind, ended in ends.items():
        for resource in ("DynamoDB", "EBS"):
            for state in (*ended, "CREATED", "PENDING", "RUNNING", "ABORTING"):
                for field in ("state", "status"):
                    detail = {field: state, "resourceType": resource}
                    event = {"source": "aws.backup", "detail-type": kind, "detail": detail}
                    told.append((event, resource == "DynamoDB" and state in ended))
        # What has only been made says hardly anything.
        told.append(({"source": "aws.backup", "detail-type": kind, "detail": {"state": "CREATED"}}, False))
    return told


def without(resources: dict, gone: set[str]) -> dict:
    """The resources that are left, with a text in place of what they take from those that are gone."""

    def text(match: re.Match) -> str:
        return match[1].lower() if match[1].split(".")[0] in gone else match[0]

    def put(node: object) -> object:
        match node:
            case {"Ref": str(name)} if name in gone:
                return name.lower()
            case {"Fn::GetAtt": [str(name), *_]} if name in gone:
                return f"arn:aws:unknown:{SOURCE}:{ACCOUNT}:{name.lower()}"
            case {"Fn::Sub": str(value)}:
                return {"Fn::Sub": re.sub(r"\$\{([A-Za-z.]+)\}", text, value)}
            case dict():
                return {key: put(value) for key, value in node.items()}
            case list():
                return [put(value) for value in node]
            case _:
                return node

    return {name: put(resource) for name, resource in resources.items() if name not in gone}


def create(region: str, stack: str, template: dict, parameters: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Makes a stack in moto, and tells its outputs and what is missing."""
    import boto3
    from moto.cloudformation.parsing import get_model_map

    types = {resource["Type"] for resource in template["Resources"].values()}
    known = types & set(get_model_map())
    findings = [f"moto knows {type} now: remove it from the list" for type in sorted(known & UNKNOWN_TO_MOTO)]
    findings += [f"moto does not know {type}" for type in sorted(types - known - UNKNOWN_TO_MOTO)]
    gone = {name for name, resource in template["Resources"].items() if resource["Type"] not in known}
    # An alias cannot be made for a key that is not there.
    gone |= {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::KMS::Alias" and resource["Properties"]["TargetKeyId"]["Ref"] in gone
    }
    left = template | {part: without(template[part], gone) for part in ("Resources", "Outputs")}
    for name, parameter in template["Parameters"].items():
        value = str(parameters.get(name, parameter.get("Default", "")))
        values = value.split(",") if parameter["Type"] == "CommaDelimitedList" else [value]
        pattern = parameter.get("AllowedPattern", "")
        findings += [f"{name} does not take {one!r}" for one in values if not re.search(pattern, one)]
    cloudformation = boto3.client("cloudformation", region_name=region)
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(left),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    made = {
        resource["LogicalResourceId"]
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
    }
    findings += [f"moto did not make {name}" for name in sorted(set(left["Resources"]) - made)]
    (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    if described["StackStatus"] != "CREATE_COMPLETE":
        findings.append(f"stack {stack} is {described['StackStatus']}")
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}, findings


def compare(what: str, found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{what}: {found!r} instead of {wanted!r}"]


def told() -> list[dict]:
    """The events of our own."""
    return [json.loads(sample.read_text()) for sample in sorted((ROOT / "events/told").glob("*.json"))]


def trial() -> list[str]:
    """Makes both stacks, as docs/deploy.md says, and looks at what the functions and the command rely on."""
    import boto3
    from moto import mock_aws
    from moto.events.models import EventPattern

    source, target = (plain(template) for template in TEMPLATES)
    findings = [
        finding
        for template, read in zip(TEMPLATES, (source, target), strict=True)
        for finding in rules(template, read["Resources"])
    ]
    for template, read in zip(TEMPLATES, (source, target), strict=True):
        for name, parameter in read["Parameters"].items():
            if not ({"AllowedPattern", "AllowedValues"} & set(parameter) or {"MinValue", "MaxValue"} <= set(parameter)):
                findings.append(f"{template}: parameter {name} takes anything")
            if "AllowedValues" not in parameter and "ConstraintDescription" not in parameter:
                findings.append(f"{template}: parameter {name} does not say what it takes")
            grouped = json.dumps(read["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"])
            if f'"{name}"' not in grouped:
                findings.append(f"{template}: parameter {name} is in no group")
    # What moto does not show.
    for read, tables in ((source, {"Catalog": "expires", "Settings": None}), (target, {"Settings": None})):
        for name, expires in tables.items():
            table = read["Resources"][name]["Properties"]
            ttl, recovery = table.get("TimeToLiveSpecification", {}), table["PointInTimeRecoverySpecification"]
            key = table["SSESpecification"]["KMSMasterKeyId"]["Fn::GetAtt"][0]
            findings += compare(f"{name}: expires", ttl.get("AttributeName"), expires)
            findings += compare(f"{name}: protected", table["DeletionProtectionEnabled"], True)
            findings += compare(f"{name}: recovery", recovery["PointInTimeRecoveryEnabled"], True)
            findings += compare(f"{name}: key", key, "VaultKey")
    findings += alarms(source)
    findings += compare("multi-Region", source["Resources"]["MetadataKey"]["Properties"]["MultiRegion"], True)
    read_by_functions = (ROOT / "shared/aws/src/deployment.rs").read_text()
    with mock_aws():
        s3 = boto3.client("s3", region_name=SOURCE)
        s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": SOURCE})
        s3.put_object(Bucket="code", Key="function.zip", Body=b"PK\x05\x06" + bytes(18))
        copies = f"arn:aws:backup:{TARGET}:{ACCOUNT}:backup-vault:{STACK}-copies"
        role = f"arn:aws:iam::{ACCOUNT}:role/operators"
        chosen = {"FurtherVaults": copies, "BreakGlassRole": role, "MetadataReaders": role, "AlarmEmail": "a@b.example"}
        outputs, missing = create(SOURCE, STACK, source, chosen)
        findings += missing
        findings += create(SOURCE, "other", source, {})[1]
        # Not the source stack's: keys that moto makes for a stack are not multi-Region.
        key = f"arn:aws:kms:{SOURCE}:{ACCOUNT}:key/mrk-{'0' * 32}"
        chosen = {"MetadataKeyArn": key, "LockMode": "compliance"}
        findings += create(TARGET, f"{STACK}-target", target, chosen)[1]

        findings += compare("prefix", outputs["StackPrefix"], "backup-chain-")
        functions = boto3.client("lambda", region_name=SOURCE)
        for name in ("session", "copy", "retention", "restore"):
            function = functions.get_function_configuration(FunctionName=f"{STACK}-{name}")
            variables = {key: str(value) for key, value in function["Environment"]["Variables"].items()}
            findings += compare(
                f"{name}: variables",
                variables | {"BACKUP_CHAIN_KEY": "*"},
                {
                    "BACKUP_CHAIN_DEPLOYMENT": STACK,
                    "BACKUP_CHAIN_PARTITION": "aws",
                    "BACKUP_CHAIN_ACCOUNT": ACCOUNT,
                    "BACKUP_CHAIN_CATALOG": f"{STACK}-catalog",
                    "BACKUP_CHAIN_SETTINGS": f"{STACK}-settings",
                    "BACKUP_CHAIN_VAULT": STACK,
                    "BACKUP_CHAIN_KEY": "*",
                    "BACKUP_CHAIN_BUS": "default",
                    "BACKUP_CHAIN_BACKUP_ROLE": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-AWSBackup-backup-{SOURCE}",
                    "BACKUP_CHAIN_COPY_ROLE": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-AWSBackup-copy-{SOURCE}",
                    "BACKUP_CHAIN_RESTORE_ROLE": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-AWSBackup-restore-{SOURCE}",
                    "BACKUP_CHAIN_MIN_AGE_HOURS": "24",
                    "BACKUP_CHAIN_MOST_DELETIONS": "100",
                    "BACKUP_CHAIN_PAUSE_DELETION": "false",
                    "BACKUP_CHAIN_BACKUPS_IN_FLIGHT": "250",
                    "BACKUP_CHAIN_COPIES_IN_FLIGHT": "80",
                    "BACKUP_CHAIN_LOG": "info",
                },
            )
            unset = set(re.findall(r"BACKUP_CHAIN_[A-Z_]+", read_by_functions)) - set(variables)
            findings += compare(f"{name}: unset variables", unset, set())
            findings += compare(f"{name}: key", variables["BACKUP_CHAIN_KEY"], outputs["MetadataKeyArn"])
            wanted = f"arn:aws:iam::{ACCOUNT}:role/{STACK}-{name}-function-{SOURCE}"
            findings += compare(f"{name}: role", function["Role"], wanted)

        # A list that may be empty must leave no empty ARN behind.
        roles = boto3.client("iam")
        own = "arn:aws:backup:{}:{}:backup-vault:{}".format(SOURCE, ACCOUNT, "{}")
        for stack, wanted in ((STACK, [own.format(STACK), copies]), ("other", own.format("other"))):
            name = f"{stack}-AWSBackup-copy-{SOURCE}"
            # moto keeps it as Python prints it.
            policy = ast.literal_eval(roles.get_role_policy(RoleName=name, PolicyName="copies")["PolicyDocument"])
            (into,) = (each["Resource"] for each in policy["Statement"] if each["Sid"] == "CopyIntoVaults")
            findings += compare(f"role {name}", into, wanted)
        board = boto3.client("cloudwatch", region_name=SOURCE).get_dashboard(DashboardName=STACK)["DashboardBody"]
        shown = json.loads(board)["widgets"][0]["properties"]["alarms"]
        given = [each for each in source["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
        findings += compare("alarms on the dashboard", len(shown), len(given))

        # The shapes that the embedded deployment (shared/deployed/src/stack/resources.rs) has as well.
        tables = boto3.client("dynamodb", region_name=SOURCE)
        catalog = tables.describe_table(TableName=f"{STACK}-catalog")["Table"]
        keys = {
            index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
            for index in [*catalog["GlobalSecondaryIndexes"], {"IndexName": "", "KeySchema": catalog["KeySchema"]}]
        }
        wanted = {"": ["pk", "sk"], "due": ["queue", "due_at"], "session": ["session", "pk"]}
        findings += compare("catalog", keys, wanted)
        for region in (SOURCE, TARGET):
            tables = boto3.client("dynamodb", region_name=region)
            settings = tables.describe_table(TableName=f"{STACK}-settings")["Table"]
            keys = [key["AttributeName"] for key in settings["KeySchema"]]
            findings += compare(f"settings in {region}", keys, ["pk", "sk"])
        queues = boto3.client("sqs", region_name=SOURCE)
        names = sorted(url.rsplit("/", 1)[1] for url in queues.list_queues(QueueNamePrefix=STACK)["QueueUrls"])
        wanted = [f"{STACK}-{name}" for name in ("jobs", "jobs-failed", "restores", "restores-failed")]
        findings += compare("queues", names, wanted)
        events = boto3.client("events", region_name=SOURCE)
        for name, wanted in {
            "tick": [("copy", '{"action":"tick"}'), ("restore", '{"action":"tick"}'), ("session", '{"action":"tick"}')],
            "retention": [("retention", '{"action":"run"}')],
            "jobs": [("jobs", None)],
            "restores": [("restores", None)],
        }.items():
            found = events.list_targets_by_rule(Rule=f"{STACK}-{name}")["Targets"]
            found = sorted((target["Arn"].rsplit(f"{STACK}-", 1)[1], target.get("Input")) for target in found)
            findings += compare(f"rule {name}", found, wanted)
        samples = [f"copy-{name}-job-completed" for name in ("backup", "copy")] + ["restore-job-completed"]
        samples = [(json.loads((ROOT / f"events/{name}.json").read_text()), True) for name in samples]
        for event, concerns in samples + jobs() + [(event, True) for event in told()]:
            kind = event["detail-type"]
            wanted = "restores" if kind == "Restore Job State Change" else "jobs"
            if event["source"] != "aws.backup":
                wanted = "news" if kind != "Backup Retried" else None
            wanted = wanted if concerns else None
            taken = [
                name
                for name in ("jobs", "restores", "news")
                if EventPattern.load(events.describe_rule(Name=f"{STACK}-{name}")["EventPattern"]).matches_event(event)
            ]
            findings += compare(f"rules that take {json.dumps(event)}", taken, [wanted] if wanted else [])
    return findings


def kept() -> list[str]:
    """The template with which docs/operations.md brings a lost stack back: it stands alone, with all that was kept."""
    from samtranslator.yaml_helper import yaml_parse

    page = (ROOT / "docs/operations.md").read_text()
    (command,) = re.findall(r"awk '[^']*' template\.yaml", page)
    text = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    whole = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    wanted = {name for name, resource in whole.items() if resource["Type"] in KEPT}
    findings = compare("what a lost stack is brought back with", set(yaml_parse(text)["Resources"]), wanted)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        # Parameters and conditions of what is left out are of no use there.
        command = [Path(sys.executable).parent / "cfn-lint", "--ignore-checks", "W2001", "W8001", "--", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            findings.append(f"cfn-lint on what a lost stack is brought back with:\n{done.stdout}{done.stderr}")
    return findings


def main() -> int:
    findings = lint()
    if "lint" not in sys.argv[1:]:
        findings += trial() + kept() + retried()
    for finding in dict.fromkeys(findings):
        print(finding, file=sys.stderr)
    if not findings:
        print(f"templates: {' and '.join(TEMPLATES)} are without a finding")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
