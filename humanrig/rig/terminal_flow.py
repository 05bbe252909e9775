"""The terminal's side of a run of takes: what is to be said, the dashboard while a take runs, the verdict, keys."""

from __future__ import annotations

import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal

from rich.console import RenderableType
from rich.live import Live
from rich.markup import escape

from humanrig.errors import HumanrigError
from humanrig.live.control import TakeVerdict
from humanrig.rig.dashboard import RigView, dashboard
from humanrig.rig.take_control import TakeControl
from humanrig.rig.take_plan import TakePlan
from humanrig.terminal import console, say

Answer = Literal["go", "again", "next", "quit", "started"]
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""End a take like ctrl-C; SIGHUP is what a broken connection over ssh sends."""
REDRAW_S = 0.25
PLAIN_S = 2.0
"""Without a terminal, a line this often instead of the dashboard."""


class TerminalFlow:
    """Runs takes until there are no more, or somebody says so."""

    def __init__(
        self,
        control: TakeControl,
        view: RigView,
        *,
        takes: int = 1,
        interactive: bool | None = None,
        ask: Callable[[str], str | None] | None = None,
    ) -> None:
        """`takes` of each plan are recorded when nobody is asked. `ask` stands for the keyboard in tests."""
        self.control, self.view, self._takes = control, view, takes
        self._interactive = (sys.stdin.isatty() and console.is_terminal) if interactive is None else interactive
        self._ask = ask or self._keyboard
        self._interrupted = False
        self._shown = 0

    def run(self) -> int:
        """Exit code: 0 when the last take is one to keep, 1 when it is not or there is none."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has SIGHUP ignored
                    before[number] = signal.signal(number, signal.default_int_handler)
        try:
            self._run()
        except KeyboardInterrupt:
            self._finish()
        finally:
            self.control.stop()
            self.control.wait()
            for number, handler in before.items():
                signal.signal(number, handler)
        kept = self.control.verdict is not None and self.control.verdict.keep
        return 0 if kept and not self.control.problem else 1

    def _run(self) -> None:
        recorded = 0
        self._brief(self.control.plan)
        answer = self._before()
        while answer != "quit":
            if answer == "next":
                self.control.next()
                recorded = 0
                self._brief(self.control.plan)
                answer = self._before()
                continue
            if answer != "started":
                self.control.start()
            self._watch()
            fresh = self._show_fresh()
            recorded += fresh
            if self.control.problem:
                raise HumanrigError(self.control.problem)
            if not fresh:
                say("the countdown was stopped; nothing was recorded")
            ended = self._interrupted or not fresh
            self._interrupted = False
            answer = "quit" if ended and not self._interactive else self._after(recorded)

    def _show_fresh(self) -> int:
        """Shows every verdict that was not shown, also of what somebody started meanwhile; how many."""
        fresh = self.control.takes[self._shown :]
        self._shown += len(fresh)
        for _, verdict in fresh:
            show_verdict(verdict)
        return len(fresh)

    def _before(self) -> Answer:
        if not self._interactive:
            return "go"
        if self.control.has_next:
            return self._answer("Enter: begin · n: next action · q: quit", {"": "go", "q": "quit", "n": "next"})
        return self._answer("Enter: begin · q: quit", {"": "go", "q": "quit"})

    def _after(self, recorded: int) -> Answer:
        if self._interactive:
            first = "next action" if self.control.has_next else "done"
            words: dict[str, Answer] = {"": "next" if self.control.has_next else "quit", "r": "again", "q": "quit"}
            return self._answer(f"Enter: {first} · r: again, this take is kept · q: quit", words)
        if recorded < self._takes:
            return "again"
        return "next" if self.control.has_next else "quit"

    def _answer(self, question: str, words: Mapping[str, Answer]) -> Answer:
        while True:
            word = self._ask(question)
            if word is None:  # somebody pressed start on the page
                return "started"
            if word.strip().lower() in words:
                return words[word.strip().lower()]

    def _keyboard(self, question: str) -> str | None:
        """A line from the keyboard; None when a take is started elsewhere meanwhile; q at its end."""
        console.print(question, markup=False, end=" ")
        while True:
            if self.control.state != "idle":
                console.print()
                return None
            if select.select([sys.stdin], [], [], 0.1)[0]:
                line = sys.stdin.readline()
                return line.rstrip("\n") if line else "q"

    def _brief(self, plan: TakePlan) -> None:
        """What the operator reads aloud."""
        from humanrig.commands.actions import instructions

        console.rule(escape(plan.title))
        for line in instructions(plan.action) if plan.action else [f"  say: {plan.prompt}"]:
            say(line)
        for link in plan.links:
            say(f"  {link.name.removesuffix('_from'):<10} {link.folder.name}, {link.info.created:%Y-%m-%d %H:%M}")

    def _watch(self) -> None:
        """Shows the take until it has ended; ctrl-C ends it."""
        stopping = False
        while self.control.state != "idle":
            try:
                if console.is_terminal:
                    with Live(self._picture(), console=console, auto_refresh=False, transient=True) as live:
                        while not self.control.wait(REDRAW_S):
                            live.update(self._picture(), refresh=True)
                else:
                    while not self.control.wait(PLAIN_S):
                        status = self.control.status()
                        say(f"{status.state} {status.session}: {status.seconds:.0f} s")
            except KeyboardInterrupt:
                self.control.stop()
                self._interrupted = True
                say("writing what is there" if stopping else "stopping the take")
                stopping = True

    def _picture(self) -> RenderableType:
        plan = self.control.plan
        return dashboard(self.view.lines(), self.control.status(), title=plan.title, hint="ctrl-C stops the take")

    def _finish(self) -> None:
        """Ctrl-C between takes, or twice."""
        self.control.stop()
        begin = time.monotonic()
        while not self.control.wait(0.1) and time.monotonic() - begin < 30.0:
            pass
        self._show_fresh()


def show_verdict(verdict: TakeVerdict) -> None:
    """The ten lines, the first one in colour."""
    style = "bold green" if verdict.keep else "bold red"
    console.print(verdict.lines[0], style=style, markup=False, soft_wrap=True)
    for line in verdict.lines[1:]:
        say(line)
