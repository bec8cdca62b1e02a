"""Reading the references that people name on the telephone: a letter for what it is, and twelve Crockford base-32 characters."""

import re
import unicodedata
from typing import Final

_MEANT: Final = str.maketrans("OIL", "011")
_CHARACTERS: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{12}")


def read_reference(text: str, *, letter: str) -> str | None:
    """The reference that was meant, as `A-XXXX-XXXX-XXXX`: any case, any dashes or spaces, with or without its letter.

    O is read as 0, I and L as 1. None for what can't be a reference of this letter.
    """
    folded = "".join(one for one in unicodedata.normalize("NFKC", text[:100]).upper() if one.isalnum())
    characters = (folded[1:] if len(folded) == 13 and folded[0] == letter else folded).translate(_MEANT)
    if not _CHARACTERS.fullmatch(characters):
        return None
    return f"{letter}-{characters[:4]}-{characters[4:8]}-{characters[8:]}"
