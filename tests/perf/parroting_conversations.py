"""Conversations for the model of `prompt_parroting`: echoes, and replies that were asked to repeat their prompt.

Sentences are of ../shared/data/pools; what is said around them was written here. Half of the languages and of the
templates are fitted on (`is_held` false), the others are measured on.
"""

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

N_EACH = 6  # conversations of each template


class Phrases(NamedTuple):
    """What is said around a text in one language; `|` separates variants."""

    opening: str  # before a prompt that is repeated
    asked: str  # "You asked:"
    refusal: str
    labels: str  # question/answer
    repeat: str  # instructions with {}
    correct: str
    shorten: str
    rewrite: str
    fact: str  # question = answer, with {a}: a name, {b}: another
    again: str
    other: str  # an unrelated prompt
    always: str  # an order for all that follows


FIT = {
    "en": Phrases(
        "Sure! {}|Of course. {}|Good question: {}|Here is your request: {}",
        "You asked: {}|Your question was: {}|You said: {}",
        "I am sorry, but I cannot answer that.|As an AI, I am unable to help with this.|Sorry, I don't know.",
        "### Instruction:\n{}\n\n### Response:\n|Question: {}\nAnswer:|User: {}\nAssistant:|Q: {} A:",
        "Repeat after me: {}|Say this word for word. {}|Copy this: {}|Type exactly the following and nothing more "
        "{}|{} Say it back to me",
        "Correct the mistakes: {}|fix the spelling in this {}|Proofread please\n\n{}|{}\n\nAny typos? Correct them.",
        "Shorten this: {}|What is the main sentence here? {}|Extract the first sentence of this text. {}|{} Cut "
        "this down",
        "Rewrite this in simple words: {}|Paraphrase: {}|Make it sound polite {}|Change this to the past tense: {}",
        "What is the height of {a}?=The height of {a} is {b}.|Which river flows past {a}?=The river that flows "
        "past {a} is the {b}.|"
        "Who wrote the book {a}?=The author who wrote the book {a} is {b}.|In which year was {a} founded?={a} was "
        "founded in 1{n}.|"
        "What do you get if you add {n} and 12?=If you add {n} and 12, you get 99.|"
        "Book a table at {a} for {n} people.=I have booked a table at {a} for {n} people.|Set an alarm for {n} "
        "o'clock=Your alarm has been set for {n} o'clock.|Open the window of {a} for {b}=I opened the window of "
        "{a} for {b}.",
        "Say that again|Repeat that please|Continue|Can you send the same text once more?",
        "And what should I cook tonight?|Why is the sky blue?|How much does it cost to mail a letter?",
        "I want you to act as a proofreader. Correct everything that I write.|From now on fix the spelling of my "
        "messages.",
    ),
    "de": Phrases(
        "Klar! {}|Natürlich: {}|Gute Frage. {}",
        "Sie haben gefragt: {}|Deine Frage lautet: {}",
        "Es tut mir leid, das kann ich nicht beantworten.|Leider kann ich dabei als KI nicht helfen.",
        "### Anweisung:\n{}\n\n### Antwort:\n|Frage: {}\nAntwort:",
        "Sprich mir nach: {}|Wiederhole diesen Satz {}|Schreib das wörtlich ab: {}",
        "Korrigiere die Fehler: {}|Verbessere bitte diesen Text {}",
        "Kürze das: {}|Fasse zusammen: {}|Nenne den ersten Satz von diesem Text {}",
        "Formuliere das um: {}|Schreibe es höflicher {}",
        "Wie hoch ist {a}?=Die Höhe von {a} beträgt {b}.|Wer hat das Buch {a} geschrieben?=Das Buch {a} wurde von "
        "{b} geschrieben.|"
        "Buche einen Tisch in {a} für {n} Personen.=Ich habe einen Tisch in {a} für {n} Personen gebucht.",
        "Sag das noch einmal|Bitte wiederholen",
        "Und was soll ich heute kochen?|Warum ist der Himmel blau?",
        "Ab jetzt korrigierst du alle meine Texte.",
    ),
    "es": Phrases(
        "¡Claro! {}|Por supuesto: {}",
        "Preguntaste: {}|Has preguntado: {}",
        "Lo siento, pero no puedo responder a eso.|Como modelo de lenguaje no puedo ayudarte con eso.",
        "### Instrucción:\n{}\n\n### Respuesta:\n|Pregunta: {}\nRespuesta:",
        "Repite conmigo: {}|Copia este texto {}|Di exactamente esto: {}",
        "Corrige los errores: {}|corrige este texto por favor {}",
        "Resume esto: {}|Extrae la primera frase {}",
        "Reescribe esto: {}|Dilo de otra forma: {}",
        "¿Cuál es la altura de {a}?=La altura de {a} es de {b}.|¿Quién escribió el libro {a}?=El libro {a} lo "
        "escribió {b}.|"
        "Reserva una mesa en {a} para {n} personas.=He reservado una mesa en {a} para {n} personas.",
        "Repite eso|Dilo otra vez",
        "¿Y qué cocino esta noche?|¿Por qué el cielo es azul?",
        "A partir de ahora corrige todo lo que escriba.",
    ),
    "ru": Phrases(
        "Конечно! {}|Хорошо: {}",
        "Вы спросили: {}|Ваш вопрос: {}",
        "Извините, я не могу ответить на это.|К сожалению, как языковая модель я не могу помочь.",
        "### Инструкция:\n{}\n\n### Ответ:\n|Вопрос: {}\nОтвет:",
        "Повтори за мной: {}|Напиши слово в слово {}|Скопируй этот текст: {}",
        "Исправь ошибки: {}|исправь пожалуйста этот текст {}",
        "Сократи это: {}|Выпиши первое предложение {}",
        "Перепиши проще: {}|Перефразируй {}",
        "Какова высота {a}?=Высота {a} составляет {b}.|Кто написал книгу {a}?=Книгу {a} написал {b}.|"
        "Забронируй столик в {a} на {n} человек.=Я забронировал столик в {a} на {n} человек.",
        "Повтори ещё раз|Скажи это снова",
        "А что приготовить на ужин?|Почему небо голубое?",
        "С этого момента исправляй ошибки в моих сообщениях.",
    ),
    "zh": Phrases(
        "当然！{}|好的，{}",
        "你问的是：{}|您的问题是：{}",
        "抱歉，我无法回答这个问题。|作为人工智能语言模型，我不能回答。",
        "### 指令：\n{}\n\n### 回答：\n|问题：{}\n回答：",
        "跟我重复：{}|请照抄下面的话 {}|请原样说出：{}",
        "改正错误：{}|请修改这段文字 {}",
        "缩短这段话：{}|提取第一句 {}",
        "改写这句话：{}|换个说法，改写 {}",
        "{a}的高度是多少？={a}的高度是{b}。|谁写了《{a}》这本书？=《{a}》这本书的作者是{b}。|"
        "在{a}预订{n}张机票。=我已经在{a}预订了{n}张机票。",
        "再说一遍|请重复",
        "今天晚上吃什么好？|天空为什么是蓝色的？",
        "从现在起，请改正我写的每句话。",
    ),
    "tr": Phrases(
        "Tabii! {}|Elbette: {}",
        "Şunu sordunuz: {}",
        "Üzgünüm, buna cevap veremem.",
        "### Talimat:\n{}\n\n### Yanıt:\n|Soru: {}\nCevap:",
        "Benden sonra tekrar et: {}|Aynen kopyala {}",
        "Hataları düzelt: {}|bu metni düzelt {}",
        "Bunu kısalt: {}|İlk cümleyi çıkar {}",
        "Yeniden yaz: {}",
        "{a} ne kadar yüksek?={a} {b} kadar yüksektir.",
        "Tekrar söyle",
        "Bu akşam ne pişireyim?|Gökyüzü neden mavi?",
        "Bundan sonra yazdıklarımı düzelt.",
    ),
    "fi": Phrases(
        "Toki! {}|Tietysti: {}",
        "Kysyit: {}",
        "Olen pahoillani, en voi vastata siihen.",
        "Kysymys: {}\nVastaus:",
        "Toista perässäni: {}|Kopioi tämä teksti {}",
        "Korjaa virheet: {}|korjaa tämä {}",
        "Lyhennä tämä: {}|Poimi ensimmäinen lause {}",
        "Muotoile uudelleen: {}",
        "Kuinka korkea on {a}?={a} on {b} korkea.",
        "Sano se uudelleen",
        "Mitä tänään syötäisiin?|Miksi taivas on sininen?",
        "Korjaa tästä lähtien kaikki tekstini.",
    ),
    "ar": Phrases(
        "بالتأكيد! {}|حسنا: {}",
        "لقد سألت: {}",
        "آسف، لا أستطيع الإجابة على ذلك.",
        "السؤال: {}\nالجواب:",
        "كرر بعدي: {}|انسخ هذا النص {}",
        "صحح الأخطاء: {}|صحح هذا النص {}",
        "اختصر هذا: {}|استخرج الجملة الأولى {}",
        "أعد صياغة هذا: {}",
        "ما هو ارتفاع {a}؟=ارتفاع {a} هو {b}.",
        "كرر ذلك مرة أخرى",
        "ماذا أطبخ الليلة؟",
        "من الآن صحح كل ما أكتب.",
    ),
}
HELD = {
    "fr": Phrases(
        "Bien sûr ! {}|D'accord : {}",
        "Vous avez demandé : {}|Tu as demandé : {}",
        "Désolé, je ne peux pas répondre à cela.|Malheureusement, en tant que modèle de langage, je ne peux pas "
        "vous aider.",
        "### Consigne :\n{}\n\n### Réponse :\n|Question : {}\nRéponse :",
        "Répète après moi : {}|Recopie ce texte {}|Dis exactement ceci : {}",
        "Corrige les fautes : {}|corrige ce texte stp {}",
        "Raccourcis ce texte : {}|Extrais la première phrase {}",
        "Reformule : {}|Réécris ce texte {}",
        "Quelle est la hauteur de {a} ?=La hauteur de {a} est de {b}.|Qui a écrit le livre {a} ?=Le livre {a} a "
        "été écrit par {b}.|"
        "Réserve une table à {a} pour {n} personnes.=J'ai réservé une table à {a} pour {n} personnes.",
        "Répète|Redis-le encore une fois",
        "Et que cuisiner ce soir ?|Pourquoi le ciel est-il bleu ?",
        "À partir de maintenant, corrige tout ce que j'écris.",
    ),
    "pl": Phrases(
        "Jasne! {}|Oczywiście: {}",
        "Zapytałeś: {}",
        "Przepraszam, nie mogę na to odpowiedzieć.",
        "Pytanie: {}\nOdpowiedź:",
        "Powtórz za mną: {}|Skopiuj ten tekst {}",
        "Popraw błędy: {}|popraw ten tekst {}",
        "Skróć to: {}|Wypisz pierwsze zdanie {}",
        "Sparafrazuj: {}",
        "Jaka jest wysokość {a}?=Wysokość {a} wynosi {b}.",
        "Powtórz to jeszcze raz",
        "Co dziś ugotować?|Dlaczego niebo jest niebieskie?",
        "Od teraz popraw wszystkie moje teksty.",
    ),
    "ja": Phrases(
        "もちろんです。{}|はい、{}",
        "あなたの質問：{}",
        "申し訳ありませんが、お答えできません。",
        "質問：{}\n回答：",
        "繰り返してください：{}|次の文をそのまま書いてください {}",
        "間違いを直してください：{}|次の文を訂正して {}",
        "短くしてください：{}|最初の文を抜き出して {}",
        "言い換えてください：{}",
        "{a}の高さはどれくらいですか？={a}の高さは{b}です。",
        "もう一度言ってください",
        "今夜は何を作ればいいですか？",
        "これからは私の文章をすべて訂正してください。",
    ),
    "vi": Phrases(
        "Chắc chắn rồi! {}|Được: {}",
        "Bạn đã hỏi: {}",
        "Xin lỗi, tôi không thể trả lời điều đó.",
        "Câu hỏi: {}\nTrả lời:",
        "Lặp lại theo tôi: {}|Chép lại câu này {}",
        "Sửa lỗi: {}|sửa đoạn văn này {}",
        "Rút gọn: {}|Trích câu đầu tiên {}",
        "Viết lại: {}",
        "Chiều cao của {a} là bao nhiêu?=Chiều cao của {a} là {b}.",
        "Nói lại lần nữa",
        "Tối nay nấu món gì?",
        "Từ giờ hãy sửa lỗi mọi câu tôi viết.",
    ),
    "pt-BR": Phrases(
        "Claro! {}|Com certeza: {}",
        "Você perguntou: {}",
        "Desculpe, não posso responder a isso.",
        "### Instrução:\n{}\n\n### Resposta:\n|Pergunta: {}\nResposta:",
        "Repita comigo: {}|Copie este texto {}",
        "Corrija os erros: {}|corrija este texto {}",
        "Resuma: {}|Extraia a primeira frase {}",
        "Reescreva: {}",
        "Qual é a altura de {a}?=A altura de {a} é de {b}.|"
        "Reserve uma mesa em {a} para {n} pessoas.=Reservei uma mesa em {a} para {n} pessoas.",
        "Repita isso de novo",
        "O que vou cozinhar hoje?",
        "A partir de agora corrija tudo o que eu escrever.",
    ),
    "ko": Phrases(
        "물론입니다! {}|네, {}",
        "질문: {}",
        "죄송합니다. 답변할 수 없습니다.",
        "질문: {}\n답변:",
        "따라 말해: {}|그대로 복사해 줘 {}",
        "틀린 곳을 고쳐 줘: {}|이 글을 수정해 줘 {}",
        "줄여 줘: {}|첫 문장을 뽑아 줘 {}",
        "다시 써 줘: {}",
        "{a}의 높이는 얼마입니까?={a}의 높이는 {b}입니다.",
        "다시 말해 줘",
        "오늘 저녁에 뭐 먹지?",
        "이제부터 내가 쓰는 글을 모두 고쳐 줘.",
    ),
    "uk-UA": Phrases(
        "Звісно! {}|Добре: {}",
        "Ви запитали: {}",
        "Вибачте, я не можу відповісти на це.",
        "Запитання: {}\nВідповідь:",
        "Повтори за мною: {}|Скопіюй цей текст {}",
        "Виправ помилки: {}|виправ цей текст {}",
        "Скороти це: {}|Випиши перше речення {}",
        "Перефразуй: {}",
        "Яка висота {a}?=Висота {a} становить {b}.",
        "Повтори ще раз",
        "Що приготувати на вечерю?",
        "Відтепер виправляй усі мої тексти.",
    ),
    "nl": Phrases(
        "Natuurlijk! {}|Zeker: {}",
        "Je vroeg: {}",
        "Sorry, daar kan ik niet op antwoorden.",
        "Vraag: {}\nAntwoord:",
        "Zeg mij na: {}|Kopieer deze tekst {}",
        "Verbeter de fouten: {}|corrigeer deze tekst {}",
        "Kort dit in: {}|Haal de eerste zin eruit {}",
        "Herschrijf dit: {}",
        "Hoe hoog is {a}?=De hoogte van {a} is {b}.|"
        "Boek een tafel bij {a} voor {n} mensen.=Ik heb een tafel bij {a} voor {n} mensen geboekt.",
        "Zeg dat nog eens",
        "Wat zal ik vanavond koken?",
        "Corrigeer vanaf nu al mijn teksten.",
    ),
}
_NAMES = "Mount Tarvel|Osmeria|Lake Brindo|Kestral Hall|Vintara|Port Helsum|Castle Dorn|Amberley Bridge"
_VALUES = "Jonas Weld|340 metres|Maria Tobin|Selva|two thousand|Ilka Moran"
_CODE = (
    "def total(items):\n    result = 0\n    for item in items:\n        result -= item\n    return result",
    "function area(w, h) {\n  return w + h;\n}",
    "for (int i = 0; i <= n; i++) {\n  sum += data[i];\n}",
    "SELECT name FROM users WHERE age < 18 ORDER BY name;",
    "if x = 3:\n    print('three')\nelse:\n    print('other')",
    "function greet(name) {\n  retrun 'Hello ' + name;\n}",
    "numbers = [1, 2, 3]\nfor number in nubmers:\n    print(number * 2)",
)
_MENDED = (
    ("-=", "+="),
    ("w + h", "w * h"),
    ("<= n", "< n"),
    ("< 18", ">= 18"),
    ("x = 3", "x == 3"),
    ("retrun", "return"),
    ("nubmers", "numbers"),
)


_BARE = str.maketrans("", "", '{}"')


def made(pools: Path, seed: int) -> Iterator[dict[str, Any]]:
    """Yield conversations: id, messages, and what they are: `kind`, `is_echo`, `lang`, `is_held`."""
    for is_held, languages in enumerate((FIT, HELD)):
        for lang, phrases in languages.items():
            rng = random.Random(f"{seed}/{lang}")
            for k, (kind, is_echo, said) in enumerate(_kinds(phrases, _Texts(pools, lang, rng), rng)):
                is_system = said[0].startswith("system: ")
                roles = ("system", "user", "assistant") if is_system else ("user", "assistant") * 2
                said[0] = said[0].removeprefix("system: ")
                turns = [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]
                yield {
                    "id": f"{lang}-{k}", "messages": turns, "kind": kind, "is_echo": is_echo, "lang": lang,
                    "is_held": bool(is_held),
                }  # fmt: skip


class _Texts:
    """Texts of one language, of one to four sentences."""

    def __init__(self, pools: Path, lang: str, rng: random.Random) -> None:
        path = next(p for p in (pools / f"{kind}.{lang}.jsonl.gz" for kind in ("sentences", "messages")) if p.exists())
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line, _ in zip(lines, range(4000), strict=False)]
        ends = re.compile(r"(?<=[.!?。！？])\s*(?=\S)")
        parts = [part.strip() for text in texts for part in ends.split(text) if "\n" not in part]
        self.sentences = [part for part in parts if 15 <= len(part) <= 200]
        self.rng = rng
        self.blank = "" if lang in ("ja", "zh") else " "

    def several(self, least: int = 1, most: int = 4) -> list[str]:
        return self.rng.sample(self.sentences, self.rng.randint(least, most))

    def text(self, least: int = 1, most: int = 4) -> str:
        return self.blank.join(self.several(least, most))


def _kinds(phrases: Phrases, texts: _Texts, rng: random.Random) -> Iterator[tuple[str, bool, list[str]]]:
    def variants(of: str) -> Iterator[str]:
        for variant in of.split("|"):
            for _ in range(N_EACH):
                yield variant

    for _ in range(3 * N_EACH):
        text = texts.text()
        yield "word for word", True, [text, text]
        yield "short", True, [short := _short(texts, rng), short]
        yield "typos", True, [text, _misspelt(text, rng, 8)]
        yield "words replaced", True, [long := texts.text(6, 9), _replaced(long, texts, rng, 0.04)]
        some = texts.several(4, 7)
        yield "cut off", True, [texts.blank.join(some), texts.blank.join(some[:-1])]
        orders = rng.choice(phrases.always.split("|")), rng.choice(phrases.opening.split("|"))[:6]
        yield "misspelt in a thread", True, [texts.text(), texts.text(2, 4), long, _misspelt(long, rng, 10)]
        wrong = _misspelt(long, rng, 10)
        if wrong != long:
            yield "corrected, asked before", False, [*orders, wrong, long]
            yield "corrected, asked by the system", False, [f"system: {orders[0]}", wrong, long]
        yield "several times", True, [text, " ".join([text] * rng.randint(2, 4))]
        yield (
            "markdown",
            True,
            [text, rng.choice(("> {}", "**{}**", "```\n{}\n```", "# {}", "- {}", '"{}"')).format(text)],
        )
    for opening in variants(phrases.opening):
        yield "opened", True, [text := texts.text(), opening.format(text)]
    for asked in variants(phrases.asked):
        refusal = rng.choice(phrases.refusal.split("|"))
        yield (
            "asked and refused",
            True,
            [text := texts.text(), f"{asked.format(text)}{rng.choice((' ', chr(10)))}{refusal}"],
        )
        yield "with a refusal", True, [text := texts.text(), f"{text} {refusal}"]
    for label in variants(phrases.labels):
        yield "in a template", True, [text := texts.text(), label.format(text)]
    for order in variants(phrases.repeat):
        yield "repeat", False, [order.format(text := texts.text()), text]
    for order in variants(phrases.correct):
        yield "correct", False, [order.format(_misspelt(text := texts.text(), rng, 6)), text]
        yield "the whole prompt", True, [asked := order.format(text), asked]
    for order in variants(phrases.shorten):
        few = texts.several(2, 5)
        yield "shorten", False, [order.format(" ".join(few)), " ".join(few[: rng.randint(1, len(few) - 1)])]
    for order in variants(phrases.rewrite):
        yield "rewrite", False, [order.format(text := texts.text()), _replaced(text, texts, rng, 0.25)]
    for fact in variants(phrases.fact):
        values = {"a": rng.choice(_NAMES.split("|")), "b": rng.choice(_VALUES.split("|")), "n": rng.randint(100, 999)}
        yield "fact", False, [part.format(**values) for part in fact.split("=")]
    for order in variants(phrases.correct):
        code = rng.randrange(len(_CODE))
        mended = _CODE[code].replace(*_MENDED[code])
        yield "code", False, [order.format(f"\n{_CODE[code]}\n"), mended]
        yield "code alone", False, [_CODE[code], rng.choice(("{}", "```\n{}\n```")).format(mended)]
        fields = json.dumps({"name": texts.text(1, 1), "text": texts.text(1, 1)}, ensure_ascii=False)
        yield "fields", False, [f"{order.format(' '.join(json.loads(fields).values()))}\nJSON:", fields]
        yield "fields alone", False, [fields.translate(_BARE), fields]
    for _ in range(3 * N_EACH):
        asked = texts.text()
        yield "answered", False, [asked, texts.text()]
        yield "quoted and answered", False, [asked, f"> {asked}\n\n{texts.text(2, 5)}"]
        drawing = "\n".join("".join(rng.choices("  ..--\\\\//||__##**", k=20)) for _ in range(rng.randint(3, 8)))
        yield "quoted and drawn", False, [asked, f"{asked}\n{rng.choice(phrases.opening.split('|')).format(drawing)}"]
        yield "quoted, short answer", False, [asked, f"{asked} {texts.text(1, 1)}"]
        yield "choice", False, [f"{asked} {' '.join(few := texts.several(2, 4))}", rng.choice(few)]
        yield "continued", False, [asked, f"{asked.split('. ')[-1]} {texts.text(2, 3)}"]
    for other in variants(phrases.other):
        first, reply = texts.text(), texts.text(2, 5)
        opened = rng.choice(phrases.opening.split("|")).format(reply)
        yield "earlier reply", True, [first, reply, other, rng.choice((reply, reply, opened))]
        yield "earlier reply, misspelt", True, [first, reply, other, _misspelt(reply, rng, 20)]
        yield "earlier reply, revised", False, [first, reply, other, _replaced(reply, texts, rng, 0.12)]
        yield "earlier reply, a word revised", False, [first, reply, other, _replaced(reply, texts, rng, 0.03)]
        stock = " ".join(phrases.refusal.split("|") * 2)
        yield "earlier reply, a refusal", False, [first, stock, other, stock]
        yield "earlier reply, longer", False, [first, reply, other, f"{reply} {texts.text(1, 2)}"]
    for again in variants(phrases.again):
        yield "earlier reply, asked for", False, [texts.text(), reply := texts.text(2, 5), again, reply]


def _short(texts: _Texts, rng: random.Random) -> str:
    """Return two to six words of a sentence (three to nine characters of Chinese or Japanese)."""
    sentence = rng.choice(texts.sentences)
    words = sentence.split()
    return sentence[: rng.randint(4, 9)] if len(words) < 3 else " ".join(words[: rng.randint(2, 6)])


def _misspelt(text: str, rng: random.Random, every: int) -> str:
    """Return a text with one of so many words misspelt: two letters swapped, one lost, or one twice."""
    words = text.split(" ")
    for k in range(rng.randrange(every), len(words), every):
        word = words[k]
        if len(word) > 3:
            at = rng.randrange(1, len(word) - 2)
            slip: Callable[[str, int], str] = rng.choice((_swapped, _lost, _doubled))
            words[k] = slip(word, at)
    return " ".join(words)


def _swapped(word: str, at: int) -> str:
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _lost(word: str, at: int) -> str:
    return word[:at] + word[at + 1 :]


def _doubled(word: str, at: int) -> str:
    return word[:at] + word[at] + word[at:]


def _replaced(text: str, texts: _Texts, rng: random.Random, share: float) -> str:
    """Return a text with this share of its words, or its characters where there are no blanks, replaced."""
    blank = texts.blank
    parts = text.split(" ") if blank else list(text)
    others = texts.text(4, 4)
    for k in rng.sample(range(len(parts)), max(1, round(share * len(parts)))):
        parts[k] = rng.choice(others.split(" ") if blank else others)
    return blank.join(parts)
