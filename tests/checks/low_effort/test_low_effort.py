"""low_effort: what answers nothing, what only looks like it, and a score that counts words and knows none."""

import json
import re
import time
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from building import SHARED, audit, batch, conversation, message, needs_shared, uid
from chataudit.checks.low_effort import phrases
from chataudit.checks.low_effort.check import LowEffort
from chataudit.checks.low_effort.features import FEATURES, MOST_SIBLINGS, features_of
from chataudit.checks.low_effort.mash import is_mash
from chataudit.checks.low_effort.non_answers import Kind, asks_for_little, kind_of
from chataudit.checks.low_effort.phrases import Forms, alternatives, phrases_for, plain
from chataudit.checks.low_effort.score import RATED_HIGH, RATED_LOW, is_seen, log_odds, probability
from chataudit.checks.low_effort.summary import MIN_REPLIES, SCORES, agreement, expected_share, summary
from staging import assert_examples, on_example, staged

TRUTH = SHARED / "data" / "truth" / "low_effort"
OPEN = {
    "en": "Why do cats purr? Explain it to a child, please.",
    "de": "Warum schnurren Katzen? Erkläre es einem Kind.",
    "es": "¿Por qué ronronean los gatos? Explícaselo a un niño.",
    "fr": "Pourquoi les chats ronronnent-ils ? Explique-le à un enfant.",
    "it": "Perché i gatti fanno le fusa? Spiegalo a un bambino.",
    "pt": "Por que os gatos ronronam? Explique para uma criança.",
    "ru": "Почему кошки мурлычут? Объясни ребёнку.",
    "zh": "猫为什么会打呼噜？请给小朋友解释一下。",
}
EMPTY = {
    "en": {
        Kind.UNSURE: "No clue, sorry.",
        Kind.ELSEWHERE: "Try searching the internet yourself.",
        Kind.PROMISE: "Of course! Here is a detailed explanation:",
        Kind.BEFORE: "As I already said above.",
        Kind.POLITE: "Thanks for reaching out! Have a lovely evening.",
        Kind.WORD: "Biology.",
        Kind.LINK: "https://example.org/cats",
        Kind.SIGNS: "🤷🤷",
        Kind.MASH: "asdf jkl asdf",
        Kind.ECHO: "Why do cats purr?",
        Kind.LIST: "1. They are happy.\n2.",
    },
    "de": {Kind.UNSURE: "Keine Ahnung.", Kind.ELSEWHERE: "Schau bei Wikipedia nach.", Kind.BEFORE: "Siehe oben."},
    "es": {Kind.UNSURE: "Ni idea.", Kind.ELSEWHERE: "Búscalo en internet.", Kind.POLITE: "¡Que tengas un buen día!"},
    "fr": {Kind.UNSURE: "Aucune idée.", Kind.ELSEWHERE: "Cherche sur internet.", Kind.BEFORE: "Voir plus haut."},
    "it": {Kind.UNSURE: "Boh, non lo so.", Kind.ELSEWHERE: "Cercalo su Google.", Kind.POLITE: "Buona giornata!"},
    "pt": {Kind.UNSURE: "Não faço ideia.", Kind.ELSEWHERE: "Pesquise no Google.", Kind.POLITE: "Tenha um bom dia!"},
    "ru": {Kind.UNSURE: "Понятия не имею.", Kind.ELSEWHERE: "Посмотри в интернете.", Kind.BEFORE: "Смотри выше."},
    "zh": {Kind.UNSURE: "不知道", Kind.ELSEWHERE: "自己百度一下", Kind.BEFORE: "同上"},
}


def test_every_rule_reports_its_example_and_leaves_its_neighbour():
    assert_examples(LowEffort())


@pytest.mark.parametrize("lang", EMPTY)
def test_replies_that_answer_nothing_are_told_by_kind(lang):
    for kind, reply in EMPTY[lang].items():
        assert kind_of(reply, OPEN[lang], lang) is kind, reply
        assert kind_of(reply, OPEN[lang], None) is kind, f"{reply}, without a tag"


COMPLETE = (
    ("What is the capital of Peru?", "Lima."),
    ("Is eleven a prime number?", "Yes."),
    ("Which search engine is the largest?", "Google."),
    ("Thanks, that was all!", "You're welcome! Have a nice day."),
    ("Answer with one word: what do bees make?", "Honey"),
    ("Say 'I don't know' in French.", "Je ne sais pas."),
    ("What does 'idk' mean?", "I don't know."),
    ("Send me the link to the docs.", "https://docs.python.org/3/"),
    ("Reply with one emoji for rain.", "🌧️"),
    ("Type ten random letters.", "qwlkjzmnxb"),
    ("Repeat after me: the moon is full tonight.", "The moon is full tonight."),
    ("Reply OK if you are ready to explain my essay.", "OK"),
    ("Is it Monday or Tuesday today? Explain how you know.", "Tuesday"),
    ("What will the weather be in ten years?", "Nobody knows, because weather cannot be predicted that far."),
    ("Why is my code slow?", "I don't know, can you show me the loop?"),
    ("Explain what rain is.", "Sure! Here it is: water that falls from clouds."),
    ("List two colours.", "- Red\n- Blue"),
    ("Describe the gallows.", "o\n /|\\\n / \\"),
)


def test_short_complete_answers_are_left():
    for prompt, reply in COMPLETE:
        assert kind_of(reply, prompt, "en") is None, (prompt, reply)


def test_a_longer_answer_with_the_same_phrases_is_left():
    assert kind_of("I don't know the exact date, but the bridge was built by 1900.", OPEN["en"], "en") is None
    assert kind_of("See above: the throat muscles twitch while the cat breathes.", OPEN["en"], "en") is None


def test_in_a_language_without_phrases_only_keys_and_unfinished_lists_are_reported():
    prompt = "Miksi kissat kehräävät? Selitä lapselle."
    assert kind_of("asdfghjkl", prompt, "fi") is Kind.MASH
    assert kind_of("1. Ilosta.\n2.", prompt, "fi") is Kind.LIST
    for reply in ("En tiedä.", "🤷", "www.google.com", "Miksi kissat kehräävät?"):
        assert kind_of(reply, prompt, "fi") is None, reply


def test_keys_hit_at_random_are_not_words():
    for text in ("qwertyuiop", "asdasdasd", "aaaaaaa", "sdfkjh sdkfjh", "jkl;jkl;jkl;", "йцукен", "lkjhgfd"):
        assert is_mash(text), text
    for text in ("property", "assess", "were", "Afghanistan", "rhythm", "HTML5", "привет", "poor Fred", "was", "x = 3"):
        assert not is_mash(text), text


def test_every_phrase_is_a_regular_expression_that_matches_something():
    for code in EMPTY:
        (own, *_) = phrases_for(code, OPEN[code])
        for name in Forms._fields:
            assert own.places(name, "") == [], (code, name)
            assert own.has(name, plain("§")) is False, (code, name)


def test_no_phrase_repeats_without_end():
    for forms in tomllib.loads(Path(phrases.__file__).with_suffix(".toml").read_text(encoding="utf-8")).values():
        for name, fragment in forms.items():
            assert not re.search(r"(?<!\\)\)[*+]", fragment), name


def test_texts_made_to_be_slow_are_read_fast():
    began = time.process_time()
    for part in ("早就", "已经", "a.", "a-", "very ", "no ", "nice of your day ", "1. ", "\n ", "👍", "http://"):
        for lang in ("en", "zh", "de", None):
            kind_of(part * 20_000, part * 20_000, lang)
            kind_of(part * 30, part * 20_000, lang)
            kind_of(f"x{part * 20_000}", "Why?", lang)
    assert time.process_time() - began < 20


def test_alternatives_are_split_at_the_outer_bars_only():
    assert list(alternatives(r"a(?:b|c)|[|]d|\|e")) == [r"a(?:b|c)", "[|]d", r"\|e"]


CAREFUL = (
    "Cats purr with their throat muscles while they breathe. The muscles open and close the voice box quickly, and the "
    "air trembles.\n\n- Kittens purr when they drink milk.\n- Adult cats purr when they rest, and when they are hurt."
    "\n\nTell the child to lay a hand on a sleeping cat: it feels like a small engine."
)
LONG = " ".join(
    f"The {word} of a cat moves quickly when it breathes." for word in ("throat", "muscle", "voice", "chest")
)


def replies_of(texts, prompt=OPEN["en"]):
    """Return features of replies to one prompt, by name."""
    rows = [message("p", None, "prompter", text=prompt)]
    rows += [message(f"r{k}", "p", "assistant", text=text) for k, text in enumerate(texts)]
    found = features_of(batch(rows), np.arange(1, len(texts) + 1))
    return {name: found[:, k] for k, name in enumerate(FEATURES)}


def test_features_count_words_sentences_lines_and_what_the_prompt_has():
    found = replies_of(["- cats purr happily.\n- Because it works 7 times!"])
    assert np.expm1(found["words"][0]) == pytest.approx(8)
    assert np.expm1(found["lines"][0]) == pytest.approx(2)
    assert np.expm1(found["items"][0]) == pytest.approx(2)
    assert found["numbers"][0] == pytest.approx(1 / 8)
    assert found["lower_start"][0] == 1
    assert found["ends"][0] == 1
    # Words of five bytes or more: of the prompt "explain", "child", "please"; none of them is in the reply.
    assert found["coverage"][0] == 0
    assert replies_of(["Please explain the child"])["coverage"][0] == pytest.approx(1)


def test_features_of_siblings_are_missing_where_there_are_none():
    alone, together = replies_of([LONG]), replies_of([LONG, "Because."])
    assert alone["siblings"][0] == 0
    assert np.isnan(alone["than_chars"][0])
    assert np.isnan(alone["rank"][0])
    assert together["siblings"].tolist() == [1, 1]
    assert together["rank"].tolist() == [1, 0]
    assert together["to_longest"][1] == pytest.approx(together["chars"][1] - together["chars"][0])
    assert together["than_chars"][0] == pytest.approx(-together["than_chars"][1])


def test_features_of_very_many_siblings_are_finite():
    found = replies_of([f"{LONG} {k}" for k in range(3 * MOST_SIBLINGS)])
    assert all(np.isfinite(found[name]).all() for name in ("siblings", "shared", "rank", "than_chars"))


def test_more_of_an_answer_is_never_a_worse_score():
    texts = [LONG, "Because it is a cat", f"{LONG}\n\n{LONG.replace('cat', 'kitten')}"]
    found = replies_of(texts)
    score = log_odds(np.stack([found[name] for name in FEATURES], axis=1))
    assert score[1] > score[0] >= score[2] - 0.5
    x = np.stack([found[name] for name in FEATURES], axis=1)
    for name in ("chars", "words", "new", "coverage", "than_chars"):
        more = x.copy()
        more[:, FEATURES.index(name)] += 1
        assert (log_odds(more) <= log_odds(x) + 1e-9).all(), name


def test_probabilities_fall_with_the_score_of_good_replies():
    score = np.array([-2.0, 0.0, 1.5])
    for has in (True, False):
        low, high = (probability(score, np.array([has] * 3), curves) for curves in (RATED_LOW, RATED_HIGH))
        assert (np.diff(low) > 0).all()
        assert (np.diff(high) < 0).all()
        assert ((low + high) < 1.05).all()


def test_auc_against_labels_is_that_of_the_definition():
    rng = np.random.default_rng(3)
    score, is_low = rng.normal(size=200).round(1), rng.random(200) < 0.3
    pairs = score[is_low][:, None] - score[~is_low][None, :]
    found = agreement(score, is_low, np.arange(200) // 4)
    assert found.value == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert found.low < found.value < found.high


def test_the_interval_of_the_expected_share_holds_the_mean_and_narrows_with_conversations():
    rng = np.random.default_rng(4)
    widths = []
    for n in (50, 5000):
        score = rng.normal(-1, 0.5, size=n)
        share = expected_share(score, np.arange(n) // 2)
        assert 0 < share.low < share.value < share.high < 1
        widths.append(share.high - share.low)
    assert widths[1] < widths[0]
    assert widths[1] > 0.01  # what the curves do not know stays


def scores(n, quality=None, seen=(), siblings=True):
    """Return SCORES of n replies, each in a conversation of its own."""
    rng = np.random.default_rng(5)
    values = {
        "tree": np.arange(n).astype(np.uint64),
        "lang": ["en"] * n,
        "score": rng.normal(-1, 0.5, size=n),
        "has_siblings": [siblings] * n,
        "is_seen": [k in seen for k in range(n)],
        "quality": [None] * n if quality is None else quality,
    }
    return pa.table(values, schema=SCORES)


def test_the_summary_says_how_sure_the_score_is_and_whether_labels_agree():
    assert summary(scores(MIN_REPLIES - 1)).notes == ()
    alone = summary(scores(100, siblings=False))
    assert alone.notes[0] == f"The share of low ratings was not estimated: 0 replies have siblings; needs {MIN_REPLIES}"
    assert alone.tables == []
    share, compared = summary(scores(100)).notes
    assert "Estimated from the score, people would rate" in share
    assert "CI" in share
    assert "was not compared with people's labels" in compared
    few = summary(scores(100, [0.0] * 10 + [1.0] * 90)).notes[1]
    assert "of 100 replies with two votes on quality, 10 are rated" in few
    many = summary(scores(100, [0.0] * 30 + [1.0] * 70)).notes[1]
    assert "AUC" in many
    assert "100 replies with two votes or more, 30 of them rated low" in many


def test_conversations_that_the_score_was_fitted_on_are_not_evidence_for_it():
    noted = summary(scores(100, [0.0] * 30 + [1.0] * 70, seen=range(5))).notes[1]
    assert "95 replies with two votes or more, 25 of them rated low" in noted
    assert "5 conversations that the score was fitted on are left out" in noted


@needs_shared
def test_the_replies_that_the_score_was_fitted_on_are_known():
    rows = [json.loads(line) for line in (TRUTH / "natural.jsonl").open(encoding="utf-8")]
    rated = [row for row in rows if row["quality_count"] >= 2 and row["prompt"]]
    data = batch([message(f"m{k}", None, "prompter", text=row["text"]) for k, row in enumerate(rated)])
    assert is_seen(data.text_digest).mean() > 0.98
    assert not is_seen(batch([message("m", None, "prompter", text="A text of this test.")]).text_digest).any()


def test_what_is_no_reply_to_a_prompt_is_skipped_with_the_reason(tmp_path):
    rows = [
        *conversation("c", replies=1),
        message("alone", None, "assistant", text="No idea."),
        message("own", "own", "assistant", text="Why is it its own parent?"),
        message("s", None, "system", text="Be brief and explain everything."),
        message("greets", "s", "assistant", text="Hello! How are you today?"),
    ]
    record = audit(tmp_path, rows, LowEffort())
    skipped = record.facts.checks[0].skipped
    assert skipped == {"prompter message": 1, "system message": 1, "not a direct reply to a prompt": 3}
    assert record.table.num_rows == 0


def test_a_model_alone_never_warns_of_a_single_reply(tmp_path):
    rows = [message("p", None, "prompter", text=OPEN["en"])]
    rows += [message(f"good {k}", "p", "assistant", text=f"{CAREFUL} {k}") for k in range(3)]
    rows += [message("poor", "p", "assistant", text="its the throat i think")]
    found = audit(tmp_path, rows, LowEffort()).table.to_pylist()
    assert [(row["rule"], row["severity"], row["message_id"]) for row in found] == [
        ("low_effort/low_effort", 1, uid("poor"))
    ]
    assert 0.5 <= found[0]["score"] < 1


def test_a_short_answer_is_no_low_effort_where_its_prompt_asks_for_no_more(tmp_path):
    asked = (
        ("en", "Classify this review as positive or negative: the soup was cold and the waiter rude.", "Negative"),
        ("en", "Which city, the capital of Japan, has more people than all others in the world?", "Tokyo"),
        ("de", "Nenne die Hauptstadt von Peru und antworte mit einem Wort.", "Lima"),
        ("fi", "Mikä on Perun pääkaupunki, ja kuinka monta asukasta siinä on?", "Lima"),
    )
    rows = []
    for k, (lang, prompt, reply) in enumerate(asked):
        rows.append(message(f"p{k}", None, text=prompt, lang=lang, message_tree_id=uid(f"p{k}")))
        rows.append(message(f"r{k}", f"p{k}", text=reply, lang=lang, message_tree_id=uid(f"p{k}")))
    found = staged(LowEffort(), batch(rows))
    assert found.findings == []
    assert [asks_for_little(prompt, lang, is_sure=True) for lang, prompt, _ in asked] == [True, True, True, False]
    assert not asks_for_little(OPEN["en"], "en", is_sure=False)


def test_only_non_answers_are_dropped_and_only_under_the_strict_policy():
    actions = {rule.id.partition("/")[2]: (str(rule.action), str(rule.strict_action)) for rule in LowEffort.rules}
    assert actions == {
        "non_answer": ("keep", "drop_message"),
        "low_effort": ("keep", "keep"),
        "label_disagrees": ("keep", "keep"),
    }


def test_a_label_of_one_vote_contradicts_nothing():
    rule = next(rule for rule in LowEffort.rules if rule.id.endswith("label_disagrees"))
    data = rule.example.this
    assert on_example(LowEffort(), data).reported(rule.id) != []
    rows = [dict(row) for row in data.messages]
    for row in rows:
        if row.get("labels"):
            row["labels"] = row["labels"] | {"count": [1]}
    assert staged(LowEffort(), batch(rows)).reported(rule.id) == []


@needs_shared
def test_planted_non_answers_are_found_and_their_twins_are_not():
    talks = {}
    for line in (TRUTH / "messages.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        talks[row["id"]] = row["messages"]
    wrong: dict[str, list[str]] = {"flag": [], "quiet": []}
    n = {"flag": 0, "quiet": 0}
    for line in (TRUTH / "truth.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        said, k = talks[row["id"]], row["message"]
        if said[k]["role"] != "assistant":
            continue
        found = kind_of(said[k]["content"], said[k - 1]["content"], row["lang"])
        n[row["expect"]] += 1
        if (found is not None) != (row["expect"] == "flag"):
            wrong[row["expect"]].append(row["id"])
    assert wrong["quiet"] == []
    assert len(wrong["flag"]) <= 0.02 * n["flag"], wrong["flag"]
