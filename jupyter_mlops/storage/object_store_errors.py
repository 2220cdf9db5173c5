"""What obstore's errors mean.

obstore has a class for a few causes; for all others the one thing that tells them apart is the
structure that it prints below "Debug source". It is read here and nowhere else, and never shown:
it repeats requests and what servers answered. The conformance suite holds each cause against real
servers, so that a release of obstore that prints it in another way is noticed.
"""

from __future__ import annotations

import re

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.storage import failures
from jupyter_mlops.storage.url import RemoteUrl

_STATUS = re.compile(r"\bstatus: (\d{3})\b")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_DEBUG = "Debug source:"
_PLACE_MISSING = frozenset({"NoSuchBucket", "ContainerNotFound", "InvalidBucketName"})
_CREDENTIALS = frozenset(
    {
        "AuthenticationFailed",
        "AuthenticationRequired",
        "AuthorizationFailure",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidAuthenticationInfo",
        "InvalidToken",
        "NoAuthenticationInformation",
        "SignatureDoesNotMatch",
    }
)
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "StorageQuotaExceeded"})
LOGIN_HINTS = {
    "s3": "Look at AWS_ACCESS_KEY_ID and ~/.aws: aws sts get-caller-identity",
    "gs": "Look at GOOGLE_APPLICATION_CREDENTIALS, or: gcloud auth application-default login",
    "az": "Look at AZURE_STORAGE_ACCOUNT_KEY and the like, or: az login",
}
LISTING = "list it"
"""What is being done while objects are listed."""

_WHAT = {"s3": "bucket", "gs": "bucket", "az": "container"}


def translate(error: Exception, where: RemoteUrl, name: str, doing: str) -> MlopsError:
    """Return what to raise for ``error``, met while ``doing`` something to the object ``name``.

    The caller raises it outside of the handler of ``error``, so that no traceback repeats that.
    """
    from obstore.exceptions import UnauthenticatedError

    text = str(error)
    place = where.text
    found = _STATUS.search(text)
    status = int(found[1]) if found else None
    code = _CODE.search(text)
    said = code[1] if code else ""
    if said in _PLACE_MISSING:
        return failures.place_missing(place, _WHAT[where.kind])
    if isinstance(error, FileNotFoundError):
        return failures.object_missing(place, name)
    if _finds_no_credentials(text):
        return failures.credentials_missing(place, LOGIN_HINTS[where.kind])
    if said in _CREDENTIALS or isinstance(error, UnauthenticatedError) or status == 401:
        return failures.credentials_refused(place, LOGIN_HINTS[where.kind])
    if status == 403:
        return failures.access_refused(place, doing)
    if said == "KeyTooLongError" or status == 414:
        return failures.name_too_long(place, name)
    if said in _FULL or status == 507:
        return failures.place_full(place)
    if "BareRedirect" in text:
        return failures.wrong_region(place)
    if status in {408, 429} or (status is not None and status >= 500):
        return failures.busy(place, f"it answers with status {status}")
    if status is not None:
        return failures.remote_failed(place, f"it answers with status {status} {said}".rstrip())
    if "Header missing from response" in text or "source: NotPartial" in text:
        return failures.foreign_answer(place)
    return _connection(text, where, name, doing)


def is_conflict(error: Exception) -> bool:
    """Return whether S3 asks to try again, since another request was under way."""
    return "<Code>ConditionalRequestConflict</Code>" in str(error)


def ends_before(error: Exception) -> bool:
    """Return whether a range was asked for that begins after the object's end."""
    found = _STATUS.search(str(error))
    return found is not None and found[1] == "416"


def _finds_no_credentials(text: str) -> bool:
    return "TokenRequest" in text or "MissingCredential" in text or "169.254.169.254" in text


def _connection(text: str, where: RemoteUrl, name: str, doing: str) -> MlopsError:
    debug = text.partition(_DEBUG)[2]
    if "dns error" in debug:
        return failures.host_unknown(where.text, "its host")
    if "InvalidCertificate" in debug:
        reason = "it is signed by nobody that this machine trusts, or is of another host"
        return failures.certificate_refused(where.text, reason)
    if "kind: Connect" in debug:
        refused = "ConnectionRefused" in debug
        why = "the connection is refused" if refused else "no connection comes about"
        return failures.host_unreachable(where.text, why)
    if "kind: Timeout" in debug:
        return failures.busy(where.text, "it does not answer in time")
    if "HttpError" in debug or "reqwest::Error" in debug:
        return failures.cut_short(where.text, name)
    if doing == LISTING:
        return failures.listing_refused(where.text, "it is no listing, or has names of elsewhere")
    return failures.remote_failed(where.text, "it answers in a way that makes no sense")
