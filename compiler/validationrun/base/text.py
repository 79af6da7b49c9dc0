"""Text for people: what a terminal may show."""


def printable(text: str) -> str:
    """The text with every character that a terminal could obey written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
