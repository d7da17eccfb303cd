"""The outcome of a run: bars, a Markdown table, and the same as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.reliability.chaos.checker import Findings
from tests.reliability.chaos.figures import Figures
from tests.reliability.chaos.options import RELAY_FAULTS, Options

TOLD_LAST = "slowest live event of a message, from when the first knew of it"
ACKS_WITHOUT_RELAY = "acknowledged while the relay is away, 99th percentile"
SHARE = "acknowledged of what was offered between faults"
BACK = "clients back, 95th percentile"
AFTER_ABSENCE = "of them, sent again after an absence or a lost answer"

TOLD = 5.0
"""Seconds: whoever is connected is told of a message by then, whatever the relay does (issue 5)."""

ACKNOWLEDGED = 0.25
"""Seconds: the 99th percentile of acknowledgements while the relay is away (issue 5)."""

ANSWER = 7.0
"""Seconds: the server asks for its database for 5, and a machine under load takes its time."""

SHOWN = 10
"""Of each kind of finding, so many are printed; the JSON has all."""


@dataclass(slots=True, frozen=True)
class Bar:
    """Something that is demanded, and what came out."""

    what: str
    wanted: str
    got: str
    met: bool


@dataclass(slots=True)
class Report:
    """All that a run found."""

    options: Options
    findings: Findings
    figures: Figures
    done: dict[str, int]
    complaints: list[str]

    def bars(self) -> list[Bar]:
        """Every bar, met or not."""
        numbers = self.figures
        zeros = {
            "lost (acknowledged, but absent)": self.findings.lost,
            "duplicated (a temp_id twice, or given twice)": self.findings.duplicated,
            "out of order": self.findings.disordered,
            "gaps, or another state than history, at the end": self.findings.gaps,
            "sends never acknowledged": self.findings.unacknowledged,
            "complaints": self.complaints,
        }
        bars = [Bar(what, "0", str(len(found)), not found) for what, found in zeros.items()]
        struck = self.struck()
        bars += [
            Bar("faults struck", str(self.options.kills), str(struck), struck >= self.options.kills),
            _at_least(SHARE, 0.95, numbers.share),
            Bar("duplicates refused", "> 0", str(numbers.duplicates), numbers.duplicates > 0),
            Bar(BACK, "<= 5 s", f"{numbers.back_95:.2f} s", numbers.back_95 <= 5),
        ]
        return bars + list(self._own_bars())

    def struck(self) -> int:
        """How often the fault struck."""
        return self.done.get("strikes", 0)

    def _own_bars(self) -> Iterator[Bar]:
        """Those of one kind of fault."""
        numbers, fault = self.figures, self.options.fault
        if fault == "term":
            unanswered = numbers.unanswered_at_drain
            yield Bar("events under way at SIGTERM, unanswered", "0", str(unanswered), not unanswered)
        if fault in ("disk", "database"):
            refused = numbers.refused.get("unavailable", 0)
            yield Bar("sends answered `unavailable`", "> 0", str(refused), refused > 0)
            recovery = numbers.slowest_recovery
            yield Bar("first acknowledgement after the fault, slowest", "<= 5 s", f"{recovery:.2f} s", recovery <= 5)
            answer = numbers.slowest_answer
            yield Bar("a send's answer, slowest", f"<= {ANSWER:g} s", f"{answer:.2f} s", answer <= ANSWER)
        if self.options.nodes > 1:
            told, acks = numbers.told_last, numbers.ack_99_without_relay
            yield Bar(TOLD_LAST, f"<= {TOLD:g} s", f"{told:.2f} s", told <= TOLD)
            if fault in RELAY_FAULTS:
                wanted, got = f"<= {ACKNOWLEDGED * 1000:g} ms", f"{acks * 1000:.0f} ms"
                yield Bar(ACKS_WITHOUT_RELAY, wanted, got, acks <= ACKNOWLEDGED)
        if fault in ("commit-publish", "proxy"):  # a random kill hits no answer on its way every time
            again = numbers.duplicates_after_absence
            yield Bar(AFTER_ABSENCE, "> 0", str(again), again > 0)

    @property
    def passed(self) -> bool:
        """Whether every bar is met."""
        return all(bar.met for bar in self.bars())

    def markdown(self) -> str:
        """The table."""
        options = self.options
        lines = [
            f"### {options.fault} on {options.database}: {'passed' if self.passed else 'FAILED'}",
            "",
            self._size(),
            "",
            "| | bar | result | |",
            "| --- | --- | --- | --- |",
            *(f"| {bar.what} | {bar.wanted} | {bar.got} | {'ok' if bar.met else 'MISSED'} |" for bar in self.bars()),
            *(f"| {what} | | {value} | |" for what, value in self._rows()),
        ]
        for name, found in vars_of(self.findings).items():
            lines += [f"- {name}: {one}" for one in found[:SHOWN]]
        lines += [f"- complaint: {one}" for one in self.complaints[:SHOWN]]
        return "\n".join(lines) + "\n"

    def _size(self) -> str:
        options = self.options
        servers = f"{options.nodes} servers, " if options.nodes > 1 else ""
        size = f"{servers}{options.clients} clients, {options.conversations} conversations, {options.rate:g} messages/s"
        return f"{size}, {self.figures.seconds:.0f} s, seed {options.seed}"

    def _rows(self) -> Iterator[tuple[str, str]]:
        numbers = self.figures
        yield "what was done", ", ".join(f"{what}: {times}" for what, times in self.done.items())
        yield "offered, acknowledged", f"{numbers.offered}, {numbers.acknowledged}"
        yield "offered a second", f"{numbers.offered_per_second:.1f}"
        yield "messages given to clients", str(numbers.deliveries)
        yield "absences of a client", str(numbers.absences)
        yield "back, median and longest", f"{numbers.back_median:.2f} s, {numbers.back_longest:.2f} s"
        acks = f"{numbers.ack_median * 1000:.0f} ms, {numbers.ack_99 * 1000:.0f} ms"
        yield "acknowledged, median and 99th percentile", acks
        if self.options.nodes > 1:
            yield "live events of a message, 99th percentile", f"{numbers.told_99 * 1000:.0f} ms"
        yield "duplicates refused after an absence or a lost answer", str(numbers.duplicates_after_absence)
        yield "answered with an error", ", ".join(f"{code}: {n}" for code, n in numbers.refused.items()) or "none"
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        yield "load of the machine (1, 5 and 15 minutes), its processors", f"{load}; {os.cpu_count()}"
        yield "answered with a reset; holes that a client noticed", f"{numbers.resets}; {numbers.holes}"

    def json(self) -> str:
        """Everything, for machines."""
        value: dict[str, Any] = {
            "passed": self.passed,
            "options": dataclasses.asdict(self.options),
            "bars": [dataclasses.asdict(bar) for bar in self.bars()],
            "figures": dataclasses.asdict(self.figures),
            "findings": vars_of(self.findings),
            "done": self.done,
            "complaints": self.complaints,
        }
        return json.dumps(value, indent=2, default=str) + "\n"


def _at_least(what: str, wanted: float, got: float) -> Bar:
    return Bar(what, f">= {wanted:.0%}", f"{got:.2%}", got >= wanted)


def vars_of(findings: Findings) -> dict[str, list[str]]:
    """The findings by their names."""
    return {item.name: getattr(findings, item.name) for item in dataclasses.fields(findings)}
