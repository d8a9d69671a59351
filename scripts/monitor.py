"""Judge each new delivery in a folder as it arrives, once, and rebuild the Data Docs.

A delivery is a sub-folder of DIR that holds MovieLens-format files, were they packed or misnamed, or DIR's own files.
It is judged when it has stopped growing, or when its marker file is there, unless its content was judged before by the
same rules, settings and program: then the verdict of that time stands, until its newest rating grows older than
--max-age allows.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from checks.gate.terms import EXIT_CODES, INTERRUPTED, Decision
from scripts import run_checkpoint
from scripts.job import reuse
from scripts.job.arguments import Parser, SettingError, local, seconds
from scripts.job.ending import answered, leaves, left, printing
from scripts.job.progress import silence
from scripts.job.settings import check_settings, recorded

SETTLE_SECONDS = 5.0  # a copy over a network pauses for less
POLL_SECONDS = 1.0  # between looks at the folder: soon after a delivery has settled, and little work where none comes
RETRY_SECONDS = 60.0  # for what is not the delivery's fault: a full disk may have room again
LAST = "the last results are as they were"
ABANDONED = f"the delivery under way was abandoned, {LAST}"

Signature = tuple[tuple[str, int, int, int], ...]


@answered(LAST, analyses=True)
def main(argv: Sequence[str] | None = None) -> int:
    arguments, settings = _parse(argv)
    if not arguments.watch.is_dir():
        raise SettingError(f"--watch {arguments.watch}: is no folder; give one that deliveries arrive in.")
    check_settings(settings)  # each delivery would be refused, some after the whole analysis
    _check_output(settings, arguments.watch)
    reuse.program(settings.engine)  # which this process will run, whatever is installed while it waits
    stop = Stop()
    arrivals = Arrivals(arguments.watch, settings.output, arguments.settle, arguments.marker)
    monitor = Monitor(arrivals, settings, stop)
    try:
        return monitor.judge_present() if arguments.once else monitor.judge_arriving()
    except KeyboardInterrupt:
        _say(f"Interrupted; {left()}.")
        return INTERRUPTED


def _parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, argparse.Namespace]:
    """The monitor's own arguments, and the settings that each run gets."""
    more = "Every setting of scripts.run_checkpoint may be added, except --data and --json."
    parser = Parser("monitor", __doc__, epilog=more)
    parser.add_argument("--watch", type=local, required=True, metavar="DIR", help="where deliveries arrive")
    parser.add_argument(
        "--settle",
        type=seconds,
        default=SETTLE_SECONDS,
        metavar="SECONDS",
        help=f"how long a delivery has not changed when it is taken for complete (default: {SETTLE_SECONDS:g})",
    )
    parser.add_argument("--marker", metavar="NAME", help="judge a delivery only once a file of this name is in it")
    parser.add_argument("--once", action="store_true", help="judge what is there and end with the worst exit code")
    own, rest = parser.parse_known_args(argv)
    settings = run_checkpoint.parser().parse_args(rest)
    if settings.data is not None or settings.json:
        parser.error("--data and --json are for one run; the monitor finds deliveries in --watch")
    return own, settings


def _check_output(settings: argparse.Namespace, watch: Path) -> None:
    """Raise OutputError where results and deliveries would be taken for each other."""
    from checks.results.outputs import OutputError
    from scripts.job.places import check_inputs

    if settings.output.resolve() == watch.resolve():  # validated/ and quarantine/ hold MovieLens-format files, too
        raise OutputError(
            f"--output {settings.output}: is the watched folder, where results would be judged as deliveries; "
            "choose a folder in it or elsewhere."
        )
    check_inputs(settings, watch, "--watch")


class Stop:
    """SIGTERM and SIGINT: the first lets the delivery under way be finished, a second abandons it."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._reader, self._writer = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    @property
    def asked(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.signal == signal.SIGINT else 0

    def wait(self, seconds: float) -> None:
        """Wait so long, or until asked to stop."""
        select.select([self._reader], [], [], seconds)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.signal = number
        os.write(self._writer, b"!")


@dataclass
class Arrivals:
    """Which deliveries below `folder` are complete and were not taken yet."""

    folder: Path
    output: Path
    settle: float
    marker: str | None = None
    _since: dict[Path, tuple[Signature, float]] = field(default_factory=dict)
    _taken: dict[Path, Signature] = field(default_factory=dict)

    def complete(self, now: float) -> list[Path]:
        """Those that have not changed for `settle` seconds, or have their marker, in the order of their arrival."""
        present = {one: signature for one in self._folders() if (signature := _signature(one, one != self.folder))}
        self._since = {folder: self._unchanged(folder, signature, now) for folder, signature in present.items()}
        fresh = [folder for folder in present if self._taken.get(folder) != present[folder]]
        return sorted((f for f in fresh if self._is_complete(f, now)), key=lambda f: (_changed(present[f]), f))

    def take(self, folder: Path) -> None:
        """Don't offer it again as long as it stays as it is."""
        self._taken[folder] = self._since[folder][0]

    def put_off(self, folder: Path, now: float) -> None:
        """Offer it again in a while."""
        del self._taken[folder]
        self._since[folder] = (self._since[folder][0], now + RETRY_SECONDS)

    def _folders(self) -> Iterator[Path]:
        """DIR and its sub-folders, but for hidden ones and the one that results go to."""
        yield self.folder
        try:
            entries = sorted(self.folder.iterdir())
        except OSError:  # gone, or out of reach for a while
            return
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_dir() and entry.resolve() != self.output.resolve():
                yield entry

    def _unchanged(self, folder: Path, signature: Signature, now: float) -> tuple[Signature, float]:
        before = self._since.get(folder)
        return before if before and before[0] == signature else (signature, now)

    def _is_complete(self, folder: Path, now: float) -> bool:
        put_off = self._since[folder][1] > now
        if self.marker is not None:
            return not put_off and (folder / self.marker).is_file()
        return now - self._since[folder][1] >= self.settle


def _signature(folder: Path, of_its_own: bool) -> Signature:
    """What changes when a file of the delivery does; empty where there is no delivery.

    of_its_own: what lies in a folder of its own and may be a table under another name or in an archive was meant to be
    judged, and must not be passed over in silence.
    """
    from checks.files import SUFFIXES, mistaken
    from checks.tables import DELIVERED

    tables = {f"{table.name}{suffix}" for table in DELIVERED for suffix in SUFFIXES}
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: _stat(entry) for entry in entries}
    except OSError:
        return ()
    delivered = {name: status for name, status in found.items() if not stat.S_ISDIR(status.st_mode)}
    if tables.isdisjoint(delivered):
        meant = of_its_own and bool(mistaken(folder, [table.name for table in DELIVERED], alone=True))
        delivered = found if meant else {}
    return tuple(sorted((name, one.st_size, one.st_mtime_ns, one.st_ino) for name, one in delivered.items()))


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # a link to nowhere, or to itself
        return entry.stat(follow_symlinks=False)


def _changed(signature: Signature) -> int:
    return max(changed for _, _, changed, _ in signature)


@dataclass
class Monitor:
    """Judges deliveries one after the other, in this one process."""

    arrivals: Arrivals
    settings: argparse.Namespace
    stop: Stop
    exit_codes: list[int] = field(default_factory=list)  # of every delivery, by whichever run it was judged
    judged: int = 0  # deliveries that got a verdict, not those that have one of an earlier run

    def judge_arriving(self) -> int:
        """Until asked to stop; the exit code is 0 after SIGTERM and 130 after SIGINT."""
        _say(f"Watching {self.arrivals.folder}; results go to {self.settings.output}")
        while not self.stop.asked:
            self._judge_complete()
            self.stop.wait(min(POLL_SECONDS, self.arrivals.settle or POLL_SECONDS))
        _say(f"Stopped; deliveries judged: {self.judged}")
        return self.stop.exit_code

    def judge_present(self) -> int:
        """What is there and does not grow; the exit code is the worst of them, a failure before `undetermined`.

        A delivery that was judged before counts by the verdict of that time. Where there is none, nothing was judged.
        """
        if self.arrivals.marker is None:
            self.arrivals.complete(time.monotonic())
            self.stop.wait(self.arrivals.settle)
        self._judge_complete()
        if self.stop.signal is not None:  # not all was judged, which is no success
            return 128 + self.stop.signal
        if not self.exit_codes:
            _say(
                f"{self.arrivals.folder}: holds no complete delivery, so nothing was judged; bring one or wait for it."
            )
            return EXIT_CODES[Decision.UNDETERMINED]
        worst_first = (Decision.FAIL, Decision.UNDETERMINED, Decision.PASS)
        return next(EXIT_CODES[one] for one in worst_first if EXIT_CODES[one] in self.exit_codes)

    def _judge_complete(self) -> None:
        for folder in self.arrivals.complete(time.monotonic()):
            if self.stop.asked:
                return
            self._judge(folder)

    def _judge(self, folder: Path) -> None:
        """Judge one delivery and carry on whatever becomes of it."""
        from checks.engine.suites import ProjectError
        from checks.files import DeliveryError
        from checks.results.outputs import OutputError

        self.arrivals.take(folder)
        try:
            self._judge_new(folder)
        except (OutputError, ProjectError, SettingError) as error:
            self._put_off(folder, str(error))
        except DeliveryError as error:
            self._refuse(str(error))
        except OSError as error:
            self._answer(folder, error)
        except Exception as error:  # the next delivery must be judged whatever is wrong with this one
            self._refuse(
                f"{folder}: could not be judged ({type(error).__name__}: {error}); run it by itself to see why."
            )

    def _judge_new(self, folder: Path) -> None:
        check_settings(self.settings)  # a file that they name may be gone by now
        before = self._judged_before(folder)
        if before is not None and before is not Decision.UNDETERMINED:  # what could not be judged then may be today
            self.exit_codes.append(EXIT_CODES[before])
            _say(f"{folder}: was judged before: {str(before).upper()}")
            return
        leaves(ABANDONED)
        run, verdict = run_checkpoint.judge_delivery(self.settings, folder, False, silence(), leaves)
        self.judged += 1
        self.exit_codes.append(verdict.exit_code)
        remark = f" {run.kind.remark}" if run.kind.remark else ""
        _say(f"{folder}: {str(verdict.decision).upper()}  {verdict.reason(told=1)}{remark}")

    def _judged_before(self, folder: Path) -> Decision | None:
        from checks.engine.suites import declared_suites
        from checks.results import history
        from checks.results.retention import HISTORY
        from checks.waivers import load_waivers

        waivers = load_waivers(declared_suites(), datetime.now(UTC).date())
        program = reuse.program(self.settings.engine)
        judged_by = history.judged_by(recorded(self.settings), waivers, program)
        fingerprint, past = history.fingerprint_of(folder), self.settings.output / HISTORY
        return history.decision(past, fingerprint, judged_by, self.settings.max_age)

    def _answer(self, folder: Path, error: OSError) -> None:
        """Wait for a change where a file of the delivery is at fault; else try again, as anything may have been."""
        what = f"{error.filename or folder}: {error.strerror or error}"
        if error.filename is not None and _is_of(folder, Path(os.fsdecode(error.filename))):
            self._refuse(f"{what}; bring the delivery again, or mend the file.")
        else:
            self._put_off(folder, f"{what}; {folder} could not be judged and is tried again in a while.")

    def _put_off(self, folder: Path, message: str) -> None:
        self.arrivals.put_off(folder, time.monotonic())
        self._refuse(message)

    def _refuse(self, message: str) -> None:
        self.exit_codes.append(EXIT_CODES[Decision.UNDETERMINED])
        _say(message.replace("\n", " "))


def _is_of(folder: Path, file: Path) -> bool:
    """Whether it is the folder or a file right in it: what is deeper is none of the delivery's."""
    return folder.resolve() in (file.resolve(), file.parent.resolve())


def _say(text: str) -> None:
    """One line of a log, with its time; what a folder's name holds can't move a terminal's cursor."""
    from checks.texts import printable

    with printing():
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}  {printable(text)}")


if __name__ == "__main__":
    raise SystemExit(main())
