"""S3 object storage: objects are written once and read by ranges.

Address and credentials are boto3's own affair: `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` and so on, or its files.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from archives.errors import StoreError
from archives.storage.schemes import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

PART_BYTES: Final = 16 * 1024 * 1024
_DIGEST: Final = "sha256"
_UNABLE: Final = frozenset({"NotImplemented", "501", "405", "MethodNotAllowed"})
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})


class S3Store:
    """One bucket.

    Args:
        part_bytes: larger files go up in parts of this size; at least 5 MiB.

    Raises:
        StoreError: boto3 is not installed, or the bucket has no name.
    """

    def __init__(self, bucket: str, *, part_bytes: int = PART_BYTES) -> None:
        if not bucket:
            raise StoreError("an address in S3 must be s3://BUCKET or s3://BUCKET/PREFIX")
        try:
            import boto3  # noqa: PLC0415 (an extra: one machine needs none)
            import botocore.exceptions  # noqa: PLC0415
            from botocore.config import Config  # noqa: PLC0415
        except ImportError as error:
            raise StoreError(
                "object storage needs boto3, installed by: pip install --no-deps boto3 botocore s3transfer"
            ) from error
        self._bucket = bucket
        self._part_bytes = part_bytes
        self._refused: type[Exception] = botocore.exceptions.ClientError
        self._failed: type[Exception] = botocore.exceptions.BotoCoreError
        limits = Config(connect_timeout=10, read_timeout=60, retries={"max_attempts": 5, "mode": "standard"})
        self._client: Any = boto3.client("s3", config=limits)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes of an object from `start` on; fewer only at its end."""
        with self._explain(f"read {key}"):
            answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{start + length - 1}")
            return bytes(answer["Body"].read())

    def find(self, key: str) -> Blob | None:
        """Return what is under a key, or None."""
        with self._explain(f"look for {key}"):
            try:
                head = self._client.head_object(Bucket=self._bucket, Key=key)
            except self._refused as error:
                if _find_code(error) in _MISSING:
                    return None
                raise
        return Blob(size=head["ContentLength"], sha256=head["Metadata"].get(_DIGEST, ""))

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Put a file under an unused key, with checksums that the storage verifies.

        Raises:
            StoreError: an object is there, or the storage could not take it.
        """
        with self._explain(f"put {path.name}"):
            self._put(key, path, sha256, {"IfNoneMatch": "*"})

    def replace_file(self, key: str, path: Path, sha256: str) -> None:
        """Put a file in place of an object, and delete its earlier versions where the bucket keeps them.

        Raises:
            StoreError: the storage could not take it, or a version cannot be deleted.
        """
        with self._explain(f"replace {key}"):
            self._put(key, path, sha256, {})
            self._delete_versions(key, but_latest=True)

    def delete_file(self, key: str) -> None:
        """Delete an object with all its versions.

        Raises:
            StoreError: one cannot be deleted.
        """
        with self._explain(f"delete {key}"):
            self._client.delete_object(Bucket=self._bucket, Key=key)
            self._delete_versions(key, but_latest=False)

    def _delete_versions(self, key: str, *, but_latest: bool) -> None:
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
            found = [one for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, ())]
        except self._refused as error:
            if _find_code(error) in _UNABLE:  # a storage without versions
                return
            raise
        for one in found:
            if one["Key"] == key and one["VersionId"] != "null" and not (but_latest and one["IsLatest"]):
                self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=one["VersionId"])

    def _put(self, key: str, path: Path, sha256: str, condition: dict[str, str]) -> None:
        wanted = Blob(size=path.stat().st_size, sha256=sha256)
        with path.open("rb") as file:
            self._abort_leftovers(key)
            if wanted.size <= self._part_bytes:
                self._put_whole(key, file, wanted, condition)
            else:
                self._put_parts(key, file, wanted, condition)

    def _put_whole(self, key: str, file: BinaryIO, wanted: Blob, condition: dict[str, str]) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=file,
            ContentLength=wanted.size,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=base64.b64encode(bytes.fromhex(wanted.sha256)).decode(),
            Metadata={_DIGEST: wanted.sha256},
            **condition,
        )

    def _put_parts(self, key: str, file: BinaryIO, wanted: Blob, condition: dict[str, str]) -> None:
        """Put a large file; it is not there before all of it is."""
        place = {"Bucket": self._bucket, "Key": key}
        upload = self._client.create_multipart_upload(
            **place, ChecksumAlgorithm="SHA256", Metadata={_DIGEST: wanted.sha256}
        )
        place["UploadId"] = upload["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            while data := file.read(self._part_bytes):
                checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
                number = len(parts) + 1
                part = self._client.upload_part(**place, PartNumber=number, Body=data, ChecksumSHA256=checksum)
                parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": checksum})
            self._client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts}, **condition)
        except BaseException:
            self._client.abort_multipart_upload(**place)
            raise

    def _abort_leftovers(self, key: str) -> None:
        """Drop the parts that a killed process left; not every storage can list them."""
        try:
            found = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
            for upload in found.get("Uploads", ()):
                if upload["Key"] == key:
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload["UploadId"])
        except self._refused as error:
            if _find_code(error) not in _MISSING | _UNABLE | {"NoSuchUpload"}:
                raise

    @contextmanager
    def _explain(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._refused as error:
            raise StoreError(f"cannot {what} in {self._bucket}: {error}; see to STORE_URL and its rights") from error
        except self._failed as error:
            raise StoreError(f"cannot {what} in {self._bucket}: {error}; try again when it can be reached") from error


def _find_code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
