"""Three systems released as one, by what requires what, and taken back last first: typed."""

from __future__ import annotations

import json

import pytest

from tests.support.shop import Shop, ends, flat, wait_until

HOST = "web1"
ORDER = ("platform", "shop", "portal")


def declared(shop: Shop, component: str, requires: str) -> str:
    """A component of the policy, with one host of its own in each environment."""
    targets = []
    for environment in ("staging", "production"):
        path = shop.host(f"{component}-{environment}", HOST)
        hosts = f"[{{name: {HOST}, address: local, path: {path}}}]"
        targets.append(f'{environment}: {{driver: host, hosts: {hosts}, restart: ["true"], stop: ["true"]}}')
    return (
        f'  {component}:\n    path: {component}\n    tag: "{component}-v{{version}}"\n'
        f"    requires: {{{requires}}}\n    targets: {{{', '.join(targets)}}}\n"
    )


@pytest.fixture
def town(shop: Shop) -> Shop:
    """A shop that requires a platform, and a portal that requires both."""
    more = declared(shop, "portal", 'shop: ">=1.0.0", platform: ">=1.0.0"') + declared(shop, "platform", "")
    text = shop.policy_text().replace("components:\n", f"components:\n{more}", 1)
    text = text.replace("    path: app\n", '    path: app\n    requires: {platform: ">=1.0.0"}\n', 1)
    (shop.root / "tidegate.yaml").write_text(text)
    for name in ("portal", "platform"):
        shop.repository.commit(f"feat: the {name}", {f"{name}/b.txt": "1"})
        shop.repository.tag(f"{name}-v1.0.0")
        shop.repository.commit(f"feat: more of the {name}", {f"{name}/b.txt": "2"})
    return shop


def prepared(town: Shop, name: str = "december") -> str:
    """The release, with a report for each component and every yes."""
    opened = town.good("release", "open", "portal", "shop", "platform", "--name", name, by="rita")
    assert flat(opened.out).startswith(
        f"✓ opened {name} (minor), 3 components portal 1.0.0 -> 1.1.0 1 change shop 1.0.0 -> 1.1.0 1 change "
        "platform 1.0.0 -> 1.1.0 1 change commit "
    )
    for component in ORDER:
        town.good("evidence", "add", name, town.report, "--component", component, by="rita")
    for person in ("alice", "bob", "carol"):
        town.good("approve", name, "--for", "production", by=person)
    return name


def runs(town: Shop, environment: str) -> list[str]:
    """What runs of each component, in the order in which they go."""
    found = []
    for component in ORDER:
        place = town.host(environment, HOST) if component == "shop" else town.host(f"{component}-{environment}", HOST)
        current = place / "current"
        found.append(current.resolve().name.partition("--")[0] if current.exists() else "")
    return found


def test_a_release_of_three_goes_and_comes_back_as_one(town: Shop) -> None:
    release = prepared(town)
    page = flat(town.good("release", "show", release).out)
    assert "1. platform 1.1.0 requires nothing 2. shop 1.1.0 requires platform >=1.0.0 3. portal 1.1.0" in page

    dry = town.good("deploy", release, "staging", "--dry-run")
    assert dry.out.startswith("3 components, in this order\n")
    heads = [line for line in dry.out.splitlines() if "(a dry run: nothing is done)" in line]
    assert [head.split()[0] for head in heads] == [*ORDER]
    assert [each["component"] for each in town.good("deploy", release, "staging", "--dry-run", "--json").json[
        "components"]] == [*ORDER]  # fmt: skip

    done = town.run("deploy", release, "staging", by="rita", TIDEGATE_PROGRESS="1")
    assert done.code == 0, done
    assert runs(town, "staging") == ["1.1.0", "1.1.0", "1.1.0"]
    assert flat(done.out) == f"✓ {release} runs in staging: platform 1.1.0, shop 1.1.0, portal 1.1.0"
    told = [line for line in done.err.splitlines() if line.startswith("rolling out")]
    assert [line.split()[2] for line in told] == [*ORDER]

    town.good("deploy", release, "production", by="rita")
    assert runs(town, "production") == ["1.1.0", "1.1.0", "1.1.0"]
    shown = flat(town.good("rollout", "show", f"{release}.production.1").out)
    assert "1. platform ✓ succeeded absent -> 1.1.0" in shown
    assert "released" in town.good("release", "show", release).out

    back = town.good("rollback", "shop", "production", "--reason", "it is slow", by="rita")
    assert flat(back.out) == (
        f"✓ {release} in production was taken back, and production runs platform absent, shop absent, portal absent"
    )
    assert runs(town, "production") == ["", "", ""]
    begun = [
        entry["data"]["component"]
        for entry in town.good("audit", "log", "--json").json
        if entry["kind"] == "rollback.started"
    ]
    assert begun == ["portal", "shop", "platform"]
    assert "rolled back" in town.good("release", "show", release).out
    town.good("audit", "verify")
    town.good("audit", "rejudge")


def test_a_hold_stops_what_is_under_way_and_the_whole_is_resumed_by_its_name(town: Shop) -> None:
    release = prepared(town)
    whole = f"{release}.production.1"
    town.good("deploy", release, "staging", by="rita")
    town.slow.touch()
    deploying = town.begin("deploy", release, "production", by="rita")
    wait_until(lambda: f"{whole}.shop" in town.good("rollout", "list").out, "the shop is under way")
    held = town.good("hold", "add", "--environment", "production", "--reason", "full disk", "--json", by="rita").json
    town.slow.unlink()
    done = ends(deploying)
    assert done.code == 1
    assert "shop in production (2 of 3) is paused" in flat(done.out)
    status = flat(town.good("status").out)
    assert f"releases of several components {whole} • running 2 of 3: shop" in status
    town.good("hold", "lift", held["id"], "--reason", "there is room", by="rita")
    resumed = town.good("rollout", "resume", whole, by="rita")
    assert f"{release} runs in production: platform 1.1.0, shop 1.1.0, portal 1.1.0" in flat(resumed.out)
    assert runs(town, "production") == ["1.1.0", "1.1.0", "1.1.0"]


def test_one_that_is_broken_stops_it_and_a_person_takes_all_back(town: Shop) -> None:
    release = prepared(town)
    town.good("deploy", release, "staging", by="rita")
    town.broken.touch()
    done = town.run("deploy", release, "production", by="rita")
    assert done.code == 1
    assert "shop in production (2 of 3) is paused" in flat(done.out)
    assert f"take it back: tidegate rollback {release} production" in flat(done.out)
    assert runs(town, "production")[0] == "1.1.0"
    assert runs(town, "production")[2] == ""
    town.good("rollback", release, "production", by="rita")
    assert runs(town, "production") == ["", "", ""]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shop", "portal"), "a release of several components needs a name"),
        (("shop", "portal", "--name", "Not A Name"), 'needs a name, and "Not A Name" is none'),
        (("shop", "shop", "--name", "december"), "shop is named twice"),
        (("shop", "portal", "--name", "portal"), "there is a release or a component portal already"),
        (("shop", "portal", "--name", "d", "--version", "1.2.0"), "say COMPONENT=VERSION, once for each"),
        (("shop", "portal", "--name", "d", "--version", "platform=1.2.0"), "is not among the components"),
        (("shop", "--name", "d"), "--name and several versions are for a release of several components"),
    ],
)
def test_what_cannot_be_opened_as_one_is_refused_in_words(town: Shop, words: tuple[str, ...], said: str) -> None:
    done = town.run("release", "open", *words, by="rita")
    assert done.code in (2, 6)
    assert said in flat(done.err)
    assert json.loads(town.good("release", "list", "--json").out) == []
