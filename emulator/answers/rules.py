"""A small rule-based answerer: no model, only rules that read a prompt and say something that fits.

It picks a label where the prompt offers some, rates where it is asked to rate, shortens where it is asked for a
summary, and otherwise answers in one sentence. The same prompt always gets the same answer.
"""

import re
from functools import lru_cache
from zlib import crc32

_GOOD = frozenset(
    [
        "amazing",
        "beautiful",
        "best",
        "brilliant",
        "charming",
        "comfortable",
        "delicious",
        "delightful",
        "easy",
        "enjoyed",
        "excellent",
        "fantastic",
        "fast",
        "fresh",
        "friendly",
        "good",
        "gorgeous",
        "great",
        "happy",
        "helpful",
        "impressed",
        "love",
        "loved",
        "lovely",
        "nice",
        "outstanding",
        "perfect",
        "pleasant",
        "pleased",
        "quick",
        "recommend",
        "recommended",
        "reliable",
        "satisfied",
        "smooth",
        "solid",
        "sturdy",
        "superb",
        "thanks",
        "wonderful",
        "works",
        "worth",
    ]
)
_BAD = frozenset(
    [
        "annoying",
        "avoid",
        "awful",
        "bad",
        "boring",
        "broke",
        "broken",
        "cheap",
        "cold",
        "complaint",
        "cracked",
        "damaged",
        "dead",
        "defective",
        "dirty",
        "disappointed",
        "disappointing",
        "dreadful",
        "fail",
        "failed",
        "fails",
        "faulty",
        "flimsy",
        "hate",
        "hated",
        "horrible",
        "late",
        "leaked",
        "leaks",
        "loud",
        "missing",
        "never",
        "noisy",
        "poor",
        "refund",
        "refuse",
        "returned",
        "rude",
        "scratched",
        "slow",
        "stopped",
        "terrible",
        "torn",
        "unhappy",
        "unusable",
        "useless",
        "waste",
        "worse",
        "worst",
        "wrong",
    ]
)
_POSITIVE = frozenset({"positive", "good", "happy", "satisfied", "yes", "true", "recommend", "great", "praise"})
_NEGATIVE = frozenset({"negative", "bad", "unhappy", "dissatisfied", "no", "false", "poor", "complaint"})
_MIXED = frozenset({"mixed", "neutral", "unclear", "unsure", "maybe", "both", "average"})

_WORD = re.compile(r"[^\W\d_][\w'-]*")
_LABEL = r"[\"'`*]?[\w-]+(?: [\w-]+)?[\"'`*]?"
_OPTIONS = (
    re.compile(
        r"(?:one of|either|among|labels?|categories|options|choose from)[^:\n]{0,40}: *"
        rf"((?:{_LABEL}(?:, *| *\| *| */ *|,? or |,? and ))+{_LABEL})",
        re.I,
    ),
    re.compile(r"\(((?:[\w-]+ *[/|,] *)+(?:or )?[\w-]+)\)", re.I),
    re.compile(r"\b((?:[\w-]+, )*[\w-]+,? or [\w-]+)\b", re.I),
    re.compile(r"\b([\w-]+(?: ?[/|] ?[\w-]+)+)\b"),
)
_MARKED = re.compile(
    r"\b(?:text|review|comment|message|ticket|document|content|input|title|description) *: *(\S.*)", re.I | re.S
)
_SPLIT = re.compile(r"\s*(?:,\s*or\s|,\s*and\s|\bor\b|\band\b|,|/|\|)\s*", re.I)
_SCALE = re.compile(r"(?:from|scale of|between)?\s*(\d+)\s*(?:to|-|\u2013|and)\s*(\d+)", re.I)
_SUM = re.compile(r"(-?\d+)\s*([+\-*x\xd7])\s*(-?\d+)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_SENTENCE = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+")


def answer(prompt: str, instructions: str = "") -> str:
    """An answer that fits the prompt; always the same for the same words."""
    about = subject(prompt)
    asked = f"{instructions}\n{prompt if about == prompt.strip() else prompt.replace(about, '')}"
    if labels := offered_labels(asked):
        return choose(labels, about)
    head = asked[:400].lower()
    if ("rate" in head or "score" in head) and (scale := _SCALE.search(asked)):
        return str(rate(about, int(scale[1]), int(scale[2])))
    if ("email" in head or "e-mail" in head) and (found := _EMAIL.search(prompt)):
        return found[0]
    if found := _SUM.search(prompt):
        return _calculated(int(found[1]), found[2], int(found[3]))
    return _sentence(about, head)


@lru_cache(maxsize=1024)
def offered_labels(asked: str) -> list[str]:
    """The labels that a prompt offers to choose from: `one of: a, b, c`, `a, b or c`, `(a/b)`."""
    for pattern in _OPTIONS:
        if found := pattern.search(asked):
            labels = [label.strip(" \"'`*.") for label in _SPLIT.split(found[1])]
            labels = [label for label in labels if label]
            if len(labels) > 1:
                return labels
    if re.search(r"\byes\b.{0,20}\bno\b", asked, re.I):
        return ["yes", "no"]
    if "sentiment" in asked.lower():
        return ["positive", "negative", "neutral"]
    return []


def choose(labels: list[str], text: str) -> str:
    """The label that suits a text: one it names, else by its mood, else by its words."""
    mood = sentiment(text)
    wanted = _POSITIVE if mood > 0 else _NEGATIVE if mood < 0 else _MIXED
    for label in labels:
        if label.lower() in wanted:
            return label
    low = text.lower()
    named = [label for label in labels if re.search(rf"\b{re.escape(label.lower())}", low)]
    if named:
        return named[0]
    return labels[crc32(text.encode()) % len(labels)]


def sentiment(text: str) -> int:
    """Good words less bad words; a good word after `not` counts as a bad one."""
    mood, denied = 0, False
    for word in _WORD.findall(text.lower()):
        value = (word in _GOOD) - (word in _BAD)
        mood += -value if denied and value > 0 else value
        denied = word in ("not", "no", "never", "hardly") or word.endswith("n't")
    return mood


def rate(text: str, low: int, high: int) -> int:
    """A mark for a text's mood on a scale."""
    low, high = min(low, high), max(low, high)
    middle = (low + high) / 2
    return round(min(high, max(low, middle + sentiment(text) * (high - low) / 6)))


def subject(prompt: str) -> str:
    """What a prompt is about: its last paragraph, or what follows a colon, else the whole."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", prompt.strip()) if part.strip()]
    if len(paragraphs) > 1:
        return max(paragraphs[1:], key=len)
    if marked := _MARKED.search(prompt):
        return marked[1].strip()
    head, colon, tail = prompt.partition(":")
    named = colon and len(tail.strip()) > 15 and len(head) < 120 and not _OPTIONS[0].search(prompt)
    return tail.strip() if named else prompt.strip()


def first_sentence(text: str, words: int = 25) -> str:
    """The first sentence of a text, cut to some words."""
    sentence = _SENTENCE.split(text.strip(), maxsplit=1)[0]
    parts = sentence.split()
    return sentence if len(parts) <= words else " ".join(parts[:words]) + " …"


def _calculated(left: int, operator: str, right: int) -> str:
    if operator == "+":
        return str(left + right)
    return str(left - right) if operator == "-" else str(left * right)


def _sentence(text: str, head: str) -> str:
    short = first_sentence(text)
    if not short:
        return "There is nothing to answer."
    if "translate" in head:
        return f"[translated] {text}"
    if "summar" in head or "shorten" in head:
        return short
    if short.rstrip().endswith(("?", "\uff1f")):
        return f"That depends; in short, this asks: {short}"
    if len(text.split()) <= 2:
        return f"{text.strip(' .!')} to you too." if text.lower().startswith(("hello", "hi")) else f"About {text}."
    return f"In short: {short}"
