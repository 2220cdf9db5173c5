"""obstore's stores, with the credentials that each provider's own tools find."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.storage import failures
from jupyter_mlops.storage.authorities import read_authorities
from jupyter_mlops.storage.backend import CONNECT_SECONDS, SILENCE_SECONDS
from jupyter_mlops.storage.object_store_errors import LOGIN_HINTS
from jupyter_mlops.storage.settings import RemoteSettings
from jupyter_mlops.storage.url import RemoteUrl

if TYPE_CHECKING:
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

    Store = S3Store | GCSStore | AzureStore

_REQUEST_SECONDS = 3_600
"""How long one request may take in all: 40 MiB at 12 KiB a second."""

_AWS_BY_ENVIRONMENT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
_AZURE_BY_ENVIRONMENT = (
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
)


def open_store(where: RemoteUrl, settings: RemoteSettings) -> Store:
    """Return the store of ``where``; nothing is sent.

    Raises:
        UnsupportedError: an AWS profile is to be used, and boto3 is not there to read it.
        UsageError: the file of authorities cannot be read.
        UnavailableError: that profile has no credentials; code ``credentials-missing``.
    """
    from obstore.store import AzureStore, GCSStore, S3Store

    given: Any = {
        "prefix": where.path or None,
        "client_options": _client_options(settings),
        "retry_config": _retry_config(),
    }
    anonymous = settings.anonymous or None
    match where.kind:
        case "s3":
            config = _given(
                endpoint=settings.endpoint,
                region=settings.region,
                access_key_id=settings.access_key_id,
                secret_access_key=settings.secret_access_key,
                session_token=settings.session_token,
                skip_signature=anonymous,
            )
            provider = _aws_profile(where, settings)
            return S3Store(where.host, config=config, credential_provider=provider, **given)
        case "gs":
            config = _given(
                base_url=settings.endpoint,
                bearer_token=settings.token,
                skip_signature=anonymous,
            )
            return GCSStore(where.host, config=config, **given)
        case _:
            config = _given(
                endpoint=settings.endpoint,
                account_name=settings.account,
                account_key=settings.account_key,
                sas_key=settings.sas_token,
                token=settings.token,
                skip_signature=anonymous,
                use_azure_cli=_uses_azure_cli(settings, os.environ) or None,
            )
            return AzureStore(where.host, config=config, **given)


def _client_options(settings: RemoteSettings) -> ClientConfig:
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=SILENCE_SECONDS),
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
        "user_agent": "jupyter-mlops",
    }
    if settings.endpoint and settings.endpoint.startswith("http://"):
        options["allow_http"] = True
    if settings.ca_file:
        options["root_certificate"] = read_authorities(settings.ca_file)
    return options


def _retry_config() -> RetryConfig:
    """Return how parts of a large object are tried again, so that not all of it goes up again.

    For whole requests the wrapper around the backend is patient.
    """
    return {
        "max_retries": 2,
        "retry_timeout": timedelta(seconds=10),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "base": 2},
    }


def _given(**values: object) -> Any:
    return {key: value for key, value in values.items() if value is not None}


def _aws_profile(where: RemoteUrl, settings: RemoteSettings) -> Any:
    """Return what reads AWS's own files, None where obstore finds credentials without them."""
    environment = os.environ
    profile = settings.profile or environment.get("AWS_PROFILE")
    if settings.anonymous or settings.access_key_id:
        return None
    if not profile:
        if any(environment.get(name) for name in _AWS_BY_ENVIRONMENT):
            return None
        if not any(path.exists() for path in _aws_files(environment)):
            return None
    if importlib.util.find_spec("boto3") is None:
        raise failures.library_missing(where.text, "boto3", "aws")
    from boto3.session import Session
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return Boto3CredentialProvider(Session(profile_name=profile))
    except (BotoCoreError, ValueError):
        pass  # no such profile, or nothing in it
    raise failures.credentials_missing(where.text, LOGIN_HINTS["s3"])


def _aws_files(environment: Mapping[str, str]) -> tuple[Path, Path]:
    folder = Path("~/.aws").expanduser()
    return (
        Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials"),
        Path(environment.get("AWS_CONFIG_FILE") or folder / "config"),
    )


def _uses_azure_cli(settings: RemoteSettings, environment: Mapping[str, str]) -> bool:
    """Return whether `az login` is all there is to log in with."""
    if settings.anonymous or settings.account_key or settings.sas_token or settings.token:
        return False
    if any(environment.get(name) for name in _AZURE_BY_ENVIRONMENT):
        return False
    folder = environment.get("AZURE_CONFIG_DIR")
    return (Path(folder) if folder else Path("~/.azure").expanduser()).is_dir()
