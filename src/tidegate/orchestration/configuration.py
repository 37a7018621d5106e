"""The configuration file of a component in an environment, as the package of a version has it."""

from __future__ import annotations

import posixpath
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.core.effect import Package
from tidegate.core.image_lock import read_image_lock
from tidegate.core.policy import Policy
from tidegate.core.settings import Value
from tidegate.errors import TidegateError
from tidegate.orchestration.house import House
from tidegate.readers.settings import read_settings

_LONGEST = 1 << 20


def path_in_package(policy: Policy, component: str, environment: str) -> str | None:
    """Where a component's configuration lies in its package; None: it has none, or one outside its directory."""
    known = policy.components.get(component)
    path = known.config.get(environment) if known else None
    if known is None or path is None:
        return None
    return _inside(path, known.path)


def target_settings(policy: Policy, component: str, environment: str) -> dict[str, Any]:
    """The settings of a target.

    A Compose target takes the component's configuration unless it names another, a Kubernetes target where it names the
    ConfigMap that its pods know it by. A database takes from the policy where its migrations lie, what runs them, and
    whether it goes back and by what.
    """
    settings = policy.components[component].targets[environment].model_dump(mode="json")
    path = path_in_package(policy, component, environment)
    if settings["driver"] == "compose" and "env_file" not in settings and path is not None:
        settings["env_file"] = path
    if settings["driver"] == "kubernetes" and settings.get("config_map") and path is not None:
        settings.setdefault("config_file", path)
    if isinstance(settings.get("database"), dict):
        settings["database"] = _database(policy, component, settings["database"])
    return settings


def _database(policy: Policy, component: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    rules = policy.migrations
    given = {
        "migrations": migrations_in_package(policy, component),
        "goes_back": rules is not None and rules.rule == "reversible",
        "back": (rules.back or None) if rules is not None else None,
    }
    tool = rules.tool if rules is not None else None
    return {"tool": tool, **settings, **given}


def migrations_in_package(policy: Policy, component: str) -> str | None:
    """Where a component's migrations lie in its package; None: it has none, or they lie outside its directory."""
    known = policy.components[component]
    return _inside(known.migrations, known.path) if known.migrations is not None else None


def _inside(path: str, folder: str) -> str | None:
    found = posixpath.relpath(posixpath.normpath(path), posixpath.normpath(folder))
    return None if found.split("/")[0] == ".." or found == "." else found


def settings_in(house: House, package: Package | None, path: str) -> Mapping[str, Value] | None:
    """The settings in a version's configuration file, as it writes them; none where it has no such file.

    None: its package is not here, or the file cannot be read. Not to know is an answer, since this is only shown.
    """
    data = _file_in(_archive_of(house, package), path) if package is not None else None
    if not data:
        return None if data is None else {}
    try:
        return read_settings(path, data, as_written=True)
    except TidegateError:
        return None


def _archive_of(house: House, package: Package) -> Path:
    path = house.lock_path(package.digest)
    if not path.exists():
        return house.package_path(package.digest)
    try:
        return house.package_path(read_image_lock(path.read_bytes()).archive)
    except (OSError, TidegateError):
        return path


def _file_in(archive: Path, path: str) -> bytes | None:
    """The content of a file in an archive; empty where it is not in it, None where that cannot be read."""
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                if posixpath.normpath(member.name) == path:
                    source = tar.extractfile(member) if member.isreg() and member.size <= _LONGEST else None
                    return source.read(_LONGEST) if source else None
    except (OSError, tarfile.TarError, EOFError, ValueError, zlib.error):
        return None
    return b""
