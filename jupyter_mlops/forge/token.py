"""A token, which nothing shows: not its text form, not an error, not a log."""

from __future__ import annotations

import base64

from jupyter_mlops.errors import UsageError

_HIDDEN = "***"


class Token:
    """The value of an environment variable, given only to the header of a request.

    Raises:
        UsageError: it holds a blank or another character that no header may have.
    """

    __slots__ = ("_value", "variable")

    def __init__(self, value: str, variable: str) -> None:
        cleaned = value.strip()
        if not cleaned or not all("!" <= character <= "~" for character in cleaned):
            raise UsageError(
                f"The token in {variable} cannot be one, as it has blanks or other characters that"
                " no token has.",
                code="forge-token-invalid",
                hints=(f"Set {variable} again, without quotes and line ends.",),
            )
        self._value = cleaned
        self.variable = variable

    def __repr__(self) -> str:
        return f"Token(from {self.variable})"

    def __reduce__(self) -> str:
        raise TypeError("a token is not written anywhere")

    def bearer(self) -> str:
        """Return it as ``Authorization: Bearer`` wants it."""
        return f"Bearer {self._value}"

    def plain(self) -> str:
        """Return it as a header of its own wants it."""
        return self._value

    def basic(self, user: str = "") -> str:
        """Return it as the password of ``user`` in ``Authorization: Basic``."""
        return f"Basic {base64.b64encode(f'{user}:{self._value}'.encode()).decode()}"

    def starts_with(self, prefix: str) -> bool:
        """Return whether it is of a kind that begins so."""
        return self._value.startswith(prefix)

    def hide_in(self, text: str) -> str:
        """Return ``text`` without the token, should a server send it back."""
        for shown in (self._value, self.basic().removeprefix("Basic ")):
            text = text.replace(shown, _HIDDEN)
        return text
