"""The HTML pages of a unit: one stylesheet with the unit's colours, and numbers filled in."""

import re
from pathlib import Path

from canvas import mix

LICENCES = {
    "de": "Lizenz\n\nText, Bilder, Ton und Film dieser Lerneinheit: Creative Commons Namensnennung 4.0\n"
    "International (CC BY 4.0). Sie dürfen alles weitergeben und verändern, auch gewerblich,\n"
    "wenn Sie die Quelle nennen:\n\n    „%s“, Nano-Beispielinhalte, CC BY 4.0\n",
    "en": "Licence\n\nText, pictures, sound and film of this learning unit: Creative Commons Attribution 4.0\n"
    "International (CC BY 4.0). You may share and adapt everything, also commercially,\n"
    'as long as you name the source:\n\n    "%s", Nano demo content, CC BY 4.0\n',
}


def stylesheet(accent):
    shared = (Path(__file__).parent / "lesson.css").read_text("utf-8")
    head = ":root { --accent: %s; --tint: %s; }\n" % (accent, mix("#ffffff", accent, 0.08))
    return (head + shared).encode("utf-8")


def fill(text, values):
    """Replaces every {{name}}; a name without a value is an error."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: str(values[found.group(1)]), text)


def licence(language, title):
    return (LICENCES[language] % title).encode("utf-8")
