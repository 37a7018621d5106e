"""Secrets are found by reference, when they are asked for, and show themselves to nobody."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from tidegate.artifacts.image.login import Login, login_of
from tidegate.core.policy import Registry
from tidegate.core.secret import Secret
from tidegate.errors import NotPermittedError, TargetError

HOST, WORD = "registry.example", "hunter2-hunter2"


def registry(**settings: Any) -> Registry:
    return Registry.model_validate(settings)


def look(tmp_path: Path, secret: dict[str, Any], user: str | None = "robot", **environ: str) -> Login:
    return login_of(registry(user=user, secret=secret), HOST, tmp_path, environ)()


def test_a_secret_hides_itself() -> None:
    login = Login("robot", Secret(WORD))
    assert WORD not in f"{login} {login!r} {login.password} {login.password:>30} %s" % login.password
    with pytest.raises(TypeError, match="a secret is not written anywhere"):
        pickle.dumps(login.password)
    assert login.basic() == "Basic cm9ib3Q6aHVudGVyMi1odW50ZXIy"


def test_it_is_found_in_a_variable_a_file_or_what_a_command_prints(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(WORD + "\n")
    program = [sys.executable, "-c", f"print({WORD!r})"]
    for source in ({"env": "PASSWORD"}, {"file": "secret"}, {"command": tuple(program)}):
        found = look(tmp_path, source, PASSWORD=WORD).password
        assert found is not None
        assert found.reveal() == WORD


def test_without_a_user_it_is_a_token(tmp_path: Path) -> None:
    login = look(tmp_path, {"env": "TOKEN"}, user=None, TOKEN=WORD)
    assert (login.password, login.token is not None and login.token.reveal()) == (None, WORD)


def test_nobody_logs_in_where_the_policy_says_nothing(tmp_path: Path) -> None:
    assert login_of(None, HOST, tmp_path)() == login_of(registry(plain_http=True), HOST, tmp_path)() == Login()


@pytest.mark.parametrize(
    ("source", "environ", "sentence"),
    [
        ({"env": "PASSWORD"}, {}, "the variable PASSWORD is not set"),
        ({"env": "PASSWORD"}, {"PASSWORD": ""}, "the secret is empty"),
        ({"env": "PASSWORD"}, {"PASSWORD": f"{WORD}\nX: y"}, "the secret has a line break or a control character"),
        ({"env": "PASSWORD"}, {"PASSWORD": "x" * 20_000}, "or is too long"),
        ({"file": "absent"}, {}, "absent cannot be read: No such file or directory"),
        ({"file": "/dev/zero"}, {}, "/dev/zero is no file"),
        ({"command": ("false",)}, {}, "the command false ended with 1"),
    ],
)
def test_what_is_not_to_be_found(tmp_path: Path, source: Any, environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(NotPermittedError, match=sentence) as caught:
        look(tmp_path, source, **environ)
    assert caught.value.where == "registries.registry.example.secret"
    assert WORD not in str(caught.value)


def test_a_command_that_fails_does_not_show_what_it_printed(tmp_path: Path) -> None:
    program = [sys.executable, "-c", f"import sys; print({WORD!r}); sys.exit({WORD!r})"]
    with pytest.raises(NotPermittedError) as caught:
        look(tmp_path, {"command": tuple(program)})
    assert WORD not in str(caught.value) + caught.value.remedy


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot start 'no-such-helper'"):
        look(tmp_path, {"command": ("no-such-helper",)})
