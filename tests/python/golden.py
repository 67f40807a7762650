"""The official AWS Encryption SDK for Python and our sealed metadata, by committed messages under a fixed key.

    golden.py check    opens every golden message, ours and its own, and reads the document in it
    golden.py make     makes its own golden messages anew

No key service is asked: the data key is fixed, and its wrapped form stands for what KMS would give.
"""

import base64
import json
import pathlib
import sys
import zlib

import attr
import aws_encryption_sdk
from aws_encryption_sdk.identifiers import AlgorithmSuite, CommitmentPolicy
from aws_encryption_sdk.key_providers.base import MasterKey, MasterKeyConfig
from aws_encryption_sdk.structures import DataKey, EncryptedDataKey

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
DICTIONARY = (ROOT / "shared/core/src/metadata/dictionary-v1.txt").read_bytes()

DATA_KEY = bytes(range(1, 33))
WRAPPED = bytes(range(184))
KEY_ARN = "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef"
CONTEXT = {
    "application": "backup-chain",
    "account": "111122223333",
    "region": "eu-central-1",
    "table-id": "0d1c5a70-6f0e-4b5c-9a3d-2f7e8b1c4d6e",
}
# Three frames, the last of which is cut short.
LONG = b"".join(b"line %d\n" % number for number in range(1000))


@attr.s(hash=True)
class FixedKeyConfig(MasterKeyConfig):
    provider_id = "aws-kms"


class FixedKey(MasterKey):
    """A wrapping key that knows one data key."""

    provider_id = "aws-kms"
    _config_class = FixedKeyConfig

    def _generate_data_key(self, algorithm, encryption_context):
        return DataKey(self.key_provider, DATA_KEY, WRAPPED)

    def _encrypt_data_key(self, data_key, algorithm, encryption_context):
        return EncryptedDataKey(self.key_provider, WRAPPED)

    def _decrypt_data_key(self, encrypted_data_key, algorithm, encryption_context):
        assert encrypted_data_key.encrypted_data_key == WRAPPED, "another wrapped key"
        assert encryption_context == CONTEXT, f"another context: {encryption_context}"
        return DataKey(self.key_provider, DATA_KEY, WRAPPED)


CLIENT = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
KEY = FixedKey(key_id=KEY_ARN)


def deflate(text):
    stream = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    return stream.compress(text) + stream.flush()


def inflate(packed):
    stream = zlib.decompressobj(-15, zdict=DICTIONARY)
    text = stream.decompress(packed) + stream.flush()
    assert stream.eof and not stream.unused_data, "the deflate stream is cut or goes on"
    return text


def seal(text):
    sealed, header = CLIENT.encrypt(
        source=text,
        key_provider=KEY,
        encryption_context=CONTEXT,
        algorithm=AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        frame_length=4096,
    )
    assert header.algorithm.algorithm_id == 0x0478
    return sealed


def open_sealed(name):
    sealed = base64.b64decode((FIXTURES / name).read_text())
    text, header = CLIENT.decrypt(source=sealed, key_provider=KEY)
    assert header.algorithm.algorithm_id == 0x0478 and header.encryption_context == CONTEXT
    return text


def make():
    document = (FIXTURES / "document-v1.json").read_bytes().rstrip(b"\n")
    for name, text in [("message-python.b64", deflate(document)), ("message-python-frames.b64", LONG)]:
        (FIXTURES / name).write_text(base64.b64encode(seal(text)).decode() + "\n")
        print(f"made tests/fixtures/{name}")


def check():
    document = (FIXTURES / "document-v1.json").read_bytes().rstrip(b"\n")
    assert inflate(base64.b64decode((FIXTURES / "document-v1.b64").read_text())) == document
    print("document-v1.b64: zlib reads what we packed")
    for name in ["message-ours.b64", "message-python.b64"]:
        text = inflate(open_sealed(name))
        assert text == document, f"{name} holds another document"
        print(f"{name}: opens, document {json.loads(text)['id']}")
    for name in ["message-ours-frames.b64", "message-python-frames.b64"]:
        assert open_sealed(name) == LONG, f"{name} holds another text"
        print(f"{name}: opens, {len(LONG)} bytes in several frames")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1] if len(sys.argv) > 1 else "check"]()
