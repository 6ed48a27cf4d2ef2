"""From ``initialize`` to ``shutdown``, and settings whenever they come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lsp.settings import SECTION, parse_server_settings

if TYPE_CHECKING:
    from lsp.server import Server

_log = logging.getLogger(__name__)
_ANSWER_TIMEOUT_S = 2.0


def register(server: Server) -> None:
    """Add the handlers."""
    server.feature(types.INITIALIZE)(initialize)
    server.feature(types.INITIALIZED)(initialized)
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(did_change_configuration)
    server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(did_change_folders)
    server.feature(types.SHUTDOWN)(shutdown)


def initialize(ls: Server, params: types.InitializeParams) -> None:
    """Take the options that come with the first message; nothing is loaded yet, so the answer is quick."""
    ls.protocol.use_workspace(list(params.workspace_folders or []))
    ls.client_name = params.client_info.name if params.client_info else ""
    options = _section(params.initialization_options)
    ls.initial_options = options if isinstance(options, Mapping) else {}
    _take_settings(ls, options)


async def initialized(ls: Server, _params: types.InitializedParams) -> None:
    """Fetch the settings, then begin to load."""
    await _fetch_settings(ls)
    ls.engine.apply(ls.settings.assistant, ls.trusted_roots)
    _watch_settings(ls)


async def did_change_configuration(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    """Take the new settings, from the message itself or by asking for them."""
    if isinstance(params.settings, Mapping) and params.settings:
        _take_settings(ls, _section(params.settings))
    else:
        await _fetch_settings(ls)
    ls.engine.apply(ls.settings.assistant, ls.trusted_roots)


def did_change_folders(ls: Server, _params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Look for the indexes of the folders that are open now."""
    ls.engine.apply(ls.settings.assistant, ls.trusted_roots)


async def shutdown(ls: Server, _params: None) -> None:
    """Stop the model."""
    ls.checks.close()
    await ls.acceptances.close()
    await ls.session.close()
    await ls.engine.close()


def _section(values: object) -> object:
    """Take the server's own section, whether or not its name is around it."""
    return values[SECTION] if isinstance(values, Mapping) and SECTION in values else values


def _over(base: Mapping[str, object], values: object) -> object:
    """Lay tables over tables."""
    if not isinstance(values, Mapping):
        return base if values is None else values
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        merged[key] = (
            {**below, **value} if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


def _take_settings(ls: Server, values: object) -> None:
    """Use these settings; what they leave open is as ``initialize`` had it."""
    ls.settings, problems = parse_server_settings(_over(ls.initial_options, values))
    for problem in problems:
        ls.notices.tell(f"sc-attrib: {problem}")


async def _fetch_settings(ls: Server) -> None:
    """Ask the editor; where it has nothing to say, what is known stays."""
    workspace = ls.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return
    params = types.ConfigurationParams(items=[types.ConfigurationItem(section=SECTION)])
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            answer = await ls.workspace_configuration_async(params)
    except (TimeoutError, JsonRpcException) as error:
        _log.warning("the editor did not answer with its settings: %s", type(error).__name__)
        return
    if answer and answer[0] is not None:
        _take_settings(ls, answer[0])


def _watch_settings(ls: Server) -> None:
    """Ask to be told of changes, where that has to be asked for."""
    workspace = ls.client_capabilities.workspace
    watch = workspace.did_change_configuration if workspace else None
    if watch is None or not watch.dynamic_registration:
        return
    registration = types.Registration(
        id="sc-attrib-settings",
        method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
        register_options={"section": SECTION},
    )
    ls.client_register_capability(types.RegistrationParams(registrations=[registration]))
