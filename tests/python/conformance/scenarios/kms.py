"""KMS."""

import base64

from ..scenario import OTHER_REGION, Like, Scenario, Step

SECRET = base64.b64encode(b"a secret").decode()
CONTEXT = {"table": "orders"}
KEY = "${key.KeyMetadata.KeyId}"

SCENARIOS = [
    Scenario(
        "kms: keys, their names and states",
        [
            Step(
                "kms.CreateKey",
                {"Description": "for metadata"},
                {
                    "KeyMetadata.KeyState": "Enabled",
                    "KeyMetadata.Enabled": True,
                    "KeyMetadata.KeySpec": "SYMMETRIC_DEFAULT",
                    "KeyMetadata.KeyUsage": "ENCRYPT_DECRYPT",
                    "KeyMetadata.Origin": "AWS_KMS",
                    "KeyMetadata.MultiRegion": False,
                    "KeyMetadata.Arn": Like("arn:aws:kms:eu-central-1:${account}:key/[0-9a-f-]{36}"),
                },
                keep="key",
                fact="AWS documents that CreateKey without parameters makes a symmetric encryption key of one Region.",
            ),
            Step("kms.ListKeys", {}, {"Keys[].KeyId": ["${key.KeyMetadata.KeyId}"], "Truncated": False}),
            Step("kms.CreateAlias", {"AliasName": "alias/metadata", "TargetKeyId": KEY}),
            Step("kms.CreateAlias", {"AliasName": "alias/metadata", "TargetKeyId": KEY}, error="AlreadyExistsException"),
            Step(
                "kms.CreateAlias",
                {"AliasName": "metadata", "TargetKeyId": KEY},
                error="InvalidAliasNameException",
                fact="AWS documents that an alias begins with alias/ (API reference of CreateAlias).",
            ),
            Step("kms.ListAliases", {"KeyId": KEY}, {"Aliases[].AliasName": ["alias/metadata"]}),
            Step("kms.DescribeKey", {"KeyId": "alias/metadata"}, {"KeyMetadata.KeyId": KEY}),
            Step("kms.GetKeyRotationStatus", {"KeyId": KEY}, {"KeyRotationEnabled": False}),
            Step("kms.EnableKeyRotation", {"KeyId": KEY}),
            Step("kms.GetKeyRotationStatus", {"KeyId": KEY}, {"KeyRotationEnabled": True}),
            Step("kms.DisableKeyRotation", {"KeyId": KEY}),
            Step("kms.DisableKey", {"KeyId": KEY}),
            Step(
                "kms.GenerateDataKey",
                {"KeyId": KEY, "KeySpec": "AES_256"},
                error="DisabledException",
                fact="AWS documents DisabledException for a key that is not enabled.",
            ),
            Step("kms.EnableKey", {"KeyId": KEY}),
            Step(
                "kms.ScheduleKeyDeletion",
                {"KeyId": KEY, "PendingWindowInDays": 6},
                error="ValidationException",
                fact="AWS documents that the waiting period is 7 to 30 days.",
            ),
            Step(
                "kms.ScheduleKeyDeletion",
                {"KeyId": KEY, "PendingWindowInDays": 7},
                {"KeyState": "PendingDeletion", "PendingWindowInDays": 7},
            ),
            Step(
                "kms.Encrypt",
                {"KeyId": KEY, "Plaintext": SECRET},
                error="KMSInvalidStateException",
                fact="AWS documents that a key pending deletion cannot be used in any cryptographic operation.",
            ),
            Step("kms.CancelKeyDeletion", {"KeyId": KEY}),
            Step(
                "kms.DescribeKey",
                {"KeyId": KEY},
                {"KeyMetadata.KeyState": "Disabled"},
                fact="AWS documents that a key whose deletion is cancelled is Disabled.",
            ),
            Step("kms.DeleteAlias", {"AliasName": "alias/metadata"}),
            Step("kms.DescribeKey", {"KeyId": "alias/metadata"}, error="NotFoundException"),
            Step("kms.DeleteAlias", {"AliasName": "alias/metadata"}, error="NotFoundException"),
        ],
    ),
    Scenario(
        "kms: encryption bound to a context",
        [
            Step("kms.CreateKey", {}, keep="key"),
            Step(
                "kms.GenerateDataKey",
                {"KeyId": KEY, "KeySpec": "AES_256", "EncryptionContext": CONTEXT},
                {"KeyId": "${key.KeyMetadata.Arn}"},
                keep="data",
            ),
            Step(
                "kms.Decrypt",
                {"CiphertextBlob": "${data.CiphertextBlob}", "EncryptionContext": CONTEXT, "KeyId": KEY},
                {"Plaintext": "${data.Plaintext}", "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"},
            ),
            Step(
                "kms.Decrypt",
                {"CiphertextBlob": "${data.CiphertextBlob}", "EncryptionContext": {"table": "carts"}},
                error="InvalidCiphertextException",
                fact="AWS documents that the encryption context must be the same on Decrypt, byte for byte.",
            ),
            Step(
                "kms.Decrypt",
                {"CiphertextBlob": base64.b64encode(b"no ciphertext").decode()},
                error="InvalidCiphertextException",
            ),
            Step(
                "kms.GenerateDataKeyWithoutPlaintext",
                {"KeyId": KEY, "NumberOfBytes": 64},
                {"Plaintext": None, "KeyId": "${key.KeyMetadata.Arn}"},
                fact="AWS documents that it answers the same as GenerateDataKey, but for the plaintext.",
            ),
            Step("kms.Encrypt", {"KeyId": KEY, "Plaintext": SECRET}, keep="sealed"),
            Step("kms.Decrypt", {"CiphertextBlob": "${sealed.CiphertextBlob}"}, {"Plaintext": SECRET}),
            Step("kms.CreateKey", {}, keep="another"),
            Step(
                "kms.Decrypt",
                {"CiphertextBlob": "${sealed.CiphertextBlob}", "KeyId": "${another.KeyMetadata.KeyId}"},
                error="IncorrectKeyException",
                fact="AWS documents IncorrectKeyException for a KeyId that did not encrypt the data.",
            ),
            Step("kms.GenerateDataKey", {"KeyId": KEY}, error="ValidationException"),
        ],
    ),
    Scenario(
        "kms: multi-Region keys",
        [
            Step(
                "kms.CreateKey",
                {"MultiRegion": True},
                {"KeyMetadata.MultiRegion": True, "KeyMetadata.KeyId": Like("mrk-[0-9a-f]{32}")},
                keep="key",
                fact="AWS documents that ids of multi-Region keys begin with mrk-.",
            ),
            Step(
                "kms.ReplicateKey",
                {"KeyId": KEY, "ReplicaRegion": OTHER_REGION},
                {"ReplicaKeyMetadata.KeyId": KEY},
                fact="AWS documents that a replica has the id and the material of its primary key.",
            ),
            Step(
                "kms.ReplicateKey",
                {"KeyId": KEY, "ReplicaRegion": OTHER_REGION},
                error="AlreadyExistsException",
            ),
            Step("kms.Encrypt", {"KeyId": KEY, "Plaintext": SECRET}, keep="sealed"),
            Step(
                "kms.Decrypt",
                {"CiphertextBlob": "${sealed.CiphertextBlob}", "KeyId": KEY},
                {"Plaintext": SECRET},
                region=OTHER_REGION,
            ),
            Step("kms.CreateKey", {}, keep="single"),
            Step(
                "kms.ReplicateKey",
                {"KeyId": "${single.KeyMetadata.KeyId}", "ReplicaRegion": OTHER_REGION},
                error="UnsupportedOperationException",
                fact="AWS documents that a single-Region key cannot be replicated.",
            ),
        ],
    ),
    Scenario(
        "kms: policies and tags of keys",
        [
            Step("kms.CreateKey", {"Tags": [{"TagKey": "team", "TagValue": "shop"}]}, keep="key"),
            Step("kms.ListKeyPolicies", {"KeyId": KEY}, {"PolicyNames": ["default"]}),
            Step("kms.GetKeyPolicy", {"KeyId": KEY, "PolicyName": "default"}, keep="policy"),
            Step("kms.PutKeyPolicy", {"KeyId": KEY, "PolicyName": "default", "Policy": "${policy.Policy}"}),
            Step("kms.ListResourceTags", {"KeyId": KEY}, {"Tags[].TagKey": ["team"]}),
            Step("kms.TagResource", {"KeyId": KEY, "Tags": [{"TagKey": "use", "TagValue": "metadata"}]}),
            Step("kms.UntagResource", {"KeyId": KEY, "TagKeys": ["team"]}),
        ],
    ),
]
