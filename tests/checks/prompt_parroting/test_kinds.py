"""Kinds of echoes, and kinds of replies that were asked to give back words of their prompt, in several languages."""

from building import audit, turns
from chataudit.checks.prompt_parroting.check import PromptParroting

BREAD = "How do I bake a loaf of bread without any yeast at home?"
TRAIN = "Der Zug nach Basel fährt heute wegen einer Baustelle erst um neun Uhr ab"
MARKET = "el mercado de la plaza abre los martes a las ocho de la mañana"
WRONG = "yesterday my sister goed to the libary and she bringed three book home for her childs"
RIGHT = "Yesterday my sister went to the library and she brought three books home for her children."

ECHOES = {
    "other signs and case": (BREAD, BREAD.upper() + "!!"),
    "an opening": (BREAD, f"Sure, good question: {BREAD}"),
    "a label": (BREAD, f"Human: {BREAD}"),
    "asked, and refused": (BREAD, f"You asked: {BREAD} I am sorry, but I cannot answer that."),
    "asked, and refused, in French": (
        "Combien de ponts traversent la Garonne à Toulouse ?",
        "Vous avez demandé : Combien de ponts traversent la Garonne à Toulouse ? Désolé, je ne peux pas répondre.",
    ),
    "asked, and refused, in Russian": (
        "Сколько мостов в старом городе и когда их построили?",
        "Вы спросили: Сколько мостов в старом городе и когда их построили? Извините, я не могу ответить на это.",
    ),
    "asked, and refused, in Chinese": (
        "老城里有几座桥，它们是什么时候建的？",
        "您的问题是：老城里有几座桥，它们是什么时候建的？抱歉，我无法回答这个问题。",
    ),
    "a template without an answer": (BREAD, f"### Instruction:\n{BREAD}\n\n### Response:\n"),
    "a template of roles": (BREAD, f"<|user|>\n{BREAD}\n<|assistant|>\n"),
    "a template in Spanish": (
        "¿Cuántos puentes tiene la ciudad?",
        "Pregunta: ¿Cuántos puentes tiene la ciudad?\nRespuesta:",
    ),
    "three times over": (BREAD, "\n".join([BREAD] * 3)),
    "a block of code": (BREAD, f"```\n{BREAD}\n```"),
    "bold words": (BREAD, " ".join(f"**{word}**" for word in BREAD.split())),
    "slips of the pen": (BREAD, "How do I bkae a loaf of bread wihtout any yeast at hoem?"),
    "two words": ("Prime numbers", "Prime numbers"),
    "three words": ("Who are you?", "Who are you?"),
    "short, in Chinese": ("给我讲个笑话", "给我讲个笑话。"),
    "short, in Japanese": ("首都はどこですか？", "首都はどこですか？"),
    "short, in Thai": ("เมืองหลวงคืออะไร", "เมืองหลวงคืออะไร"),
    "an instruction with its text": (f"Correct the mistakes: {WRONG}", f"Correct the mistakes: {WRONG}"),
    "an instruction to repeat, repeated": (f"Sprich mir nach: {TRAIN}", f"Sprich mir nach: {TRAIN}"),
}
OTHERS = {
    "repeated": (f"Repeat after me: {BREAD}", BREAD),
    "repeated, without a border": (f"Say exactly this and nothing else {BREAD}", BREAD),
    "repeated, in German": (f"Sprich mir nach: {TRAIN}", TRAIN),
    "repeated, in Spanish": (f"Copia este texto {MARKET}", MARKET),
    "repeated, in Hindi": ("मेरे बाद दोहराओ: आज बाज़ार बहुत जल्दी खुल गया", "आज बाज़ार बहुत जल्दी खुल गया"),
    "repeated, in Chinese": ("请跟我重复：老城里有三座很旧的桥", "老城里有三座很旧的桥"),
    "corrected": (f"fix the grammar in this {WRONG}", RIGHT),
    "corrected, asked behind it": (f"{WRONG}\n\nAny mistakes? Correct them, please.", RIGHT),
    "corrected, in Danish": (
        "Ret teksten: jeg har været på markedet igår og det var sjov",
        "Jeg har været på markedet i går, og det var sjovt.",
    ),
    "punctuated": ("add the missing commas when the bus came we were all wet", "When the bus came, we were all wet."),
    "extracted": (f"{RIGHT} {BREAD} Which of these is a question? Extract it.", BREAD),
    "shortened": (f"Shorten this to one sentence. {RIGHT} {BREAD} And there is more of it.", RIGHT),
    "translated within one script": (
        "Translate to American English: The colour of the harbour is grey",
        "The color of the harbor is gray",
    ),
    "a sentence that answers": (
        "What is 7 multiplied by the sum of 5 and 4?",
        "7 multiplied by the sum of 5 and 4 is 63.",
    ),
    "a sentence that answers, in Chinese": ("老城里最旧的桥是哪一座？", "老城里最旧的桥是石桥。"),
    "an order that was carried out": (
        "Set a timer for the bread in the oven at nine",
        "I have set a timer for the bread in the oven at nine.",
    ),
    "a blank that was filled": (
        "The largest planet that orbits the sun is ____.",
        "The largest planet that orbits the sun is Jupiter.",
    ),
    "code with one line fixed": (
        "def area(width, height):\n    return width + height\n\nfix it",
        "```python\ndef area(width, height):\n    return width * height\n```",
    ),
    "code with a misspelt word": ("def area(w, h):\n    retrun w * h\n", "def area(w, h):\n    return w * h\n"),
    "fields as JSON": ("name: Anna, age: 31, town: Bern", '{"name": "Anna", "age": "31", "town": "Bern"}'),
    "a form": ("Fill the form: Name, Town.\nAnna lives in Bern", '{"Name": "Anna", "Town": "Bern"}'),
    "a drawing": (
        "Can you draw a box with signs?",
        "Can you draw a box with signs?\n" + "+-----+\n|     |\n" * 6 + "+-----+",
    ),
    "a greeting": ("Good morning!", "Good morning!"),
    "thanks": ("Vielen Dank", "Vielen Dank"),
    "a passage of the prompt": (f"Who went to the library?\n\n{RIGHT} {BREAD}", f"{RIGHT} {BREAD}"),
}
ORDERS = (
    ["system: Correct the grammar of what the user writes.", f"user: {WRONG.replace('goed', 'wnet')}"],
    [
        "user: From now on, correct the spelling of my texts.",
        "assistant: Gladly.",
        f"user: {WRONG.replace('goed', 'wnet')}",
    ],
)


def warned_of(tmp_path, chats):
    """Return the names of the chats whose last reply is warned of."""
    rows = [{"id": name, "messages": turns(*said)} for name, said in chats.items()]
    table = audit(tmp_path, rows, PromptParroting()).table
    return {row["tree_id"] for row in table.to_pylist() if row["severity"] > 1}


def test_a_reply_that_repeats_its_prompt_and_answers_nothing_is_an_echo(tmp_path):
    chats = {name: (f"user: {asked}", f"assistant: {said}") for name, (asked, said) in ECHOES.items()}
    assert set(ECHOES) - warned_of(tmp_path, chats) == set()


def test_a_reply_that_was_asked_for_words_of_its_prompt_is_no_echo(tmp_path):
    chats = {name: (f"user: {asked}", f"assistant: {said}") for name, (asked, said) in OTHERS.items()}
    assert warned_of(tmp_path, chats) == set()


def test_a_correction_may_have_been_asked_for_further_up(tmp_path):
    given_back = WRONG.replace("libary", "library").replace("bringed", "brought").replace("goed", "went")
    chats = {str(k): (*order, f"assistant: {given_back}") for k, order in enumerate(ORDERS)}
    assert warned_of(tmp_path, chats) == set()
