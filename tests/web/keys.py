"""Someone with a keyboard and nothing else: the focus moves by keys alone, and has to be seen wherever it stops."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.web.person import Person

MOST_STOPS = 60  # no page has more between its beginning and what is sought on it

# What has the focus: its kind and its words, whether it is on the screen with nothing over it, and whether it looks other than
# without the focus. How everything looks without it is noted when a page is looked at for the first time. Of a field with
# several lines the browser itself brings only the line to write on into sight.
_LOOK = """() => {
    const outlined = e => { const s = getComputedStyle(e); return s.outlineStyle === 'none' ? '' : `${s.outlineStyle} ${s.outlineWidth} ${s.outlineColor}` };
    const looks = e => `${outlined(e)}/${getComputedStyle(e).boxShadow}`;
    const words = e => (e.getAttribute('aria-label') || (e.labels?.length ? e.labels[0] : e).textContent).replace(/\\s+/g, ' ').trim();
    const at = document.activeElement;
    window.unfocused ??= new Map([...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
        .filter(e => e !== at).map(e => [e, looks(e)]));
    const around = at.getBoundingClientRect(), [line = around] = at.getClientRects();
    const [top, bottom] = [Math.max(line.top, 0), Math.min(line.bottom, innerHeight)];
    const hit = document.elementFromPoint(line.x + line.width / 2, (top + bottom) / 2);
    const whole = around.left >= 0 && around.right <= innerWidth + 1
        && (at.tagName === 'TEXTAREA' ? bottom - top >= 24 : around.top >= 0 && around.bottom <= innerHeight + 1);
    return {
        kind: at === document.body ? 'page' : at.type === 'radio' || at.type === 'checkbox' ? at.type
            : { A: 'link', BUTTON: 'button', INPUT: 'field', TEXTAREA: 'field', SELECT: 'list', SUMMARY: 'summary' }[at.tagName] ?? 'part',
        words: at === document.body ? 'the beginning' : words(at),
        seen: whole && at.contains(hit),
        marked: looks(at) !== (window.unfocused.get(at) ?? '/none'),
        value: at.tagName === 'SELECT' ? words(at.selectedOptions[0]) : at.value ?? '',
        checked: at.checked ?? false,
        choices: at.type === 'radio' ? [...document.getElementsByName(at.name)].map(words) : at.tagName === 'SELECT' ? [...at.options].map(words) : [],
    };
}"""


@dataclass(frozen=True)
class Focus:
    """What has the focus. `choices` are the options of a list, or the radio buttons of the group."""

    kind: str
    words: str
    seen: bool
    marked: bool
    value: str
    checked: bool
    choices: Sequence[str]

    def __str__(self) -> str:
        return f"{self.kind} “{self.words[:60]}”"


class Keys:
    """Works the pages of a person's browser. Things are named by how their words begin."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self._keyboard = person.page.keyboard

    # The focus.

    async def focus(self) -> Focus:
        return Focus(**await self.person.page.evaluate(_LOOK))

    async def _press(self, key: str) -> Focus:
        """Press a key that moves the focus, and see where it is."""
        await self._keyboard.press(key)
        focus = await self.focus()
        if focus.kind != "page":
            assert focus.seen, f"{self.person.path}: {focus} has the focus and is out of sight, or something is over it"
            assert focus.marked, f"{self.person.path}: {focus} has the focus and looks as if it had not"
        return focus

    async def to(self, kind: str, words: str, *, key: str = "Tab") -> Focus:
        """Press Tab, or Shift+Tab, until this has the focus; of radio buttons, any of the group.

        The focus must not be caught anywhere, nor go past the page's end.
        """
        passed: list[Focus] = []
        focus = await self.focus()
        while len(passed) < MOST_STOPS and not (passed and focus.kind == "page"):
            named = focus.choices if kind == "radio" else (focus.words,)
            if focus.kind == kind and any(name.startswith(words) for name in named):
                return focus
            passed.append(focus)
            focus = await self._press(key)
        pytest.fail(
            f"{self.person.path}: {kind} “{words}” isn't reached by {key}; passed: {'; '.join(map(str, passed))}"
        )

    # What is done with it.

    async def types(self, label: str, text: str, *, key: str = "Tab") -> None:
        """Go to a field and write this in the place of what it has."""
        await self.to("field", label, key=key)
        await self._keyboard.press("Control+A")
        await self._keyboard.type(text)
        assert (await self.focus()).value == text

    async def ticks(self, label: str) -> None:
        await self.to("checkbox", label)
        await self._keyboard.press("Space")
        assert (await self.focus()).checked

    async def chooses(self, label: str) -> None:
        """Go to the group of radio buttons that has this one, and to the button by arrow; Space takes the first of a group."""
        focus = await self.to("radio", label)
        for _ in focus.choices:
            if focus.words.startswith(label):
                break
            focus = await self._press("ArrowDown")
        if not focus.checked:
            await self._keyboard.press("Space")
            focus = await self.focus()
        assert focus.words.startswith(label), f"{label} isn't reached by arrow, but {focus}"
        assert focus.checked

    async def picks(self, label: str, option: str) -> None:
        """Go to a list and to one of its options by arrow."""
        focus = await self.to("list", label)
        for _ in focus.choices:
            if focus.value.startswith(option):
                return
            focus = await self._press("ArrowDown")
        assert focus.value.startswith(option), f"{option} isn't reached by arrow among {focus.choices}"

    async def opens(self, summary: str) -> None:
        """Unfold what is behind these words."""
        await self.to("summary", summary)
        await self._keyboard.press("Enter")

    async def presses(self, button: str, *, key: str = "Enter") -> None:
        """Press a button that leads to a page."""
        await self.to("button", button)
        await self._leaves(key)

    async def follows(self, link: str) -> None:
        """Follow a link to another page."""
        await self.to("link", link)
        await self._leaves("Enter")

    async def jumps(self, link: str) -> Focus:
        """Follow a link to another place of this page; returns what has the focus there."""
        await self.to("link", link)
        return await self._press("Enter")

    async def sends(self) -> None:
        """Send a form from the field where the focus is."""
        await self._leaves("Enter")

    async def _leaves(self, key: str) -> None:
        async with self.person.page.expect_navigation():
            await self._keyboard.press(key)
