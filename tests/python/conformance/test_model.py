"""The validator itself: wrong exchanges that are planted must be found, and right ones must not."""

import json
import unittest
from typing import Any

from . import explained, model, recording


def told(**changes: Any) -> list[str]:
    """The findings of a right exchange of DescribeTimeToLive with changes."""
    parts: dict[str, Any] = {
        "service": "dynamodb",
        "target": "DynamoDB_20120810.DescribeTimeToLive",
        "asked": {"TableName": "orders"},
        "answer": {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}},
        "status": 200,
        "sent_as": "application/x-amz-json-1.0",
        "answered_as": "application/x-amz-json-1.0",
        **changes,
    }
    return judged(
        parts["service"],
        {
            "method": "POST",
            "path": "/",
            "query": "",
            "headers": {"x-amz-target": parts["target"], "content-type": parts["sent_as"]},
            "body": json.dumps(parts["asked"]),
        },
        {
            "status": parts["status"],
            "headers": {"content-type": parts["answered_as"], "x-amzn-requestid": "1"},
            "body": json.dumps(parts["answer"]),
        },
    )


def rest(method: str, path: str, query: str = "", asked: Any = None, answer: Any = None, **response: Any) -> list[str]:
    """The findings of an exchange with AWS Backup."""
    return judged(
        "backup",
        {
            "method": method,
            "path": path,
            "query": query,
            "headers": {},
            "body": "" if asked is None else json.dumps(asked),
        },
        {
            "status": 200,
            "headers": {"content-type": "application/json", "x-amzn-requestid": "1"},
            "body": "" if answer is None else json.dumps(answer),
            **response,
        },
    )


def query(fields: str, body: str) -> list[str]:
    """The findings of an exchange with STS."""
    return judged(
        "sts",
        {"method": "POST", "path": "/", "query": "", "headers": {}, "body": fields},
        {"status": 200, "headers": {"content-type": "text/xml", "x-amzn-requestid": "1"}, "body": body},
    )


def judged(service: str, request: dict[str, Any], response: dict[str, Any]) -> list[str]:
    """The findings of a line."""
    line = {"service": service, "region": "eu-central-1", "request": request, "response": response}
    return [f"{one.side} {one.member} {one.problem}" for one in model.judge(recording.exchange(1, line))]


class Json(unittest.TestCase):
    """The JSON protocols."""

    def test_a_right_exchange_has_no_findings(self) -> None:
        self.assertEqual(told(), [])

    def test_an_unknown_operation_is_found(self) -> None:
        for target in ("DynamoDB_20120810.DescribeTimeToDie", "TrentService.DescribeTimeToLive"):
            self.assertIn("asks for no operation", told(target=target)[0])

    def test_an_unknown_member_is_found_on_either_side(self) -> None:
        self.assertEqual(told(answer={"Surplus": 1}), ["response Surplus is unknown"])
        self.assertEqual(told(asked={"TableName": "orders", "Surplus": 1}), ["request Surplus is unknown"])

    def test_a_missing_member_is_found(self) -> None:
        self.assertEqual(told(asked={}), ["request TableName is required and missing"])

    def test_a_wrong_type_enum_length_or_null_is_found(self) -> None:
        for description, problem in [
            ({"TimeToLiveStatus": "OFF"}, "TimeToLiveStatus is 'OFF', none of its enum"),
            ({"AttributeName": 1}, "AttributeName is a int, not text"),
            ({"AttributeName": ""}, "AttributeName has the length 0, less than 1"),
            ({"AttributeName": None}, "AttributeName is null"),
        ]:
            findings = told(answer={"TimeToLiveDescription": description})
            self.assertEqual(findings, [f"response TimeToLiveDescription.{problem}"])

    def test_a_moment_as_text_is_found(self) -> None:
        table = {"Table": {"CreationDateTime": "2026-01-01T00:00:00Z"}}
        self.assertIn("not a moment as number", told(target="DynamoDB_20120810.DescribeTable", answer=table)[0])

    def test_a_wrong_content_type_or_status_is_found(self) -> None:
        self.assertIn("has the content type", told(answered_as="application/json")[0])
        self.assertIn("has the content type", told(sent_as="application/x-amz-json-1.1")[0])
        self.assertIn("has the status 201", told(status=201)[0])

    def test_an_error_that_the_operation_does_not_have_is_found(self) -> None:
        refused = {"__type": "com.amazonaws#ResourceNotFoundException", "message": "no"}
        self.assertEqual(told(status=400, answer=refused), [])
        self.assertIn("has the status 404", told(status=404, answer=refused)[0])
        for code in ("BackupInUseException", "NoSuchException"):
            self.assertIn("is no error of this operation", told(status=400, answer={"__type": code})[0])


class Rest(unittest.TestCase):
    """REST with JSON."""

    def test_a_right_exchange_has_no_findings(self) -> None:
        self.assertEqual(rest("GET", "/backup-vaults/main/recovery-points/", "maxResults=5", answer={}), [])

    def test_wrong_labels_and_query_strings_are_found(self) -> None:
        path = "/backup-vaults/no%20blanks/recovery-points/"
        self.assertIn("not of the pattern", rest("GET", path, answer={})[0])
        path = "/backup-vaults/main/recovery-points"
        self.assertIn("more than 1000", rest("GET", path, "maxResults=1001", answer={})[0])
        self.assertIn("not an integer", rest("GET", path, "maxResults=many", answer={})[0])
        self.assertIn("unknown in the query string", rest("GET", path, "surplus=1", answer={})[0])

    def test_a_path_of_no_operation_is_found(self) -> None:
        self.assertIn("asks for no operation", rest("GET", "/backup-jobs/a/b/c")[0])

    def test_an_error_without_its_header_is_found(self) -> None:
        answer = {"Code": "ResourceNotFoundException", "Message": "no"}
        self.assertIn("x-amzn-errortype is missing", rest("GET", "/backup-jobs/a", answer=answer, status=400)[0])


class Query(unittest.TestCase):
    """Forms and XML."""

    ANSWER = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        "{}</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )
    FIELDS = "Action=GetCallerIdentity&Version=2011-06-15"

    def test_a_right_exchange_has_no_findings(self) -> None:
        self.assertEqual(query(self.FIELDS, self.ANSWER.format("<Account>111122223333</Account>")), [])

    def test_unknown_fields_and_elements_are_found(self) -> None:
        self.assertEqual(query(self.FIELDS, self.ANSWER.format("<A>1</A>")), ["response A is unknown"])
        self.assertEqual(query(self.FIELDS + "&A=1", self.ANSWER.format("")), ["request A is unknown"])

    def test_another_namespace_or_no_xml_is_found(self) -> None:
        self.assertEqual(len(query(self.FIELDS, self.ANSWER.format("").replace("2011", "2012"))), 1)
        self.assertIn("cannot be read", query(self.FIELDS, "{}")[0])


class Cbor(unittest.TestCase):
    """The RPC protocol with CBOR."""

    def judge(self, body: str) -> list[str]:
        """The findings of an answer of GetResources, in base64."""
        return judged(
            "tagging",
            {
                "method": "POST",
                "path": "/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources",
                "query": "",
                "headers": {"smithy-protocol": "rpc-v2-cbor"},
                "body": "",
            },
            {
                "status": 200,
                "headers": {"content-type": "application/cbor", "x-amzn-requestid": "1"},
                "body_base64": body,
            },
        )

    def test_known_members_pass_and_others_are_found(self) -> None:
        # {"PaginationToken": ""} and {"A": ""}
        self.assertEqual(self.judge("oW9QYWdpbmF0aW9uVG9rZW5g"), [])
        self.assertEqual(self.judge("oWFBYA=="), ["response A is unknown"])


class Explanations(unittest.TestCase):
    """What silences findings."""

    def test_an_explanation_covers_its_kind_and_is_idle_without_it(self) -> None:
        finding = model.Finding("dynamodb", "Query", "response", "Items[].a", "is unknown", 1)
        right = explained.Explanation("dynamodb", "Query", "response", "Items[].*", "is unknown", "why")
        other = explained.Explanation("dynamodb", "Scan", "*", "*", "*", "why")
        self.assertEqual(explained.sort_out([finding], [right, other]), ([], [other]))
        self.assertEqual(explained.sort_out([finding], [other]), ([finding], [other]))


if __name__ == "__main__":
    unittest.main()
