"""A function behind a rule of EventBridge, in an AWS that others wrote: MiniStack runs what sam build has made."""

import os

from conformance import server

from .samples import wait_for
from .sizes import zipped
from .world import LOGS, ROOT, STACK, World, client

MINISTACK = ROOT / ".tools/peers/bin/python"
TABLE = "behind-a-rule"


def run(world: World) -> list[str]:
    """An event starts the session function there, and the function a backup in the embedded AWS."""
    world.table(TABLE)
    port = server.free_port()
    command = [MINISTACK, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "ministack.app:app"]
    # Its functions have the session token of its own environment.
    settings = {"PATH": os.defpath, "AWS_SESSION_TOKEN": world.role("session")}
    with server.other(command, port, LOGS / "ministack.log", env=settings) as endpoint:
        return _behind_a_rule(endpoint, world)


def _behind_a_rule(endpoint: str, world: World) -> list[str]:
    functions, events = (client(service, endpoint, world.account) for service in ("lambda", "events"))
    function = functions.create_function(
        FunctionName=f"{STACK}-session",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=f"arn:aws:iam::{world.account}:role/{world.role('session')}",
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
