"""Seals and opens with the official AWS Encryption SDK for Python and a key in KMS, over the network.

    cross_kms.py seal < text       prints the sealed message in base64
    cross_kms.py open < base64     prints the text in base64

From the environment: KMS_KEY (the ARN of the key), CONTEXT (the encryption context, as JSON), and what boto3
takes: credentials, AWS_ENDPOINT_URL_KMS for another endpoint. The suite is the one of the metadata, 0x0478.
"""

import base64
import json
import os
import sys

import aws_encryption_sdk
import botocore.session
from aws_encryption_sdk.identifiers import AlgorithmSuite, CommitmentPolicy
from aws_encryption_sdk.key_providers.kms import MRKAwareStrictAwsKmsMasterKeyProvider

key = os.environ["KMS_KEY"]
context = json.loads(os.environ["CONTEXT"])
client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
provider = MRKAwareStrictAwsKmsMasterKeyProvider(key_ids=[key], botocore_session=botocore.session.Session())

match sys.argv[1:]:
    case ["seal"]:
        sealed, _ = client.encrypt(
            source=sys.stdin.buffer.read(),
            key_provider=provider,
            encryption_context=context,
            algorithm=AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
            frame_length=4096,
        )
        print(base64.b64encode(sealed).decode())
    case ["open"]:
        text, header = client.decrypt(source=base64.b64decode(sys.stdin.read()), key_provider=provider)
        if header.encryption_context != context or header.algorithm.algorithm_id != 0x0478:
            sys.exit(f"the message has suite {header.algorithm.algorithm_id:#x} and context {header.encryption_context}")
        print(base64.b64encode(text).decode())
    case _:
        sys.exit(__doc__)
