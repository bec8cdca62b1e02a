"""Domain names that pass for another when a person reads them (rule T2), after the idea of Unicode's skeletons (UTS 39)."""

import re
import unicodedata
from typing import Final

from domain.mail_domains import registrable_domain

# Letters that are drawn like an ASCII one; the first of each word is what the others look like. From the data of
# UTS 39, the alphabets that have enough of them to write a name with.
_DRAWN_ALIKE: Final = """
    aаɑαᴀ bьвβƅʙ cсϲᴄ dԁđᴅ eеєεᴇ fғꜰ gɡցɢ hһнհħʜ iіιıɩɪ jјϳյᴊ kкκᴋ lӏłʟןוןاǀ mмᴍ nпηոɴ oоοσօøסەهہᴏഠ
    pрρᴘ qԛզ rгʀ sѕƽꜱ tтτŧᴛ uυμսцᴜ vνѵᴠ wԝωաɯᴡ xхχ yуγүʏ zᴢ
"""
_DRAWN_AS: Final = str.maketrans(
    {other: word[0] for word in _DRAWN_ALIKE.split() for other in word[1:]} | {"æ": "ae", "œ": "oe", "0": "o", "1": "l"}
)
_SHORTEST_FOR_AN_EDIT: Final = 5

# Scripts in which a whole name can be told from an ASCII one. Latin letters with signs aren't among them.
_CHINESE_JAPANESE_KOREAN: Final = frozenset(["CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL"])
_DISTINCT_SCRIPTS: Final = frozenset(["ARABIC", "CYRILLIC", "DEVANAGARI", "GREEK", "HEBREW", "THAI"])


def skeleton(name: str) -> str:
    """What is left of a name for a hasty eye: equal for names that are hard to tell apart. For comparing only."""
    return _letters(name).replace("m", "rn").replace("w", "vv")


def _letters(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    bare = "".join(character for character in decomposed if not unicodedata.category(character).startswith(("M", "Cf")))
    return bare.translate(_DRAWN_AS).replace("-", "").replace("i", "l")


def looks_like(domain: str, other: str) -> bool:
    """Whether one domain may be taken for the other: their registered names, whatever stands behind them.

    Names of five letters and more also when one letter is missing, added, another, or changed places with the next.
    """
    mine, theirs = (registrable_domain(each).partition(".")[0] for each in (domain, other))
    if not mine or not theirs:
        return False
    return skeleton(mine) == skeleton(theirs) or _one_edit_apart(_letters(mine), _letters(theirs))


def _one_edit_apart(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(longer) < _SHORTEST_FOR_AN_EDIT or len(longer) - len(shorter) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    if len(shorter) < len(longer):
        return shorter[same:] == longer[same + 1 :]
    swapped = longer[same + 1 : same + 2] + longer[same : same + 1]
    return shorter[same + 1 :] == longer[same + 1 :] or shorter[same:] == swapped + longer[same + 2 :]


def is_doubtful_international(domain: str) -> bool:
    """Whether a label mixes scripts, is drawn like an ASCII one, or can't be read for what it is."""
    return any(_is_doubtful(label) for label in domain.split("."))


def _is_doubtful(label: str) -> bool:
    if label.startswith("xn--"):  # what could be decoded was
        return True
    if label.isascii():
        return False
    scripts = {
        unicodedata.name(character, "UNNAMED").partition(" ")[0]
        for character in label
        if not re.fullmatch("[0-9-]", character)
    }
    written_in_one = scripts <= _CHINESE_JAPANESE_KOREAN or (len(scripts) == 1 and scripts <= _DISTINCT_SCRIPTS)
    return not written_in_one or skeleton(label).isascii()
