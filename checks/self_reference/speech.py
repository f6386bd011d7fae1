"""Sentences in which an assistant speaks about itself: its identity, that it is an AI, how far its knowledge goes."""

import re
from functools import cache, cached_property
from typing import NamedTuple

from .names import Name
from .passage import Passage
from .tongues import NEVER, TONGUES, Tongue

_UNSPACED = frozenset(("ja", "th", "zh"))
_SUFFIXES = frozenset(("bn", "ko"))  # set suffixes, where others set words
# Languages that leave out the pronoun: "as a language model, cannot".
_DROPS_PRONOUN = frozenset(
    ("ar", "bg", "bn", "ca", "cs", "el", "es", "eu", "fa", "fi", "gl",
     "he", "hu", "it", "ja", "ko", "pl", "pt", "ro", "sk", "tr", "zh")
)  # fmt: skip
_I = {
    "bn": r"আমি|আমার|আমাকে",
    "da": r"jeg|mig|min|mit|mine",
    "de": r"ich|mir|mich|mein\w*",
    "en": r"i|i'm|i've|i'd|i'll|me|my|im|dont",
    "eo": r"mi|mia\w*|min",
    "fr": r"je|j|m|me|moi|mon|ma|mes",
    "id": r"saya|aku|\w+ku",
    "nb": r"jeg|meg|min|mitt|mine",
    "nl": r"ik|mij|mijn|me",
    "ru": r"я|мне|меня|мо[йяеи]\w*|у меня",
    "sv": r"jag|mig|min|mitt|mina",
    "th": r"ฉัน|ผม|ดิฉัน|เรา",
    "uk": r"я|мені|мене|м[оі][йяєї]\w*",
    "vi": r"tôi|mình|em|tớ",
}

_CLAUSE = re.compile(r"[,.;:!?،、。]")
_UNLIKE = re.compile(r"\W?(?:와는? 달리|과는? 달리|와 비교|とは?(?:違|異)|と比べ|'?[dt][ae]n farklı|와는 다르)")
MAX_BEFORE, MAX_AFTER = 120, 60  # characters around a name in which its frame is looked for
_ENDS_NAME = re.compile(r"\s*(?:[,.!?;:–—(-]|$)")
MAX_GREETING = 14  # characters of a greeting before a name
MAX_OWNER = 6  # characters between a maker and its model: "Google's Gemini"
MAX_APART = 160  # characters between "I am a language model" and a name

_LIKE = re.compile(
    r"(?:\b(?:such as|like|unlike|than|similar to|including|e\.g\.,?|asked|ask|using|use|used|try|tried|and|or"
    r"|about|called|wie|comme|como|come|kaip|som|jak|как|як|"
    r"im gegensatz zu|anders als|a diferencia de|contrairement à|a differenza di|ao contrário d[eoa]|spre "
    r"deosebire de|в отличие от|на відміну від|за разлика от|w przeciwieństwie do|na rozdíl od|na rozdiel od|"
    r"in tegenstelling tot|anders dan|til forskel fra|i motsetning til|till skillnad från|toisin kuin|khác với"
    r"|berbeda dengan|tidak seperti|malsame al|برخلاف|على عكس|بخلاف|σε αντίθεση με|a diferenza de|"
    r"not|no|nicht|pas|ikke|inte|niet|nie|не)|比如|例如|像|など|不是)\W{0,3}$"
)
# "Here", before a name: a comma or the end must follow it, or it is a place.
_HERE_IS = frozenset((
    "aquí", "aqui", "ici", "hier", "her er", "här är", "det er", "det är", "tady", "zde", "tu", "tutaj",
    "qui", "aici", "тук е", "здесь", "это", "тут", "це", "εδώ", "jen", "hemen", "itt", "itt a",
    "here", "this is", "معك", "هنا", "اینجا", "כאן", "এখানে", "ที่นี่", "这里是", "ここは", "こちらは", "こちら",
    "여기는", "di sini", "täällä", "tässä", "burada", "đây là",
))  # fmt: skip
# Stems of "train" and "teach": people are trained by companies too.
_TRAINS = re.compile(
    r"\b(?:train|teach|taught|entren|entrain|entraîn|trein|addestr|antren|trén|trenow|wyszkol|vyškol|školen|"
    r"képez|képz|taníto|betaní|koulut|opleid|getraind|utbild|tränat|tränad|trent|trænet|eğit|dilatih|melatih|"
    r"adestr|trebatu|trejn)"
    r"|тренир|обуч|навч|обучен|訓練|学習|훈련|학습|训练|訓練|ฝึก|สอน|huấn luyện|đào tạo|آموزش|درب|প্রশিক্ষ|אומנ|אימנ|"
    r"εκπαίδ|εκπαιδ"
)
_BUT = (
    r"e sim|sondern|sino|sinó|senón|mais|mas|but|sed|hanem|maar|men|utan|ale"
    r"|lecz|а|но|але|ci|ma|bensì|baizik|vaan|melainkan|tetapi|mà|ama|بل|بلکه|אלא|αλλά|בל|বরং"
)
_HERE = re.compile(
    r"\s?here\b\s?[!.,:;–—-]|\s(?:is|would be|will be) (?:glad|happy|here|ready|delighted|pleased|at your service)\b"
)
# "My creators at NAME", "NAME made me", "I was developed by NAME": what English needs besides a first person.
_MAKE = (
    r"(?:created|made|built|trained|developed|designed|programmed|engineered|invented|launched|released|"
    r"deployed|fine-tuned|"
    r"taught|owned|produced|powered|coded|raised|provided|maintained|operated|constructed)"
)
# "Made me", and not "made me think".
_NO_VERB = (
    r"(?! (?!(?:to|for|and|in|with|that|so|as|at|on|by|using|from|but|is|has|are|have|did|does|the|a|an|gave|named)\b)"
    r"\w)"
)  # fmt: skip
_ENGLISH = [
    re.compile(pattern)
    for pattern in (
        rf"\bi(?:'m| am| was|'ve been| have been|, \w+, was| was originally| got) (?:\w+ly |\w+ and |first |also |"
        rf"not \w+ but ){{0,2}}{_MAKE}\b"
        r"(?: (?!that\b|when\b|because\b|while\b|whereas\b|but\b|unlike\b)[\w-]+,?){0,12}? *(?:by|at|from|with|on|"
        r"using|in|of|upon)\b[^.,;:!?\n]{0,40}⟦",
        rf"⟧[^.;:!?\n]{{0,60}}?\b(?:{_MAKE}|named|calls|taught|runs|named|trains|gave) me\b{_NO_VERB}",
        rf"\b{_MAKE} me\b{_NO_VERB}[^.;:!?\n]{{0,60}}?⟦|\bme\b[^.;:!?\n]{{0,20}}\b{_MAKE}\b[^.;:!?\n]{{0,40}}⟦",
        r"\bmy (?:own )?(?:creators?|makers?|developers?|trainers?|engineers|inventors?|parent company|builders?|"
        r"programmers?|owners?|company|architecture|model|training|team|design|designers?|"
        r"identity)\b[^.;:!?\n]{0,40}⟦",
        r"⟧[^.;:!?\n]{0,20}\bmy (?:creators?|makers?|developers?|trainers?|parent company|builders?|programmers?|"
        r"designers?|home)\b",
        r"\bi(?:'m| am)? (?:also |currently |actually )?(?:run|running|based|powered|operate|work|built|function|"
        r"an instance|a version|a product|a creation|a service|part)\b(?: \w+){0,3} (?:on|by|of|upon|using|"
        r"from)\b[^.;:!?\n]{0,40}⟦",
    )
]
_MADE_ME = re.compile(
    rf"\b{_MAKE} me\b{_NO_VERB}|\bmy (?:creators?|makers?|developers?|builders?|programmers?|designers?|"
    rf"inventors?)\b|\bi was (?:created|built|developed|designed|programmed|invented)\b"
)
_BRACKETS = re.compile("[⟦⟧]")


Spelt = tuple[int, Name, int]
"""A name in a text: where it begins, what it is, and where it ends."""


class Grammar:
    """The patterns of one language; each is compiled at its first use."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._tongue: Tongue = TONGUES[code]
        self._is_spaced = code not in _UNSPACED
        self._edge, gap = (r"(?<!\w)", r"[\s,:*_\"(–—-]+") if self._is_spaced else ("", r"[\s,、-]*")
        self._tight = rf"(?:{gap}|(?<='))" if self._is_spaced and code not in _SUFFIXES else r"[\s,:*_\"(-]*"
        self._end = r"(?!\w)" if self._is_spaced else ""
        self._between = rf"(?:{gap}(?:{self._tongue.fill}){self._end}){{0,4}}"
        if self._is_spaced:  # "I am not a human but"
            self._between = rf"(?:[^.!?\n;:]{{4,40}}[ ,](?:{_BUT})(?!\w))?{self._between}"

    @property
    def drops_pronoun(self) -> bool:
        """Whether sentences in the first person need no pronoun."""
        return self.code in _DROPS_PRONOUN

    @cached_property
    def frame(self) -> re.Pattern[str]:
        """Match "I am" or "my name is", up to a name behind it."""
        return re.compile(rf"{self._edge}(?:{_any(self._tongue.am, self._tongue.called)}){self._between}{self._tight}$")

    @cached_property
    def behind(self) -> re.Pattern[str]:
        """Match "I am" behind a name."""
        end = r"(?!\w)" if self.code in ("fa", "eu", "nb", "sv", "id") else ""
        forms = _any(self._tongue.behind, self._tongue.as_behind)
        return re.compile(rf"[\w-]*?[\s'-]*(?:{self._tongue.fill})?[\s,]*(?:{forms}){end}")

    @cached_property
    def first(self) -> re.Pattern[str]:
        """Match the first person."""
        forms = _any(_I.get(self.code, self._tongue.me), self._tongue.am, self._tongue.called)
        return re.compile(rf"{self._edge}(?:{forms}){self._end}")

    @cached_property
    def me(self) -> re.Pattern[str]:
        """Match the first person as one that was made."""
        end = "" if self.code in _SUFFIXES else self._end
        return re.compile(rf"{self._edge}(?:{self._tongue.me}){end}")

    @cached_property
    def made(self) -> re.Pattern[str]:
        return re.compile(self._tongue.made)

    @cached_property
    def agent(self) -> re.Pattern[str]:
        return re.compile(rf"{self._edge}(?:{self._tongue.agent})")

    @cached_property
    def opens_as(self) -> re.Pattern[str]:
        """Match "as", from the beginning of a sentence up to a name."""
        return re.compile(rf"\W*(?:{self._tongue.as_})\s*(?:(?:mod|мод|μοντ)\w+\s+)?$")

    @cached_property
    def is_agent(self) -> re.Pattern[str]:
        """Match "I am a language model"."""
        forms = [rf"{self._edge}(?:{self._tongue.am}){self._between}{self._tight}(?:{self._tongue.agent})"]
        if self._tongue.behind != NEVER:
            filled = rf"(?:[\s-]*(?:{self._tongue.fill})){{0,3}}"
            forms.append(rf"(?:{self._tongue.agent}){filled}\s*(?:{self._tongue.behind})")
        return re.compile("|".join(forms))

    @cached_property
    def is_maker_agent(self) -> re.Pattern[str]:
        """Match "I am a NAME-made language model"."""
        am, made, agent = self._tongue.am, self._tongue.made, self._tongue.agent
        return re.compile(
            rf"{self._edge}(?:{am})[^.!?;,\n]{{1,60}}{self._edge}(?:{agent})"
            rf"|(?:{made})[^.!?;,\n]{{0,30}}{self._edge}(?:{agent})[^.!?;,\n]{{0,12}}(?:{self._tongue.behind})"
        )

    @cached_property
    def as_agent(self) -> re.Pattern[str]:
        """Match "as a language model"."""
        loose = r"[\s,'-]*" if self.code in ("ar", "he", "fr") else self._tight
        forms = [rf"{self._edge}(?:{self._tongue.as_}){self._between}{loose}(?:{self._tongue.agent})"]
        if self._tongue.as_behind != NEVER:
            end = r"[\w-]*" if self._is_spaced else ""
            forms.append(
                rf"(?:(?:{self._tongue.fill})\s*)?(?:{self._tongue.agent}){end}\s*(?:{self._tongue.as_behind})"
            )
        return re.compile("|".join(forms))

    @cached_property
    def knows(self) -> re.Pattern[str]:
        return re.compile(rf"{self._edge}(?:{self._tongue.knows})")

    @cached_property
    def sorry(self) -> re.Pattern[str]:
        return re.compile(rf"{self._edge}(?:{self._tongue.sorry})")

    @cached_property
    def cannot(self) -> re.Pattern[str]:
        return re.compile(rf"{self._edge}(?:{self._tongue.cannot})")

    @cached_property
    def help(self) -> re.Pattern[str]:
        return re.compile(self._tongue.help)

    @cached_property
    def asks(self) -> re.Pattern[str]:
        """Match a user's "who are you"."""
        return re.compile(rf"{self._edge}(?:{self._tongue.asks})")


def _any(*forms: str) -> str:
    return "|".join(form for form in forms if form != NEVER) or NEVER


@cache
def grammar(code: str) -> Grammar:
    """Return the patterns of a language."""
    return Grammar(code)


def claims_name(passage: Passage, grams: Grammar, spelt: Spelt, others: list[Spelt]) -> bool:
    """Whether the sentence around a name says that the speaker is this model, or was made by this maker.

    `others` are the other names in the sentence.
    """
    (start, name, end), text = spelt, passage.text
    first, last = passage.sentence(start, end)
    if _UNLIKE.match(text, end):
        return False
    if text[last - 1 : last + 1].strip()[-1:] in ("?", "？", "؟") and "," not in text[end:last]:
        return False  # "Am I ...?"
    beside = [(at - first, other, stop - first) for at, other, stop in others]
    place = _Place(text[first:last], start - first, end - first, name, beside)
    if name.model and _is_framed(grams, place):
        if name.is_sure or place.has_pair or grams.agent.search(text, max(0, start - 200), min(len(text), end + 200)):
            return True
        # A name that people have as well: "I am Claude! How can I help?", "As Gemini, I ...".
        offers = grams.help.search(text, end, min(len(text), end + MAX_BEFORE)) is not None
        return (_ENDS_NAME.match(place.after) is not None and offers) or grams.opens_as.match(place.before) is not None
    if _LIKE.search(place.before) or not (grams.drops_pronoun or grams.first.search(place.sentence)):
        return False
    has_me = (_MADE_ME.search(place.sentence) is not None) if grams.code == "en" else _is_made_object(grams, place)
    if not (_was_made_in_english(grams, place) if grams.code == "en" else has_me or _is_said_agent(grams, place)):
        return False
    if name.is_sure or place.has_pair or grams.agent.search(place.sentence):
        return True
    return has_me and not name.model and not _TRAINS.search(place.sentence)


class _Place(NamedTuple):
    """A name in its sentence."""

    sentence: str
    start: int
    end: int
    name: Name
    others: list[Spelt]

    @property
    def before(self) -> str:
        return self.sentence[max(0, self.start - MAX_BEFORE) : self.start]

    @property
    def before_owner(self) -> str:
        """What is before the name, and before its maker's: "I am Google's Gemini"."""
        owners = (start for start, other, end in self.others if not other.model and 0 <= self.start - end <= MAX_OWNER)
        start = next(owners, self.start)
        return self.sentence[max(0, start - MAX_BEFORE) : start]

    @property
    def after(self) -> str:
        return self.sentence[self.end : self.end + MAX_AFTER]

    @property
    def has_pair(self) -> bool:
        """Whether a model and its maker are both named."""
        return any(o.maker == self.name.maker and bool(o.model) != bool(self.name.model) for _, o, _ in self.others)


def _was_made_in_english(grams: Grammar, place: _Place) -> bool:
    """Whether a sentence in English says that its speaker was made by this maker, or is this model's product."""
    sentence, start, end = place.sentence, place.start, place.end
    marked = f"{sentence[:start]}⟦{_BRACKETS.sub(' ', sentence[start:end])}⟧{sentence[end:]}"
    if any(pattern.search(marked) for pattern in _ENGLISH):
        return True
    agent = grams.is_agent.search(sentence)
    if agent is None or not 0 <= start - agent.start() < MAX_APART:
        return False
    return place.has_pair or " of " in place.before[-8:] or grams.made.search(sentence) is not None


def _is_said_agent(grams: Grammar, place: _Place) -> bool:
    """Whether a sentence says that its speaker is a thing that answers, and names a model or a maker beside it."""
    if grams.is_agent.search(place.sentence) or grams.is_maker_agent.search(place.sentence):
        return True
    # "As a language model by NAME": a name before it is what the sentence is about.
    as_one = grams.as_agent.search(place.sentence)
    return as_one is not None and place.start > as_one.start()


def _is_made_object(grams: Grammar, place: _Place) -> bool:
    """Whether one clause has the first person next to a verb of making."""
    for me in grams.me.finditer(place.sentence):
        before = _CLAUSE.split(place.sentence[max(0, me.start() - 30) : me.start()])[-1]
        after = _CLAUSE.split(place.sentence[me.end() : me.end() + 40])[0]
        if grams.made.search(before + me[0] + after):
            return True
    return False


def _is_framed(grams: Grammar, place: _Place) -> bool:
    """Whether a model's name stands where a speaker's name does."""
    before, after = place.before, place.after
    framed = grams.frame.search(place.before_owner)
    if framed is not None:
        is_place = framed[0].strip(" ,:-–—(\"'") in _HERE_IS
        return not is_place or (
            (not before[: framed.start()].strip(" ,!-–—\"'*") or before.rstrip().endswith("!"))
            and re.match(r"\s*(?:[,.!:;–—(-]|$|speaking|here)", after) is not None
        )
    is_greeted = place.name.is_sure and len(before.strip()) <= MAX_GREETING
    if grams.behind.match(after) and (is_greeted or grams.code in ("eu", "hu") or grams.first.search(before)):
        return True
    if grams.code == "en":
        is_here = _HERE.match(after) is not None
        if (is_here and not before.strip(" ,.!-*_\"'")) or re.search(r"(?:^|\W)i,\s?$", before):
            return True
        if is_here and re.match(r"\s(?:is|would|will)", after) and re.search(r"\byou\b", place.sentence):
            return True
    if grams.opens_as.match(before) is None:
        return False
    has_rival = any(other.model for _, other, _ in place.others)
    return grams.first.search(after) is not None or (
        grams.drops_pronoun and not has_rival and (after[:1] == "," or place.has_pair)
    )


# People who work with models: "I am an AI researcher".
_PEOPLE = re.compile(
    r"engineer|research|scientist|\bexpert|student|teacher|professor|ingenier|enxeñeir|engenheir|ingénieur|"
    r"ingegner|inżynier|inženýr|inžinier|enginyer|ingenjör|ingeniør|insinööri|ingenieur|mühendis|mérnök|"
    r"inginer|inĝenier|ingeniari"
    r"|инженер|інженер|исследоват|дослідник|изследовател|учён|учен|forscher|chercheur|ricercat|investigador|"
    r"badacz|výzkum|výskum|kutató|cercetăt|tutkij|forsker|forskare|onderzoeker|peneliti|araştırma|esploristo|"
    r"ikertzaile"
    r"|مهندس|باحث|محقق|پژوهشگر|متخصص|מהנדס|חוקר|μηχανικ|ερευνητ|প্রকৌশলী|গবেষক|エンジニア|研究|技術者|엔지니어|연구|工程师|研究员|"
    r"研究人员|วิศวกร|นักวิจัย|kỹ sư|nhà nghiên cứu"
)
_SPEAKS = (
    "i am",
    "i'm",
    "im ",
    "as ",
    "being",
    "am i",
    "i was",
    "i,",
    "talking",
    "chatting",
    "speaking",
    "since i",
    "because i",
)
MAX_BACK, MAX_AHEAD = 80, 48  # characters around an anchor in which its phrase is


def disclaims(passage: Passage, grams: Grammar, at: int) -> tuple[int, int] | None:
    """Return where the words around a place say that their speaker is an AI; None: they do not."""
    text = passage.text
    left, right = max(0, at - MAX_BACK), min(len(text), at + MAX_AHEAD)
    if grams.code == "en" and not any(mark in text[left:right] for mark in _SPEAKS):
        return None  # a look for a few letters is quicker than a pattern
    said = grams.is_agent.search(text, left, right)
    as_one = grams.as_agent.search(text, left, right)
    found = said or as_one
    if found is None:
        return None
    first, last = passage.sentence(*found.span())
    if text[last - 1 : last + 1].strip()[-1:] in ("?", "？", "؟"):
        return None
    if _PEOPLE.search(text, max(first, found.start() - 24), min(last, found.end() + 24)):
        return None
    if grams.first.search(text, first, last):
        return found.span()
    if as_one is None or not grams.drops_pronoun:
        return None
    opening = text[first : as_one.start()].strip(" \"'*_-(")
    return as_one.span() if not opening or opening.endswith((",", ";", ":", "،", "、")) else None


_YEAR = re.compile(r"(?<!\d)(?:20(?:1[89]|2\d)|[٢۲][٠۰][١٢۱۲][٠-٩۰-۹]|২০[১২][০-৯]|๒๕[๖๗]\d|256\d)(?!\d)")
_CUTOFF = re.compile(
    r"\b(?:my|as of (?:my|the)|of my) (?:own |current |last |most recent |latest )?(?:knowledge|training|data|"
    r"information)(?: data)?(?:'s)? ?(?:base )?cut[- ]?off\b|\bknowledge cut-?off (?:date )?(?:is|of|in|was)\b"
    r"|\bas of my (?:last|latest|most recent|current) (?:\w+ )?(?:update|training|knowledge|data)|\bas of my "
    r"knowledge\b"
)
_OFFLINE = re.compile(
    r"\b(?:i|my)\b[^.!?\n]{0,60}?\b(?:can(?:not|'t| not)|do(?:n't| not)|not able to|unable to|lack|"
    r"no)\b[^.!?\n]{0,24}?\b(?:browse|access(?: to)?|search|surf|connect to|retrieve|look up|see|check|"
    r"connected to|have)\b"
    r"[^.!?\n]{0,24}?\b(?:internet|web\b|real[- ]time|live (?:data|information|news)|current (?:events|data|"
    r"news|information)|today's news|up-to-date (?:data|information)|latest (?:news|data|information)|online)"
    r"|\bi (?:do not|don't|have no|cannot|can't)\b[^.!?\n]{0,30}\b(?:information|knowledge|data|know|"
    r"awareness)\b[^.!?\n]{0,40}\b(?:after|past|beyond|since)\b[^.!?\n]{0,20}\b20[12]\d"
    r"|\bi(?:'m| am) not aware of\b[^.!?\n]{0,40}\b(?:after|since|past|beyond)\b[^.!?\n]{0,20}\b20[12]\d|"
    r"\b(?:texts?|data|sources|material) (?:that |which )?i (?:was trained on|learned from|learnt from|was "
    r"trained with)\b"
    r"|\b(?:i was|i've been|i have been) (?:last |only |recently )?(?:trained|updated)\b[^.!?\n]{0,40}\b20[12]\d"
)


def limits_knowledge(passage: Passage, grams: Grammar, at: int) -> tuple[int, int] | None:
    """Return where the words around a place say how far their speaker's knowledge goes; None: they do not."""
    text = passage.text
    left, right = max(0, at - MAX_BACK), min(len(text), at + MAX_AHEAD)
    found = grams.knows.search(text, left, right)
    if found is not None:
        first, last = passage.sentence(*found.span())
        if _YEAR.search(text, first, last):
            return found.start(), last
    if grams.code == "en":
        found = _CUTOFF.search(text, left, right + MAX_BACK) or _OFFLINE.search(text, left, right + MAX_BACK)
        if found is not None:
            return found.span()
    return None
