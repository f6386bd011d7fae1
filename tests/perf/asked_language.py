"""Prompts that ask for another language and prompts that do not, each with a reply in another language.

For `lang_mismatch`, which flags messages in another language than they declare. Such a reply is right where its prompt
asked for it and wrong where nobody did. The prompts were written for this measurement, before the check and without it;
the replies are sentences from ../shared/data/pools, so that they are real texts of their language and nothing more:
they do not answer the prompt.
"""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

SEED = 20
MIN_REPLY, MAX_REPLY = 60, 400  # characters
N_MESSAGES = 9_000  # read of a pool of whole messages

# As OASST declares them, and as the pools are called.
LANGUAGES = (
    *("ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "eo", "es", "eu", "fa", "fr", "he", "hu", "id", "it"),
    *("ja", "ko", "nb", "nl", "pl", "pt-BR", "ro", "ru", "sk", "sv", "th", "tr", "uk-UA", "vi", "zh"),
)
# Easily taken for one another: what is measured is whether a language was asked for, not whether it is recognised.
KIN = ({"ca", "es", "pt-BR"}, {"bg", "ru", "uk-UA"}, {"da", "nb", "sv"}, {"cs", "sk"})

# These two have pools of whole messages only. Lines of prose are kept: no lists, code, or quotes of other languages.
PROSE = {
    "en": re.compile(r"(?=.* the )[A-Z][A-Za-z0-9 ,.;'’!?-]{23,253}[.!?]"),
    "zh": re.compile(r"[一-鿿，。、；！？《》“”]{24,254}[。！？]"),
}


def conversations(shared: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return prompts with a reply in a language they asked for, and prompts with a reply in one that nobody asked for.

    Parameters
    ----------
    shared : Path
        The folder that contains data/pools.

    Returns
    -------
    asked, unasked : list of dict
        `id`, `lang` (declared for both messages: the language of the prompt), `prompt`, `reply` (60 to 400 characters),
        `reply_lang`, and `asks`: true in the first list, false in the second. The same at every call.
    """
    sources = {code: _replies(shared / "data" / "pools", code) for code in LANGUAGES}
    rng, used = random.Random(SEED), Counter[str]()
    asked = [
        _conversation(f"asked-{k}", lang, prompt, wanted, sources, asks=True)
        for k, (lang, wanted, prompt) in enumerate(ASKED, 1)
    ]
    unasked = []
    for k, (lang, named, prompt) in enumerate(UNASKED, 1):
        rare_first = sorted(rng.sample(LANGUAGES, len(LANGUAGES)), key=used.__getitem__)
        other = next(code for code in rare_first if not _akin(code, lang) and not _akin(code, named))
        used[other] += 1
        unasked.append(_conversation(f"unasked-{k}", lang, prompt, other, sources, asks=False))
    return asked, unasked


def _conversation(
    name: str, lang: str, prompt: str, reply_lang: str, sources: dict[str, Iterator[str]], *, asks: bool
) -> dict[str, Any]:
    reply = next(sources[reply_lang])
    return {"id": name, "lang": lang, "prompt": prompt, "reply": reply, "reply_lang": reply_lang, "asks": asks}


def _akin(code: str, other: str) -> bool:
    return code == other or any({code, other} <= family for family in KIN)


def _replies(pools: Path, code: str) -> Iterator[str]:
    """Return one to three sentences of a language at a time, no sentence twice."""
    rng = random.Random(f"{SEED}/{code}")
    sentences = sorted(set(_sentences(pools, code)))
    rng.shuffle(sentences)
    rest = iter(sentences)
    while some := list(islice(rest, rng.randint(1, 3))):
        reply = " ".join(some)
        if MIN_REPLY <= len(reply) <= MAX_REPLY:
            yield reply


def _sentences(pools: Path, code: str) -> Iterator[str]:
    prose = PROSE.get(code)
    path = pools / f"{'messages' if prose else 'sentences'}.{code}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in islice(file, N_MESSAGES):
            text = json.loads(line)["text"]
            if prose is None:
                yield text
            else:
                yield from filter(prose.fullmatch, text.split("\n"))


# Language of the prompt, language it asks for, prompt.
ASKED = (
    (
        "en",
        "fr",
        'Translate the following paragraph into French: "The old lighthouse keeper had not spoken to anyone for '
        "three weeks. When the supply boat finally arrived, he found that his voice had become a stranger to "
        'him, and he laughed at the sound of it."',
    ),
    ("en", "de", 'how do you say "I\'d like to return this jacket but I lost the receipt" in german'),
    ("en", "es", "Write me a short poem in Spanish about my grandmother's garden."),
    (
        "en",
        "ja",
        "Can you practise Japanese with me? I'm roughly N4 level, let's pretend I'm ordering at a ramen shop.",
    ),
    (
        "en",
        "it",
        'Correct my Italian please: "Ieri io ho andato al mercato con mia sorella e abbiamo comprato tanti pomodoro."',
    ),
    ("en", "ru", "whats the russian for happy birthday grandpa, stay healthy and come visit us soon"),
    (
        "en",
        "zh",
        "Draft an email to my supplier in Shenzhen asking why the shipment is two weeks late. It should be in "
        "Chinese and fairly formal.",
    ),
    (
        "en",
        "pt-BR",
        "I'm moving to Porto next month. From now on reply only in Portuguese, even if I write English. So, what "
        "should I pack?",
    ),
    ("en", "ko", "explain photosynthesis to a 10 year old, in korean pls"),
    (
        "en",
        "ar",
        "Rewrite this sign so that my Arabic-speaking guests can read it: Breakfast is served from 7 to 10. "
        "Please do not feed the cats.",
    ),
    ("en", "de", 'What does this mean? "Da liegt der Hund begraben, sagte mein Chef und legte auf."'),
    (
        "en",
        "fr",
        "Continue the story: Il était une fois, dans un village perdu au milieu des montagnes, un boulanger qui "
        "ne dormait jamais.",
    ),
    ("en", "nl", "traslate to dutch: the meeting is moved to thursday, bring your laptop and a good mood"),
    ("en", "sv", "Give me five Swedish tongue twisters."),
    (
        "en",
        "vi",
        "My neighbour only speaks Vietnamese. Please write a note I can leave on her door: the water will be "
        "shut off on Friday from 9 to noon.",
    ),
    ("en", "pl", 'EN -> PL: "Do not lean out of the window while the train is moving."'),
    ("en", "es", "Summarize the plot of Hamlet, en español por favor"),
    (
        "en",
        "tr",
        "I need a dialogue between a carpet seller and a tourist, entirely in Turkish, with a lot of haggling.",
    ),
    (
        "en",
        "el",
        "Put this into Greek for my father-in-law's birthday card: \"Seventy years young! We wish you many more "
        'summers by the sea, with love from all of us."',
    ),
    ("en", "he", "Say something nice about the sea in Hebrew"),
    (
        "en",
        "uk-UA",
        "I host a family from Kharkiv. How would I tell them, in their own Ukrainian, that the washing machine "
        "is broken and that the repairman comes on Monday?",
    ),
    (
        "es",
        "en",
        'Traduce al inglés el siguiente texto: "La biblioteca del barrio cerrará sus puertas durante el mes de '
        "agosto. Los libros prestados podrán devolverse en el buzón de la entrada, y no se cobrará ninguna multa "
        'hasta septiembre."',
    ),
    ("es", "fr", 'Cómo se dice "me duele la muela desde ayer" en francés?'),
    (
        "es",
        "de",
        "Escríbeme una carta de motivación en alemán para un puesto de enfermera en Hamburgo. Tengo seis años de "
        "experiencia en urgencias.",
    ),
    ("es", "en", "necesito un correo en ingles para mi jefa diciendole que mañana no puedo ir porque tengo fiebre"),
    ("es", "ja", "Preséntate en japonés como si fueras un estudiante de intercambio."),
    ("es", "it", "¿Podemos practicar italiano? Tú eres el camarero y yo el cliente, empieza tú."),
    (
        "es",
        "en",
        'Corrige este texto en inglés: "Yesterday I have went to the beach with my cousins and we was swimming '
        'all the day."',
    ),
    ("es", "zh", '¿Cuál sería la versión en chino mandarín de "cerrado por reformas, disculpen las molestias"?'),
    ("es", "ru", "pasame esto al ruso porfa: te espero en la estación a las ocho, lleva un paraguas"),
    ("es", "en", "Responde a partir de ahora solo en inglés. ¿Qué es la inflación?"),
    ("es", "ar", "Quiero felicitar el Ramadán a mis vecinos marroquíes. ¿Qué les pongo en árabe?"),
    ("es", "fr", '¿Qué significa "ça ne casse pas trois pattes à un canard"? Lo leí en una novela.'),
    (
        "es",
        "en",
        "Resume en inglés, en dos o tres frases: Los glaciares del Pirineo han perdido más de la mitad de su "
        "superficie desde 1990. Los científicos creen que los últimos desaparecerán antes de 2040, con "
        "consecuencias para los ríos y la agricultura de la región.",
    ),
    ("es", "ko", "Haz un diálogo en coreano entre dos amigas que hablan de un concierto."),
    ("es", "de", 'Del español al alemán: "El perro está enterrado bajo el manzano."'),
    ("es", "en", "Haz un resumen del Quijote. In English, please."),
    ("es", "pl", "Mi novia es polaca, escríbeme un mensaje de buenas noches en su idioma, algo tierno"),
    ("es", "eu", "Cuéntame un cuento corto en euskera para niños de cinco años"),
    (
        "es",
        "en",
        'Sigue este cuento: "It was the last train of the night, and the only other passenger was wearing my coat."',
    ),
    ("es", "tr", "Traduceme al turko: ¿dónde puedo cambiar dinero?"),
    (
        "de",
        "en",
        'Übersetze bitte ins Englische: "Der Mieter verpflichtet sich, das Treppenhaus alle zwei Wochen zu '
        "reinigen und die Mülltonnen rechtzeitig an die Straße zu stellen. Bei längerer Abwesenheit ist für eine "
        'Vertretung zu sorgen."',
    ),
    ("de", "fr", 'Wie sagt man "Ich habe mich verlaufen" auf Französisch?'),
    ("de", "es", "Schreib mir ein Liebesgedicht auf Spanisch, vier Strophen, darf ruhig kitschig sein."),
    ("de", "en", "kannst du mir das auf englisch erklären was ein black hole ist"),
    (
        "de",
        "it",
        'Bitte korrigiere meinen italienischen Text: "Cara Lucia, sono molto felice di ti vedere la prossima '
        'settimana. Io porto un torta."',
    ),
    (
        "de",
        "ru",
        "Meine Schwiegermutter versteht nur Russisch. Wie lade ich sie schriftlich zu unserer Einweihungsfeier "
        "am Samstag ein?",
    ),
    ("de", "pl", "deutsch-polnisch: Vorsicht, frisch gestrichen!"),
    (
        "de",
        "en",
        "Fasse den folgenden Absatz in englischer Sprache zusammen: Die Hanse war ein Bund niederdeutscher "
        "Kaufleute, der über Jahrhunderte den Handel an Nord- und Ostsee beherrschte. Ihr Niedergang begann mit "
        "dem Aufstieg der Nationalstaaten.",
    ),
    ("de", "tr", "Ich möchte Türkisch üben. Stell mir einfache Fragen auf Türkisch und warte auf meine Antwort."),
    ("de", "ja", 'Wie lautet "Guten Appetit" und "Das war köstlich" im Japanischen? Bitte mit Beispieldialog.'),
    ("de", "en", 'Was bedeutet der Satz "The proof of the pudding is in the eating"?'),
    (
        "de",
        "zh",
        "Verfasse eine kurze Hotelbewertung auf Chinesisch. Zimmer sauber, Frühstück mittelmäßig, Personal sehr nett.",
    ),
    (
        "de",
        "nl",
        "Übersetz mal ins Niederländische: Wir kommen gegen acht an, bitte lasst den Schlüssel unter der Matte.",
    ),
    (
        "de",
        "en",
        "Antworte ab jetzt immer auf Englisch, auch wenn ich Deutsch schreibe. Welche Länder grenzen an Österreich?",
    ),
    (
        "de",
        "uk-UA",
        "Aushang für unsere Flüchtlingsunterkunft, bitte auf Ukrainisch: Deutschkurs jeden Dienstag um 10 Uhr im "
        "Gemeinschaftsraum, Kinderbetreuung ist vorhanden.",
    ),
    (
        "de",
        "ar",
        "Könntest du dieselbe Einladung noch in Arabisch formulieren? Elternabend am 12. März um 19 Uhr in der "
        "Aula, Dolmetscher sind da.",
    ),
    (
        "de",
        "fr",
        'Schreibe die Geschichte weiter: "Ce matin-là, Madame Lenoir trouva une lettre sans timbre sur le rebord '
        'de sa fenêtre."',
    ),
    ("de", "sv", "Ein schwedisches Trinklied bitte!"),
    (
        "de",
        "en",
        "Formulier mir ne Mail an den Support, Englisch, höflich: Paket kam kaputt an, will mein Geld zurück",
    ),
    ("de", "hu", 'Vom Deutschen ins Ungarische: "Wo ist das nächste Thermalbad und wie lange hat es geöffnet?"'),
    (
        "fr",
        "en",
        "Traduis ce texte en anglais : « Le conseil municipal a décidé de transformer l'ancienne gare en salle "
        "de spectacle. Les travaux commenceront au printemps et dureront environ dix-huit mois. »",
    ),
    ("fr", "es", "comment on dit « j'ai oublié mon mot de passe » en espagnol ?"),
    (
        "fr",
        "de",
        "Rédige une lettre de résiliation de bail en allemand, adressée à la société Wohnbau Krüger à Fribourg.",
    ),
    ("fr", "en", "Explique-moi la photosynthèse en anglais s'il te plaît, je prépare un exposé."),
    (
        "fr",
        "it",
        "Peux-tu corriger mon italien ? « Buongiorno, io sono interessata per il appartamento, posso visitare "
        "lui questa settimana? »",
    ),
    ("fr", "ja", "Écris un haïku en japonais sur les premières neiges."),
    ("fr", "ar", "Ma grand-mère ne lit que l'arabe, aide-moi à lui écrire une carte pour l'Aïd."),
    ("fr", "en", "tu peux me faire une bio instagram in english stp, je suis photographe de mariage à lyon"),
    (
        "fr",
        "ru",
        "Je voudrais pratiquer le russe avec toi, niveau débutant. Commence par me demander comment je m'appelle.",
    ),
    ("fr", "zh", "Du français vers le chinois : « Merci de retirer vos chaussures avant d'entrer. »"),
    ("fr", "en", "Que veut dire « to beat around the bush » et comment l'utiliser dans une phrase ?"),
    (
        "fr",
        "pt-BR",
        "Donne-moi la traduction portugaise de ce menu : soupe de poisson, poulet rôti aux herbes, tarte aux pommes.",
    ),
    (
        "fr",
        "de",
        "Résume en allemand : La Commune de Paris dura soixante-douze jours, de mars à mai 1871. Elle fut "
        "écrasée par les troupes de Versailles lors de la Semaine sanglante.",
    ),
    ("fr", "en", "Réponds uniquement dans la langue de Shakespeare : quel est le plus long fleuve d'Afrique ?"),
    (
        "fr",
        "es",
        "Continue ce récit : « Aquella tarde el mar devolvió tres botellas vacías y una carta que nadie quiso abrir. »",
    ),
    ("fr", "nl", "Jai besoin d'un mail en neerlandais pour demander un devis a un plombier d'anvers"),
    ("fr", "ko", "Un dialogue en coréen entre un médecin et son patient, avec le niveau de politesse adapté."),
    (
        "fr",
        "pl",
        "Écris « Joyeux Noël et bonne année à toute la famille » dans la langue de mes beaux-parents polonais.",
    ),
    ("fr", "en", "traduction anglaise svp : il pleut des cordes depuis ce matin, le match est annulé"),
    ("fr", "vi", "Invente une berceuse en vietnamien, toute simple."),
    (
        "ru",
        "en",
        "Переведи на английский: «Уважаемые жильцы! В связи с ремонтом теплотрассы горячая вода будет отключена "
        "с 10 по 14 июня. Приносим извинения за доставленные неудобства.»",
    ),
    ("ru", "de", "Как сказать по-немецки «у меня болит голова, можно мне таблетку»?"),
    ("ru", "fr", "Напиши стихотворение на французском языке о весеннем Париже."),
    (
        "ru",
        "en",
        "напиши письмо на английском клиенту что мы задержим поставку на неделю, вежливо но без лишних извинений",
    ),
    ("ru", "es", "Давай потренируем мой испанский: ты продавец на рынке, а я покупатель."),
    ("ru", "en", 'Исправь ошибки: "I am agree with you, but he don\'t know nothing about it since two years."'),
    ("ru", "zh", "Нужна китайская версия этого объявления: «Не трогать руками! Высокое напряжение.»"),
    ("ru", "it", "Ответь мне по-итальянски, пожалуйста. Какую пасту приготовить на ужин?"),
    ("ru", "ja", "Расскажи о себе на японском, три-четыре предложения."),
    ("ru", "en", 'Что значит фраза "curiosity killed the cat, but satisfaction brought it back"?'),
    ("ru", "tr", "с русского на турецкий: Подскажите, где остановка автобуса до аэропорта?"),
    ("ru", "de", "Кратко перескажи по немецки сказку про Красную Шапочку"),
    (
        "ru",
        "en",
        "Сделай краткое изложение этого абзаца in English: Байкал — самое глубокое озеро планеты. В нём "
        "содержится около одной пятой мировых запасов пресной воды, а многие его обитатели больше нигде не "
        "встречаются.",
    ),
    ("ru", "pl", "Придумай диалог на польском: студент снимает комнату у пожилой хозяйки."),
    (
        "ru",
        "fr",
        "Продолжи рассказ: «La porte s'ouvrit sans bruit et le chat entra le premier, comme s'il était chez lui.»",
    ),
    ("ru", "ko", "Как будет «я тебя люблю» и «я по тебе скучаю» на корейском? Желательно с вариантами вежливости"),
    ("ru", "he", "Хочу поздравить друга из Хайфы с рождением дочери, составь короткую открытку на иврите."),
    ("ru", "en", "перевидите пожалуста на англиский: я хочу забронировать номер на двоих с видом на море"),
    ("ru", "ar", "Составь приветствие для сайта гостиницы на арабском."),
    ("ru", "en", "Дальше общаемся только на English, мне нужна практика. О чём поговорим?"),
    (
        "uk-UA",
        "en",
        "Переклади англійською: «Шановні пасажири, потяг до Львова прибуває на третю колію. Будьте уважні та не "
        "залишайте речі без нагляду.»",
    ),
    ("uk-UA", "pl", "Як сказати польською «я шукаю роботу і маю дозвіл на проживання»?"),
    (
        "uk-UA",
        "de",
        "Напиши, будь ласка, листа німецькою до центру зайнятості: прошу перенести зустріч на наступний тиждень, "
        "бо дитина захворіла.",
    ),
    ("uk-UA", "en", "поясни мені теорему Піфагора на англійській мові"),
    ("uk-UA", "fr", "Склади вірш французькою про осінь у Карпатах."),
    ("uk-UA", "it", "Хочу потренувати італійську. Запитай мене про мою родину, а потім виправляй помилки."),
    (
        "uk-UA",
        "en",
        'Перевір мій текст з англійської: "My brother work in hospital and he like his job very much, because he '
        'help to people."',
    ),
    ("uk-UA", "es", "Переклад з української на іспанську: Де тут найближча аптека?"),
    ("uk-UA", "cs", "Мені треба оголошення чеською: здаю в оренду двокімнатну квартиру в Брно, без тварин."),
    (
        "uk-UA",
        "en",
        'Що означає "break a leg"? Друг написав мені це перед іспитом: "Break a leg tomorrow, you\'ve got this!"',
    ),
    ("uk-UA", "ja", "Як японською буде «дякую за вашу важку працю»?"),
    (
        "uk-UA",
        "de",
        "Підсумуй німецькою мовою: Кобзарі були мандрівними співцями, які виконували думи під акомпанемент "
        "бандури. Багато з них були незрячими.",
    ),
    ("uk-UA", "en", "Відповідай лише англійською. Скільки планет у Сонячній системі?"),
    ("uk-UA", "nl", "голландською плиз: ми запізнимося на десять хвилин"),
    (
        "uk-UA",
        "en",
        "Допоможи з резюме для вакансії QA-інженера, воно має бути англомовне. Маю три роки досвіду, знаю "
        "Selenium і Postman.",
    ),
    (
        "uk-UA",
        "de",
        "Продовж історію: «Als der Regen aufhörte, stand plötzlich ein fremdes Fahrrad vor unserem Haus.»",
    ),
    ("uk-UA", "pt-BR", "Діалог у кав'ярні португальською, для початківців."),
    ("uk-UA", "tr", "напиши турецькою продавцю, що розмір не підійшов і я хочу обміняти сукню"),
    ("uk-UA", "zh", "Китайський переклад цієї фрази, будь ласка: «Ласкаво просимо до нашого дому»."),
    (
        "uk-UA",
        "ro",
        "Сусіди з Румунії не розуміють ні української, ні англійської. Як їм румунською пояснити, що паркуватися "
        "тут не можна?",
    ),
    (
        "zh",
        "en",
        "请把下面这段话翻译成英文：“本店因内部装修，自六月一日起暂停营业两周。会员卡有效期将自动顺延，感谢您的理"
        "解与支持。”",
    ),
    ("zh", "ja", "“请问最近的地铁站怎么走”用日语怎么说？"),
    ("zh", "fr", "用法语写一首关于秋天的短诗"),
    ("zh", "en", "帮我写一封英文邮件给教授，说明我想推迟一周交论文，语气要礼貌。"),
    ("zh", "ko", "我想练习韩语，你扮演咖啡店店员，我来点单。"),
    (
        "zh",
        "en",
        "帮我改一下这段英语作文：“My hometown is very beauty. There have many mountain and river, I very like it.”",
    ),
    ("zh", "de", "德文翻译：我想预约下周三上午的门诊。"),
    ("zh", "es", "从现在开始请只用西班牙语回答我。什么是通货膨胀？"),
    ("zh", "en", '这句话是什么意思？"He\'s not the sharpest tool in the shed, but his heart is in the right place."'),
    ("zh", "ru", "俄语的“新年快乐，万事如意”怎么写"),
    ("zh", "th", "我下个月去曼谷旅游，请用泰文写几句点菜时常用的话。"),
    ("zh", "en", "用English总结一下三国演义的主要情节"),
    ("zh", "fr", "请续写：« Le vieux libraire ferma la porte à clé, puis il se mit à parler aux livres. »"),
    ("zh", "vi", "中译越：工厂明天停电，请大家提前下班。"),
    ("zh", "it", "写一段意大利语对话，两个朋友在讨论周末去哪里玩"),
    ("zh", "en", "in english please，解释一下什么是区块链"),
    (
        "zh",
        "ar",
        "客户是迪拜的，看不懂中文也看不懂英文。麻烦写个阿拉伯语版的产品介绍：太阳能充电宝，两万毫安，防水防摔。",
    ),
    ("zh", "pt-BR", "葡语版自我介绍，我叫李明，二十五岁，做软件工程师，马上要去圣保罗工作"),
    ("zh", "ja", "日本語でお願いします。介绍一下京都的历史。"),
    ("zh", "en", "翻譯成英語: 我昨天晚上加班到十二點，今天實在起不來"),
    (
        "pt-BR",
        "en",
        'Traduza para o inglês: "Prezados clientes, informamos que a nossa agência estará fechada na '
        'segunda-feira devido ao feriado. Os caixas eletrônicos continuarão funcionando normalmente."',
    ),
    ("pt-BR", "fr", 'como se fala "estou perdido, pode me ajudar?" em francês'),
    (
        "pt-BR",
        "it",
        "Escreva uma carta em italiano para os meus primos de Verona contando que vou visitá-los em julho.",
    ),
    ("pt-BR", "en", "Vamos conversar em inglês? Preciso treinar para uma entrevista de emprego. Comece você."),
    ("pt-BR", "ja", "Me ensina a cumprimentar a família da minha esposa em japonês, quero um pequeno discurso."),
    ("pt-BR", "en", 'corrige meu texto em ingles: "She have 20 years and lives in Recife since she born."'),
    ("pt-BR", "de", 'Qual é a tradução alemã de "a esperança é a última que morre"?'),
    ("pt-BR", "zh", "Preciso de um aviso em mandarim para os turistas: proibido alimentar os macacos."),
    ("pt-BR", "en", 'O que quer dizer "you can\'t have your cake and eat it too"?'),
    ("pt-BR", "ru", "do português pro russo: parabéns pela vitória, você merece!"),
    (
        "pt-BR",
        "en",
        "Resuma em inglês o texto a seguir: O Pantanal é a maior planície alagável do mundo. Na época das "
        "cheias, os rios transbordam e formam um imenso mosaico de lagoas, campos e florestas.",
    ),
    (
        "pt-BR",
        "fr",
        'Continue a história: "Elle avait gardé toutes ses lettres dans une boîte à chaussures, sauf une."',
    ),
    ("pt-BR", "ko", "Poema curto em coreano sobre saudade, pfv"),
    ("pt-BR", "en", "Me responde em english: por que o céu é azul?"),
    ("pt-BR", "ar", "Como eu escreveria o nome do meu restaurante e um slogan em árabe? O nome é Sabor da Montanha."),
    ("pt-BR", "de", "Escreve um e-mail em alemao pra imobiliaria pedindo pra ver o apartamento no sabado"),
    (
        "pt-BR",
        "pl",
        "Minha bisavó era polonesa e quero rezar como ela. Escreva uma oração simples de agradecimento em polonês.",
    ),
    (
        "pt-BR",
        "it",
        'Revise esta frase: "Mi piace molto i film vecchi, sopratutto quelli chi parlano di amore." Estou '
        "aprendendo italiano.",
    ),
    (
        "pt-BR",
        "en",
        "Versão em língua inglesa deste resumo, por favor: Este trabalho analisa o impacto do ensino remoto na "
        "aprendizagem de matemática em escolas públicas.",
    ),
    ("pt-BR", "sv", "Inventa um diálogo em sueco sobre o tempo"),
    (
        "it",
        "en",
        "Traduci in inglese questo testo: \"Il museo resterà aperto anche la domenica fino alle venti. L'ingresso "
        'è gratuito per i ragazzi sotto i quattordici anni, purché accompagnati da un adulto."',
    ),
    ("it", "fr", 'come si dice "mi sono rotto il braccio sciando" in francese?'),
    ("it", "de", "Scrivi una lettera formale in tedesco per disdire l'abbonamento alla palestra."),
    (
        "it",
        "en",
        "mi scrivi in inglese una recensione per un b&b a firenze? camera bella, colazione ottima, un po' "
        "rumoroso la notte",
    ),
    ("it", "es", "Ho bisogno di esercitarmi con lo spagnolo: facciamo finta di essere in un negozio di scarpe."),
    (
        "it",
        "en",
        'Correggi il mio inglese: "I am study economics and next year I will going to London for make a master."',
    ),
    ("it", "ja", "Inventa una breve filastrocca in giapponese sui gatti."),
    ("it", "ru", 'Dall\'italiano al russo: "Il treno parte dal binario sette."'),
    ("it", "en", 'Cosa significa "when pigs fly"?'),
    ("it", "zh", "Mi serve il cartello in cinese: si prega di non usare il flash durante lo spettacolo"),
    (
        "it",
        "en",
        "Rispondimi in inglese d'ora in poi, devo preparare il colloquio. Quali domande fanno di solito a un "
        "cameriere?",
    ),
    (
        "it",
        "pt-BR",
        "Vorrei fare gli auguri di compleanno a un collega di San Paolo nella sua lingua, il portoghese. "
        "Qualcosa di spiritoso.",
    ),
    (
        "it",
        "fr",
        "Riassumi in francese: La peste del 1348 uccise circa un terzo della popolazione europea. Le campagne si "
        "svuotarono e i salari di chi era sopravvissuto aumentarono.",
    ),
    (
        "it",
        "de",
        'Vai avanti tu con il racconto: "Im Keller des alten Hotels brannte noch Licht, obwohl dort seit Jahren '
        'niemand mehr wohnte."',
    ),
    ("it", "en", "traduzzione in inglese x favore: ci vediamo domani alle sei davanti al cinema, porta i biglietti"),
    ("it", "ar", "Un dialogo in arabo fra un tassista e una turista, facile."),
    (
        "it",
        "ro",
        "La badante di mia madre è rumena: scrivile in romeno come deve dare le medicine, una pastiglia la "
        "mattina e due la sera dopo i pasti.",
    ),
    ("it", "pl", "Una ninna nanna in lingua polacca per il mio nipotino"),
    ("it", "el", 'Qual è l\'equivalente greco di "chi va piano va sano e va lontano"?'),
    ("it", "en", "Spiegami il teorema di Bayes, but in English please"),
    (
        "pl",
        "en",
        "Przetłumacz na angielski: „W związku z awarią sieci wodociągowej mieszkańcy ulicy Lipowej będą "
        "pozbawieni wody do godziny szesnastej. Przepraszamy za utrudnienia.”",
    ),
    ("pl", "de", "Jak powiedzieć po niemiecku „mam umówioną wizytę na dziesiątą”?"),
    ("pl", "fr", "Napisz wiersz po francusku o deszczu nad Sekwaną."),
    (
        "pl",
        "en",
        "napisz maila po angielsku do hotelu, ze przyjedziemy dopiero po polnocy i prosimy o zostawienie klucza",
    ),
    ("pl", "es", "Chciałabym poćwiczyć hiszpański. Zadawaj mi pytania o wakacje, po jednym naraz."),
    (
        "pl",
        "en",
        'Popraw mój tekst: "I have been in Kraków last year and I seen very much interesting places." Uczę się '
        "angielskiego od niedawna.",
    ),
    ("pl", "it", "Co znaczy „in bocca al lupo” i co się na to odpowiada?"),
    (
        "pl",
        "uk-UA",
        "Sąsiadka z Ukrainy nie zna polskiego. Napisz jej po ukraińsku, że paczka czeka u mnie i może ją odebrać "
        "po osiemnastej.",
    ),
    ("pl", "en", "Odpowiadaj wyłącznie w języku angielskim. Jak działa silnik diesla?"),
    ("pl", "ja", "Przedstaw się po japońsku tak, jak zrobiłby to nowy pracownik w firmie."),
    (
        "pl",
        "de",
        "Streść poniższy akapit w języku niemieckim: Bursztyn bałtycki powstał z żywicy drzew sprzed "
        "czterdziestu milionów lat. Już w starożytności handlowano nim na szlaku prowadzącym aż do Rzymu.",
    ),
    ("pl", "zh", "tłumaczenie z polskiego na chiński: Proszę zachować paragon przez dwa lata."),
    (
        "pl",
        "en",
        'Kontynuuj opowiadanie: "Nobody in the village had ever seen the clockmaker eat, sleep or grow older."',
    ),
    ("pl", "ru", "Jak będzie po rosyjsku „nie ma tego złego, co by na dobre nie wyszło”?"),
    ("pl", "en", "wytłumacz mi to in english plz: co to jest rekurencja"),
    (
        "pl",
        "nl",
        "Jadę do pracy do Eindhoven. Ułóż kilka zdań po niderlandzku, którymi mogę się przywitać z brygadzistą.",
    ),
    ("pl", "tr", "Ogłoszenie po turecku: wymienię mieszkanie w Gdańsku na dom w Antalyi na miesiąc wakacji."),
    ("pl", "sv", "szwedzka wersja życzeń świątecznych dla firmy ze Sztokholmu, krótko"),
    (
        "pl",
        "fr",
        "Przełóż na francuski ten fragment listu: „Kochana Marto, piszę do Ciebie z pociągu, więc wybacz krzywe "
        "litery. Za oknem same pola i bociany.”",
    ),
    ("pl", "ko", "Dialog po koreańsku: dwie koleżanki umawiają się do kina."),
    (
        "ja",
        "en",
        "次の文章を英語に翻訳してください。「誠に勝手ながら、当店は八月十三日から十六日まで夏季休業とさせていただ"
        "きます。十七日より通常通り営業いたします。」",
    ),
    ("ja", "zh", "「お会計をお願いします」は中国語で何と言いますか？"),
    ("ja", "fr", "フランス語で恋の詩を書いて"),
    (
        "ja",
        "en",
        "取引先への納期遅れのお詫びメールを英語で作成してください。原因は部品不足で、二週間遅れる見込みです。",
    ),
    ("ja", "ko", "韓国語の会話練習に付き合ってください。私は初心者です。"),
    ("ja", "en", "この英文を添削して：I went to shopping with my friend yesterday, and I was very enjoyed."),
    ("ja", "de", "ドイツ語訳をお願いします。「駅前で待っています。雨が降ったら喫茶店に入っていてください。」"),
    ("ja", "es", "スペイン語で自己紹介したいんだけど、例文つくって。名前はけんた、料理人です。"),
    ("ja", "en", "「It's raining cats and dogs」ってどういう意味？"),
    ("ja", "it", "これからはイタリア語だけで返事してください。ローマでおすすめの観光地は？"),
    ("ja", "en", "桃太郎のあらすじをEnglishでまとめて"),
    ("ja", "ru", "ロシア語で「お誕生日おめでとう」はどう書きますか。カードに書きたいです。"),
    ("ja", "th", "日本語→タイ語　「辛くしないでください」"),
    (
        "ja",
        "vi",
        "工場のベトナム人実習生に見せる注意書きを、ベトナム語で書いてください。内容：機械に手を入れない、帽子をか"
        "ぶる、困ったら班長を呼ぶ。",
    ),
    ("ja", "en", '続きを書いてください。"The letter arrived on a Tuesday, forty years after it had been posted."'),
    (
        "ja",
        "pt-BR",
        "ブラジルから来た生徒の保護者あてに、遠足のお知らせをポルトガル語で書きたいです。五月二十日、弁当と水筒持"
        "参、雨天中止。",
    ),
    ("ja", "ar", "アラビア語で「ようこそ」と書いた看板を作りたい。短い歓迎文も添えて。"),
    ("ja", "zh", "请用中文で返事して。北京の天気はどんな感じ？"),
    ("ja", "en", "英訳して　昨日は寝坊して会議に遅刻しました"),
    (
        "ja",
        "de",
        "この文の意味を教えてください。「Übung macht den Meister, aber kein Meister ist vom Himmel gefallen.」",
    ),
    (
        "vi",
        "en",
        'Dịch đoạn văn sau sang tiếng Anh: "Kính gửi quý khách, do thời tiết xấu nên chuyến tàu ra đảo chiều nay '
        'sẽ bị hoãn. Quý khách có thể đổi vé hoặc nhận lại tiền tại quầy số hai."',
    ),
    ("vi", "ja", '"Tôi bị dị ứng với hải sản" nói bằng tiếng Nhật thế nào?'),
    ("vi", "fr", "Viết cho tôi một bài thơ ngắn bằng tiếng Pháp về mùa thu Hà Nội."),
    ("vi", "en", "viết giúp mình email xin nghỉ phép bằng tiếng anh gửi sếp, lý do là đám cưới chị gái"),
    ("vi", "ko", "Mình muốn luyện tiếng Hàn, bạn đóng vai nhân viên cửa hàng quần áo nhé."),
    (
        "vi",
        "en",
        'Sửa lỗi ngữ pháp giúp em: "Last weekend I go to the zoo with my family, there is many animal and I very '
        'happy."',
    ),
    ("vi", "zh", "Dịch sang tiếng Trung: Hàng đã gửi hôm qua, dự kiến ba ngày nữa tới kho của anh."),
    ("vi", "de", "Soạn một lá thư bằng tiếng Đức gửi trường nghề ở Leipzig để hỏi về học phí và ký túc xá."),
    ("vi", "en", 'Câu "don\'t count your chickens before they hatch" nghĩa là gì vậy?'),
    ("vi", "ru", 'Từ tiếng Việt sang tiếng Nga: "Chúc bác luôn mạnh khỏe và hạnh phúc."'),
    ("vi", "en", "Từ giờ hãy trả lời tôi bằng English thôi nhé. Biến đổi khí hậu là gì?"),
    ("vi", "es", "Viết đoạn hội thoại tiếng Tây Ban Nha giữa hai người bạn gặp lại nhau sau nhiều năm"),
    ("vi", "th", 'Tiếng Thái của câu "cho tôi xem thực đơn" là gì?'),
    (
        "vi",
        "en",
        "Tóm tắt bằng tiếng Anh: Vịnh Hạ Long có gần hai nghìn hòn đảo đá vôi, phần lớn không có người ở. Nơi "
        "đây hai lần được công nhận là di sản thiên nhiên thế giới.",
    ),
    ("vi", "it", "Cho mình lời chúc mừng sinh nhật bằng tiếng Ý, hơi lãng mạn một chút"),
    (
        "vi",
        "fr",
        'Viết tiếp câu chuyện này: "Dans le dernier wagon du métro, une petite fille dessinait sur la vitre embuée."',
    ),
    ("vi", "ja", "日本語で trả lời giúp em: cách viết sơ yếu lý lịch xin việc làm thêm"),
    ("vi", "en", "dich ho minh sang tieng anh: toi muon dat mot ban cho bon nguoi luc bay gio toi"),
    ("vi", "id", "Mình bán hàng online sang Jakarta, nhờ viết mô tả áo thun cotton bằng tiếng Indonesia."),
    (
        "vi",
        "pl",
        "Hàng xóm người Ba Lan của tôi sắp chuyển đi. Viết giúp một tấm thiệp tạm biệt bằng tiếng của cô ấy.",
    ),
)

# Language of the prompt, language of a people, country or text it names in passing without asking for it, prompt.
UNASKED = (
    ("en", "", "How do I reverse a linked list in Python without using extra memory?"),
    ("en", "", "my sourdough always comes out flat, what am i doing wrong"),
    ("en", "es", "Who won the Spanish civil war?"),
    ("en", "", "Explain the difference between TCP and UDP like I'm five."),
    ("en", "", "What's the derivative of x^2 * sin(x)?"),
    ("en", "", "I had a fight with my best friend over money. How do I apologise without sounding desperate?"),
    ("en", "", "Give me a three day workout plan, no equipment, bad knees."),
    ("en", "pl", "Is Polish vodka made from potatoes or from grain?"),
    ("en", "", "Translate this SQL into pandas: SELECT city, AVG(age) FROM users GROUP BY city;"),
    ("en", "", "Write a haiku about rain on a tin roof."),
    ("en", "", "why do cats knead blankets"),
    (
        "en",
        "",
        'Rewrite this email so that it sounds less angry: "Send me the report today. I have asked twice already '
        'and nobody answers."',
    ),
    ("en", "", "What caused the stock market crash of 1929? Keep it under 200 words."),
    ("en", "", "Good morning! I slept terribly. Tell me something cheerful."),
    (
        "en",
        "",
        "Summarise this for me: Bees communicate the direction of food by dancing. The angle of the dance shows "
        "the direction relative to the sun, and its length shows the distance.",
    ),
    ("en", "fr", "What's the best oven temperature for frozen French fries?"),
    ("en", "", "Can I deduct my home office if I'm only freelancing part time?"),
    ("en", "", "Suggest ten names for a small bakery next to a railway station"),
    ("en", "", "My CSS grid collapses to one column on Safari but not on Chrome, any idea why?"),
    ("en", "", "What should I ask the landlord before signing a lease?"),
    ("es", "", "¿Cómo puedo ordenar un diccionario por valor en Python?"),
    ("es", "", "receta fácil de lentejas con verduras para cuatro personas"),
    ("es", "", "¿Por qué cayó el Imperio romano de Occidente?"),
    ("es", "", "Llevo tres meses en el paro y me siento fatal, ¿qué puedo hacer para animarme?"),
    ("es", "", "Calcula el área de un círculo de 7 cm de radio y explica los pasos."),
    ("es", "en", "¿Es verdad que los ingleses toman el té a las cinco?"),
    ("es", "", "hola, q tal? aburrido en casa, cuéntame algo curioso"),
    ("es", "", "¿Cuánto tiempo hay que cocer un huevo para que la yema quede líquida?"),
    ("es", "", "Escribe un poema sobre el mar en invierno."),
    ("es", "", "Mi portátil se apaga solo cuando juego. ¿Puede ser la batería o el ventilador?"),
    ("es", "", "Redacta una carta de queja a mi compañía eléctrica por una factura duplicada."),
    ("es", "", "Dame cinco ideas de regalos para un padre que ya lo tiene todo."),
    ("es", "", "¿Cuál es la diferencia entre una hipoteca fija y una variable?"),
    ("es", "de", "¿En qué año se reunificó Alemania y quién era el canciller?"),
    (
        "es",
        "",
        "Resume este texto en una sola frase: Las abejas son esenciales para la polinización de los cultivos. "
        "Sin ellas, muchas frutas y verduras serían mucho más escasas y caras.",
    ),
    ("es", "", "¿Qué ejercicios son buenos para el dolor lumbar?"),
    ("es", "", "como quito una mancha de vino tinto de un mantel blanco"),
    ("es", "", "Explícame qué es un agujero negro en lenguaje sencillo."),
    ("es", "", "Haz una tabla con las ventajas y desventajas del teletrabajo."),
    ("es", "", "Me gusta una chica de mi clase de cerámica y no sé cómo hablarle."),
    ("de", "", "Wie bekomme ich Kalkflecken von der Duschwand ab?"),
    ("de", "", "Schreibe eine Funktion in JavaScript, die prüft, ob ein Wort ein Palindrom ist."),
    ("de", "", "Was waren die Folgen des Dreißigjährigen Krieges?"),
    ("de", "ja", "Ist Japanisch schwer zu lernen?"),
    ("de", "", "hab heute voll verschlafen, was sag ich meinem chef"),
    ("de", "", "Berechne bitte die Nullstellen von f(x) = x² - 5x + 6."),
    ("de", "", "Welche Pflanzen eignen sich für einen schattigen Balkon?"),
    ("de", "", "Schreib ein kurzes Gedicht über einen müden Hund."),
    ("de", "", "Kannst du mir den Unterschied zwischen Brutto und Netto verständlich erklären?"),
    ("de", "it", "Warum trinken die Italiener nach dem Mittagessen keinen Cappuccino mehr?"),
    ("de", "", "Wie lange muss ein Schweinebraten von zwei Kilo in den Ofen?"),
    ("de", "", "Mein Kind will nicht in den Kindergarten. Hast du Tipps?"),
    ("de", "", "Erstelle einen Wochenplan, damit ich in drei Monaten zehn Kilometer laufen kann."),
    ("de", "", 'Formuliere diesen Satz höflicher: "Räumen Sie endlich Ihr Auto weg."'),
    ("de", "", "Was ist eigentlich der Unterschied zwischen Hase und Kaninchen?"),
    ("de", "", "docker container startet nicht, exit code 137. woran liegts?"),
    (
        "de",
        "",
        "Fasse zusammen: Der Bodensee grenzt an drei Länder. Er dient vier Millionen Menschen als "
        "Trinkwasserspeicher und ist ein wichtiges Rastgebiet für Zugvögel.",
    ),
    ("de", "", "Lohnt sich eine Wärmepumpe im Altbau?"),
    ("de", "", "Nenne mir drei gute Argumente für ein Tempolimit."),
    ("de", "", "Darf mein Vermieter einfach so in die Wohnung kommen?"),
    ("fr", "", "Comment faire une pâte à crêpes sans grumeaux ?"),
    ("fr", "", "Pourquoi la Révolution a-t-elle éclaté en 1789 ?"),
    ("fr", "", "Corrige ce code : for i in range(10) print(i)"),
    ("fr", "", "salut, je m'ennuie, raconte-moi une blague"),
    ("fr", "ru", "Combien de temps a duré la campagne de Russie de Napoléon et combien d'hommes sont revenus ?"),
    ("fr", "", "Résous l'équation 3x + 7 = 22 en détaillant chaque étape."),
    ("fr", "", "J'hésite entre une licence de droit et une école de commerce, qu'en penses-tu ?"),
    ("fr", "", "Écris une lettre à mon propriétaire pour demander la réparation du chauffe-eau."),
    ("fr", "", "Quels sont les symptômes d'une carence en fer ?"),
    ("fr", "", "mon chat vomit depuis ce matin, c'est grave ?"),
    ("fr", "", "Propose un itinéraire de trois jours en Bretagne avec des enfants."),
    ("fr", "", "Quelle est la différence entre un virus et une bactérie ?"),
    ("fr", "pt-BR", "Les Portugais mangent-ils vraiment autant de morue qu'on le dit ?"),
    ("fr", "", "Rédige un petit discours pour le départ à la retraite de ma collègue Sylvie."),
    ("fr", "", "Traduis ce schéma UML en classes Java : une Personne possède plusieurs Adresses."),
    ("fr", "", "Comment convaincre mes parents d'adopter un chien ?"),
    (
        "fr",
        "",
        "Reformule cette phrase plus simplement : « Nonobstant les dispositions précédentes, le preneur demeure "
        "tenu de ses obligations. »",
    ),
    ("fr", "", "c koi la diff entre ram et disque dur"),
    ("fr", "", "Donne-moi dix mots qui riment avec « lumière »."),
    ("fr", "", "Faut-il rembourser son crédit par anticipation ou placer son argent ?"),
    ("ru", "", "Как сварить борщ, чтобы он остался ярко-красным?"),
    ("ru", "", "Напиши функцию на Python, которая считает гласные в строке."),
    ("ru", "", "Почему распался Советский Союз?"),
    ("ru", "", "посоветуй что посмотреть вечером, только не ужасы"),
    ("ru", "", "Чему равен интеграл от 1/x?"),
    ("ru", "fr", "Сколько всего жён было у французского короля Людовика XIV?"),
    ("ru", "", "Муж постоянно сидит в телефоне, как с ним об этом поговорить?"),
    ("ru", "", "Какие документы нужны для замены водительских прав?"),
    ("ru", "", "Сочини короткую сказку про ёжика, который боялся темноты."),
    ("ru", "", "Объясни простыми словами, что такое ипотека."),
    ("ru", "", "У меня не запускается nginx, пишет что порт 80 занят. Что делать?"),
    ("ru", "zh", "Правда ли, что китайцы не пьют холодную воду?"),
    (
        "ru",
        "",
        "Сократи текст до одного предложения: Пчёлы живут большими семьями, в которых у каждой особи своя роль. "
        "Одни собирают нектар, другие охраняют улей, третьи ухаживают за личинками.",
    ),
    ("ru", "", "привет! как дела? чем занимаешься?"),
    ("ru", "", "Составь меню на неделю для семьи из трёх человек, без свинины."),
    ("ru", "", "Чем отличается вирус от бактерии?"),
    ("ru", "", "Как вывести пятно от кофе с белой рубашки?"),
    ("ru", "", "Придумай название для кофейни в книжном магазине."),
    ("ru", "", "Исправь ошибки в предложении: «Он одел пальто и вышел с дома»."),
    ("ru", "", "Сколько калорий в тарелке гречки с маслом?"),
    ("uk-UA", "", "Як приготувати вареники з вишнями, щоб вони не розварилися?"),
    ("uk-UA", "", "Напиши SQL-запит, який знайде дублікати в таблиці користувачів."),
    ("uk-UA", "", "Хто такий Іван Мазепа і чому про нього сперечаються історики?"),
    ("uk-UA", "", "не можу заснути вже третю ніч, що порадиш?"),
    ("uk-UA", "", "Розв'яжи рівняння: 2x² − 8 = 0."),
    ("uk-UA", "en", "Чому англійці їздять по лівому боці дороги?"),
    ("uk-UA", "", "Склади список речей для походу в гори на три дні."),
    ("uk-UA", "", "Як правильно доглядати за орхідеєю взимку?"),
    ("uk-UA", "", "Поясни різницю між списком і кортежем у Python."),
    ("uk-UA", "", "Привіт, розкажи щось цікаве про космос"),
    ("uk-UA", "", "Моя донька боїться йти до школи. Як її підтримати?"),
    ("uk-UA", "tr", "Скільки коштує відпочинок у Туреччині у вересні для двох?"),
    ("uk-UA", "", "Напиши вірш про бабусину хату."),
    ("uk-UA", "", "Які податки платить ФОП третьої групи?"),
    ("uk-UA", "", "Чим відрізняється акула від дельфіна?"),
    (
        "uk-UA",
        "",
        "Скороти цей абзац: Дніпро є найдовшою річкою країни. На його берегах виникли перші поселення, а пізніше "
        "великі міста й електростанції.",
    ),
    ("uk-UA", "", "Що подарувати вчительці на день народження?"),
    ("uk-UA", "", "комп гуде як літак, як почистити вентилятор"),
    ("uk-UA", "", "Чи варто зараз купувати квартиру в новобудові?"),
    ("uk-UA", "", "Придумай три слогани для сироварні."),
    ("zh", "", "怎么做西红柿炒鸡蛋才好吃？"),
    ("zh", "", "用Python写一个冒泡排序，并解释每一行代码。"),
    ("zh", "", "秦始皇统一六国用了多少年？"),
    ("zh", "", "最近工作压力很大，晚上总是失眠，有什么办法吗？"),
    ("zh", "", "一个直角三角形的两条直角边分别是3和4，斜边是多少？"),
    ("zh", "ko", "韩国人为什么这么喜欢吃泡菜？"),
    ("zh", "", "写一首关于月亮的诗"),
    ("zh", "", "帮我想几个奶茶店的名字，要可爱一点的"),
    ("zh", "", "光合作用的原理是什么？"),
    ("zh", "", "孩子不爱写作业怎么办"),
    ("zh", "", "请把这段话改得更正式：老板，我明天有事来不了，跟你说一声。"),
    ("zh", "", "股票和基金有什么区别？新手适合买哪个？"),
    ("zh", "fr", "法国大革命是哪一年爆发的？主要原因有哪些？"),
    ("zh", "", "你好，今天心情不好，陪我聊聊天吧"),
    ("zh", "", "git rebase 和 git merge 有什么不同？"),
    (
        "zh",
        "",
        "总结一下：大熊猫主要生活在四川的山区，以竹子为食。由于栖息地减少，它们曾经濒临灭绝，近年来数量有所回升。",
    ),
    ("zh", "", "三天两夜去云南玩，路线怎么安排？"),
    ("zh", "", "感冒了可以喝咖啡吗"),
    ("zh", "", "列出五个提高记忆力的方法。"),
    ("zh", "", "租房合同里要注意哪些条款？"),
    ("pt-BR", "", "Como faço para deixar o arroz soltinho?"),
    ("pt-BR", "", "Escreva um código em C que calcule o fatorial de um número."),
    ("pt-BR", "", "Quem proclamou a República no Brasil e em que ano?"),
    ("pt-BR", "", "to muito ansioso com a prova de amanhã, me ajuda"),
    ("pt-BR", "", "Quanto é 15% de 320? Explique o cálculo."),
    ("pt-BR", "ar", "Por que os árabes ficaram tanto tempo na Península Ibérica?"),
    ("pt-BR", "", "Sugira um roteiro de dois dias em Ouro Preto."),
    ("pt-BR", "", "Qual a diferença entre MEI e microempresa?"),
    ("pt-BR", "", "Meu cachorro come muito rápido e depois passa mal. O que fazer?"),
    ("pt-BR", "", "Faça um poema sobre a chuva no sertão."),
    ("pt-BR", "", "oi, tudo bem? me conta uma curiosidade"),
    ("pt-BR", "", "Como tirar cheiro de mofo do guarda-roupa?"),
    ("pt-BR", "de", "Quantos gols a Alemanha fez naquele jogo de 2014?"),
    ("pt-BR", "", 'Reescreva de forma mais educada: "Para de fazer barulho, tem gente dormindo!"'),
    ("pt-BR", "", "Explique a fotossíntese numa linguagem simples, para crianças."),
    ("pt-BR", "", "O que é taxa Selic e como ela afeta a poupança?"),
    ("pt-BR", "", "erro 500 no meu site wordpress depois de atualizar plugin, como resolvo"),
    ("pt-BR", "", "Crie uma lista de compras saudável para uma semana com cem reais."),
    ("pt-BR", "", "Devo contar para o meu chefe que estou procurando outro emprego?"),
    (
        "pt-BR",
        "",
        "Resuma: A Mata Atlântica cobria quase todo o litoral do país. Hoje restam pouco mais de doze por cento "
        "da floresta original, em fragmentos isolados.",
    ),
    ("it", "", "Come si prepara una carbonara senza far diventare il sugo una frittata?"),
    ("it", "", "Scrivi un programma in Java che legga un file riga per riga."),
    ("it", "", "Chi ha ucciso Giulio Cesare e perché?"),
    ("it", "", "mi annoio, proponimi un gioco da fare da solo"),
    ("it", "", "Qual è la radice quadrata di 144 e come la trovo senza calcolatrice?"),
    ("it", "es", "Che differenza c'è tra il prosciutto crudo e il jamón spagnolo?"),
    ("it", "", "Il mio ragazzo non risponde ai messaggi da due giorni. Devo preoccuparmi?"),
    ("it", "", "Scrivi una breve poesia sulla nebbia in pianura."),
    ("it", "", "Quali documenti servono per la dichiarazione dei redditi?"),
    ("it", "", "come faccio a togliere la cera dal tappeto"),
    (
        "it",
        "",
        "Fammi un riassunto: Il Po nasce dal Monviso e attraversa tutta la pianura prima di gettarsi "
        "nell'Adriatico. Il suo delta è una riserva naturale ricca di uccelli.",
    ),
    ("it", "", "Meglio un'auto ibrida o una diesel se faccio trentamila chilometri all'anno?"),
    ("it", "", "Spiegami la differenza tra meteorologia e climatologia."),
    ("it", "ja", "Quanto dura il volo per il Giappone e quando conviene prenotare?"),
    ("it", "", 'Riscrivi questa frase in modo più elegante: "Ti scrivo per dirti che la riunione non si fa."'),
    ("it", "", "Dammi qualche consiglio per parlare in pubblico senza tremare."),
    ("it", "", "Ciao! Che tempo ti piace di più?"),
    ("it", "", "Perché il cielo al tramonto diventa rosso?"),
    ("it", "", "Con che cosa posso sostituire il burro in una torta?"),
    ("it", "", "la query mi dà timeout con due milioni di righe, che indice metto?"),
    ("pl", "", "Jak zrobić domowy żurek na zakwasie?"),
    ("pl", "", "Napisz skrypt w Bashu, który usunie pliki starsze niż trzydzieści dni."),
    ("pl", "", "Dlaczego doszło do rozbiorów?"),
    ("pl", "", "nie mam dziś na nic siły, pociesz mnie jakoś"),
    ("pl", "", "Oblicz pole trójkąta o podstawie 8 cm i wysokości 5 cm."),
    ("pl", "hu", "Czy Węgrzy naprawdę dodają paprykę do wszystkiego?"),
    ("pl", "", "Ułóż krótki wierszyk o biedronce dla przedszkolaka."),
    ("pl", "", "Jak wypowiedzieć umowę z operatorem komórkowym przed terminem?"),
    ("pl", "", "Moja sąsiadka gra na pianinie po nocach. Jak z nią porozmawiać?"),
    ("pl", "", "Czym różni się umowa zlecenie od umowy o dzieło?"),
    ("pl", "", "ile gotować ziemniaki w mundurkach"),
    (
        "pl",
        "",
        "Streść w jednym zdaniu: Puszcza Białowieska to ostatni pierwotny las nizinny w tej części kontynentu. "
        "Żyją w niej żubry, wilki i rysie.",
    ),
    ("pl", "", "Podaj pięć sposobów na oszczędzanie prądu w bloku."),
    ("pl", "ru", "W którym roku car Rosji Piotr I założył Petersburg?"),
    ("pl", "", "Przeredaguj to zdanie, żeby brzmiało uprzejmiej: „Proszę natychmiast oddać mi pieniądze”."),
    ("pl", "", "Cześć, jak minął ci dzień?"),
    ("pl", "", "Który rower wybrać do miasta, jeśli mieszkam na czwartym piętrze bez windy?"),
    ("pl", "", "Dlaczego mój useEffect w Reakcie wykonuje się dwa razy?"),
    ("pl", "", "Wymień planety Układu Słonecznego od najmniejszej do największej."),
    ("pl", "", "Jak wychować szczeniaka, żeby nie gryzł butów?"),
    ("ja", "", "肉じゃがを美味しく作るコツを教えてください。"),
    ("ja", "", "Pythonでリストの重複を取り除く方法は？"),
    ("ja", "", "関ヶ原の戦いの勝敗を分けたものは何ですか。"),
    ("ja", "", "最近やる気が出ない。どうしたらいい？"),
    ("ja", "", "つるかめ算の解き方を小学生にもわかるように説明して。"),
    ("ja", "it", "イタリア旅行に行くなら何月がおすすめですか？"),
    ("ja", "", "雪をテーマに俳句をひとつ作ってください。"),
    ("ja", "", "猫が夜中に鳴き続けます。原因は何でしょうか。"),
    ("ja", "", "確定申告の医療費控除について簡単に教えて"),
    ("ja", "", "おはよう！今日もいい天気だね。"),
    ("ja", "", "次の文を敬語に直してください。「明日行くから待ってて」"),
    ("ja", "", "一人暮らしにおすすめの観葉植物を三つ挙げてください。"),
    ("ja", "en", "英国の産業革命はなぜ起こったのですか？"),
    ("ja", "", "エクセルで別シートの値を参照するにはどうすればいい？"),
    (
        "ja",
        "",
        "要約してください。富士山は標高三千七百七十六メートルの活火山で、最後に噴火したのは一七〇七年です。古くか"
        "ら信仰の対象とされてきました。",
    ),
    ("ja", "", "友達の結婚式のスピーチ、何を話せば盛り上がるかな"),
    ("ja", "", "腰痛に効くストレッチは？"),
    ("ja", "", "新しいパン屋の店名を考えて。駅前の小さな店です。"),
    ("ja", "", "円周率はなぜ割り切れないのですか。"),
    ("ja", "", "引っ越しの挨拶には何を持っていけばいいですか？"),
    ("vi", "", "Cách nấu phở bò tại nhà sao cho nước trong?"),
    ("vi", "", "Viết hàm Python kiểm tra một số có phải số nguyên tố không."),
    ("vi", "", "Vì sao nhà Tây Sơn sụp đổ?"),
    ("vi", "", "buồn quá, nói chuyện với mình một lúc được không"),
    ("vi", "", "Giải phương trình x^2 - 4x + 3 = 0."),
    ("vi", "ko", "Phim Hàn Quốc nào đang được xem nhiều nhất hiện nay?"),
    ("vi", "", "Làm thế nào để con tôi bớt xem điện thoại?"),
    ("vi", "", "Lãi suất kép là gì? Cho ví dụ cụ thể."),
    ("vi", "", "Gợi ý lịch trình ba ngày ở Đà Lạt cho cặp đôi."),
    ("vi", "", "Viết một bài thơ lục bát về mẹ."),
    ("vi", "", "Cây lưỡi hổ bị vàng lá thì phải làm sao?"),
    ("vi", "", "máy tính chạy chậm quá, có cách nào nhanh hơn mà không cần mua ram không"),
    (
        "vi",
        "",
        "Tóm tắt đoạn sau: Sông Mê Kông chảy qua sáu nước trước khi đổ ra biển. Vùng châu thổ của nó là vựa lúa "
        "lớn, nuôi sống hàng chục triệu người.",
    ),
    ("vi", "th", "Người Thái ăn tết té nước vào tháng mấy?"),
    ("vi", "", 'Viết lại câu này cho lịch sự hơn: "Sao giờ này chưa giao hàng cho tôi?"'),
    ("vi", "", "Phân biệt giúp em mitosis và meiosis, mai em thi rồi."),
    ("vi", "", "Có nên mua bảo hiểm nhân thọ khi mới đi làm không?"),
    ("vi", "", "Kể cho mình một câu chuyện cười ngắn."),
    ("vi", "", "Uống cà phê lúc bụng đói có hại không?"),
    ("vi", "", "Đặt tên cho một quán cà phê sách nằm trong hẻm nhỏ."),
)
