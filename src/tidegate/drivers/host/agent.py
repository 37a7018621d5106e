"""The half of the host driver that runs on the host: it alone changes the target.

It is sent over standard input and started by ``python3 -I -S -c``, locally and over SSH alike, so that nothing needs
to be installed there. Any Python from 3.7 will do; only the standard library is used, imported late where it is slow.
The protocol is one line of JSON in (and the bytes of a package), lines of JSON out, the last of which is the answer.

What it keeps under ROOT (docs/drivers/host.md shows the whole):

    current                     a relative link to the release that runs
    releases/VERSION--DIGEST/   one version each; DIGEST is the first 12 digits
    .tidegate/owner.json        the component and environment that this directory belongs to
    .tidegate/fence.json        the highest token seen
    .tidegate/journal.jsonl     how far each key came
    .tidegate/manifests/        what each release consists of, file by file
    .tidegate/way-back.json     how to return, without Tidegate's database

Theory. Everything that changes the target holds ``lock``. The fence has a lock of its own, held only for a moment: a
higher token is remembered at once, and whoever is at work under a lower one stops at the next boundary, so that a
rollback waits neither for a hanging restart nor for a health check that never succeeds.
A journal line is on the disk before what it announces begins (``switching``, ``restarting``), and after what it
records has ended (``switched``, ``restarted``). Therefore the last line tells what can and what cannot have happened.
"""

# pathlib and contextlib.suppress are not worth their time at start-up.
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH105, PTH108, PTH110, PTH112, PTH114
# ruff: noqa: PTH115, PTH116, PTH118, PTH120, PTH123, PTH202, PTH208, PTH211, SIM105

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

    Operations = dict[str, Callable[[dict[str, Any], BinaryIO], dict[str, Any]]]

FORMAT = 1
CHUNK = 1 << 18
RESERVE = 1 << 16
MAX_MEMBERS = 100_000
MAX_MEMORY = 1 << 30
ENDED = ("done", "restart failed", "stop failed")
IN_DOUBT = ("restarting", "stopping")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RefusalError(Exception):
    """The answer is an error: its kind, what happened, and what to do about it."""

    def __init__(self, kind: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.remedy = remedy


# ---------------------------------------------------------------------------------------------------- files


def sync_directory(path: str) -> None:
    """Make a rename, a creation or a removal in ``path`` durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: str, data: bytes) -> None:
    """Replace ``path`` as a whole: after a crash it holds the old bytes or the new."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        remove_file(temporary)
        raise
    sync_directory(os.path.dirname(path))


def write_json(path: str, value: Any) -> None:
    write_durably(path, json.dumps(value, sort_keys=True).encode("ascii") + b"\n")


def read_json(path: str) -> Any:
    """The value in ``path``, or None where there is no such file."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read())
    except FileNotFoundError:
        return None
    except ValueError:
        raise RefusalError(
            "damaged", f"{path} is not JSON", "Look at the file; restore it, or remove it and adopt the host again."
        ) from None


def remove_file(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def remove_tree(path: str) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def digest_of_file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(CHUNK), b""):
            digest.update(piece)
    return digest.hexdigest()


def list_of(path: str) -> list[str]:
    """The names in ``path``; none where there is no such directory."""
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []


@contextmanager
def locked(path: str, shared: bool, wait_s: float) -> Iterator[int]:
    """Hold the lock file ``path``; it is free again when this process ends, however it ends.

    The handle may be given to a child: then it is free when both have ended.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        take_lock(handle, shared, wait_s)
        yield handle
    finally:
        os.close(handle)


def take_lock(handle: int, shared: bool, wait_s: float) -> None:
    end = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise RefusalError(
                    "busy", f"another act has been under way for {wait_s:g} s", "Wait for it, then observe again."
                ) from None
            time.sleep(0.01)


# ---------------------------------------------------------------------------------------------------- the place


class Place:
    """The directory of one component in one environment on this host."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.own = os.path.join(root, ".tidegate")
        self.current = os.path.join(root, "current")
        self.releases = os.path.join(root, "releases")
        self.manifests = os.path.join(self.own, "manifests")
        self.incoming = os.path.join(self.own, "incoming")
        self.logs = os.path.join(self.own, "log")
        self.inner = (self.manifests, self.incoming, self.logs, self.releases)

    def file(self, name: str) -> str:
        return os.path.join(self.own, name)

    def release(self, name: str) -> str:
        return os.path.join(self.releases, name)

    def manifest(self, name: str) -> str:
        return os.path.join(self.manifests, name + ".json")

    def lock(self, wait_s: float, shared: bool = False) -> Any:
        return locked(self.file("lock"), shared, wait_s)

    def current_release(self) -> str | None:
        """The name of the release that ``current`` links to; None for anything else."""
        try:
            parts = os.readlink(self.current).split("/")
        except OSError:
            return None
        return parts[1] if len(parts) == 2 and parts[0] == "releases" and NAME.fullmatch(parts[1]) else None

    def has_foreign_content(self) -> bool:
        """Whether there is something although no component has ever been given this directory.

        It is listed before the owner is asked for: what another act made meanwhile was made after its owner's file.
        """
        found = any(name not in (".tidegate", "lost+found") for name in list_of(self.root))
        return found and not os.path.exists(self.file("owner.json"))


def enter(place: Place, request: dict[str, Any], adopting: bool = False) -> None:
    """Make sure that the directory is ours, and that nobody outranks us; remember our token."""
    if not adopting and place.has_foreign_content():
        raise RefusalError(
            "foreign",
            f"{place.root} holds files that Tidegate did not put there",
            "Run `tidegate adopt` to record what runs there today, or choose an empty directory.",
        )
    make_directories(place, place.root, place.own)
    with locked(place.file("fence.lock"), False, 10.0):
        own(place, {"format": FORMAT, "component": request["component"], "environment": request["environment"]})
        raise_fence(place, request["token"])
    make_directories(place, *place.inner)


def make_directories(place: Place, *directories: str) -> None:
    """Make those of ``directories`` that are absent, durably. Several acts may come at once for the first time."""
    for directory in directories:
        if not os.path.isdir(directory):
            os.makedirs(directory, 0o700 if directory.startswith(place.own) else 0o755, exist_ok=True)
            sync_directory(os.path.dirname(directory))


def own(place: Place, wanted: dict[str, Any]) -> None:
    owner = read_json(place.file("owner.json"))
    if owner is None:
        write_json(place.file("owner.json"), wanted)
    elif owner != wanted:
        raise RefusalError(
            "foreign",
            "{} belongs to {} in {}".format(place.root, owner.get("component"), owner.get("environment")),
            "Give each component and environment a directory of its own.",
        )


def seen_token(place: Place) -> list[int] | None:
    fence = read_json(place.file("fence.json"))
    return fence["token"] if fence else None


def raise_fence(place: Place, token: list[int]) -> None:
    """Refuse a token lower than the highest seen; remember a higher one."""
    check_fence(place, token)
    if seen_token(place) != token:
        write_json(place.file("fence.json"), {"format": FORMAT, "token": token})


def check_fence(place: Place, token: list[int]) -> None:
    seen = seen_token(place)
    if seen is not None and seen > token:
        raise RefusalError(
            "fenced",
            f"token {token} is outranked by {seen}, which this host has seen",
            "Stop: somebody else has taken over. Look at `tidegate rollout list`.",
        )


# ---------------------------------------------------------------------------------------------------- the journal


def entries(place: Place) -> list[dict[str, Any]]:
    """The journal, oldest first. A line torn by a power cut was never acknowledged, and counts for nothing."""
    try:
        with open(place.file("journal.jsonl"), "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and "key" in entry:
            found.append(entry)
    return found


def note(place: Place, entry: dict[str, Any]) -> None:
    """Append to the journal, durably; the reserve gives it room on a full disk."""
    line = json.dumps(dict(entry, at=round(time.time(), 3)), sort_keys=True).encode("ascii") + b"\n"
    try:
        append(place.file("journal.jsonl"), line)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        remove_file(place.file("reserve"))
        append(place.file("journal.jsonl"), b"\n" + line)  # what was written of it before the disk was full is torn
    say({"stage": entry["stage"]})


def append(path: str, line: bytes) -> None:
    new = not os.path.exists(path)
    with open(path, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_directory(os.path.dirname(path))


def make_reserve(place: Place) -> None:
    """Room for the journal, taken while the disk has some."""
    path = place.file("reserve")
    if not os.path.exists(path):
        write_durably(path, os.urandom(RESERVE))  # a file of zeros takes no room on some file systems


def trim_journal(place: Place) -> None:
    path = place.file("journal.jsonl")
    if os.path.exists(path) and os.path.getsize(path) > 1 << 20:
        kept = [json.dumps(entry, sort_keys=True) for entry in entries(place)[-1000:]]
        write_durably(path, "\n".join(kept).encode("ascii") + b"\n")


# ---------------------------------------------------------------------------------------------------- releases


def release_name(version: str, digest: str) -> str:
    """The directory of a version. Checked here again: the host does not rely on what the other side checked."""
    if not NAME.fullmatch(version) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise RefusalError("bad_request", f"{version!r} is not a version with a digest", "Correct the version.")
    return f"{version}--{digest[:12]}"


def difference(place: Place, name: str) -> str | None:
    """What is not as the manifest says, or None. Files that were added are the program's own, such as caches."""
    manifest = read_json(place.manifest(name))
    if manifest is None:
        return f"the host does not have release {name}"
    for path, expected in sorted(manifest["files"].items()):
        found = describe_file(os.path.join(place.release(name), path), expected)
        if found != expected:
            return "release {}: {} was {}".format(name, printable(path), "changed" if found else "removed")
    return None


def describe_file(path: str, expected: list[Any] | None = None) -> list[Any] | None:
    """A manifest's entry for what is at ``path``; the content is read only where the rest is as expected."""
    try:
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode):
            return ["link", os.readlink(path)]
        if stat.S_ISDIR(info.st_mode):
            return ["directory"]
        if not stat.S_ISREG(info.st_mode):
            return ["special"]
        start = ["file", bool(info.st_mode & 0o100), info.st_size]
        if expected is not None and expected[:3] != start:
            return start
        return [*start, digest_of_file(path)]
    except FileNotFoundError:
        return None


def printable(text: str) -> str:
    return CONTROL.sub("?", text.encode("utf-8", "replace").decode("utf-8"))


def record_release(
    place: Place, name: str, request: dict[str, Any], kind: str, files: dict[str, Any], ready: str
) -> None:
    """Give the finished directory ``ready`` its manifest, and then its name."""
    sync_files(ready, files)
    manifest = {"format": FORMAT, "kind": kind, "files": files}
    manifest.update({field: request[field] for field in ("version", "digest", "name")})
    write_json(place.manifest(name), manifest)
    final = place.release(name)
    if os.path.lexists(final):  # it was changed since it was put there: it makes way for what it should be
        os.rename(final, os.path.join(place.releases, f".trash-{os.getpid()}"))
    os.rename(ready, final)
    sync_directory(place.releases)


def sync_files(root: str, files: dict[str, Any]) -> None:
    """Make a tree durable before it gets its name: one by one where they are few, all at once otherwise."""
    regular = [path for path, entry in files.items() if entry[0] == "file"]
    if len(regular) > 32:
        os.sync()
        return
    for path in regular:
        handle = os.open(os.path.join(root, path), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    for path in [root] + [os.path.join(root, path) for path, entry in files.items() if entry[0] == "directory"]:
        sync_directory(path)


def sweep(place: Place) -> None:
    """Remove what an act that was killed left half made."""
    for name in list_of(place.incoming):
        remove_file(os.path.join(place.incoming, name))
    for name in list_of(place.releases):
        if name.startswith((".unpack-", ".trash-")):
            remove_tree(os.path.join(place.releases, name))


# ---------------------------------------------------------------------------------------------------- packages


def bad_package(what: str) -> RefusalError:
    return RefusalError("bad_package", f"the package was refused: {what}", "Build the package again, and look at it.")


def safe_name(name: str) -> str:
    """The path of a member inside the release; empty for the release itself."""
    if name.startswith("/") or CONTROL.search(name) or "\\" in name:
        raise bad_package(f"{printable(name)!r} is not a path inside it")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or any(len(os.fsencode(part)) > 255 for part in parts):
        raise bad_package(f"{printable(name)!r} is not a path inside it")
    return "/".join(parts)


class Unpacking:
    """A package on its way into a directory; nothing in it can reach outside, or pass through a link."""

    def __init__(self, into: str, limit: int) -> None:
        self.into = into
        self.left = limit
        self.files: dict[str, Any] = {}

    def run(self, archive: str) -> dict[str, Any]:
        """Unpack, and answer with the entries of the manifest."""
        import tarfile
        import zlib

        try:
            with tarfile.open(archive, "r|gz") as tar:
                for member in tar:
                    self.take(tar, member)
        except (tarfile.TarError, EOFError, ValueError, UnicodeError, MemoryError, OverflowError, zlib.error) as error:
            raise bad_package(f"it is not a gzipped tar ({str(error) or type(error).__name__})") from error
        except OSError as error:
            if error.errno is None:  # gzip's own, such as "Not a gzipped file"
                raise bad_package(f"it is not a gzipped tar ({error})") from error
            raise
        self.check_links()
        return self.files

    def take(self, tar: Any, member: Any) -> None:
        path = safe_name(member.name)
        if not path and member.isdir():
            return
        if not path or len(self.files) >= MAX_MEMBERS:
            raise bad_package("a member without a name" if not path else f"more than {MAX_MEMBERS} members")
        if member.isdir():
            self.make_directory(path)
            return
        if path in self.files:
            raise bad_package(f"{path!r} is in it twice")
        self.make_directory(os.path.dirname(path))
        if member.isreg():
            self.take_file(path, tar.extractfile(member), bool(member.mode & 0o100))
        elif member.islnk():
            self.take_copy(path, safe_name(member.linkname))
        elif member.issym():
            self.take_link(path, member.linkname)
        else:
            raise bad_package(f"{path!r} is neither file, directory nor link")

    def make_directory(self, path: str) -> None:
        if not path or self.files.get(path) == ["directory"]:
            return
        if path in self.files:
            raise bad_package(f"{path!r} is a directory and something else")
        self.make_directory(os.path.dirname(path))
        os.mkdir(os.path.join(self.into, path), 0o755)
        self.files[path] = ["directory"]

    def take_file(self, path: str, source: BinaryIO, executable: bool) -> None:
        digest = hashlib.sha256()
        size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(os.path.join(self.into, path), flags, 0o755 if executable else 0o644), "wb") as file:
            for piece in iter(lambda: source.read(CHUNK), b""):
                size += len(piece)
                self.spend(len(piece))
                digest.update(piece)
                file.write(piece)
        self.files[path] = ["file", executable, size, digest.hexdigest()]

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise bad_package("it is larger unpacked than the target allows (max_unpacked)")

    def take_copy(self, path: str, original: str) -> None:
        """A hard link becomes a file of its own: a later change to one must not change the other."""
        entry = self.files.get(original)
        if entry is None or entry[0] != "file":
            raise bad_package(f"{path!r} is a hard link to what is no file before it")
        with open(os.path.join(self.into, original), "rb") as source:
            self.take_file(path, source, entry[1])

    def take_link(self, path: str, to: str) -> None:
        lexical = os.path.normpath(os.path.join(os.path.dirname(path), to))
        if to.startswith("/") or CONTROL.search(to) or lexical.split("/")[0] == "..":
            raise bad_package(f"{path!r} links outside")
        os.symlink(to, os.path.join(self.into, path))
        self.files[path] = ["link", to]

    def check_links(self) -> None:
        """Each link looks harmless alone; a chain of them may still lead outside."""
        inside = os.path.realpath(self.into) + "/"
        for path, entry in self.files.items():
            if entry[0] == "link" and not (os.path.realpath(os.path.join(self.into, path)) + "/").startswith(inside):
                raise bad_package(f"{path!r} links outside")


@contextmanager
def bounded_memory() -> Iterator[None]:
    """A hostile header can ask for as much memory as it says; what we start later is not bound by this."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


# ---------------------------------------------------------------------------------------------------- commands


def environment(place: Place, request: dict[str, Any], release: str) -> dict[str, str]:
    more = {"HOST": request["unit"], "PATH": place.root, "VERSION": request.get("version") or "", "RELEASE": release}
    return dict(os.environ, **{"TIDEGATE_" + name: value for name, value in more.items()})


def run_command(place: Place, request: dict[str, Any], argv: list[str], cwd: str, timeout_s: float) -> str | None:
    """Run a command of the policy to its end; None, or why it failed (a sentence beginning with the program).

    What it starts in the background has none of our pipes and a session of its own, so it outlives us.
    """
    log_path = new_log(place, "act" if "token" in request else "probe")
    with open(log_path, "wb") as log:
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd,
                env=environment(place, request, cwd),
                start_new_session=True,
            )
        except OSError as error:
            return f"{argv[0]} could not be started: {error.strerror}"
    failure = wait_for(child, place, request, timeout_s)
    if failure is None and child.returncode == 0:
        return None
    return f"{argv[0]} {failure or f'ended with status {child.returncode}'}{tail_of(log_path)}"


def new_log(place: Place, kind: str) -> str:
    """A path for what a command says; the last 20 of a kind are kept."""
    for old in [name for name in list_of(place.logs) if name.startswith(kind)][:-19]:
        remove_file(os.path.join(place.logs, old))
    return os.path.join(place.logs, f"{kind}-{time.time_ns()}-{os.getpid()}.log")


def wait_for(child: subprocess.Popen[bytes], place: Place, request: dict[str, Any], timeout_s: float) -> str | None:
    """Until it ends, its time is over, or somebody with a higher token waits; None where it ended by itself."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            child.wait(min(1.0, max(0.0, end - time.monotonic())))
            return None
        except subprocess.TimeoutExpired:
            say({"beat": True})
        if time.monotonic() >= end:
            stop_group(child)
            return f"took longer than {timeout_s:g} s and was stopped"
        seen = seen_token(place) if "token" in request else None
        if seen is not None and seen > request["token"]:
            stop_group(child)
            return f"was stopped because a higher token {seen} waits"


def stop_group(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(3.0)
            return
        except (OSError, subprocess.TimeoutExpired):
            continue
    child.wait()


def tail_of(path: str) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 500))
        text = file.read().decode("utf-8", "replace").strip()
    return ": " + text.replace("\n", " | ") if text else ""


def probe(place: Place, request: dict[str, Any]) -> tuple[str, str]:
    """One health check: yes, no or cannot tell, and why."""
    check = request.get("health")
    release = place.current_release()
    if not check or release is None:
        return "cannot tell", "" if check else "no health check is set"
    version = release.rpartition("--")[0]
    if "url" in check:
        return probe_url(check, version)
    argv = [argument.replace("{version}", version) for argument in check["argv"]]
    command = {"unit": request["unit"], "version": version}  # without the token: a probe is too short to be stopped
    failure = run_command(place, command, argv, place.release(release), check["timeout_s"])
    if failure and "could not be started" in failure:
        return "cannot tell", failure
    return ("no", failure) if failure else ("yes", "")


def probe_url(check: dict[str, Any], version: str) -> tuple[str, str]:
    import http.client
    from urllib.parse import urlsplit

    url = urlsplit(check["url"].replace("{version}", version))
    expected = (check.get("contains") or "").replace("{version}", version)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=check["timeout_s"])
    try:
        connection.request("GET", (url.path or "/") + ("?" + url.query if url.query else ""))
        answer = connection.getresponse()
        body = answer.read(1 << 16)
    except (OSError, http.client.HTTPException) as error:
        return "no", f"{check['url']}: {str(error) or type(error).__name__}"
    finally:
        connection.close()
    if answer.status != check["status"]:
        return "no", f"{check['url']} answered {answer.status}"
    if expected.encode("utf-8") not in body:
        return "no", f"{check['url']} answered without {expected!r}"
    return "yes", ""


# ---------------------------------------------------------------------------------------------------- reading back


def what_runs(place: Place) -> dict[str, Any]:
    """The version that ``current`` leads to, as it was put there; else absent or foreign, and why."""
    if not os.path.lexists(place.current):
        if place.has_foreign_content():
            return {"kind": "foreign", "detail": f"{place.root} holds files that Tidegate did not put there"}
        return {"kind": "absent", "detail": ""}
    name = place.current_release()
    if name is None:
        return {"kind": "foreign", "detail": "current does not lead to a release of Tidegate's"}
    changed = difference(place, name)
    if changed:
        return {"kind": "foreign", "detail": changed}
    return dict(package_of(place, name), kind="package", detail="")


def package_of(place: Place, name: str) -> dict[str, Any]:
    manifest = read_json(place.manifest(name))
    return {field: manifest[field] for field in ("version", "digest", "name")}


def observation(place: Place, request: dict[str, Any], healthy: tuple[str, str] | None = None) -> dict[str, Any]:
    journal = entries(place)
    last = journal[-1] if journal else {}
    running = what_runs(place)
    if healthy is None:
        healthy = probe(place, request) if running["kind"] == "package" else ("cannot tell", "")
    kept = [name[:-5] for name in list_of(place.manifests) if os.path.isdir(place.release(name[:-5]))]
    reasons = (running["detail"], last.get("detail", ""), healthy[1])
    return {
        "running": running,
        "token": seen_token(place),
        "last_key": last.get("key"),
        "last_stage": last.get("stage"),
        "healthy": healthy[0],
        "detail": "; ".join(reason for reason in reasons if reason),
        "kept": [package_of(place, name) for name in kept],
    }


def op_observe(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    if not os.path.isdir(place.own):
        return observation(place, dict(request, health=None))
    with place.lock(request["wait_s"], shared=True):
        return observation(place, request)


def op_health(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    if place.current_release() is None:
        return {"healthy": "cannot tell", "detail": "nothing of Tidegate's runs there"}
    healthy, detail = probe(place, request)
    return {"healthy": healthy, "detail": detail}


def op_online(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    there = place.root
    while not os.path.isdir(there) and there != "/":
        there = os.path.dirname(there)
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        raise RefusalError("permission", f"{there} may not be written", "Give the user of the driver this directory.")
    if os.path.lexists(place.current) and not os.path.islink(place.current):
        raise RefusalError(
            "foreign", f"{place.current} is not a link", "Rename the directory, and make current a link to it."
        )
    for argv in request["commands"]:
        check_command(argv[0])
    disk = os.statvfs(there)
    python = ".".join(map(str, sys.version_info[:2]))
    return {"detail": f"{place.root}, Python {python}, {disk.f_bavail * disk.f_frsize >> 20} MiB free"}


def check_command(program: str) -> None:
    """Whether it is there; one inside the release cannot be known before it is unpacked."""
    import shutil

    if ("/" not in program or program.startswith("/")) and shutil.which(program) is None:
        raise RefusalError("not_found", f"there is no program {program}", "Install it, or correct the policy.")


# ---------------------------------------------------------------------------------------------------- acting


class Work:
    """One key being carried out: what is done of it already, and what remains."""

    def __init__(self, place: Place, request: dict[str, Any], stdin: BinaryIO, seen: set[str]) -> None:
        self.place = place
        self.request = request
        self.stdin = stdin
        self.seen = seen
        self.healthy: tuple[str, str] | None = None

    def do(self, step: dict[str, Any]) -> None:
        """Carry out one step. The agent of another platform has steps of its own."""
        VERBS[step["verb"]](self, step)

    def probe(self) -> tuple[str, str]:
        return probe(self.place, self.request)

    def note(self, stage: str, **more: Any) -> None:
        request = self.request
        entry = {"key": request["key"], "token": request["token"], "stage": stage, "to": request.get("release")}
        note(self.place, dict(entry, **more))
        self.seen.add(stage)


def op_apply(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    if request["version"] is not None:
        request["release"] = release_name(request["version"], request["digest"])
    enter(place, request)
    with place.lock(request["wait_s"]):
        check_fence(place, request["token"])
        journal = entries(place)
        check_key(journal, request)
        seen = {entry["stage"] for entry in journal if entry["key"] == request["key"]}
        work = Work(place, request, stdin, seen)
        if not seen.intersection(ENDED) and not in_doubt(seen):
            carry_out(work)
        return observation(place, request, work.healthy)


def in_doubt(seen: set[str]) -> bool:
    """A command was begun and its end is not recorded: it may or may not have run, and is not run blindly again."""
    return ("restarting" in seen and "restarted" not in seen) or ("stopping" in seen and "stopped" not in seen)


def check_key(journal: list[dict[str, Any]], request: dict[str, Any]) -> None:
    mine = [entry for entry in journal if entry["key"] == request["key"]]
    if mine and mine[-1].get("to") != request.get("release"):
        raise RefusalError(
            "bad_request",
            "key {} was for {} before, and is for {} now".format(
                request["key"], mine[-1].get("to"), request.get("release")
            ),
            "Use a key of its own for each effect.",
        )
    if mine and journal[-1]["key"] != request["key"] and mine[-1]["stage"] not in ENDED:
        raise RefusalError(
            "superseded",
            "key {} was left unfinished, and {} came after it".format(request["key"], journal[-1]["key"]),
            "Observe the host, and begin a new attempt.",
        )


def carry_out(work: Work) -> None:
    sweep(work.place)
    make_reserve(work.place)
    trim_journal(work.place)
    try:
        for step in work.request["steps"]:
            check_fence(work.place, work.request["token"])
            work.do(step)
            if work.seen.intersection(ENDED):
                return
    finally:
        sweep(work.place)  # what is half made takes the room that the disk may lack
    work.note("done")


def do_receive(work: Work, step: dict[str, Any]) -> None:
    """Take the package, unless the host still has the release as it should be."""
    place, request = work.place, work.request
    changed = difference(place, request["release"])
    if changed is None and package_of(place, request["release"])["digest"] == request["digest"]:
        return
    size = request["size"]
    if size is None:
        raise RefusalError(
            "need_package",
            f"{changed or 'the host has other bytes of that name'}, and no package was given",
            "Give the package of this version.",
        )
    disk = os.statvfs(place.own)
    if disk.f_bavail * disk.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place.own)
    path = os.path.join(place.incoming, request["release"])
    digest = receive(work.stdin, size, path)
    expected = request.get("archive") or request["digest"]
    if digest != expected:
        raise bad_package(f"its digest is {digest}, and should be {expected}")
    work.note("received")


def receive(stdin: BinaryIO, size: int, path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while size:
            piece = stdin.read(min(size, CHUNK))
            if not piece:
                raise RefusalError("cut_off", f"the package broke off, {size} bytes were missing", "Apply it again.")
            digest.update(piece)
            file.write(piece)
            size -= len(piece)
    return digest.hexdigest()


def do_unpack(work: Work, step: dict[str, Any]) -> None:
    place, request = work.place, work.request
    archive = os.path.join(place.incoming, request["release"])
    if not os.path.exists(archive):
        return  # the release was there
    ready = os.path.join(place.releases, ".unpack-" + request["release"])
    os.mkdir(ready, 0o755)
    with bounded_memory():
        files = Unpacking(ready, request["max_unpacked"]).run(archive)
    record_release(place, request["release"], request, "package", files, ready)
    remove_file(archive)
    work.note("unpacked")


def do_switch(work: Work, step: dict[str, Any]) -> None:
    """Point ``current`` at the release, or at nothing; one rename, so that nobody sees it missing."""
    place, release = work.place, work.request.get("release")
    if "switched" in work.seen:
        return
    if os.path.lexists(place.current) and not os.path.islink(place.current):
        raise RefusalError(
            "foreign", f"{place.current} is not a link", "Rename the directory, and make current a link to it."
        )
    work.note("switching", before=place.current_release())
    if release is None:
        remove_file(place.current)
    else:
        link_current(place, release)
    sync_directory(place.root)
    work.note("switched")


def link_current(place: Place, release: str) -> None:
    temporary = place.file("current.tmp")
    remove_file(temporary)
    os.symlink("releases/" + release, temporary)
    os.utime(place.manifest(release))  # last used: what is kept goes by this
    os.replace(temporary, place.current)


def do_restart(work: Work, step: dict[str, Any]) -> None:
    run_stage(work, step, work.place.release(work.request["release"]), ("restarting", "restarted", "restart failed"))


def do_stop(work: Work, step: dict[str, Any]) -> None:
    release = work.place.current_release()
    if release is not None:
        run_stage(work, step, work.place.release(release), ("stopping", "stopped", "stop failed"))


def run_stage(work: Work, step: dict[str, Any], cwd: str, stages: tuple[str, str, str]) -> None:
    begun, ended, failed = stages
    if ended in work.seen:
        return
    work.note(begun)
    failure = run_command(work.place, work.request, step["argv"], cwd, step["timeout_s"])
    if failure:
        work.note(failed, detail=failure)
    else:
        work.note(ended)


def do_health(work: Work, step: dict[str, Any]) -> None:
    """Ask until it is healthy or its time is over."""
    end = time.monotonic() + step["timeout_s"]
    pause = 0.05
    while True:
        work.healthy = work.probe()
        if work.healthy[0] == "yes" or time.monotonic() >= end:
            break
        check_fence(work.place, work.request["token"])
        say({"beat": True})
        time.sleep(pause)
        pause = min(1.0, pause * 1.5)
    work.note("healthy" if work.healthy[0] == "yes" else "unhealthy", detail=work.healthy[1])


def do_prune(work: Work, step: dict[str, Any]) -> None:
    """Keep the last releases used, and whatever one may have to return to."""
    place = work.place
    if "unhealthy" in work.seen:
        return
    for name in [name for name in list_of(place.manifests) if name[:-5] not in wanted(work, step)]:
        trash = os.path.join(place.releases, ".trash-" + name[:-5])
        if os.path.isdir(place.release(name[:-5])):
            os.rename(place.release(name[:-5]), trash)
            remove_tree(trash)
        remove_file(os.path.join(place.manifests, name))


def wanted(work: Work, step: dict[str, Any]) -> set[str]:
    place = work.place
    names = [name[:-5] for name in list_of(place.manifests)]
    used = sorted(names, key=lambda name: os.stat(place.manifest(name)).st_mtime, reverse=True)
    keep = set(used[: step["keep"]]) | set(step["previous"]) | {place.current_release() or ""}
    keep |= {entry.get("before") or "" for entry in entries(place) if entry["key"] == work.request["key"]}
    keep |= set((read_json(place.file("way-back-keeps.json")) or {}).get("releases", []))
    # What was adopted exists nowhere else: no package can bring it back.
    return keep | {name for name in names if (read_json(place.manifest(name)) or {}).get("kind") == "adopted"}


VERBS = {
    "receive": do_receive,
    "unpack": do_unpack,
    "switch": do_switch,
    "restart": do_restart,
    "stop": do_stop,
    "health": do_health,
    "prune": do_prune,
}


# ---------------------------------------------------------------------------------------------------- adopting


def op_adopt(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    if not os.path.lexists(place.current) and not place.has_foreign_content():
        raise RefusalError("absent", f"nothing runs in {place.root}", "Deploy a first version instead.")
    if os.path.lexists(place.current) and not os.path.islink(place.current):
        raise RefusalError(
            "foreign", f"{place.current} is not a link", "Rename the directory, and make current a link to it."
        )
    enter_adopting(place, request)
    with place.lock(request["wait_s"]):
        check_fence(place, request["token"])
        if what_runs(place)["kind"] != "package":
            take_over(place, request, source_of(place))
        return observation(place, request)


def enter_adopting(place: Place, request: dict[str, Any]) -> None:
    """As ``enter``, but a plain directory is taken over before it is owned: killed midway, it is foreign still."""
    if os.path.lexists(place.current) or not place.has_foreign_content():
        enter(place, request, adopting=True)
        return
    source = place.root
    make_directories(place, place.root, place.own, *place.inner)
    with place.lock(request["wait_s"]):
        if place.has_foreign_content() and not os.path.lexists(place.current):
            take_over(place, request, source)
    enter(place, request, adopting=True)


def source_of(place: Place) -> str:
    source = os.path.realpath(place.current)
    if not os.path.isdir(source) or (place.root + "/").startswith(source.rstrip("/") + "/"):
        raise RefusalError(
            "foreign", f"current leads to {source}, which cannot be kept", "Make it lead to a directory."
        )
    return source


def take_over(place: Place, request: dict[str, Any], source: str) -> None:
    """Copy what runs into a release of its own, and let ``current`` lead there; what runs is not touched."""
    sweep(place)
    ready = os.path.join(place.releases, ".unpack-adopted")
    files = copy_tree(place, source, ready)
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode("ascii")).hexdigest()
    name = release_name(request["version"], digest)
    record_release(place, name, dict(request, digest=digest, name="adopted"), "adopted", files, ready)
    link_current(place, name)
    sync_directory(place.root)


def copy_tree(place: Place, source: str, into: str) -> dict[str, Any]:
    """Copy with permissions and owners. Sockets and pipes are left out: what runs makes them again."""
    import shutil

    files: dict[str, Any] = {}
    ours = (".tidegate", "releases", "current") if source == place.root else ()
    os.mkdir(into, 0o755)
    for directory, names, leaves in os.walk(source):
        names[:] = [name for name in names if directory != source or name not in ours]
        for name in [name for name in names + leaves if directory != source or name not in ours]:
            origin = os.path.join(directory, name)
            path = os.path.relpath(origin, source)
            entry = describe_file(origin)
            if entry is None or entry[0] == "special":
                continue
            if entry[0] == "directory":
                os.mkdir(os.path.join(into, path), 0o755)
            else:
                shutil.copy2(origin, os.path.join(into, path), follow_symlinks=False)
            copy_owner(origin, os.path.join(into, path), entry)
            files[path] = describe_file(os.path.join(into, path))
    return files


def copy_owner(origin: str, copy: str, entry: list[Any]) -> None:
    info = os.lstat(origin)
    if os.geteuid() == 0:
        os.lchown(copy, info.st_uid, info.st_gid)
    if entry[0] != "link":
        os.chmod(copy, stat.S_IMODE(info.st_mode) & 0o777)


# ---------------------------------------------------------------------------------------------------- the way back


def op_write_way_back(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    enter(place, request)
    names = [release_name(version, digest) for version, digest in request["keeps"]]
    with locked(place.file("fence.lock"), False, 10.0):
        check_fence(place, request["token"])
        write_json(place.file("way-back-keeps.json"), {"format": FORMAT, "releases": names})
        write_durably(place.file("way-back.json"), stdin.read(request["size"]))
    return {}


def op_read_way_back(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    import base64

    try:
        with open(Place(request["root"]).file("way-back.json"), "rb") as file:
            return {"document": base64.b64encode(file.read()).decode("ascii")}
    except FileNotFoundError:
        return {"document": None}


# ---------------------------------------------------------------------------------------------------- the talk


OPERATIONS: Operations = {
    "observe": op_observe,
    "health": op_health,
    "online": op_online,
    "apply": op_apply,
    "adopt": op_adopt,
    "write_way_back": op_write_way_back,
    "read_way_back": op_read_way_back,
}


def say(value: dict[str, Any]) -> None:
    """One line to whoever started us. They may be gone: what was begun is finished all the same."""
    try:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()
    except OSError:
        pass


def answer(
    request: dict[str, Any],
    stdin: BinaryIO,
    operations: Operations | None = None,
) -> dict[str, Any]:
    try:
        return {"result": (operations or OPERATIONS)[request["op"]](request, stdin)}
    except RefusalError as error:
        return {"error": {"kind": error.kind, "what": error.what, "remedy": error.remedy}}
    except OSError as error:
        return {"error": explain(error)}


def explain(error: OSError) -> dict[str, str]:
    what = f"{error.filename or 'a file'}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return {"kind": "no_space", "what": "no room: " + what, "remedy": "Free space on the host, then try again."}
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return {"kind": "permission", "what": what, "remedy": "Give the user of the driver this directory."}
    return {"kind": "system", "what": what, "remedy": "Look at the host, then observe it again."}


def main(operations: Operations | None = None) -> None:
    """Answer one request. A closed connection does not end what was begun."""
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    os.umask(0o022)
    stdin = sys.stdin.buffer
    request = json.loads(stdin.readline(1 << 22))
    say(answer(request, stdin, operations))
    try:
        sys.stdout.flush()
    except OSError:
        os._exit(0)
