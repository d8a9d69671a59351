"""Says what is being done while a job runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Progress:
    """Says what is being done, on standard error, so that standard output holds the result alone."""

    out: Console
    silent: bool

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        from checks.reports.console import printable

        text = printable(text)  # it names folders
        if self.silent:
            yield
        elif self.out.is_terminal:
            with self.out.status(text):
                yield
        else:
            self.out.print(text)
            yield

    def say(self, text: str) -> None:
        from checks.reports.console import printable

        if not self.silent:
            self.out.print(printable(text))


def silence() -> Progress:
    """Progress that nobody is told of, for those who judge deliveries on another command's behalf."""
    from checks.reports import console

    return Progress(console.console(stderr=True), silent=True)
