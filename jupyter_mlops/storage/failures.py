"""What can go wrong with a remote: one error for each cause, with what mends it.

``place`` is a URL without credentials. What a library or a server says is shown only where it is
known to hold no secret.
"""

from __future__ import annotations

from jupyter_mlops.errors import (
    ConflictError,
    IntegrityError,
    MlopsError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from jupyter_mlops.formats.names import show
from jupyter_mlops.units import format_bytes, format_duration, plural


class TransientError(UnavailableError):
    """May well succeed when tried again; ``wait_seconds`` is how long the place asks to wait."""

    wait_seconds: float = 0.0


class UnreachableError(TransientError):
    """The place did not answer at all."""


def object_missing(place: str, name: str) -> NotFoundError:
    """There is no object of that name."""
    return NotFoundError(
        f"{place} has no object {show(name)}.",
        code="remote-object-missing",
        hints=("Push it again from a clone that has it.",),
    )


def object_changed(place: str, name: str) -> ConflictError:
    """The object is not the one any more that was told of."""
    return ConflictError(
        f"{show(name)} at {place} is not what it was when it was recorded.",
        code="object-changed",
        hints=("jupyter mlops status --external",),
    )


def place_missing(place: str, what: str) -> NotFoundError:
    """There is no such bucket, container or folder: ``what``."""
    return NotFoundError(
        f"There is no {what} at {place}.",
        code="place-missing",
        hints=(f"Make the {what}, or correct the URL in mlops.toml.",),
    )


def wrong_region(place: str) -> UnavailableError:
    """The bucket is in another region than was asked."""
    return UnavailableError(
        f"{place} is in another region than the one that was asked.",
        code="wrong-region",
        hints=("Name its region: git config mlops.remote.NAME.region REGION",),
    )


def credentials_missing(place: str, where: str) -> UnavailableError:
    """Nothing was found to log in with; ``where`` is a sentence that says what was looked at."""
    return UnavailableError(
        f"{place} wants credentials, and none were found.",
        code="credentials-missing",
        hints=(where,),
    )


def credentials_refused(place: str, where: str) -> UnavailableError:
    """The place does not accept what was found."""
    return UnavailableError(
        f"{place} does not accept the credentials that were found.",
        code="credentials-refused",
        hints=(where,),
    )


def access_refused(place: str, what: str) -> UnavailableError:
    """The place knows who asks and does not allow ``what``."""
    return UnavailableError(
        f"{place} does not allow you to {what}.",
        code="access-refused",
        hints=("Ask whoever owns it for the right to, then run the same command again.",),
    )


def read_only(place: str) -> UnavailableError:
    """Nothing can be written there."""
    return UnavailableError(
        f"{place} cannot be written.",
        code="read-only",
        hints=("Use another remote for pushing, or ask for the right to write there.",),
    )


def place_full(place: str) -> UnavailableError:
    """There is no room left."""
    return UnavailableError(
        f"{place} is full, or a quota there is used up; what was there before is untouched.",
        code="remote-full",
        hints=("Make room there, then run the same command again.",),
    )


def name_too_long(place: str, name: str) -> UnavailableError:
    """The place cannot have an object of so long a name."""
    return UnavailableError(
        f"{place} refuses the name {show(name)} as too long.",
        code="name-too-long",
        hints=("Use a shorter path in the remote's URL.",),
    )


def host_unknown(place: str, host: str) -> UnreachableError:
    """DNS knows no such host, or there is no DNS at the moment."""
    return UnreachableError(
        f"{place} cannot be reached: no address is known for {host}.",
        code="host-unknown",
        hints=("Look at the URL's spelling and at your connection, then run it again.",),
    )


def host_unreachable(place: str, why: str) -> UnreachableError:
    """There is no connection to the host."""
    return UnreachableError(
        f"{place} cannot be reached: {why}.",
        code="host-unreachable",
        hints=("Look at your connection and proxy, then run the same command again.",),
    )


def certificate_refused(place: str, why: str) -> UnavailableError:
    """The host's TLS certificate proves nothing to this machine."""
    return UnavailableError(
        f"The certificate of {place} is not trusted: {why}.",
        code="certificate-refused",
        hints=("Name the authority that signed it: git config mlops.remote.NAME.ca-file FILE",),
    )


def busy(place: str, why: str) -> TransientError:
    """The place answers that it cannot at the moment."""
    return TransientError(
        f"{place} is busy: {why}.",
        code="remote-busy",
        hints=("Wait a while, then run the same command again.",),
    )


def cut_short(place: str, name: str) -> TransientError:
    """Fewer or more bytes came than were promised."""
    return TransientError(
        f"The answer of {place} for {show(name)} broke off before its end.",
        code="answer-cut-short",
        hints=("Look at your connection and proxy, then run the same command again.",),
    )


def foreign_answer(place: str) -> UnavailableError:
    """Something else answers than the place that the URL means."""
    return UnavailableError(
        f"Something else answers in place of {place}: a proxy, a login page, or another service.",
        code="foreign-answer",
        hints=("Log in to the network, correct the proxy or the URL, then run it again.",),
    )


def remote_failed(place: str, why: str) -> UnavailableError:
    """It failed in another way."""
    return UnavailableError(
        f"{place} failed: {why}.",
        code="remote-failed",
        hints=("Look at the server, then run the same command again.",),
    )


def gave_up(last: MlopsError, *, spent_seconds: float, tries: int) -> UnavailableError:
    """Trying again did not help."""
    spent = f"{format_duration(spent_seconds)} and {plural(tries, 'try', 'tries')}"
    return UnavailableError(
        f"{last.message} Given up after {spent}; what is done so far stays done.",
        code="gave-up",
        hints=last.hints,
    )


def object_too_short(place: str, name: str, end: int) -> IntegrityError:
    """The object ends before ``end``, where a range that was asked for ends."""
    return IntegrityError(
        f"The object {show(name)} in {place} ends before byte {end}, which it must have.",
        code="object-too-short",
        hints=("Push it again from a clone that has it.",),
    )


def object_too_big(place: str, name: str, limit_bytes: int) -> IntegrityError:
    """The object has more than ``limit_bytes``."""
    return IntegrityError(
        f"The object {show(name)} in {place} is larger than {format_bytes(limit_bytes)}, the most"
        " that it may have.",
        code="object-too-big",
        hints=("Do not trust this remote before somebody has looked at it.",),
    )


def no_listing(place: str) -> UnsupportedError:
    """The place does not say what it has."""
    return UnsupportedError(
        f"{place} does not list what it has.",
        code="no-listing",
        hints=("Let the server show its folders, by WebDAV or as pages of links.",),
    )


def listing_refused(place: str, why: str) -> IntegrityError:
    """The place lists what nothing here ever made there."""
    return IntegrityError(
        f"What {place} lists is refused: {why}.",
        code="listing-refused",
        hints=("Remove it there, or do not trust this remote.",),
    )


def library_missing(place: str, library: str, extra: str) -> UnsupportedError:
    """A library that this kind of place needs is not installed."""
    return UnsupportedError(
        f"{place} needs the package {library}, which is not installed.",
        code="library-missing",
        hints=(f"pip install 'jupyter-mlops[{extra}]'",),
    )


def host_key_unknown(place: str, login: str) -> ConflictError:
    """known_hosts does not have the key that the host shows, or has another one.

    ``login`` is the command that asks whether the key is right.
    """
    return ConflictError(
        f"The host key of {place} is not the one in known_hosts, or there is none.",
        code="host-key-unknown",
        hints=(f"Ask its owner whether the key is right that this shows: {login}",),
    )
