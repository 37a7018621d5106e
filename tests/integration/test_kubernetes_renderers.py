"""Kustomize and Helm as renderers of the Kubernetes driver. Where a real command is not here, its tests are skipped."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.hosts import effect
from tests.support.kubernetes.server import VERSION
from tests.support.kubernetes.world import (
    IMAGE,
    NAMESPACE,
    SimulatedCluster,
    digest_of,
    make_archive,
    simulated_cluster,
    workload,
)
from tidegate.core.effect import Act, Finding, Package, Presence, Token, judge
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.command import Limits
from tidegate.drivers.kubernetes import KubernetesSettings
from tidegate.drivers.kubernetes.renderers import contract
from tidegate.errors import TargetError

TOKEN, LATER = Token(1, 1), Token(1, 2)
# As every Kustomize reads it: the one in Debian's kubectl is older than directories among the resources.
OVERLAY = "bases: [../../base]\nnamespace: production\nnameSuffix: '1'\npatchesStrategicMerge: [replicas.yaml]\n"
REPLICAS = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"
HELM = 'printf "%s\\n" "$@" > "$0.argv"\n'


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SimulatedCluster]:
    with simulated_cluster(tmp_path) as simulated:
        yield simulated


def packed(cluster: SimulatedCluster, version: str, files: dict[str, str]) -> tuple[Path, Package]:
    """A package whose component has these files."""
    cluster.api.controllers.images[f"{IMAGE}@{digest_of(version)}"] = "ok"
    lock = ImageLock("shop", version, make_archive(cluster.directory, files), {IMAGE: digest_of(version)})
    path = cluster.directory / f"{lock.package.digest}.json"
    path.write_bytes(lock.to_bytes())
    return path, lock.package


def overlay(**files: str) -> dict[str, str]:
    """The files of a component with a base and an overlay for production."""
    base = "resources: [web.yaml]\n"
    return {
        "deploy/base/kustomization.yaml": base,
        "deploy/base/web.yaml": yaml.safe_dump(workload("web")),
        "deploy/overlays/production/kustomization.yaml": OVERLAY,
        "deploy/overlays/production/replicas.yaml": REPLICAS,
        **files,
    }


def deploy(cluster: SimulatedCluster, package: tuple[Path, Package], **settings: Any) -> Finding:
    driver = cluster.driver(**{"manifests": "deploy/overlays/production", "renderer": "kustomize", **settings})
    one = effect("web1", package[1].version, package[1])
    return judge(one, driver.apply(one, package[0], TOKEN), TOKEN)


def command(directory: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command of that name, and no other, on the PATH."""
    directory.mkdir()
    made = directory / name
    made.write_text(f"#!/bin/sh\n{script}")
    made.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))
    return made


needs_kustomize = pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="neither kustomize nor kubectl is installed here"
)


# ---------------------------------------------------------------------------------------------------- kustomize


@needs_kustomize
def test_an_overlay_is_rendered_pinned_and_applied_and_returned_to_without_kustomize(
    cluster: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = packed(cluster, "1.0.0", overlay())
    assert deploy(cluster, first) is Finding.CONFIRMED
    live = cluster.live("web1")
    assert (live["spec"]["replicas"], cluster.image("web1")) == (3, f"{IMAGE}@{digest_of('1.0.0')}")
    colour = REPLICAS.replace("replicas: 3", "replicas: 1")
    assert deploy(
        cluster, packed(cluster, "1.1.0", overlay(**{"deploy/overlays/production/replicas.yaml": colour}))
    ) is (Finding.CONFIRMED)
    assert cluster.live("web1")["spec"]["replicas"] == 1
    monkeypatch.setenv("PATH", "/nowhere")
    back = effect("web1", "back", first[1], act=Act.RESTORE)
    driver = cluster.driver(manifests="deploy/overlays/production", renderer="kustomize")
    assert judge(back, driver.apply(back, None, LATER), LATER) is Finding.CONFIRMED
    assert cluster.live("web1")["spec"]["replicas"] == 3


@needs_kustomize
def test_what_kustomize_cannot_render_is_said_in_its_words_and_nothing_is_changed(cluster: SimulatedCluster) -> None:
    broken = overlay(**{"deploy/overlays/production/replicas.yaml": REPLICAS.replace("name: web", "name: other")})
    with pytest.raises(TargetError) as caught:
        deploy(cluster, packed(cluster, "1.0.0", broken))
    assert str(caught.value).startswith(
        "web1: the package was refused: kustomize cannot render deploy/overlays/production: "
    )
    assert "other" in str(caught.value)
    assert "/tidegate-" not in str(caught.value)
    assert caught.value.remedy == "Correct the manifests, and build again."
    assert cluster.restarts("web1") == 0


@needs_kustomize
def test_an_object_that_an_overlay_generates_is_held_to_the_same_rules(cluster: SimulatedCluster) -> None:
    secret = OVERLAY + "secretGenerator: [{name: keys, literals: [a=b]}]\n"
    with pytest.raises(TargetError, match="an object of the kind 'Secret' cannot be applied"):
        deploy(cluster, packed(cluster, "1.0.0", overlay(**{"deploy/overlays/production/kustomization.yaml": secret})))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resources: ['https://example.test/all.yaml']\n", "which is not among the component's files"),
        ("resources: ['github.com/evil/base?ref=main']\n", "which is not among the component's files"),
        ("resources: ['git@example.test:evil/base.git']\n", "which is not among the component's files"),
        ("resources: [../../../../../etc]\n", "which is not among the component's files"),
        ("resources: [/etc/passwd]\n", "which is not among the component's files"),
        ("bases: ['git::https://example.test/x']\n", "which is not among the component's files"),
        ("components: ['ssh://example.test/x']\n", "which is not among the component's files"),
        ("patches: [{path: 'http://example.test/patch.yaml'}]\n", "which would be fetched"),
        ("configMapGenerator: [{name: a, files: ['x=https://example.test/x']}]\n", "which would be fetched"),
        ("openapi: {path: 'https://example.test/x'}\n", "which would be fetched"),
        ("generators: [run.yaml]\n", "has generators, which would run or fetch something"),
        ("transformers: [run.yaml]\n", "has transformers, which would run or fetch something"),
        ("helmCharts: [{name: x, repo: 'https://example.test'}]\n", "has helmCharts, which would run or fetch"),
        ("a: &a [x]\nresources: *a\n", "has aliases, which are not read"),
        ("[" * 5000, "is not YAML"),
        ("- a\n", "is no mapping"),
    ],
)
def test_a_kustomization_that_leads_elsewhere_is_refused_unrendered(
    cluster: SimulatedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    called = command(tmp_path / "bin", "kustomize", 'echo called > "$0.called"\n', monkeypatch)
    for place in ("deploy/overlays/production/kustomization.yaml", "deploy/base/Kustomization"):
        with pytest.raises(TargetError) as caught:
            deploy(cluster, packed(cluster, "1.0.0", overlay(**{place: text})))
        assert "the package was refused: " in str(caught.value)
        assert said in str(caught.value)
    assert not Path(f"{called}.called").exists()


def test_addresses_in_labels_and_texts_are_no_files(
    cluster: SimulatedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = tmp_path / "rendered.json"
    rendered.write_text(json.dumps(workload("web1")))
    command(
        tmp_path / "bin", "kustomize", f'while read -r line; do echo "$line"; done < {rendered}; echo\n', monkeypatch
    )
    rendered.write_text(json.dumps(workload("web1")) + "\n")
    harmless = (
        OVERLAY + "commonAnnotations: {docs: 'https://example.test'}\n"
        "configMapGenerator: [{name: a, literals: ['URL=https://example.test']}]\n"
    )
    files = overlay(**{"deploy/overlays/production/kustomization.yaml": harmless})
    assert deploy(cluster, packed(cluster, "1.0.0", files)) is Finding.CONFIRMED


# ---------------------------------------------------------------------------------------------------- the command


def test_the_command_gets_no_path_no_home_of_ours_and_no_way_to_the_network(
    cluster: SimulatedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/root/.kube/config")
    monkeypatch.setenv("TIDEGATE_SECRET", "hush")
    script = f'export -p > "$0.env"\npwd > "$0.cwd"\nprintf "%s\\n" "$@" > "$0.argv"\necho {json.dumps("{}")}\n'
    made = command(tmp_path / "bin", "kubectl", script, monkeypatch)
    with pytest.raises(TargetError, match="a document is no object of Kubernetes"):
        deploy(cluster, packed(cluster, "1.0.0", overlay()))
    assert Path(f"{made}.argv").read_text().split() == ["kustomize", "./deploy/overlays/production"]
    seen = dict(
        line.removeprefix("export ").split("=", 1)
        for line in Path(f"{made}.env").read_text().splitlines()
        if "=" in line
    )
    place = Path(Path(f"{made}.cwd").read_text().strip())
    assert seen["PATH"] == seen["HOME"] == f"'{place.parent / 'home'}'"
    assert seen["HTTPS_PROXY"] == "'http://127.0.0.1:9'"
    assert not {"KUBECONFIG", "TIDEGATE_SECRET"} & set(seen)
    assert not place.exists()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("while :; do :; done\n", "kustomize: took longer than 0.5 s; it was stopped"),
        (
            f"exec {sys.executable} -c 'print(\"x\" * 5_000_000)'\n",
            "kustomize: said more than 4194304 bytes; it was stopped",
        ),
        ("echo 'cannot do it' >&2; exit 3\n", "kustomize cannot render deploy/overlays/production: cannot do it"),
        ("exit 3\n", "kustomize cannot render deploy/overlays/production: status 3"),
        ("echo '{'\n", "what kustomize makes of deploy/overlays/production is not YAML"),
        ("echo 'a: &a [1]'; echo 'b: *a'\n", "has aliases, which are not read"),
        ("exit 0\n", "deploy/overlays/production has no Deployment web1"),
        ("echo '!!python/object/apply:os.system [true]'\n", "is not YAML"),
    ],
)
def test_a_command_that_misbehaves_is_refused_and_nothing_is_changed(
    cluster: SimulatedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    monkeypatch.setattr(contract, "_LIMITS", Limits(timeout_s=0.5, silence_s=0.5, grace_s=0.1, output=4 << 20))
    command(tmp_path / "bin", "kustomize", script, monkeypatch)
    with pytest.raises(TargetError) as caught:
        deploy(cluster, packed(cluster, "1.0.0", overlay()))
    assert said in str(caught.value)
    assert cluster.restarts("web1") == 0
    assert cluster.driver().observe("web1").running is Presence.ABSENT


def test_a_command_that_is_not_here_is_told_before_the_release(
    cluster: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for renderer, remedy in (("kustomize", "Install kustomize or kubectl."), ("helm", "Install helm.")):
        ready = cluster.driver(manifests="deploy/x", renderer=renderer).online("web1")
        assert (ready.ready, ready.detail) == (False, f"{renderer} is not here to render deploy/x")
        assert ready.remedy == remedy


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"renderer": "helm"}, "there is nothing for helm to render; add manifests: PATH"),
        ({"manifests": "a", "values": "b.yaml"}, "release and values are for renderer: helm"),
        ({"manifests": "a", "renderer": "jsonnet"}, "'plain', 'kustomize' or 'helm'"),
        ({"manifests": "a", "renderer": "helm", "values": ["../b.yaml"]}, "is not a path inside the component's files"),
        ({"manifests": "a", "renderer": "helm", "release": "--post-renderer"}, "is not a name"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KubernetesSettings.model_validate({"namespace": NAMESPACE, "deployment": "web1", **settings})


def test_a_dry_run_says_what_renders(cluster: SimulatedCluster) -> None:
    to = packed(cluster, "1.0.0", overlay())[1]
    steps = cluster.driver(manifests="deploy/chart", renderer="helm").render([effect("web1", "s", to)])
    assert steps[0].sentence.startswith("take what helm makes of deploy/chart of 1.0.0 by digest")


# ---------------------------------------------------------------------------------------------------- helm

WEB = json.dumps(workload("web1"))
"""JSON is YAML, and a template as long as nothing in it has two braces."""

CHART = {
    "deploy/chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "deploy/chart/values.yaml": "replicas: 2\n",
    "deploy/production.yaml": "replicas: 4\n",
    "deploy/chart/templates/web.yaml": WEB.replace('"replicas": 2', '"replicas": {{ .Values.replicas }}'),
}
WITH_HELM: dict[str, Any] = {"manifests": "deploy/chart", "renderer": "helm", "values": "deploy/production.yaml"}
# A chart as they are written: helpers, a subchart that a value switches on, notes, and what the cluster can.
REAL_CHART = {
    "deploy/chart/Chart.yaml": (
        "apiVersion: v2\nname: shop\nversion: 0.1.0\nkubeVersion: '>=1.20.0-0 <1.31.0-0'\n"
        "dependencies:\n  - {name: cache, version: 0.2.0, condition: cache.enabled, repository: 'https://charts.example'}\n"
    ),
    "deploy/chart/values.yaml": "replicas: 2\ntag: latest\ncache: {enabled: false, size: small}\n",
    "deploy/chart/templates/_helpers.tpl": (
        '{{- define "shop.labels" -}}\napp: web1\nrelease: {{ .Release.Name | quote }}\n{{- end }}\n'
    ),
    "deploy/chart/templates/NOTES.txt": "It runs at {{ .Values.host }}.\n",
    "deploy/chart/templates/web.yaml": """\
{{- /* The shop itself. */ -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web1
  namespace: {{ .Release.Namespace }}
  labels: {{- include "shop.labels" . | nindent 4 }}
spec:
  replicas: {{ required "say how many" .Values.replicas }}
  selector: {matchLabels: {app: web1}}
  template:
    metadata:
      labels: {{- include "shop.labels" . | nindent 8 }}
      annotations: {made-for: {{ .Capabilities.KubeVersion.Version | quote }}}
    spec:
      containers:
        - name: shop
          image: "registry.example/shop:{{ .Values.tag }}"
{{- range $i, $port := .Values.ports }}
---
apiVersion: v1
kind: Service
metadata: {name: "shop-{{ $i }}"}
spec: {selector: {app: web1}, ports: [{port: {{ $port }}}]}
{{- end }}
""",
    "deploy/chart/charts/cache/Chart.yaml": "apiVersion: v2\nname: cache\nversion: 0.2.0\n",
    "deploy/chart/charts/cache/values.yaml": "size: tiny\n",
    "deploy/chart/charts/cache/templates/map.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cache}\ndata: {size: {{ .Values.size }}}\n"
    ),
    "deploy/base.yaml": "replicas: 3\nports: [80]\ncache: {enabled: true}\n",
    "deploy/production.yaml": "replicas: 4\ncache: {size: large}\n",
}
WITH_VALUES = {**WITH_HELM, "values": ["deploy/base.yaml", "deploy/production.yaml"]}
TEST_HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: probe, annotations: {helm.sh/hook: %s}}
"""


@pytest.fixture
def helm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real helm, which the development lock brings, on the PATH."""
    beside = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{beside}:{os.environ['PATH']}")
    if not shutil.which("helm"):
        pytest.skip("helm is not installed here: run scripts/bootstrap dev")


@pytest.mark.usefixtures("helm")
def test_a_chart_is_rendered_by_the_real_helm(cluster: SimulatedCluster) -> None:
    assert deploy(cluster, packed(cluster, "1.0.0", CHART), **WITH_HELM) is Finding.CONFIRMED
    assert cluster.live("web1")["spec"]["replicas"] == 4


@pytest.mark.usefixtures("helm")
def test_a_chart_with_values_subchart_and_helpers_is_rendered_for_the_cluster_where_it_goes(
    cluster: SimulatedCluster,
) -> None:
    """The last file of values wins, and the image is by digest whatever tag the chart writes."""
    for kind in ("configmaps", "services"):
        cluster.api.rules["tidegate"].append(
            {"apiGroups": [""], "resources": [kind], "verbs": ["get", "create", "patch"]}
        )
    assert deploy(cluster, packed(cluster, "1.0.0", REAL_CHART), **WITH_VALUES) is Finding.CONFIRMED
    live = cluster.live("web1")
    assert (live["spec"]["replicas"], cluster.image("web1")) == (4, f"{IMAGE}@{digest_of('1.0.0')}")
    assert live["metadata"]["labels"] == {"app": "web1", "release": "shop"}
    assert live["spec"]["template"]["metadata"]["annotations"]["made-for"] == VERSION
    stored = cluster.api.store
    assert stored.get(("configmaps", NAMESPACE, "cache"))["data"] == {"size": "large"}
    assert stored.get(("services", NAMESPACE, "shop-0"))["spec"]["ports"] == [{"port": 80}]
    without = {**REAL_CHART, "deploy/base.yaml": "ports: []\ncache: {enabled: false}\n"}
    stored.delete(("configmaps", NAMESPACE, "cache"))
    assert deploy(cluster, packed(cluster, "1.1.0", without), **WITH_VALUES) is Finding.CONFIRMED
    assert ("configmaps", NAMESPACE, "cache") not in stored.objects


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"deploy/production.yaml": "replicas: null\n"}, "say how many"),
        ({"deploy/chart/templates/x.yaml": "{{ fail (printf `no %s` `way`) }}\n"}, "no way"),
        ({"deploy/chart/templates/x.yaml": "{{ .Values.a.b.c }}\n"}, "nil pointer evaluating"),
        ({"deploy/chart/templates/x.yaml": "{{ if }}\n"}, "parse error at (shop/templates/x.yaml:1)"),
        ({"deploy/production.yaml": "replicas: [\n"}, "failed to parse"),
        ({"deploy/chart/values.schema.json": '{"required": ["owner"]}'}, "owner"),
        (
            {"deploy/chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\nkubeVersion: '>=1.99.0'\n"},
            "chart requires kubeVersion: >=1.99.0 which is incompatible with Kubernetes v1.29.3",
        ),
        (
            {
                "deploy/chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n"
                "dependencies: [{name: queue, version: 1.0.0, repository: 'https://charts.example'}]\n"
            },
            "missing in charts/ directory: queue",
        ),
    ],
    ids=["required", "fail", "nil", "parse", "values", "schema", "cluster", "dependency"],
)
def test_what_helm_cannot_render_is_said_in_its_words_and_nothing_is_changed(
    cluster: SimulatedCluster, files: dict[str, str], said: str
) -> None:
    with pytest.raises(TargetError) as caught:
        deploy(cluster, packed(cluster, "1.0.0", {**REAL_CHART, **files}), **WITH_VALUES)
    assert str(caught.value).startswith("web1: the package was refused: helm cannot render deploy/chart: ")
    assert said in str(caught.value)
    assert "/tidegate-" not in str(caught.value)
    assert cluster.restarts("web1") == 0


@pytest.mark.usefixtures("helm")
def test_what_helm_renders_is_held_to_the_same_rules(cluster: SimulatedCluster) -> None:
    """But a test of the chart is none of what is deployed, and is left out."""
    name = "deploy/chart/templates/probe.yaml"
    with pytest.raises(TargetError, match="ConfigMap probe is a hook of Helm, and hooks are not run"):
        deploy(cluster, packed(cluster, "1.0.0", {**CHART, name: TEST_HOOK % "pre-upgrade"}), **WITH_HELM)
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
    with pytest.raises(TargetError, match="an object of the kind 'Secret' cannot be applied"):
        deploy(cluster, packed(cluster, "1.0.0", {**CHART, name: secret}), **WITH_HELM)
    elsewhere = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n"
    with pytest.raises(TargetError, match="ConfigMap 'a' is not for the namespace production"):
        deploy(cluster, packed(cluster, "1.0.0", {**CHART, name: elsewhere}), **WITH_HELM)
    assert cluster.restarts("web1") == 0
    tested = packed(cluster, "1.1.0", {**CHART, name: TEST_HOOK % "test"})
    assert deploy(cluster, tested, **WITH_HELM) is Finding.CONFIRMED


@pytest.mark.usefixtures("helm")
def test_a_chart_finds_nothing_in_a_cluster_and_nothing_on_this_machine(cluster: SimulatedCluster) -> None:
    peeps = (
        "{{ if lookup `v1` `Namespace` `` `default` }}{{ fail `it asked` }}{{ end }}"
        "{{ if .Files.Get `../production.yaml` }}{{ fail `it read` }}{{ end }}"
        "{{ if .Files.Get `/etc/passwd` }}{{ fail `it read` }}{{ end }}\n"
    )
    files = {**CHART, "deploy/chart/templates/x.yaml": peeps}
    assert deploy(cluster, packed(cluster, "1.0.0", files), **WITH_HELM) is Finding.CONFIRMED


def test_helm_is_asked_for_its_template_with_the_files_of_the_version(
    cluster: SimulatedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a command of the same contract: it prints what ``helm template`` prints."""
    body = json.dumps(workload("web1", replicas=4))
    there = "[ -f ./deploy/chart/Chart.yaml ] && [ -f ./deploy/production.yaml ] || exit 1\n"
    script = f"{HELM}{there}echo '---\n# Source: shop\n{body}'\n"
    made = command(tmp_path / "bin", "helm", script, monkeypatch)
    assert deploy(cluster, packed(cluster, "1.0.0", CHART), **WITH_HELM) is Finding.CONFIRMED
    assert cluster.live("web1")["spec"]["replicas"] == 4
    assert Path(f"{made}.argv").read_text().split() == [
        *("template", "shop", "./deploy/chart", "--namespace", "production"),
        *("--skip-tests", "--kube-version", VERSION, "--values", "./deploy/production.yaml"),
    ]


def test_a_hook_of_a_chart_is_refused_rather_than_left_out(
    cluster: SimulatedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": {"helm.sh/hook": "pre"}}}
    text = f"{json.dumps(workload('web1'))}\n---\n{json.dumps(hook)}"
    command(tmp_path / "bin", "helm", f"echo '{text}'\n", monkeypatch)
    with pytest.raises(TargetError, match="ConfigMap a is a hook of Helm, and hooks are not run"):
        deploy(cluster, packed(cluster, "1.0.0", CHART), **WITH_HELM)
