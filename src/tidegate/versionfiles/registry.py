"""Which forms of version files there are, one line each; the first that recognises a file reads it."""

from __future__ import annotations

from tidegate.errors import UsageError
from tidegate.versionfiles.bare import BareVersion
from tidegate.versionfiles.cargo import CargoManifest
from tidegate.versionfiles.cargo_lock import CargoLock
from tidegate.versionfiles.chart import HelmChart
from tidegate.versionfiles.compose import ComposeFile
from tidegate.versionfiles.contract import Format
from tidegate.versionfiles.dolibarr import DolibarrDescriptor
from tidegate.versionfiles.joomla import JoomlaManifest
from tidegate.versionfiles.joomla_update import JoomlaUpdate
from tidegate.versionfiles.kubernetes import KubernetesManifest
from tidegate.versionfiles.kustomize import Kustomization
from tidegate.versionfiles.marked import MarkedLines, MarkedPython
from tidegate.versionfiles.npm import NpmManifest
from tidegate.versionfiles.npm_lock import NpmLock
from tidegate.versionfiles.pyproject import PyProject
from tidegate.versionfiles.python_module import PythonModule
from tidegate.versionfiles.requirements import Requirements
from tidegate.versionfiles.setup_cfg import SetupCfg
from tidegate.versionfiles.setup_py import SetupPy
from tidegate.versionfiles.source import Source

FORMATS: tuple[Format, ...] = (
    # Whoever marks lines says with it which ones carry the version, whatever else the file is.
    MarkedPython(),
    MarkedLines(),
    NpmManifest(),
    NpmLock(),
    PyProject(),
    SetupPy(),
    SetupCfg(),
    Requirements(),
    CargoManifest(),
    CargoLock(),
    ComposeFile(),
    HelmChart(),
    Kustomization(),
    KubernetesManifest(),
    JoomlaManifest(),
    JoomlaUpdate(),
    DolibarrDescriptor(),
    PythonModule(),
    BareVersion(),
)


def format_of(source: Source) -> Format:
    """The format of a file, by its name or its content.

    Raises:
        UsageError: it is of none that is known.
    """
    for form in FORMATS:
        if form.recognises(source):
            return form
    raise UsageError(
        "this is no version file of a form that is known, and no line of it is marked",
        where=source.shown,
        remedy="write a comment with the words tidegate: version on each line that carries the version",
    )
