"""What a release is for Compose, from its image lock and its archive: each service's image by digest.

The archive is what was approved, and still nothing in it is believed to be well-formed: it is read with limits, and a
path that leads out of it, a service whose image no digest fixes, or data that a release would leave behind is refused.
"""

from __future__ import annotations

import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tidegate.core.effect import Package
from tidegate.core.image_lock import ImageLock, read_image_lock
from tidegate.core.written import written
from tidegate.drivers.compose.settings import ComposeSettings, inside
from tidegate.errors import NotFoundError, TargetError, UsageError

MAX_FILE = 1 << 20
_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?[-?+])(?P<other>[^{}]*))?\})"
)
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*=(?P<value>.*)")
_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(
    r"secret:(?:env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:/[^\x00-\x1f\x7f]{1,500}|command:[A-Za-z0-9_.-]{1,64})"
)


def read_lock(package: Path, to: Package, component: str) -> ImageLock:
    """The image lock in ``package``, which must be the one of ``to``.

    Raises:
        TargetError: it has another digest, or is of another component.
        NotFoundError: it cannot be read.
    """
    import hashlib

    try:
        data = package.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"the package {package} cannot be read: {error.strerror}", remedy="Build the package again."
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != to.digest:
        raise refused(f"its digest is {found}, and should be {to.digest}")
    try:
        lock = read_image_lock(data)
    except UsageError as error:
        raise refused(error.what) from error
    if lock.component != component:
        raise refused(f"it is of the component {written(lock.component)}")
    return lock


def refused(what: str) -> TargetError:
    """A package that cannot be used, and why."""
    return TargetError(
        f"the package was refused: {what}", remedy="Correct the files of the release, and open it again."
    )


def describe(lock: ImageLock, archive: Path, settings: ComposeSettings) -> dict[str, Any]:
    """What the unit records of the release: its services with the image of each, and the secrets that they name.

    Raises:
        TargetError: it cannot be run by digest, or reaches out of itself.
        NotFoundError: the archive cannot be read.
    """
    files = ArchiveFiles(archive)
    base = posixpath.dirname(settings.files[0])
    variables = _variables_of(files, settings, base)
    merged = _merged(files, settings, variables)
    services = {}
    references = dict(_references(variables, settings))
    for name, service in merged.items():
        _check_paths(name, service, base, files)
        own = _own_variables(name, service, base, files, settings)
        _join(references, own)
        ours, image = _image(name, service, lock, settings)
        services[name] = {"image": image, "ours": ours, "variables": sorted(own)}
    if not any(one["ours"] for one in services.values()):
        raise refused(
            "none of its services runs an image of this component; name one in services: {web: registry.example/shop}"
        )
    return {"format": 1, "services": services, "references": references}


class ArchiveFiles:
    """The files of a release, read from its archive."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._regular: dict[str, bytes] = {}
        self.names: set[str] = set()
        self._read()

    def text(self, path: str) -> str:
        """The text of a file.

        Raises:
            TargetError: it is not there, no regular file, too long, or no text.
        """
        if path not in self._regular:
            what = "is no regular file of at most 1 MiB" if path in self.names else "is not in it"
            raise refused(f"{written(path)} {what}; correct files or env_file of the target")
        try:
            return self._regular[path].decode("utf-8")
        except UnicodeDecodeError:
            raise refused(f"{written(path)} is no text in UTF-8") from None

    def has_file(self, path: str) -> bool:
        """Whether there is such a regular file."""
        return path in self._regular

    def _read(self) -> None:
        try:
            with tarfile.open(self._archive, "r|gz") as tar:
                for member in tar:
                    self._take(tar, member)
        except (tarfile.TarError, EOFError, ValueError, zlib.error, OverflowError, MemoryError) as error:
            raise refused(f"its archive is no gzipped tar ({error})") from error
        except OSError as error:
            if error.errno is None:
                raise refused(f"its archive is no gzipped tar ({error})") from error
            raise NotFoundError(
                f"the archive {self._archive} cannot be read: {error.strerror}", remedy="Open the release again."
            ) from error

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = posixpath.normpath(member.name)
        self.names.add(name)
        if len(self.names) > 100_000:
            raise refused("its archive has more than 100,000 members")
        # Only what can be a Compose file or hold variables is worth its memory.
        wanted = name.endswith((".yml", ".yaml", ".json", ".env")) or "env" in posixpath.basename(name).lower()
        if member.isreg() and member.size <= MAX_FILE and wanted and len(self._regular) < 1000:
            source = tar.extractfile(member)
            self._regular[name] = source.read(MAX_FILE) if source else b""


# ------------------------------------------------------------------------------------------------ variables


def read_variables(text: str) -> dict[str, str]:
    """The variables of an ``.env`` file, as Compose reads the plain ones: ``NAME=VALUE``, quotes taken off."""
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match and not line.lstrip().startswith("#"):
            value = match["value"].strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            found[match["name"]] = value
    return found


def _variables_of(files: ArchiveFiles, settings: ComposeSettings, base: str) -> dict[str, str]:
    if settings.env_file is not None:
        return read_variables(files.text(settings.env_file))
    default = posixpath.join(base, ".env")
    return read_variables(files.text(default)) if files.has_file(default) else {}


def _references(variables: Mapping[str, str], settings: ComposeSettings) -> Iterator[tuple[str, str]]:
    """Those of the variables whose value is a reference to a secret."""
    for name, value in variables.items():
        if not value.startswith("secret:"):
            continue
        if not _REFERENCE.fullmatch(value):
            raise refused(
                f"{name} is no reference to a secret; write secret:env:NAME, secret:file:/PATH or secret:command:NAME"
            )
        command = value.removeprefix("secret:command:")
        if command != value and command not in settings.secrets:
            raise refused(f"{name} takes its secret from the command {command}, which secrets of the target lacks")
        yield name, value


def _join(references: dict[str, str], more: Mapping[str, str]) -> None:
    for name, value in more.items():
        if references.setdefault(name, value) != value:
            raise refused(f"{name} refers to two secrets, in two files; give them two names")


def filled(text: str, variables: Mapping[str, str]) -> str:
    """``text`` with its ``${VARIABLES}`` filled, as Compose fills them."""

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name, how, other = match["plain"] or match["name"], match["how"] or "", match["other"] or ""
        known = variables.get(name)
        missing = known is None or (how.startswith(":") and not known)
        if how.endswith("+"):
            return "" if missing else other
        return other if missing and how.endswith("-") else known or ""

    return _VARIABLE.sub(value, text)


# ------------------------------------------------------------------------------------------------ Compose files


def _merged(files: ArchiveFiles, settings: ComposeSettings, variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services of all files that are started without a profile; of a later file, its own keys."""
    services: dict[str, dict[str, Any]] = {}
    for path in settings.files:
        document = _load(files.text(path), path)
        if "include" in document:
            raise refused(f"{path} includes other files, which are not followed; name them in files of the target")
        for name, service in _mapping(document.get("services"), f"services of {path}").items():
            _check_name(name)
            for key, value in _mapping(service, f"service {name}").items():
                _merge(services.setdefault(name, {}), str(key), _fill_all(value, variables))
        _check_top(document, path, posixpath.dirname(settings.files[0]))
    return {name: service for name, service in services.items() if not _is_left_out(service)}


def _merge(service: dict[str, Any], key: str, value: Any) -> None:
    """Lists of files and volumes grow from file to file, as they do in Compose; anything else is replaced."""
    if key in ("volumes", "env_file") and key in service:
        value = [*_listed(service[key]), *_listed(value)]
    service[key] = value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_left_out(service: Mapping[str, Any]) -> bool:
    deploy = service.get("deploy")
    replicas = deploy.get("replicas") if isinstance(deploy, dict) else None
    return bool(service.get("profiles")) or 0 in (service.get("scale"), replicas)


def _load(text: str, path: str) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]

    class Loader(yaml.CSafeLoader):  # type: ignore[misc]
        """Tags of Compose's own, such as ``!override``, are read as what they stand before."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: _plain(loader, node))
    try:
        document = yaml.load(text, Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise refused(f"{path} is no YAML: {str(error).splitlines()[0]}") from error
    return _mapping(document, path)


def _plain(loader: Any, node: Any) -> Any:
    kind = {"MappingNode": loader.construct_mapping, "SequenceNode": loader.construct_sequence}
    construct = kind.get(type(node).__name__)
    return construct(node, deep=True) if construct else loader.construct_scalar(node)


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refused(f"{what}: a mapping was expected")
    return value


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", name):
        raise refused(f"{written(str(name))} is not the name of a service")


def _fill_all(value: Any, variables: Mapping[str, str], depth: int = 0) -> Any:
    if depth > 20:
        raise refused("a Compose file is nested too deeply")
    if isinstance(value, str):
        return filled(value, variables)
    if isinstance(value, list):
        return [_fill_all(item, variables, depth + 1) for item in value]
    return value


# ------------------------------------------------------------------------------------------------ images


def _image(name: str, service: Mapping[str, Any], lock: ImageLock, settings: ComposeSettings) -> tuple[bool, str]:
    """Whether the image is of this release, and what it is by digest."""
    said = str(service.get("image") or "")
    wanted = settings.services.get(name) or repository_of(said)
    if wanted in lock.images:
        return True, f"{wanted}@{lock.images[wanted]}"
    if name in settings.services:
        raise refused(f"service {name} is to run {wanted}, and the release has no such image")
    if _PINNED.fullmatch(said):
        return False, said
    if not said:
        raise refused(f"service {name} names no image; name it in services of the target, or in the Compose file")
    raise refused(
        f"service {name} runs {written(said)}, which no digest fixes: it is not an image of this release;"
        f" write {repository_of(said)}@sha256:... in the Compose file"
    )


def repository_of(image: str) -> str:
    """An image's name without tag and digest: ``registry.example:5000/shop`` of ``registry.example:5000/shop:1.2``."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


# ------------------------------------------------------------------------------------------------ paths


def _check_paths(name: str, service: Mapping[str, Any], base: str, files: ArchiveFiles) -> None:
    extends = service.get("extends")
    if isinstance(extends, dict) and extends.get("file") is not None:
        _placed(str(extends["file"]), base, f"service {name}: extends")
    for source in _bind_sources(service.get("volumes")):
        if source.startswith(("/", "~")):
            continue  # the machine's own
        path = _placed(source, base, f"service {name}: the volume {source}")
        if path not in files.names:
            raise refused(
                f"service {name} keeps data in {written(source)}, a directory of the release, where the next release"
                " would not find it; use a volume or an absolute path"
            )


def _bind_sources(volumes: Any) -> Iterator[str]:
    for volume in _listed(volumes):
        if isinstance(volume, dict):
            if volume.get("type") == "bind":
                yield str(volume.get("source") or "")
        elif isinstance(volume, str) and ":" in volume and volume.startswith((".", "/", "~")):
            yield volume.partition(":")[0]


def _placed(path: str, base: str, what: str) -> str:
    """The path in the package that a Compose file in ``base`` means."""
    joined = posixpath.normpath(posixpath.join(base, path))
    if joined == ".":
        return joined
    try:
        return inside(joined)
    except ValueError:
        raise refused(f"{what} leads out of the package") from None


def _check_top(document: Mapping[str, Any], path: str, base: str) -> None:
    for kind in ("configs", "secrets"):
        for name, one in _mapping(document.get(kind), f"{kind} of {path}").items():
            source = one.get("file") if isinstance(one, dict) else None
            if isinstance(source, str) and not source.startswith(("/", "~", "$")):
                _placed(source, base, f"{kind}.{name} of {path}")


def _env_files(service: Mapping[str, Any]) -> Iterable[str]:
    for one in _listed(service.get("env_file")):
        yield str(one.get("path") if isinstance(one, dict) else one)


def _own_variables(
    name: str, service: Mapping[str, Any], base: str, files: ArchiveFiles, settings: ComposeSettings
) -> dict[str, str]:
    """The secrets that a service's own ``env_file`` names."""
    found: dict[str, str] = {}
    for path in _env_files(service):
        placed = _placed(path, base, f"service {name}: env_file {path}")
        if files.has_file(placed):
            _join(found, dict(_references(read_variables(files.text(placed)), settings)))
    return found


def archive_beside(package: Path, lock: ImageLock) -> Path:
    """The archive that a lock names, in the same directory."""
    if not re.fullmatch(r"[0-9a-f]{64}", lock.archive):
        raise refused("it names no archive")
    return package.parent / f"{lock.archive}.tar.gz"
