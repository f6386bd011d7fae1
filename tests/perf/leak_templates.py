"""New items of tasks that are generated from templates: they share their wording with a benchmark, and leak nothing."""

import random
from collections.abc import Iterator

NAMES = ("Aiko", "Bela", "Carlos", "Dunja", "Emeka", "Farah", "Goran", "Hana", "Ines", "Jakub", "Karima", "Leo", "Mira")
THINGS = (
    "kettle",
    "ladder",
    "radish",
    "pillow",
    "oboe",
    "hamster",
    "leek",
    "toaster",
    "peach",
    "sofa",
    "onion",
    "cello",
)
COLOURS = ("crimson", "teal", "amber", "violet", "beige", "olive", "silver", "maroon", "turquoise")
WORDS = THINGS + COLOURS
FILMS = ("Metropolis", "Casablanca", "Amelie", "Solaris", "Paprika", "Rashomon", "Stalker", "Ran", "Gravity", "Heat")


def templated(seed: int, n: int) -> Iterator[str]:
    """Yield n new items of each task."""
    rng = random.Random(seed)
    for _ in range(n):
        for make in (
            _walk,
            _count,
            _boolean,
            _liars,
            _swaps,
            _sort,
            _brackets,
            _sum,
            _desk,
            _film,
            _date,
            _order,
            _table,
        ):
            yield make(rng)


def _walk(rng: random.Random) -> str:
    steps = [
        rng.choice((f"Take {rng.randint(1, 10)} steps{rng.choice(('', ' forward', ' left', ' backward', ' right'))}.",
                    "Turn around.", "Turn left.", "Turn right."))
        for _ in range(rng.randint(3, 9))
    ]  # fmt: skip
    asked = "If you follow these instructions, do you return to the starting point? "
    return f"{asked}{rng.choice(('', 'Always face forward. '))}{' '.join(steps)}\nOptions:\n- Yes\n- No"


def _count(rng: random.Random) -> str:
    own = ", ".join(f"{rng.choice(('a', 'an', 'two', 'three', 'four'))} {thing}" for thing in rng.sample(THINGS, 5))
    kind = rng.choice(("objects", "vegetables", "animals", "fruits", "musical instruments"))
    return f"I have {own}, and a {rng.choice(THINGS)}. How many {kind} do I have?"


def _boolean(rng: random.Random) -> str:
    words = [rng.choice(("not", "( True", "True and", "False or", "not not", ") and")) for _ in range(8)]
    return f"{' '.join(words)} False is"


def _liars(rng: random.Random) -> str:
    first, *others = rng.sample(NAMES, 5)
    said = " ".join(
        f"{b} says {a} {rng.choice(('lies', 'tells the truth'))}."
        for a, b in zip([first, *others], others, strict=False)
    )
    return f"{first} {rng.choice(('lies', 'tells the truth'))}. {said} Does {others[-1]} tell the truth?"


def _swaps(rng: random.Random) -> str:
    a, b, c = rng.sample(NAMES, 3)
    x, y, z = (f"{colour} {rng.choice(('ball', 'present'))}" for colour in rng.sample(COLOURS, 3))
    return (
        f"{a}, {b}, and {c} are playing a game. At the start of the game, they are each holding a ball: {a} has a {x}, "
        f"{b} has a {y}, and {c} has a {z}.\nAs the game progresses, pairs of players trade balls. First, {c} and {a} "
        f"swap balls. Then, {b} and {c} swap balls. Finally, {a} and {b} swap balls. At the end, {b} has the"
    )


def _sort(rng: random.Random) -> str:
    return f"Sort the following words alphabetically: List: {' '.join(rng.sample(WORDS, 9))}"


def _brackets(rng: random.Random) -> str:
    signs = " ".join(rng.choice(["[", "]", "(", ")", "{", "}", "<", ">"]) for _ in range(rng.randint(8, 30)))
    return "Complete the rest of the sequence, making sure that the parentheses are closed properly. Input: " + signs


def _sum(rng: random.Random) -> str:
    a, b, c, d, e, f, g, h = (rng.randint(-9, 9) for _ in range(8))
    return f"(({a} * {b} - {c} + {d}) * ({e} + {f} - {g} * {h})) ="


def _desk(rng: random.Random) -> str:
    things, colours = rng.sample(THINGS, 4), rng.sample(COLOURS, 4)
    own = ", ".join(f"a {colour} {thing}" for colour, thing in zip(colours[:3], things[:3], strict=True))
    place = rng.choice(("desk", "table", "floor", "nightstand"))
    return f"On the {place}, there is {own}, and a {colours[3]} {things[3]}. What color is the {rng.choice(things)}?"


def _film(rng: random.Random) -> str:
    a, b, c, d, *others = rng.sample(FILMS, 8)
    options = "\n".join(f"({letter}) {film}" for letter, film in zip("ABCD", others, strict=True))
    return f"Find a movie similar to {a}, {b}, {c}, {d}:\nOptions:\n{options}"


def _date(rng: random.Random) -> str:
    day = f"{rng.randint(1, 12):02}/{rng.randint(1, 28):02}/{rng.randint(1930, 2020)}"
    when = rng.choice(
        ("tomorrow", "yesterday", "10 days ago", "one week ago from today", "24 hours later", "a month ago")
    )
    return f"Today is {day}. What is the date {when} in MM/DD/YYYY?"


def _order(rng: random.Random) -> str:
    a, b, c = rng.sample(THINGS, 3)
    return (
        "The following paragraphs each describe a set of three objects arranged in a fixed order. The statements are "
        f"logically consistent within each paragraph. On a shelf, there are three books: a {a} book, a {b} book, and a "
        f"{c} book. The {a} book is to the right of the {c} book. The {b} book is the leftmost."
    )


def _table(rng: random.Random) -> str:
    rows = "\n".join(f"{name}, {rng.randint(18, 70)}, {rng.choice(COLOURS)}" for name in rng.sample(NAMES, 4))
    kind = rng.choice(("penguins", "giraffes"))
    return (
        f"Here is a table where the first line is a header and each subsequent line is a penguin: name, age, colour\n"
        f"{rows}\nHow many {kind} are more than {rng.randint(20, 60)} years old?"
    )


MAKERS = (_walk, _count, _boolean, _liars, _swaps, _sort, _brackets, _sum, _desk, _film, _date, _order, _table)
