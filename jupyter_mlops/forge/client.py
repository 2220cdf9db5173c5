"""Requests to a forge's API: tried again, waited for where that is short, failures with a cause.

The token goes to the one host it is for. Redirects are followed to read only; to another host
without the token.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.forge import failures
from jupyter_mlops.forge.answers import Answer, Json, next_link
from jupyter_mlops.forge.token import Token
from jupyter_mlops.text import visible

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

MOST_WAIT_SECONDS = 60.0
"""A limit that ends later than this is told, not waited for."""

_UNSAID_WAIT_SECONDS = 10.0
_ANSWER_LIMIT_BYTES = 32 * 1024 * 1024
_TIMEOUT_SECONDS = (10, 60)
_TRIES = 4
_PASSING = (500, 502, 503, 504)
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_MOST_PAGES = 1_000
_SAID_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request needs to be allowed: ``what`` completes "may not", ``give`` says how."""

    what: str
    give: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How time passes: what is waited between tries, and by what; tests hand in their own."""

    backoff_seconds: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


class Client:
    """Sends requests below ``base_url``; ``header`` and its value carry the token.

    ``place`` is how messages call the forge.
    """

    def __init__(
        self,
        place: str,
        base_url: str,
        *,
        token: Token,
        header: tuple[str, str],
        accept: str = "application/json",
        extra: Mapping[str, str] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.place = place
        self.token = token
        self._base_url = base_url.rstrip("/")
        self._header = header
        self._headers = {"Accept": accept, "User-Agent": "jupyter-mlops", **(extra or {})}
        self._timing = timing or Timing()

    def __repr__(self) -> str:
        return f"Client({self.place})"

    def url(self, path: str) -> str:
        """Return the URL of a path of the API; a whole URL stays as it is."""
        return path if path.startswith(("http://", "https://")) else self._base_url + path

    def read(self, path: str, needs: Needs, *, query: Mapping[str, str] | None = None) -> Json:
        """Return the JSON at ``path``.

        Raises:
            MlopsError: as :meth:`send`; NotFoundError where there is none.
        """
        return self.json(self.send("GET", path, needs, query=query))

    def find(
        self, path: str, needs: Needs, *, query: Mapping[str, str] | None = None
    ) -> Json | None:
        """Return the JSON at ``path``, None where there is none."""
        answer = self.send("GET", path, needs, query=query, allow=(404,))
        return None if answer.status == 404 else self.json(answer)

    def write(self, method: str, path: str, needs: Needs, body: Json) -> Json:
        """Send ``body`` as JSON and return the JSON that comes back, None where nothing does.

        Raises:
            BusyError: it failed, and may have done it: a POST is not sent twice.
        """
        answer = self.send(
            method,
            path,
            needs,
            content=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        return self.json(answer) if answer.content.strip() else None

    def send(
        self,
        method: str,
        path: str,
        needs: Needs,
        *,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        allow: tuple[int, ...] = (),
    ) -> Answer:
        """Send one request and return its answer when its status is a success or is allowed.

        Raises:
            MlopsError: any other status, or no answer; the causes of ``failures``.
        """
        url = self.url(path)
        waited = 0.0
        while True:
            answer = self._follow(method, url, query, content, headers or {})
            until = self._limited_until(answer)
            if until is None:
                break
            seconds = max((until - self._timing.now()).total_seconds(), 0.0) + 1.0
            if waited + seconds > MOST_WAIT_SECONDS:
                raise failures.rate_limited(self.place, until)
            waited += seconds
            self._timing.sleep(seconds)
        if answer.status in allow:
            return answer
        if not 200 <= answer.status < 300:
            raise self._failure(answer, needs)
        if answer.status == 203:  # Azure's way to ask for a login
            raise failures.token_refused(self.place, self.token.variable)
        return answer

    def json(self, answer: Answer) -> Json:
        """Return the JSON of an answer.

        Raises:
            UnavailableError: it is none: a login page, or a proxy's.
        """
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            kind = answer.headers.get("content-type", "").partition(";")[0]
            what = "a page for people" if "html" in kind else "no JSON"
            raise failures.foreign_answer(self.place, what) from None

    def pages(
        self,
        path: str,
        needs: Needs,
        *,
        query: Mapping[str, str],
        following: Callable[[Answer, Json], str | None] | None = None,
    ) -> Iterator[Json]:
        """Yield the JSON of each page; ``following`` finds the next one's URL, ``Link`` by default.

        Raises:
            UnavailableError: it has no end, or the next page is on another host.
        """
        find_next = following or (lambda answer, _: next_link(answer.headers.get("link", "")))
        answer = self.send("GET", path, needs, query=query)
        for _ in range(_MOST_PAGES):
            page = self.json(answer)
            yield page
            target = find_next(answer, page)
            if target is None:
                return
            target = urljoin(answer.url, target)
            if _origin(target) != _origin(self._base_url):
                raise failures.foreign_answer(self.place, f"pages of {_host(target)}")
            answer = self.send("GET", target, needs)
        raise failures.foreign_answer(self.place, "a list without an end")

    def _follow(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        for _ in range(_MOST_REDIRECTS):
            own = _origin(url) == _origin(self._base_url)
            answer = self._once(method, url, query, content, headers, with_token=own)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return answer
            target = urljoin(url, answer.headers["location"])
            kept = method == "GET" or (
                answer.status in (307, 308) and _origin(target) == _origin(url)
            )
            downgraded = url.startswith("https:") and not target.startswith("https:")
            if not kept or downgraded:
                raise failures.redirected(self.place, _host(target))
            url, query = target, None
        raise failures.foreign_answer(self.place, "redirects without an end")

    def _once(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        *,
        with_token: bool,
    ) -> Answer:
        import requests

        def authorize(request: PreparedRequest) -> PreparedRequest:
            """Set the token, or nothing: without this the user's netrc would be asked."""
            if with_token:
                request.headers[self._header[0]] = self._header[1]
            return request

        try:
            with self._session.request(
                method,
                url,
                params=query,
                data=content,
                headers={**self._headers, **headers},
                auth=authorize,
                allow_redirects=False,
                timeout=_TIMEOUT_SECONDS,
                stream=True,
            ) as response:
                body = self._read_body(response)
                found = {key.lower(): text for key, text in response.headers.items()}
                return Answer(response.status_code, found, body, url)
        except requests.RequestException as error:
            failure = self._translate(error)
        raise failure

    def _read_body(self, response: Response) -> bytes:
        parts = []
        count = 0
        for part in response.iter_content(1 << 16):
            count += len(part)
            if count > _ANSWER_LIMIT_BYTES:
                raise failures.answer_too_big(self.place, _ANSWER_LIMIT_BYTES)
            parts.append(part)
        return b"".join(parts)

    @cached_property
    def _session(self) -> Session:
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3 import Retry

        retry = Retry(
            total=_TRIES,
            redirect=0,
            status_forcelist=_PASSING,
            allowed_methods=_REPEATABLE,
            backoff_factor=self._timing.backoff_seconds,
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        session = requests.Session()
        session.mount("https://", HTTPAdapter(max_retries=retry))
        session.mount("http://", HTTPAdapter(max_retries=retry))
        return session

    def _limited_until(self, answer: Answer) -> datetime | None:
        """Return when a limit of requests ends, None where the answer is about something else."""
        if answer.status not in (403, 429):
            return None
        headers = answer.headers
        now = self._timing.now()
        after = headers.get("retry-after", "")
        if after.isdigit():
            return now + timedelta(seconds=min(int(after), 10**9))
        if after:
            return _parse_date(after) or now
        reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset", "")
        remaining = headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining")
        if remaining == "0" and reset.isdigit():
            return datetime.fromtimestamp(min(int(reset), 10**11), UTC)
        return now + timedelta(seconds=_UNSAID_WAIT_SECONDS) if answer.status == 429 else None

    def _failure(self, answer: Answer, needs: Needs) -> MlopsError:
        said = self._said(answer)
        if answer.status == 401:
            return failures.token_refused(self.place, self.token.variable)
        if answer.status == 403:
            named = answer.headers.get("x-accepted-github-permissions")
            why = f"it needs {visible(named)[:_SAID_CHARACTERS]}" if named else said
            return failures.permission_missing(self.place, needs.what, needs.give, why)
        if answer.status in (404, 410):
            return failures.not_found(self.place, f"such thing: {urlsplit(answer.url).path}")
        if answer.status in (408, *_PASSING):
            return failures.busy(self.place, f"it answers with status {answer.status}")
        if answer.status in _REDIRECTS:
            return failures.foreign_answer(self.place, "a redirect without an address")
        return failures.refused(self.place, needs.what, said or f"status {answer.status}")

    def _said(self, answer: Answer) -> str:
        """Return in what words the forge refuses, without the token, on one line."""
        try:
            told = json.loads(answer.content)
        except (ValueError, RecursionError):
            return ""
        if isinstance(told, dict):
            inner = told.get("error")
            told = inner.get("message") if isinstance(inner, dict) else told.get("message") or inner
        if isinstance(told, list | dict):
            told = json.dumps(told)
        text = self.token.hide_in(str(told)) if told else ""
        return visible(" ".join(text.split()))[:_SAID_CHARACTERS].rstrip(".")

    def _translate(self, error: Exception) -> MlopsError:
        import requests
        from urllib3.exceptions import ProtocolError

        if isinstance(error, requests.exceptions.ProxyError):
            return failures.unreachable(self.place, "the proxy does not answer")
        if isinstance(error, requests.exceptions.SSLError):
            return failures.unreachable(self.place, "its certificate is not trusted here")
        if isinstance(error, requests.exceptions.Timeout):
            return failures.busy(self.place, "it does not answer in time")
        broke_off = bool(error.args) and isinstance(error.args[0], ProtocolError)
        if broke_off or isinstance(error, requests.exceptions.ChunkedEncodingError):
            return failures.busy(self.place, "its answer broke off")
        if isinstance(error, requests.exceptions.ConnectionError):
            return failures.unreachable(self.place, "no connection comes about")
        return failures.foreign_answer(self.place, "what is no HTTP")


def _parse_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or ""), parts.port


def _host(url: str) -> str:
    return visible(urlsplit(url).hostname or "nowhere")
