"""BokehJS as the installed Bokeh brings it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.server.handler import MlopsHandler, explained

FILE_NAME = "bokeh.min.js"


class BokehVersionHandler(MlopsHandler):
    """Which BokehJS there is."""

    @web.authenticated
    @authorized
    @explained
    async def get(self) -> None:
        """Answer with the version that the script's address holds."""
        found = await self.services.lookers.run(_read_version)
        self.answer(msgspec.json.encode({"version": found}))


class BokehScriptHandler(MlopsHandler):
    """The script; its address holds its version, so browsers keep it for ever."""

    @web.authenticated
    @authorized
    @explained
    async def get(self, wanted: str) -> None:
        """Answer with the script."""
        script = await self.services.lookers.run(lambda: _read_script(wanted))
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.finish(script, set_content_type="text/javascript; charset=utf-8")


def _read_version() -> str:
    try:
        return version("bokeh")
    except PackageNotFoundError as error:
        raise NotFoundError("Bokeh is not installed.", code="bokeh-missing") from error


def _read_script(wanted: str) -> bytes:
    from bokeh.util.paths import bokehjs_path

    if wanted != _read_version():
        raise NotFoundError("Another version of Bokeh is installed.", code="bokeh-missing")
    return (Path(bokehjs_path()) / "js" / FILE_NAME).read_bytes()
