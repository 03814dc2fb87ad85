"""Compile the hot modules with mypyc into `compiled/build/`, where `app.compiled_form` finds them.

Run as `python -m compiled` in the folder of the repository. Needs a C compiler, Python's headers and what is in
requirements-dev.txt. What is there already for the present sources is left as it is; older builds are removed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from app.compiled_form import APP, BUILDS, MODULES, SHARED, build_key, source_of

OPTIMIZATION = "3"
SCRATCH = "tmp-"
"""What is being built is called so; it may be somebody else's."""
SKIPS_ANALYSIS_OF = ("--follow-imports=silent", "--no-warn-unreachable")
"""Whether the sources are right `make check` says."""


def compile_into(folder: Path, scratch: Path) -> None:
    """Compile the hot modules; `scratch` is for what is left over."""
    # Tools of the build, which a node does not have.
    from mypyc.build import mypycify
    from setuptools import setup

    os.chdir(APP.parent)
    sources = [str(source_of(module).relative_to(APP.parent)) for module in MODULES]
    extensions = mypycify(
        [*SKIPS_ANALYSIS_OF, *sources],
        opt_level=OPTIMIZATION,
        debug_level="0",
        target_dir=str(scratch),
        group_name=SHARED.removesuffix("__mypyc"),
        include_runtime_files=True,
    )
    setup(
        name="compiled",
        packages=[],
        ext_modules=extensions,
        script_args=[
            "--quiet",
            "build_ext",
            f"--build-lib={folder}",
            f"--build-temp={scratch / 'objects'}",
            f"--parallel={os.cpu_count()}",
        ],
    )


def main() -> int:
    """Build what is missing, and return the exit status."""
    target = BUILDS / build_key()
    if target.is_dir():
        print(f"{target.relative_to(APP.parent)} is there.")
        return 0
    began_s = time.monotonic()
    BUILDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=BUILDS) as scratch:
        done = Path(scratch) / "done"
        compile_into(done, Path(scratch))
        if target.name != build_key():
            print("The sources changed meanwhile: run it again.")
            return 1
        done.rename(target)
    for other in BUILDS.iterdir():
        if other != target and not other.name.startswith(SCRATCH):
            shutil.rmtree(other, ignore_errors=True)
    print(f"{target.relative_to(APP.parent)} was built in {time.monotonic() - began_s:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
