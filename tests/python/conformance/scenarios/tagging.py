"""Resource Groups Tagging."""

from ..scenario import Scenario, Step
from .tables import ready, table

GET = "resourcegroupstaggingapi.GetResources"

SCENARIOS = [
    Scenario(
        "tagging: tables by their tags",
        [
            Step("dynamodb.CreateTable", table("orders", Tags=[{"Key": "team", "Value": "shop"}])),
            ready("orders"),
            Step("dynamodb.CreateTable", table("carts", Tags=[{"Key": "team", "Value": "web"}])),
            ready("carts"),
            Step(
                GET,
                {"ResourceTypeFilters": ["dynamodb:table"], "TagFilters": [{"Key": "team", "Values": ["shop"]}]},
                {
                    "ResourceTagMappingList[].ResourceARN": ["arn:aws:dynamodb:eu-central-1:${account}:table/orders"],
                    "ResourceTagMappingList[].Tags": [[{"Key": "team", "Value": "shop"}]],
                    "PaginationToken": "",
                },
                fact="AWS documents that GetResources tells resources whose tags match every filter, and an empty "
                "PaginationToken on the last page (API reference of GetResources).",
            ),
            Step(GET, {"TagFilters": [{"Key": "team"}], "ResourcesPerPage": 1}, {"length(ResourceTagMappingList)": 1}, keep="page"),
            Step(
                GET,
                {"TagFilters": [{"Key": "team"}], "ResourcesPerPage": 1, "PaginationToken": "${page.PaginationToken}"},
                {"length(ResourceTagMappingList)": 1, "PaginationToken": ""},
                fact="AWS documents that the next page is asked for with the PaginationToken of the last one.",
            ),
            Step(
                GET,
                {"ResourcesPerPage": 101},
                error="InvalidParameterException",
                fact="AWS documents that ResourcesPerPage is 1 to 100.",
            ),
        ],
    ),
    Scenario(
        "resourcegroupstaggingapi: keys, values and changes",
        [
            Step("dynamodb.CreateTable", table("orders", Tags=[{"Key": "team", "Value": "shop"}])),
            ready("orders"),
            Step("resourcegroupstaggingapi.GetTagKeys", {}, {"TagKeys": ["team"]}),
            Step("resourcegroupstaggingapi.GetTagValues", {"Key": "team"}, {"TagValues": ["shop"]}),
            Step(
                "resourcegroupstaggingapi.TagResources",
                {
                    "ResourceARNList": ["arn:aws:dynamodb:eu-central-1:${account}:table/orders"],
                    "Tags": {"use": "orders"},
                },
            ),
            Step(
                "resourcegroupstaggingapi.UntagResources",
                {
                    "ResourceARNList": ["arn:aws:dynamodb:eu-central-1:${account}:table/orders"],
                    "TagKeys": ["use"],
                },
            ),
        ],
    ),
]
