"""STS."""

from ..scenario import ACCOUNT, Scenario, Step

SCENARIOS = [
    Scenario(
        "sts: who calls",
        [
            Step(
                "sts.GetCallerIdentity",
                expect={"Account": ACCOUNT, "Arn": "arn:aws:iam::${account}:root"},
                fact="AWS documents that GetCallerIdentity needs no permission and tells the account of the "
                "credentials (API reference of GetCallerIdentity).",
            ),
        ],
    ),
]
