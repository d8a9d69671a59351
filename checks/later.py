"""Modules that are imported when they are first used, or not at all: libraries import what a run may never need."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any


@contextmanager
def imported_later(*names: str) -> Iterator[None]:
    """Modules of these names that the block imports are run when an attribute of theirs is first asked for."""
    finder = _Finder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """The block finds no modules of these names, as if they were not installed."""
    modules: dict[str, Any] = sys.modules
    new = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(new))  # None: Python raises ModuleNotFoundError
    try:
        yield
    finally:
        for name in new:
            del modules[name]


class _Finder(MetaPathFinder):
    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self.names else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec
