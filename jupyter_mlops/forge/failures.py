"""What can go wrong with a forge: one error for each cause, with what mends it.

``place`` is the forge's name and address. What a server says is shown only after its token was
taken out.
"""

from __future__ import annotations

from datetime import datetime

from jupyter_mlops.errors import (
    ConflictError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from jupyter_mlops.units import format_bytes

_DOCTOR = "jupyter mlops ci doctor"


class BusyError(UnavailableError):
    """The forge failed, and may have done what was asked or not: look, then ask again."""


def token_missing(place: str, variables: tuple[str, ...], how: str) -> UnavailableError:
    """No variable has a token; ``how`` is a sentence that says how one is given."""
    return UnavailableError(
        f"There is no token for {place}: none of {', '.join(variables)} is set.",
        code="forge-token-missing",
        hints=(how, _DOCTOR),
    )


def token_refused(place: str, variable: str) -> UnavailableError:
    """The forge takes the token for none: expired, revoked, or mistyped."""
    return UnavailableError(
        f"{place} does not accept the token in {variable}: it has expired, was revoked, or is of"
        " another place.",
        code="forge-token-refused",
        hints=(f"Make a new token, and set {variable} to it.",),
    )


def permission_missing(place: str, what: str, give: str, said: str) -> UnavailableError:
    """The token is known, and may not do ``what``; ``give`` says how it is allowed to."""
    reason = f" ({said})" if said else ""
    return UnavailableError(
        f"The token may not {what} on {place}{reason}.",
        code="forge-permission-missing",
        hints=(give, _DOCTOR),
    )


def rate_limited(place: str, until: datetime | None) -> UnavailableError:
    """The token has asked too often; ``until`` is when it may ask again."""
    when = f" until {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""
    return UnavailableError(
        f"{place} answers no more requests of this token{when}: its limit is used up.",
        code="forge-rate-limited",
        hints=("Run the same job again after that.",),
    )


def busy(place: str, why: str) -> BusyError:
    """It could not answer, also when it was asked again."""
    return BusyError(
        f"{place} is busy: {why}.",
        code="forge-busy",
        hints=("Run the same job again in a while.",),
    )


def unreachable(place: str, why: str) -> UnavailableError:
    """There is no connection."""
    return UnavailableError(
        f"{place} cannot be reached: {why}.",
        code="forge-unreachable",
        hints=("Look at the address, the proxy and the connection, then run it again.",),
    )


def foreign_answer(place: str, what: str) -> UnavailableError:
    """Something else answers than the forge's API: ``what``."""
    return UnavailableError(
        f"Something else answers in place of {place}: {what}.",
        code="forge-foreign-answer",
        hints=("Correct the proxy, or the address of the forge.", _DOCTOR),
    )


def redirected(place: str, host: str) -> UnavailableError:
    """It sends a request that carries something to another host, which is not followed."""
    return UnavailableError(
        f"{place} sends this request on to {host}, to which neither token nor content is given.",
        code="forge-redirected",
        hints=("Name the new address: git remote set-url origin URL",),
    )


def not_found(place: str, what: str) -> NotFoundError:
    """There is no such thing, or the token may not see it."""
    return NotFoundError(
        f"{place} has no {what}, or does not show it to this token.",
        code="forge-not-found",
        hints=(_DOCTOR,),
    )


def refused(place: str, what: str, said: str) -> ConflictError:
    """It understood and will not."""
    return ConflictError(
        f"{place} refuses to {what}: {said or 'it gives no reason'}.",
        code="forge-refused",
        hints=(_DOCTOR,),
    )


def answer_too_big(place: str, limit_bytes: int) -> UnavailableError:
    """An answer is longer than anything asked for can be."""
    return UnavailableError(
        f"{place} answers with more than {format_bytes(limit_bytes)}.",
        code="forge-foreign-answer",
        hints=(_DOCTOR,),
    )


def unsupported(place: str, what: str, instead: str) -> UnsupportedError:
    """The forge has nothing of that kind; ``instead`` says what to do."""
    return UnsupportedError(f"{place} has no {what}.", code="forge-unsupported", hints=(instead,))
