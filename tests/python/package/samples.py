"""Every sample of events/ to its function, in an order in which they make sense."""

import datetime
import json
import time
import urllib.request
from collections.abc import Callable

from .world import MOST_ANSWER, ROOT, World

# Seconds: for all samples, and for what AWS is to make.
MOST_TIME, MOST_WAIT = 300, 30

# What the samples are about. None of it is in a new world.
BACKUP_JOB = "2B6C1A90-7F3D-4E58-A1C4-9D0E5F6A7B81"
COPY_JOB = "7E4A9C13-52B8-4D06-9F1E-3C8B7A6D5E20"
RESTORE_JOB = "9C3F1E57-6A2D-4B80-8E4C-1D7B5A9F0E36"
POINT = "01KE73DJG0C1V5K6TP3T2ZJ4ZD"
RESTORE = "01KE7KHZ20S5YJ8N3QV6B4W2TD"
MOMENT = "2026-01-05T12:00:00Z"
SLOT = "07:00"

# How samples of what is not there are refused.
NO_POLICY = "there is no policy orders"
NO_POINT = f"table orders has no restore point {POINT} in eu-central-1/backup-chain"
NO_RESTORE = f"there is no restore {RESTORE}"
# That moment is before the world.
NOTHING_SO_OLD = "table orders has no restore point"


def has(answer: object, wanted: object) -> bool:
    """Whether an answer has all that is wanted of it; what is wanted of a list, anywhere in it."""
    match wanted:
        case dict():
            return isinstance(answer, dict) and all(key in answer and has(answer[key], wanted[key]) for key in wanted)
        case list() if wanted:
            return isinstance(answer, list) and all(any(has(each, one) for each in answer) for one in wanted)
        case _:
            return answer == wanted


class Story:
    """The samples, one after another, in one world."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.urls = urls
        self.findings: list[str] = []
        self.answered: dict[str, int] = {}
        self.until = time.monotonic() + MOST_TIME

    def invoke(self, name: str, changes: dict[str, str]) -> dict:
        text = (ROOT / f"events/{name}.json").read_text()
        for old, new in changes.items():
            if old not in text:
                raise RuntimeError(f"events/{name}.json is not about {old}")
            text = text.replace(old, new)
        left = self.until - time.monotonic()
        if left <= 0:
            raise RuntimeError(f"the samples take more than {MOST_TIME} seconds")
        request = urllib.request.Request(self.urls[name.partition("-")[0]], text.encode())
        try:
            with urllib.request.urlopen(request, timeout=min(left, MOST_ANSWER)) as answer:
                return json.load(answer)
        except (OSError, ValueError) as error:
            raise RuntimeError(f"{name}: the emulator does not answer: {error}") from error

    def feed(self, name: str, wanted: object, **changes: str) -> dict:
        """Sends a sample, with other jobs and points in place of its own when the world's are told."""
        answer = self.invoke(name, {globals()[key]: value for key, value in changes.items()})
        self.answered[name] = self.answered.get(name, 0) + 1
        if isinstance(answer, dict) and "errorType" in answer:
            self.findings.append(f"{name}: refused: {answer.get('errorMessage')}")
        elif not has(answer, wanted):
            self.findings.append(f"{name}: {json.dumps(answer)} instead of {json.dumps(wanted)}")
        return answer

    def refused(self, name: str, wanted: str) -> None:
        """Sends a sample of what is not there: it must be refused by our own words."""
        answer = self.invoke(name, {})
        self.answered[name] = self.answered.get(name, 0) + 1
        said = answer.get("errorMessage", "") if isinstance(answer, dict) else ""
        if "errorType" not in answer or not said.startswith(wanted):
            self.findings.append(f"{name}: {json.dumps(answer)} instead of the error {wanted!r}")


def wait_for(what: str, look: Callable[[], object]) -> object:
    """What is looked for, when it is there."""
    until = time.monotonic() + MOST_WAIT
    while not (found := look()):
        if time.monotonic() > until:
            raise RuntimeError(f"{what} did not come")
        time.sleep(0.1)
    return found


def tell(story: Story, world: World) -> None:
    """Sends each sample to its function, in an order in which they make sense."""
    backup, tables = world.client("backup"), world.client("dynamodb")
    for name in ("orders", "carts"):
        world.table(name)
    tables.put_item(TableName="orders", Item={"id": {"S": "1"}})

    def backup_job(known: set[str]) -> str:
        """The finished backup job of orders that is new."""

        def look() -> list[str]:
            jobs = backup.list_backup_jobs(ByState="COMPLETED")["BackupJobs"]
            return [job["BackupJobId"] for job in jobs if job["ResourceArn"].endswith("/orders")]

        return wait_for("a backup", lambda: set(look()) - known).pop()

    def copy_job() -> str:
        jobs = wait_for("a copy", lambda: backup.list_copy_jobs(ByState="COMPLETED")["CopyJobs"])
        return jobs[0]["CopyJobId"]

    def restored(restore: str) -> str:
        """The finished restore job of a restore."""

        def look() -> str | None:
            answer = story.invoke("restore-show", {RESTORE: restore})
            job = answer.get("restore", {}).get("job")
            return job and backup.describe_restore_job(RestoreJobId=job)["Status"] == "COMPLETED" and job

        return wait_for("a restore", look)

    nothing, one = ({"batchItemFailures": [], "lookedAt": number} for number in (0, 1))

    # Policies.
    story.feed("session-tick", {"outcome": "idle"})
    story.feed("session-check", {"outcome": "checked"})
    story.refused("session-run", NO_POLICY)
    story.refused("session-stop", "there is no session")
    # A copy would wait for a slot that is near.
    far = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=12)).strftime("%H:00")
    applied = {"outcome": "applied", "policy": "orders", "revision": 1, "changed": True}
    story.feed("session-apply", applied, SLOT=far)
    story.feed("session-disable", {"enabled": False, "changed": True})
    story.feed("session-enable", {"enabled": True, "changed": True})

    # Backups and copies. As they are, the events are of somebody else's jobs.
    story.feed("session-run", {"outcome": "worked", "sessions": [{"planned": 1}]})
    story.feed("copy-backup-job-completed", nothing)
    story.feed("copy-copy-job-completed", nothing)
    story.feed("copy-sqs-batch", nothing)
    chained = backup_job(set())
    story.feed("copy-backup-job-completed", one, BACKUP_JOB=chained)
    story.feed("copy-tick", {"batchItemFailures": []})
    story.feed("copy-copy", [{"table": "orders", "vault": "eu-west-1/backup-chain-copies"}])
    story.feed("copy-copy-job-completed", one, COPY_JOB=copy_job())
    story.feed("session-backup", {"sessions": [{"planned": 2}]})
    story.feed("copy-sqs-batch", one, BACKUP_JOB=backup_job({chained}))

    # Retention.
    planned = story.feed("retention-plan", {"dry_run": True, "points": [{"fate": "keep"}]})
    story.feed("retention-run", {"dry_run": False})
    story.feed("retention-confirm", {"dry_run": False})
    story.refused("retention-hold", NO_POINT)
    story.refused("retention-lift-hold", NO_POINT)
    story.refused("retention-remove", NO_POINT)
    story.refused("retention-resume", "retention does not pause")
    point = next(each["point"] for each in planned["points"] if each["kind"] == "backup")
    story.feed("retention-hold", {"hold": {"reason": "audit 2026"}}, POINT=point)
    story.feed("retention-lift-hold", {"hold": None}, POINT=point)
    story.feed("retention-remove-manual", {"points": [{"fate": "removed"}]})
    story.feed("retention-rebuild", {"added": 0, "vaults": ["eu-central-1/backup-chain"]})

    # Restores: of the dropped table, and of one point under another name.
    tables.delete_table(TableName="orders")
    tables.get_waiter("table_not_exists").wait(TableName="orders")
    story.feed("restore-tick", nothing)
    story.refused("restore-stop", "there is no restore")
    story.feed("restore-job-completed", nothing)
    story.feed("restore-sqs-batch", nothing)
    story.feed("restore-check", [{"region": "eu-central-1", "tag_conditions": True}])
    story.feed("restore-plan", [{"dry_run": True}])
    story.refused("restore-show", NO_RESTORE)
    story.refused("restore-start", NOTHING_SO_OLD)
    story.refused("restore-point", NO_POINT)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    running = [{"restore": {"stage": "running"}}]
    for start, changes, ended in (
        ("restore-start", {"MOMENT": now}, "restore-job-completed"),
        ("restore-point", {"POINT": point}, "restore-sqs-batch"),
    ):
        answer = story.feed(start, running, **changes)
        restore = answer[0]["restore"]["id"]
        story.feed(ended, one, RESTORE_JOB=restored(restore))
        story.feed("restore-show", {"restore": {"id": restore}, "dry_run": False}, RESTORE=restore)
    story.feed("session-delete", {})
    story.refused("session-run", NO_POLICY)


def run(urls: dict[str, str], world: World) -> list[str]:
    """Sends every sample to its function; prints how many, and tells what came otherwise."""
    story = Story(urls)
    try:
        tell(story, world)
    except (RuntimeError, LookupError, StopIteration, TypeError, ValueError) as error:
        story.findings.append(f"the samples broke off: {type(error).__name__}: {error}")
    names = {path.stem for path in (ROOT / "events").glob("*.json")}
    if not story.findings:
        story.findings += [f"{name}: is sent to no function: tell() says when" for name in names - set(story.answered)]
    for name in urls:
        mine = {sample: times for sample, times in story.answered.items() if sample.startswith(f"{name}-")}
        print(f"{name}: {len(mine)} samples in {sum(mine.values())} invocations")
    return story.findings
