"""The letters of a registration: which are on their way, what the print shop told, and when to remind of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.letters import PrintShopActivities
    from domain.letter_route import HandOverLetter, LetterEvent, LetterOutcome
    from domain.letters import reminder_times
    from domain.print_shop import DeliveryKind
    from domain.registration import RegistrationTerms


@dataclass(frozen=True)
class Reminder:
    """A reminder of one letter, and when it's due. `number` tells the first from the second."""

    due_at: datetime
    letter_id: str
    number: int


class Letters:
    """What a registration's workflow keeps of its letters. PINs aren't among it."""

    def __init__(self, terms: RegistrationTerms, *, tell: Callable[[LetterEvent], None]) -> None:
        self._terms = terms
        self._tell = tell
        self._to_print: list[str] = []
        self.generation = 0
        self._reminders: list[Reminder] = []

    def requested(self, letter_id: str) -> None:
        """A letter was recorded: it's to be printed, and takes the reminders of those before."""
        self.generation += 1
        self._to_print.append(letter_id)
        self._reminders.clear()

    def told(self, event: LetterEvent) -> None:
        """Take up the print shop's word; only mailing starts a clock, and only once."""
        if event.kind is DeliveryKind.MAILED and not self._reminders:
            times = reminder_times(
                event.at,
                life=self._terms.pin_life,
                after=self._terms.letter_reminder_after,
                before_end=self._terms.letter_reminder_before_end,
            )
            self._reminders = [Reminder(at, event.letter_id, number) for number, at in enumerate(times, start=1)]

    def no_more(self) -> None:
        """The PINs are void or used: nobody is reminded of them."""
        self._reminders.clear()

    @property
    def next_reminder_at(self) -> datetime | None:
        return self._reminders[0].due_at if self._reminders else None

    def take_reminder(self, now: datetime) -> Reminder | None:
        """The reminder that is due, once."""
        if self._reminders and self._reminders[0].due_at <= now:
            return self._reminders.pop(0)
        return None

    async def print_for_ever(self) -> None:
        """Hand letters over, one after another: a print shop that is away holds up no step. Runs as a task of its own."""
        while True:
            await workflow.wait_condition(lambda: bool(self._to_print))
            outcome: LetterOutcome = await workflow.execute_activity_method(
                PrintShopActivities.hand_over,
                HandOverLetter(letter_id=self._to_print[0]),
                summary="Letter to the print shop",
                **policies.PRINT_SHOP,
            )
            letter_id = self._to_print.pop(0)
            if not outcome.accepted:
                self._tell(LetterEvent(letter_id=letter_id, kind=DeliveryKind.CANCELLED, at=workflow.now()))
