"""A function behind a rule of EventBridge, in an AWS that others wrote: MiniStack runs what sam build has made."""

import os

from .samples import wait_for
from .sizes import zipped
from .world import ROOT, STACK, Processes, World, client, free_port, listening

MINISTACK = ROOT / ".tools/peers/bin/python"
TABLE = "behind-a-rule"


def run(processes: Processes, world: World) -> list[str]:
    """An event starts the session function there, and the function a backup in the embedded AWS."""
    tables = world.client("dynamodb")
    tables.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    tables.get_waiter("table_exists").wait(TableName=TABLE)

    role, port = world.role("session"), free_port()
    command = [MINISTACK, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "ministack.app:app"]
    # Its functions have the session token of its own environment.
    settings = {"PATH": os.defpath, "AWS_SESSION_TOKEN": role}
    endpoint = listening(processes.start("ministack", command, settings), port, "ministack")
    functions, events = (client(service, endpoint, world.account) for service in ("lambda", "events"))
    function = functions.create_function(
        FunctionName=f"{STACK}-session",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=f"arn:aws:iam::{world.account}:role/{role}",
        Code={"ZipFile": zipped("session")},
        Timeout=60,
        Environment={"Variables": world.environment("session") | world.variables},
    )
    # Nobody may put events of AWS Backup: a source of our own stands in for it.
    events.put_rule(Name="trial", EventPattern='{"source": ["trial"]}')
    asked = '{"action": "backup", "tables": ["%s"]}' % TABLE
    events.put_targets(Rule="trial", Targets=[{"Id": "0", "Arn": function["FunctionArn"], "Input": asked}])
    sent = events.put_events(Entries=[{"Source": "trial", "DetailType": "Trial", "Detail": "{}"}])
    if sent["FailedEntryCount"]:
        return [f"rule: MiniStack does not take the event: {sent['Entries']}"]

    def backed_up() -> bool:
        jobs = world.client("backup").list_backup_jobs(ByState="COMPLETED")["BackupJobs"]
        return any(job["ResourceArn"].endswith(f"/{TABLE}") for job in jobs)

    try:
        wait_for("a backup by the function behind a rule", backed_up)
    except RuntimeError as error:
        return [f"rule: {error}"]
    print("session: ran in MiniStack, behind a rule")
    return []
