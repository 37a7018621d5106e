"""The command driver with real scripts: it believes what observe says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.hosts import TARGET, effect, make_package
from tidegate.core.effect import Act, Finding, Health, Package, Presence, Stage, Token, judge
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.command_driver import CommandDriver, CommandSettings
from tidegate.errors import TargetError, UsageError

TOKEN = Token(1, 1)


class Scripts:
    """Commands of an organisation, and the file in which they keep what runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.write("observe", f"cat {self.state} 2>/dev/null || echo '{{\"version\": null}}'")
        self.write("deploy", f'echo "$1" > {self.state}')

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.directory / name).chmod(0o755)

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def driver(self, **more: Any) -> CommandDriver:
        settings = {
            "directory": str(self.directory / "journals"),
            "units": ["web1"],
            "observe": [self.path("observe")],
            "deploy": [self.path("deploy"), "{version}"],
            "health_timeout": "1s",
            **more,
        }
        return CommandDriver(TARGET, CommandSettings.model_validate(settings))


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


def test_a_version_line_is_enough_where_the_version_was_deployed(scripts: Scripts, tmp_path: Path) -> None:
    path, to = make_package(tmp_path, "1.0.0")
    seen = scripts.driver().apply(effect("web1", "s1", to), path, TOKEN)
    assert to.same_as(seen.running)
    assert (seen.healthy, seen.detail) == (Health.CANNOT_TELL, "no verify command is set")


def test_a_command_that_ends_well_and_does_nothing_has_failed(scripts: Scripts, tmp_path: Path) -> None:
    scripts.write("deploy", "exit 0")
    path, to = make_package(tmp_path, "1.0.0")
    seen = scripts.driver().apply(effect("web1", "s1", to), path, TOKEN)
    assert seen.last_stage is Stage.RESTART_FAILED
    assert seen.detail == "the command ended with status 0, and observe says otherwise: absent"
    assert judge(effect("web1", "s1", to), seen, TOKEN) is Finding.FAILED


def test_a_command_that_fails_says_why(scripts: Scripts, tmp_path: Path) -> None:
    scripts.write("deploy", "echo 'no such tenant' >&2; exit 3")
    path, to = make_package(tmp_path, "1.0.0")
    seen = scripts.driver().apply(effect("web1", "s1", to), path, TOKEN)
    assert seen.detail == "the command ended with status 3: no such tenant; nothing runs now"


def test_a_command_whose_connection_is_lost_behind_the_effect_tells_what_runs(scripts: Scripts, tmp_path: Path) -> None:
    path, to = make_package(tmp_path, "1.0.0")
    scripts.write("deploy", f'echo \'{{"version": "{to.version}"}}\' > "$TIDEGATE_UNIT.said"; echo lost >&2; exit 255')
    scripts.write("observe", 'cat "$TIDEGATE_UNIT.said" 2>/dev/null || echo \'{"version": null}\'')
    seen = scripts.driver().apply(effect("web1", "s1", to), path, TOKEN)
    assert judge(effect("web1", "s1", to), seen, TOKEN) is Finding.FAILED
    assert f"status 255: lost; it runs {to} now" in seen.detail


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("exit 4", "the observe command ended with status 4: it said nothing"),
        ("true", "does not tell what runs: it is not one line with a version"),
        ("echo 1.0.0; echo 1.1.0", "does not tell what runs: it is not one line with a version"),
        ("echo '{\"healthy\": true}'", 'does not tell what runs: the key "version" is missing'),
        ("echo '{\"version\": 7}'", "does not tell what runs: version is 7, and no text"),
        ('echo \'{"version": "../x"}\'', "does not tell what runs"),
        ('echo \'{"version": "1", "digest": "short"}\'', "does not tell what runs"),
        ('echo \'{"version": "1", "healthy": "yes"}\'', "does not tell what runs: healthy is neither true, false"),
        ('echo \'{"version": "1.0.0", "healthy": 1}\'', "does not tell what runs: healthy is neither true, false"),
        ('echo \'{"version": "1.0.0", "digest": ""}\'', "does not tell what runs"),
        ('echo \'{"version": "9.9.9", "version": "1.0.0"}\'', 'does not tell what runs: "version" is there twice'),
        ("echo '{'", "does not tell what runs"),
        ("printf '\\033[2J'", "does not tell what runs"),
    ],
)
def test_an_observe_that_does_not_tell_leaves_the_act_unknown(
    scripts: Scripts, tmp_path: Path, text: str, says: str
) -> None:
    path, to = make_package(tmp_path, "1.0.0")
    driver, act = scripts.driver(), effect("web1", "s1", to)
    driver.apply(act, path, TOKEN)
    scripts.write("observe", text)
    seen = driver.observe("web1")
    assert (seen.reachable, seen.running) == (False, Presence.UNSEEN)
    assert says in seen.detail
    assert "\x1b" not in seen.detail
    assert judge(act, seen, TOKEN) is Finding.IN_DOUBT
    assert driver.health("web1") is Health.CANNOT_TELL
    assert not driver.online("web1").ready
    with pytest.raises(TargetError):
        driver.apply(effect("web1", "s2", to), path, TOKEN)


def test_a_restore_has_a_command_of_its_own(scripts: Scripts, tmp_path: Path) -> None:
    scripts.write("restore", f'test -f "$2" && echo "$1" > {scripts.state} && echo restored > {scripts.state}.how')
    driver = scripts.driver(restore=[scripts.path("restore"), "{version}", "{package}"])
    (old_path, old), (new_path, new) = (make_package(tmp_path, version) for version in ("1.0.0", "1.1.0"))
    driver.apply(effect("web1", "s1", old), old_path, TOKEN)
    driver.apply(effect("web1", "s2", new), new_path, TOKEN)
    back = effect("web1", "back", old, act=Act.RESTORE)
    assert [step.sentence for step in driver.render([back])][2] == "run the restore command, and observe what runs"
    assert old.same_as(driver.apply(back, None, TOKEN).running)
    assert (tmp_path / "state.how").read_text() == "restored\n"


def test_without_a_command_to_remove_nothing_is_removed(scripts: Scripts) -> None:
    driver = scripts.driver()
    assert not driver.abilities.remove
    with pytest.raises(UsageError, match="shop cannot be removed from web1: the policy has no remove command"):
        driver.render([effect("web1", "gone", None)])


def test_a_command_sees_what_it_is_for_and_no_more(
    scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "given")
    monkeypatch.setenv("OTHER_TOKEN", "kept")
    scripts.write("deploy", f'env > {tmp_path}/env; echo "$1" > {scripts.state}')
    path, to = make_package(tmp_path, "1.0.0")
    scripts.driver(environment=["CRM_TOKEN"]).apply(effect("web1", "s1", to), path, TOKEN)
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert "OTHER_TOKEN" not in seen
    told = {name: seen[f"TIDEGATE_{name}"] for name in ("UNIT", "COMPONENT", "ENVIRONMENT", "VERSION", "KEY", "TOKEN")}
    assert list(told.values()) == ["web1", "shop", "production", "1.0.0", "r1:s1:web1:1", "1.1"]
    assert (seen["CRM_TOKEN"], seen["TIDEGATE_DIGEST"]) == ("given", to.digest)


def test_a_lock_of_images_brings_its_archive(scripts: Scripts, tmp_path: Path) -> None:
    archive, files = make_package(tmp_path, "1.0.0")
    archive.rename(tmp_path / f"{files.digest}.tar.gz")
    lock = ImageLock("shop", "1.0.0", files.digest, {"registry.example/shop": "sha256:" + "1" * 64})
    (tmp_path / "lock.json").write_bytes(lock.to_bytes())
    driver = scripts.driver(images=True)
    assert driver.abilities.images
    driver.apply(effect("web1", "s1", lock.package), tmp_path / "lock.json", TOKEN)
    kept = tmp_path / "journals" / "web1" / "packages"
    assert (kept / f"{files.digest}.tar.gz").exists()
    assert (kept / f"1.0.0--{lock.package.digest[:12]}").read_bytes() == lock.to_bytes()


def test_a_directory_is_of_one_target(scripts: Scripts, tmp_path: Path) -> None:
    path, to = make_package(tmp_path, "1.0.0")
    scripts.driver().apply(effect("web1", "s1", to), path, TOKEN)
    other = CommandDriver(replace(TARGET, component="billing"), scripts.driver()._settings)
    with pytest.raises(TargetError, match="belongs to shop in production"):
        other.write_way_back("web1", b"{}", TOKEN)


def test_it_is_adopted_by_the_version_that_runs(scripts: Scripts) -> None:
    scripts.state.write_text("0.9.0\n")
    with pytest.raises(TargetError, match=r'observe says that "0.9.0" runs on web1, and not 1.0.0'):
        scripts.driver().adopt("web1", "1.0.0", TOKEN)
    adopted = scripts.driver().adopt("web1", "0.9.0", TOKEN).running
    assert isinstance(adopted, Package)
    assert (adopted.version, adopted.name) == ("0.9.0", "adopted")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"directory": "journals"}, "is not an absolute path"),
        ({"units": ["a", "a"]}, "two units have the same name: a"),
        ({"observe": ["observe", "{version}"]}, "{version} in"),
        ({"deploy": []}, "a command is a list of arguments"),
        ({"deploy": ["--x"]}, "a command is a list of arguments"),
        ({"environment": ["A=B"]}, "is not the name of a variable"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(scripts: Scripts, more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        scripts.driver(**more)
    assert says in str(caught.value)
