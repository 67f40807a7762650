"""What scenarios need of tables."""

from typing import Any

from ..scenario import Step


def table(name: str, **more: Any) -> dict[str, Any]:
    """The parameters of CreateTable: an on-demand table with the keys `pk` and `sk`."""
    return {
        "TableName": name,
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def ready(name: str) -> Step:
    """Waits until a table is ACTIVE."""
    return Step("dynamodb.DescribeTable", {"TableName": name}, {"Table.TableStatus": "ACTIVE"}, wait=True)


def item(pk: str, sk: int, **more: Any) -> dict[str, Any]:
    """An item of such a table."""
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}, **more}
