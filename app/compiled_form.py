"""Which form of the hot modules runs: the compiled one, where `make compiled` built it from these very sources.

The sources stay the one truth. The compiled form lies in a folder named after a hash of them and of the interpreter, so
a build that is stale is not found, and the sources run as if there were none. It knows nothing of what the modules do.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

logger = logging.getLogger(__name__)

VARIABLE: Final = "GODWIT_PURE"
"""Environment variable: 1 has the sources run, whatever was built."""
APP: Final = Path(__file__).resolve().parent
BUILDS: Final = APP.parent / "compiled" / "build"
SUFFIX: Final = EXTENSION_SUFFIXES[0]
"""Names interpreter, version and machine."""
SHARED: Final = "godwit__mypyc"
"""The library that has the code of all of them; what stands for each module only names it."""
SOURCES: Final = ("*.py", "broker/**/*.py", "config/**/*.py", "mqtt/**/*.py", "storage/**/*.py")
"""What a build may depend on: a constant of a module that is not compiled may be part of one that is."""
MODULES: Final = (
    "app.broker.admission",
    "app.broker.channel.acks",
    "app.broker.channel.channel",
    "app.broker.channel.connect",
    "app.broker.channel.dispatch",
    "app.broker.channel.publish",
    "app.broker.channel.subscribe",
    "app.broker.channel.will",
    "app.broker.cm",
    "app.broker.connection",
    "app.broker.flusher",
    "app.broker.inflight",
    "app.broker.lane",
    "app.broker.lane.acks",
    "app.broker.lane.delivery",
    "app.broker.lane.lane",
    "app.broker.lane.publish",
    "app.broker.message",
    "app.broker.metrics",
    "app.broker.mqueue",
    "app.broker.pressure",
    "app.broker.router",
    "app.broker.session",
    "app.broker.shared_sub",
    "app.broker.subscriptions",
    "app.broker.timers",
    "app.broker.trie",
    "app.broker.websocket",
    "app.broker.wire",
    "app.storage.events",
    "app.storage.journal",
    "app.storage.store",
    "app.mqtt.frames",
    "app.mqtt.topic",
    "app.mqtt.wire",
)
"""What is compiled. They call each other without the interpreter, so a subclass of one of their classes is here too."""


def source_of(module: str) -> Path:
    """Return the file of a module or package of ours."""
    path = APP.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def build_key() -> str:
    """Return what the folder of a build from the present sources is called."""
    digest = hashlib.sha256(f"{SUFFIX} {sys.version}".encode())
    for pattern in SOURCES:
        for path in sorted(APP.glob(pattern)):
            digest.update(f"\n{path.relative_to(APP)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


class CompiledForm(MetaPathFinder):
    """Finds the hot modules among what was built, if that is to run; looks when the first of them is imported."""

    def __init__(self, builds: Path = BUILDS) -> None:
        """Look among the builds in a folder."""
        self._builds = builds
        self._files: dict[str, Path] | None = None
        self.why_not = "no hot module was imported yet"
        """Why the sources run; empty where they do not."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a hot module, or the library behind them; None leaves it to the next finder."""
        if not fullname.startswith(("app.", SHARED)):
            return None
        if self._files is None:
            if fullname not in MODULES:
                return None
            self._files = self._choose()
        file = self._files.get(fullname)
        if file is None:
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            file,
            loader=ExtensionFileLoader(fullname, str(file)),
            # Modules of a compiled package that are not compiled themselves lie with its source.
            submodule_search_locations=(
                [str(source_of(fullname).parent)] if file.name.startswith("__init__.") else None
            ),
        )

    def _choose(self) -> dict[str, Path]:
        """Return the files of the build that fits, by module; none where the sources are to run."""
        if os.environ.get(VARIABLE, "0") not in {"", "0"}:
            self.why_not = f"{VARIABLE} is set"
        elif not self._builds.is_dir():
            self.why_not = "`make compiled` was not run"
        elif not (folder := self._builds / build_key()).is_dir():
            self.why_not = "the sources changed since `make compiled`"
        else:
            files = dict(_files_in(folder))
            self._files = files
            try:
                importlib.import_module(SHARED)
            except ImportError as error:
                self.why_not = f"what `make compiled` built cannot be loaded: {error}"
                logger.warning("The sources run: %s", self.why_not)
            else:
                self.why_not = ""
                return files
        return {}

    def sentence(self) -> str:
        """Say which form runs."""
        if self.why_not:
            return f"The hot modules run as plain Python: {self.why_not}"
        return "The hot modules run in their compiled form"


def _files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob(f"*{SUFFIX}"):
        name = ".".join(file.relative_to(folder).parts).removesuffix(SUFFIX)
        yield name.removesuffix(".__init__"), file


FORM: Final = CompiledForm()


def install() -> None:
    """Have the hot modules found in their compiled form from now on; doing it twice is no error."""
    if FORM not in sys.meta_path:
        sys.meta_path.insert(0, FORM)
