"""S3 and the XML interface of Google Cloud Storage: ``python -m tests.support.s3_server PORT``.

moto serves both. Google's XML interface is that of S3 but for a few headers, of which one is needed
here: how a put asks that nothing is there yet. No emulator that can be installed as a package
speaks this interface, and obstore speaks no other. A JSON object of names and texts that is sent to
``/fill-bucket/NAME`` becomes objects without a request for each.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import run_simple

_Start = Callable[..., Any]


def serve(port: int) -> None:
    """Serve on loopback until the process is ended."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = DomainDispatcherApplication(create_backend_app)

    def app(environ: dict[str, Any], start_response: _Start) -> Iterable[bytes]:
        _, _, bucket = environ["PATH_INFO"].partition("/fill-bucket/")
        if bucket:
            length = int(environ["CONTENT_LENGTH"])
            for name, text in json.loads(environ["wsgi.input"].read(length)).items():
                s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, name, text.encode())
            start_response("200 OK", [("Content-Length", "0")])
            return []
        if environ.get("HTTP_X_GOOG_IF_GENERATION_MATCH") == "0":
            environ["HTTP_IF_NONE_MATCH"] = "*"
        return moto(environ, start_response)  # type: ignore[no-any-return]

    run_simple("127.0.0.1", port, app, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
