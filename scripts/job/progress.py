"""Says what is being done while a job runs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.job.ending import let_go

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Progress:
    """Says what is being done, on standard error, so that standard output holds the result alone."""

    out: Console
    silent: bool

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        from checks.texts import printable

        text = printable(text)  # it names folders
        if not self.silent and self.out.is_terminal:
            with self.out.status(text):
                yield
        else:
            self.say(text)
            yield

    def say(self, text: str) -> None:
        from checks.texts import printable

        if not self.silent:
            try:
                self.out.print(printable(text))
            except OSError:  # who does not listen stops no work
                let_go(sys.stderr)


def silence() -> Progress:
    """Progress that nobody is told of, for those who judge deliveries on another command's behalf."""
    from checks.reports import console

    return Progress(console.console(stderr=True), silent=True)
