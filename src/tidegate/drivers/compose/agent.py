"""The half of the Compose driver that runs beside the engine: it alone changes the project.

It is sent like the agent of the host driver, together with it, and takes from it the fence, the journal, the releases
and the way back; what is its own is Compose. Any Python from 3.7 will do. It keeps beside what the host's agent keeps:

    .tidegate/compose/RELEASE.json    the services of a release, each one's image by digest, references to secrets
    .tidegate/overrides/RELEASE.json  the last Compose file of each call: images by digest, our labels
    .tidegate/running.json            what Compose made of the release that runs, by the hash of each service

Theory. What runs is asked of the engine, by the labels that Compose and we give to containers; the image of each is
compared by its id with the one that the digest stood for when it was pulled. An exit status decides nothing alone.
A secret is resolved for one call and handed to Compose in its environment; nothing of it is written by us.
"""

# As in the host's agent: the standard library alone, and as little of it as possible at start-up.
# ruff: noqa: PTH103, PTH110, PTH112, PTH113, PTH118, PTH120, PTH123, SIM105

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import time

from tidegate.drivers.host import agent as host
from tidegate.drivers.host.agent import Place, RefusalError, Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    Containers = list[dict[str, Any]]

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
HASH = "com.docker.compose.config-hash"
ONE_OFF = "com.docker.compose.oneoff"
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "DOCKER_CONFIG")
MAX_SECRET = 1 << 16


# ---------------------------------------------------------------------------------------------------- the engine


def client_environment(request: dict[str, Any]) -> dict[str, str]:
    """What Docker and Compose get to see: which engine, and no variable that could stand in for one of a file."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    if request.get("engine"):
        env["DOCKER_HOST"] = request["engine"]
    return env


def docker(request: dict[str, Any], *words: str) -> subprocess.CompletedProcess[bytes]:
    """Ask the engine something that takes no time; a status other than 0 is an answer."""
    try:
        done = subprocess.run(
            ["docker", *words],
            env=client_environment(request),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=request["engine_s"],
            check=False,
        )
    except FileNotFoundError:
        raise RefusalError("engine", "there is no program docker", "Install Docker's command line there.") from None
    except subprocess.TimeoutExpired:
        raise no_answer("it said nothing for {:g} s".format(request["engine_s"])) from None
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode and any(
        sign in said for sign in ("Cannot connect", "error during connect", "permission denied")
    ):
        raise no_answer(said)
    return done


def no_answer(why: str) -> RefusalError:
    return RefusalError("engine", f"the Docker engine does not answer: {why}", "Start it, or let the user in.")


def containers(request: dict[str, Any]) -> Containers:
    """The containers of the project's services, as the engine describes them."""
    reason = "its containers come and go"
    for _ in range(5):
        listed = docker(
            request,
            "ps",
            "--all",
            "--quiet",
            "--no-trunc",
            "--filter",
            "label={}={}".format(PROJECT, request["project"]),
        )
        ids = listed.stdout.decode("ascii", "replace").split()
        if listed.returncode == 0 and not ids:
            return []
        found = docker(request, "container", "inspect", *ids) if listed.returncode == 0 else listed
        if found.returncode == 0:
            described: Containers = json.loads(found.stdout)
            return [one for one in described if labels_of(one).get(ONE_OFF, "False") != "True"]
        reason = found.stderr.decode("utf-8", "replace").strip()
        time.sleep(0.1)  # one of them was removed between the two questions
    raise no_answer(reason)


def labels_of(container: dict[str, Any]) -> dict[str, str]:
    return container["Config"].get("Labels") or {}


def service_of(container: dict[str, Any]) -> str:
    return host.printable(labels_of(container).get(SERVICE, ""))


def image_of(request: dict[str, Any], reference: str) -> dict[str, Any] | None:
    """The image as the engine has it, or None."""
    found = docker(request, "image", "inspect", reference)
    return json.loads(found.stdout)[0] if found.returncode == 0 else None


def run(work: ComposeWork, step: dict[str, Any], cwd: str, secrets: dict[str, str]) -> str | None:
    """Run a step's call of Compose to its end; None, or why it failed. What it says is kept without the secrets.

    Compose ends with us, if we are killed; whatever of it outlives us holds the lock, so that nobody acts meanwhile.
    """
    place, request, argv = work.place, work.request, step["argv"]
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=cwd,
                env=dict(client_environment(request), **secrets),
                start_new_session=True,
                pass_fds=(work.lock,),
                preexec_fn=end_with_parent,  # noqa: PLW1509 - the agent has one thread
            )
        except OSError as error:
            return f"{argv[0]} could not be started: {error.strerror}"
        failure = host.wait_for(child, place, request, step["timeout_s"])
        said.seek(0)
        text = hide(said.read(1 << 22).decode("utf-8", "replace"), secrets)
    path = host.new_log(place, "act")
    with open(path, "w", encoding="utf-8") as log:
        log.write(text)
    if failure is None and child.returncode == 0:
        return None
    return "{} {}{}".format(argv[0], failure or f"ended with status {child.returncode}", host.tail_of(path))


def end_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends. PR_SET_PDEATHSIG, prctl(2); Linux alone."""
    import ctypes
    import signal

    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        pass  # the lock that it holds is enough


def hide(text: str, secrets: dict[str, str]) -> str:
    for value in sorted((value for value in secrets.values() if value), key=len, reverse=True):
        for line in {value, *value.split("\n")} - {""}:
            text = text.replace(line, "[hidden]")
    return text


# ---------------------------------------------------------------------------------------------------- what is kept


def record_path(place: Place, release: str) -> str:
    return os.path.join(place.file("compose"), release + ".json")


def override_path(place: Place, release: str) -> str:
    return os.path.join(place.file("overrides"), release + ".json")


def record_of(place: Place, release: str) -> dict[str, Any] | None:
    record: dict[str, Any] | None = host.read_json(record_path(place, release))
    return record


def enter(place: Place, request: dict[str, Any], adopting: bool = False) -> None:
    """As on a host; and the project must be ours."""
    refuse_strangers(place, request, containers(request), adopting)
    host.enter(place, request, adopting)
    host.make_directories(place, place.file("compose"), place.file("overrides"))


def refuse_strangers(place: Place, request: dict[str, Any], found: Containers, adopting: bool) -> None:
    other = other_owner(request, found)
    if other:
        raise RefusalError("foreign", other, "Give each component and environment a project of its own.")
    if found and not adopting and not is_owned(place):
        raise RefusalError("foreign", strangers(request), "Run `tidegate adopt` to record what runs there today.")


def is_owned(place: Place) -> bool:
    return os.path.exists(place.file("owner.json"))


def strangers(request: dict[str, Any]) -> str:
    return "the project {} holds containers that Tidegate did not put there".format(request["project"])


def other_owner(request: dict[str, Any], found: Containers) -> str | None:
    for one in found:
        labels = labels_of(one)
        owner = (labels.get("tidegate.component"), labels.get("tidegate.environment"))
        if owner != (None, None) and owner != (request["component"], request["environment"]):
            return "the project {} belongs to {} in {}".format(
                request["project"], host.printable(str(owner[0])), host.printable(str(owner[1]))
            )
    return None


# ---------------------------------------------------------------------------------------------------- reading back


def what_runs(place: Place, request: dict[str, Any], found: Containers) -> dict[str, Any]:
    """The version that the project's containers are of, all of them; else absent or foreign, and why."""
    if not found:
        current = place.current_release()
        return {"kind": "absent", "detail": f"release {current} is current, and has no containers" if current else ""}
    reason = other_owner(request, found) or (None if is_owned(place) else strangers(request))
    if reason:
        return {"kind": "foreign", "detail": reason}
    names = candidates(place, found)
    reasons = []
    for name in names:
        reason = mismatch(place, request, name, found) or host.difference(place, name)
        if reason is None:
            return dict(host.package_of(place, name), kind="package", detail="", release=name)
        reasons.append(reason)
    several = "the services run {}".format(" and ".join(names)) if len(names) > 1 else ""
    return {"kind": "foreign", "detail": several or (reasons[0] if reasons else strangers(request))}


def candidates(place: Place, found: Containers) -> list[str]:
    """The releases that the containers may be of: by our labels, or, where they have none, what was adopted."""
    labelled = set()
    for one in found:
        labels = labels_of(one)
        if "tidegate.version" in labels:
            labelled.add("{}--{}".format(labels["tidegate.version"], labels.get("tidegate.package", "")[:12]))
    if labelled:
        return sorted(name for name in labelled if host.NAME.fullmatch(name)) or ["unreadable"]
    last = (host.read_json(place.file("running.json")) or {}).get("release", "")
    adopted = [
        name[:-5] for name in host.list_of(place.manifests) if (record_of(place, name[:-5]) or {}).get("adopted")
    ]
    return sorted(adopted, key=lambda name: name != last)[:1]


def mismatch(place: Place, request: dict[str, Any], name: str, found: Containers) -> str | None:
    """In what the containers are not those of release ``name``, or None."""
    record = record_of(place, name)
    if record is None:
        return f"the containers are of release {host.printable(name)}, of which nothing is recorded"
    for service in sorted(set(record["services"]) - {service_of(one) for one in found}):
        return f"service {service} has no container"
    running = host.read_json(place.file("running.json")) or {}
    hashes = running.get("services", {}) if running.get("release") == name else {}
    digest = (host.read_json(place.manifest(name)) or {}).get("digest")
    for one in found:
        reason = container_mismatch(one, record, hashes, name, digest)
        if reason:
            return f"service {service_of(one)} {reason}"
    return None


def container_mismatch(
    container: dict[str, Any], record: dict[str, Any], hashes: dict[str, str], name: str, digest: str | None
) -> str | None:
    service, labels = service_of(container), labels_of(container)
    expected = record["services"].get(service)
    if expected is None:
        return f"is not of release {name}"
    if expected.get("id") is not None and container["Image"] != expected["id"]:
        return f"runs another image than release {name} has"
    if expected["ours"] and labels.get("tidegate.package") != digest:
        return f"was not started by Tidegate as release {name}"
    if hashes.get(service) not in (None, labels.get(HASH)):
        return "was started anew with other settings"
    return None


def probe(place: Place, request: dict[str, Any], found: Containers) -> tuple[str, str]:
    """Whether all services are well: by their state, by their own health checks, by the addresses of the policy."""
    running = what_runs(place, request, found)
    if running["kind"] != "package":
        return "cannot tell", ""
    checked = 0
    for one in found:
        said = state_of(one, service_of(one) in request["jobs"])
        if said:
            return "no", f"service {service_of(one)} {said}"
        checked += bool(one["State"].get("Health")) or service_of(one) in request["jobs"]
    for check in request["health"]:
        verdict, detail = host.probe_url(check, running["version"])
        if verdict != "yes":
            return verdict, detail
    return ("yes", "") if checked or request["health"] else ("cannot tell", "no health check is set")


def state_of(container: dict[str, Any], is_job: bool) -> str | None:
    """What is wrong with a container, or None. A job is well when it has ended with 0."""
    state = container["State"]
    if is_job:
        if state["Status"] == "exited" and state["ExitCode"] == 0:
            return None
        return "has not ended yet" if state["Running"] else "ended with status {}".format(state["ExitCode"])
    if not state["Running"] or state.get("Restarting") or state.get("Paused"):
        return "is {} (status {})".format(state["Status"], state["ExitCode"])
    health = (state.get("Health") or {}).get("Status", "none")
    return f"is {health}" if health not in ("healthy", "none") else None


def observation(place: Place, request: dict[str, Any]) -> dict[str, Any]:
    found = containers(request)
    journal = host.entries(place)
    last = journal[-1] if journal else {}
    running = what_runs(place, request, found)
    healthy = probe(place, request, found)
    reasons = (running["detail"], last.get("detail", ""), healthy[1])
    kept = [
        name[:-5]
        for name in host.list_of(place.manifests)
        if os.path.isdir(place.release(name[:-5])) and record_of(place, name[:-5])
    ]
    return {
        "running": running,
        "token": host.seen_token(place),
        "last_key": last.get("key"),
        "last_stage": last.get("stage"),
        "healthy": healthy[0],
        "detail": "; ".join(dict.fromkeys(reason for reason in reasons if reason)),
        "kept": [host.package_of(place, name) for name in kept],
    }


def op_observe(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    if not os.path.isdir(place.own):
        return observation(place, request)
    with place.lock(request["wait_s"], shared=True):
        return observation(place, request)


def op_health(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    healthy, detail = probe(Place(request["root"]), request, containers(request))
    return {"healthy": healthy, "detail": detail}


def op_program(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    """Which Compose is there: the plugin of Docker's command line, else the program of its own."""
    import shutil

    if docker(request, "compose", "version").returncode == 0:
        return {"program": ["docker", "compose"]}
    if shutil.which("docker-compose"):
        return {"program": ["docker-compose"]}
    raise RefusalError(
        "not_found", "there is neither docker compose nor docker-compose", "Install one of them beside the engine."
    )


def op_online(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    detail = host.op_online(dict(request, commands=[]), stdin)["detail"]
    compose = op_program(request, stdin)
    version = docker(request, "version", "--format", "{{.Server.Version}}")
    if version.returncode:
        raise no_answer(version.stderr.decode("utf-8", "replace").strip())
    found = containers(request)
    if other_owner(request, found):
        raise RefusalError("foreign", other_owner(request, found) or "", "Choose another project.")
    engine = version.stdout.decode("utf-8", "replace").strip()
    return {"detail": "{}, Docker {}, {}".format(detail, engine, " ".join(compose["program"]))}


# ---------------------------------------------------------------------------------------------------- secrets


def resolve(request: dict[str, Any], references: dict[str, str]) -> dict[str, str]:
    """The secrets that the configuration names, by variable."""
    return {variable: resolve_one(request, variable, reference) for variable, reference in references.items()}


def resolve_one(request: dict[str, Any], variable: str, reference: str) -> str:
    kind, _, name = reference.partition(":")[2].partition(":")
    try:
        value = RESOLVERS[kind](request, name)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        raise RefusalError(
            "secret",
            f"{variable}: {host.printable(reference)} cannot be resolved: {why_unresolved(error)}",
            "Provide the secret where the engine is; nothing was changed.",
        ) from None
    return value


def why_unresolved(error: Exception) -> str:
    if isinstance(error, KeyError):
        return "there is no such variable or command"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) if isinstance(error, ValueError) else "the command failed"


def from_file(request: dict[str, Any], name: str) -> str:
    if not name.startswith("/"):
        raise ValueError("a file is named by its absolute path")
    with open(name, "rb") as file:
        return as_secret(file.read(MAX_SECRET + 1))


def from_command(request: dict[str, Any], name: str) -> str:
    done = subprocess.run(
        request["secrets"][name],
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    return as_secret(done.stdout)


def from_variable(request: dict[str, Any], name: str) -> str:
    return as_secret(os.environ[name].encode("utf-8", "surrogateescape"))


def as_secret(data: bytes) -> str:
    """The text; a line break at its end is not part of it."""
    if not data.strip(b"\r\n") or len(data) > MAX_SECRET or b"\0" in data:
        raise ValueError(f"it is empty, holds a NUL, or is longer than {MAX_SECRET} bytes")
    text = data.decode("utf-8", "surrogateescape")
    return text[:-1].rstrip("\r") if text.endswith("\n") else text


RESOLVERS = {"env": from_variable, "file": from_file, "command": from_command}


# ---------------------------------------------------------------------------------------------------- acting


class ComposeWork(Work):
    """One key being carried out on the project."""

    lock: int

    def do(self, step: dict[str, Any]) -> None:
        VERBS[step["verb"]](self, step)

    def probe(self) -> tuple[str, str]:
        return probe(self.place, self.request, containers(self.request))

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] | None = self.request.get("record") or record_of(self.place, self.request["release"])
        if record is None:
            raise RefusalError(
                "need_package",
                "the host does not have release {}, and no package was given".format(self.request["release"]),
                "Give the package of this version.",
            )
        return record


def op_apply(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    if request["version"] is not None:
        request["release"] = host.release_name(request["version"], request["digest"])
    enter(place, request)
    with place.lock(request["wait_s"]) as handle:
        host.check_fence(place, request["token"])
        journal = host.entries(place)
        host.check_key(journal, request)
        seen = {entry["stage"] for entry in journal if entry["key"] == request["key"]}
        work = ComposeWork(place, request, stdin, seen)
        work.lock = handle
        if not seen.intersection(host.ENDED) and not host.in_doubt(seen):
            host.carry_out(work)
        return observation(place, request)


def do_receive(work: ComposeWork, step: dict[str, Any]) -> None:
    work.record()
    host.do_receive(work, step)


def do_pull(work: ComposeWork, step: dict[str, Any]) -> None:
    """See that every image is on the engine by its digest, before anything is changed, and that secrets are known."""
    place, request = work.place, work.request
    release, record = request["release"], work.record()
    for path in step["files"]:
        if not os.path.isfile(os.path.join(place.release(release), path)):
            raise RefusalError(
                "bad_package", f"release {release} has no file {path}", "Correct files or env_file of the target."
            )
    secrets = resolve(request, record["references"])
    write_override(work, record)
    failure = None
    if any(image_of(request, one["image"]) is None for one in record["services"].values()):
        failure = run(work, step, place.release(release), secrets)
    for one in record["services"].values():
        one["id"] = id_of(request, one["image"], failure)
    host.write_json(record_path(place, release), record)


def id_of(request: dict[str, Any], reference: str, failure: str | None) -> str:
    image = image_of(request, reference)
    if image is None:
        raise RefusalError(
            "image",
            f"the engine does not have {reference}, and it could not be pulled: {failure or 'no reason was given'}",
            "See that the registry has this digest and lets the engine in; nothing was changed.",
        )
    return str(image["Id"])


def write_override(work: ComposeWork, record: dict[str, Any]) -> None:
    """The last file of each call: it pins images, and says whose the containers are."""
    request = work.request
    common = {"tidegate.component": request["component"], "tidegate.environment": request["environment"]}
    mine = {
        **common,
        "tidegate.version": request["version"],
        "tidegate.package": request["digest"],
        "tidegate.key": request["key"],
        "tidegate.token": ".".join(map(str, request["token"])),
    }
    services = {}
    for name, one in record["services"].items():
        # Labels that change make Compose start a container anew: what is not released is left running, a database too.
        services[name] = {"image": one["image"], "labels": mine if one["ours"] else common}
        if one.get("variables"):
            services[name]["environment"] = dict.fromkeys(one["variables"])
    host.write_json(override_path(work.place, request["release"]), {"services": services})


def do_restart(work: ComposeWork, step: dict[str, Any]) -> None:
    """Have Compose bring the project to the release, and read it back."""
    place, request = work.place, work.request
    if "restarted" in work.seen:
        return
    record = work.record()
    secrets = resolve(request, record["references"])
    write_override(work, record)
    work.note("restarting")
    host.remove_file(place.file("running.json"))
    failure = run(work, step, place.release(request["release"]), secrets)
    found = containers(request)
    running = what_runs(place, request, found)
    if failure is None and running.get("release") != request["release"]:
        failure = "{} ended with status 0, and the engine shows otherwise: {}".format(
            step["argv"][0], running["detail"] or running.get("release") or "nothing runs"
        )
    if failure:
        work.note("restart failed", detail=hide(failure, secrets))
        return
    keep_hashes(place, request["release"], found)
    work.note("restarted")


def keep_hashes(place: Place, release: str, found: Containers) -> None:
    hashes = {service_of(one): labels_of(one).get(HASH) for one in found}
    host.write_json(place.file("running.json"), {"format": host.FORMAT, "release": release, "services": hashes})


def do_stop(work: ComposeWork, step: dict[str, Any]) -> None:
    """Take our project down, and nothing else; its volumes stay."""
    place, request = work.place, work.request
    if "stopped" in work.seen or (not containers(request) and place.current_release() is None):
        return
    work.note("stopping")
    failure: str | None = "no release is current, so that Compose cannot be told what to stop"
    if place.current_release() is not None:
        failure = run(work, step, place.current, {})
    left = sorted({service_of(one) for one in containers(request)})
    if left:
        reason = failure or "{} ended with status 0".format(step["argv"][0])
        work.note("stop failed", detail="{}; there is still {}".format(reason, ", ".join(left)))
    else:
        work.note("stopped")


def do_health(work: ComposeWork, step: dict[str, Any]) -> None:
    work.healthy = work.probe()
    if work.healthy[0] != "cannot tell":
        host.do_health(work, step)


def do_prune(work: ComposeWork, step: dict[str, Any]) -> None:
    """As on a host; and the images that only removed releases had. One that is in use stays by itself."""
    place = work.place
    host.do_prune(work, step)
    kept = set(host.list_of(place.manifests))
    gone = [name for name in host.list_of(place.file("compose")) if name.endswith(".json") and name not in kept]
    wanted = {image for name in kept for image in images_of(place, name[:-5])}
    for name in gone:
        for image in images_of(place, name[:-5]) - wanted:
            docker(work.request, "image", "rm", image)
        host.remove_file(override_path(place, name[:-5]))
        host.remove_file(record_path(place, name[:-5]))


def images_of(place: Place, release: str) -> set[str]:
    record = record_of(place, release) or {"services": {}}
    return {one["image"] for one in record["services"].values() if one["ours"]}


VERBS: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    "receive": do_receive,
    "unpack": host.do_unpack,
    "pull": do_pull,
    "switch": host.do_switch,
    "restart": do_restart,
    "stop": do_stop,
    "health": do_health,
    "prune": do_prune,
}


# ---------------------------------------------------------------------------------------------------- adopting


def op_adopt(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    place = Place(request["root"])
    if not containers(request):
        what = "nothing runs in the project {} on {}".format(request["project"], request["unit"])
        raise RefusalError("absent", what, "Deploy a first version instead.")
    enter(place, request, adopting=True)
    with place.lock(request["wait_s"]):
        host.check_fence(place, request["token"])
        found = containers(request)
        if what_runs(place, request, found)["kind"] != "package":
            take_over(place, request, found)
        return observation(place, request)


def take_over(place: Place, request: dict[str, Any], found: Containers) -> None:
    """Copy the files that the project was started from into a release of its own; the containers are not touched."""
    source = source_of(place, request, found)
    host.sweep(place)
    ready = os.path.join(place.releases, ".unpack-adopted")
    files = host.copy_tree(place, source, ready)
    take_configuration(request, files, ready)
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode("ascii")).hexdigest()
    name = host.release_name(request["version"], digest)
    services = {service_of(one): adopted_service(request, one) for one in found}
    record = {"format": host.FORMAT, "services": services, "references": {}, "adopted": True}
    host.record_release(place, name, dict(request, digest=digest, name="adopted"), "adopted", files, ready)
    host.write_json(record_path(place, name), record)
    keep_hashes(place, name, found)
    host.link_current(place, name)
    host.sync_directory(place.root)


def source_of(place: Place, request: dict[str, Any], found: Containers) -> str:
    """The directory that holds the project's files as the policy names them."""
    directories = {labels_of(one).get(PROJECT + ".working_dir", "") for one in found}
    directory = directories.pop() if len(directories) == 1 else ""
    inner = os.path.dirname(request["files"][0])
    if inner and directory.endswith("/" + inner):
        directory = directory[: -len(inner) - 1]
    if not directory.startswith("/") or not os.path.isdir(directory):
        raise cannot_keep("the directory that it was started from is not known, or is not there")
    for path in request["files"]:
        if not os.path.isfile(os.path.join(directory, path)):
            raise cannot_keep(f"{host.printable(directory)} has no file {path}")
    if (place.root + "/").startswith(directory + "/") and place.root != directory:
        raise cannot_keep(f"{place.root} lies inside it")
    for one in found:
        for mount in one.get("Mounts", []):
            if mount["Type"] == "bind" and mount["RW"] and (mount["Source"] + "/").startswith(directory + "/"):
                raise cannot_keep(
                    "service {} writes into {}, of which a copy would know nothing".format(
                        service_of(one), host.printable(mount["Source"])
                    )
                )
    return directory


def cannot_keep(why: str) -> RefusalError:
    return RefusalError(
        "foreign",
        f"the project cannot be kept as it is: {why}",
        "Start it from one directory by the files of the policy, with its data in volumes or elsewhere.",
    )


def take_configuration(request: dict[str, Any], files: dict[str, Any], ready: str) -> None:
    """Where the policy names a configuration file that is not there, ``.env`` was it."""
    path = request["env_file"]
    if path is None or path in files:
        return
    inner = os.path.dirname(request["files"][0])
    old = os.path.join(ready, inner, ".env")
    data = b""
    if os.path.isfile(old):
        with open(old, "rb") as file:
            data = file.read()
    parts = path.split("/")[:-1]
    for depth in range(len(parts)):
        directory = "/".join(parts[: depth + 1])
        if directory not in files:
            os.makedirs(os.path.join(ready, directory))
            files[directory] = ["directory"]
    with open(os.path.join(ready, path), "wb") as file:
        file.write(data)
    files[path] = host.describe_file(os.path.join(ready, path))


def adopted_service(request: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    image = image_of(request, container["Image"]) or {}
    digests = image.get("RepoDigests") or [container["Image"]]
    return {"image": digests[0], "id": container["Image"], "ours": False}


# ---------------------------------------------------------------------------------------------------- the talk


def op_write_way_back(request: dict[str, Any], stdin: BinaryIO) -> dict[str, Any]:
    refuse_strangers(Place(request["root"]), request, containers(request), adopting=False)
    return host.op_write_way_back(request, stdin)


OPERATIONS: host.Operations = {
    "observe": op_observe,
    "health": op_health,
    "online": op_online,
    "program": op_program,
    "apply": op_apply,
    "adopt": op_adopt,
    "write_way_back": op_write_way_back,
    "read_way_back": host.op_read_way_back,
}


def main() -> None:
    """Answer one request."""
    host.main(OPERATIONS)
