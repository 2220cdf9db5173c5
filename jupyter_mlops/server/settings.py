"""The user's settings, as JupyterLab keeps them: how often to look, and in which language to speak.

Reading them reads files, so it belongs in a thread; speaking does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterlab_server import LabServerApp
from jupyterlab_server.settings_utils import get_settings
from jupyterlab_server.translation_utils import (
    DEFAULT_LOCALE,
    L10N_SCHEMA_NAME,
    PSEUDO_LANGUAGE,
    SYS_LOCALE,
    is_valid_locale,
    translator,
)
from tornado.web import HTTPError

PLUGIN = "jupyter-mlops:plugin"
INTERVAL_SETTING = "watchIntervalMilliseconds"
DEFAULT_INTERVAL_MILLISECONDS = 250
SHORTEST_INTERVAL_MILLISECONDS = 100
LONGEST_INTERVAL_MILLISECONDS = 60_000
DOMAIN = "jupyter_mlops"
"""What language packs call our messages."""


class UserSettings:
    """Reads settings through the JupyterLab that ``find_lab`` finds, None without one."""

    def __init__(self, find_lab: Callable[[], LabServerApp | None]) -> None:
        self._find_lab = find_lab

    def read_interval_seconds(self) -> float:
        """Return how often to look for changes; the default where the user says nothing valid."""
        value = self._read(PLUGIN).get(INTERVAL_SETTING)
        if isinstance(value, bool) or not isinstance(value, int | float):
            value = DEFAULT_INTERVAL_MILLISECONDS
        bounded = max(SHORTEST_INTERVAL_MILLISECONDS, min(LONGEST_INTERVAL_MILLISECONDS, value))
        return bounded / 1000

    def read_locale(self) -> str:
        """Return the language that the user chose for JupyterLab, else the system's."""
        chosen = self._read(L10N_SCHEMA_NAME).get("locale")
        locale = SYS_LOCALE if not isinstance(chosen, str) or chosen == "default" else chosen
        return locale if locale == PSEUDO_LANGUAGE or is_valid_locale(locale) else DEFAULT_LOCALE

    def _read(self, plugin: str) -> dict[str, Any]:
        lab = self._find_lab()
        if lab is None:
            return {}
        try:
            found, _ = get_settings(
                lab.app_settings_dir,
                lab.schemas_dir,
                lab.user_settings_dir,
                schema_name=plugin,
                labextensions_path=[*lab.extra_labextensions_path, *lab.labextensions_path],
            )
        except (HTTPError, OSError):
            return {}
        defaults = {
            name: one["default"]
            for name, one in found["schema"].get("properties", {}).items()
            if "default" in one
        }
        return {**defaults, **found["settings"]}


def use_locale(locale: str) -> None:
    """Speak ``locale`` from now on, as all of JupyterLab's server does."""
    translator.set_locale(locale)


def translate(text: str) -> str:
    """Return ``text`` in the language that is spoken, unchanged where nobody translated it."""
    return translator.load(DOMAIN).gettext(text) if text else text
