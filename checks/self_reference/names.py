"""Names of language models and of those who make them, in lower case."""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Name(NamedTuple):
    """A name as texts write it."""

    model: str  # "" for a maker
    maker: str
    is_sure: bool  # False: also a person's name, a word or a company with other trades


# Model or assistant: maker, names that nothing else has, names that are words as well.
_MODELS = {
    "ChatGPT": ("OpenAI", "chatgpt|chat gpt|chat-gpt|chatgtp|чатгпт|чат гпт|챗gpt|챗지피티|شات جي بي تي|צ'אט gpt", ""),
    "GPT": ("OpenAI", "gpt|instructgpt|text-davinci|davinci-00", ""),
    "Claude": ("Anthropic", "claude ai|claude-|克劳德|클로드", "claude|клод|كلود|کلود|קלוד|クロード|ক্লড|클로드"),
    "Bard": ("Google", "google bard|bard ai", "bard|бард|בארד|바드|バード|بارد"),
    "Gemini": (
        "Google",
        "google gemini|gemini ai|gemini-",
        "gemini|джемини|гемини|джеміні|جيميني|جمینای|جمنای|ג'מיני|জেমিনি|제미나이|ジェミニ",
    ),
    "Gemma": ("Google", "google gemma|gemma-", "gemma"),
    "PaLM": ("Google", "palm 2|palm-2|google palm", ""),
    "LaMDA": ("Google", "lamda", ""),
    "Google Assistant": ("Google", "google assistant|asistente de google|assistant google|google assistent", ""),
    "Llama": ("Meta", "meta llama|llama-|llama2|llama3|code llama|codellama", "llama|لاما|লামা|라마"),
    "Meta AI": ("Meta", "meta ai", ""),
    "BlenderBot": ("Meta", "blenderbot", ""),
    "Copilot": (
        "Microsoft",
        "microsoft copilot|github copilot|bing copilot|copilot|копилот|كوبايلوت|کوپایلت|קופיילוט|코파일럿|"
        "コパイロット|কোপাইলট",
        "",
    ),
    "Bing Chat": ("Microsoft", "bing chat|bing ai|microsoft bing|new bing", "bing"),
    "Cortana": ("Microsoft", "cortana", ""),
    "Phi": ("Microsoft", "phi-2|phi-3|phi-4", ""),
    "Orca": ("Microsoft", "orca-2", "orca"),
    "Alexa": ("Amazon", "amazon alexa", "alexa|алекса|أليكسا|الکسا|אלכסה|אלקסה|알렉사|アレクサ|অ্যালেক্সা"),
    "Amazon Nova": ("Amazon", "amazon nova|amazon titan", ""),
    "Siri": ("Apple", "siri|сири|сірі|سيري|سیری|סירי|시리|সিরি|สิริ", ""),
    "Bixby": ("Samsung", "bixby", ""),
    "Grok": ("xAI", "grok-|grok|грок|غروك|جروك|گراک|גרוק|그록|グロック|গ্রক", ""),
    "Mistral": ("Mistral AI", "mixtral|mistral 7b|mistral-|mistral large", "mistral"),
    "Le Chat": ("Mistral AI", "", "le chat"),
    "DeepSeek": ("DeepSeek", "deepseek|deep seek|深度求索", ""),
    "Qwen": ("Alibaba", "qwen|通义千问|tongyi qianwen", ""),
    "Kimi": ("Moonshot AI", "", "kimi"),
    "ChatGLM": ("Zhipu AI", "chatglm|智谱清言|glm-4|glm-5", ""),
    "ERNIE Bot": ("Baidu", "ernie bot|文心一言|文小言", "ernie"),
    "Doubao": ("ByteDance", "doubao|豆包", ""),
    "Hunyuan": ("Tencent", "hunyuan|混元", ""),
    "Spark": ("iFlytek", "讯飞星火|iflytek spark", ""),
    "Baichuan": ("Baichuan", "baichuan|百川大模型", ""),
    "InternLM": ("Shanghai AI Laboratory", "internlm|书生·浦语", ""),
    "MiniMax": ("MiniMax", "minimax-m|hailuo ai", "minimax"),
    "YandexGPT": ("Yandex", "yandexgpt|yandex gpt", "алиса"),
    "GigaChat": ("Sber", "gigachat|гигачат", ""),
    "HyperCLOVA": ("Naver", "hyperclova|clova x|클로바x", ""),
    "EXAONE": ("LG AI Research", "exaone", ""),
    "Command R": ("Cohere", "command r|command-r|cohere command", ""),
    "Aya": ("Cohere", "aya 23|aya expanse|aya-101", ""),
    "Jurassic": ("AI21 Labs", "jurassic-1|jurassic-2|jamba", ""),
    "Falcon": ("Technology Innovation Institute", "falcon-7b|falcon-40b|falcon llm", "falcon"),
    "Vicuna": ("LMSYS", "vicuna-|fastchat", "vicuna"),
    "Alpaca": ("Stanford", "stanford alpaca|alpaca-", "alpaca"),
    "Koala": ("Berkeley", "koala-13b", "koala"),
    "Dolly": ("Databricks", "databricks dolly|dbrx", "dolly"),
    "WizardLM": ("WizardLM", "wizardlm|wizardcoder", ""),
    "Guanaco": ("University of Washington", "guanaco-", "guanaco"),
    "Zephyr": ("Hugging Face", "zephyr-7b|zephyr 7b", "zephyr"),
    "HuggingChat": ("Hugging Face", "huggingchat", ""),
    "BLOOM": ("BigScience", "bloomz|bloom-176b", ""),
    "Hermes": ("Nous Research", "nous hermes|nous-hermes|openhermes", "hermes"),
    "OpenChat": ("OpenChat", "openchat", ""),
    "Nemotron": ("NVIDIA", "nemotron", ""),
    "Watson": ("IBM", "ibm watson|watsonx", ""),
    "StableLM": ("Stability AI", "stablelm|stable lm|stablevicuna", ""),
    "Open Assistant": ("LAION", "open assistant|openassistant|open-assistant", ""),
    "Pi": ("Inflection AI", "inflection-2", ""),
    "Perplexity": ("Perplexity AI", "perplexity ai", "perplexity"),
    "Replika": ("Luka", "replika", ""),
    "Character.AI": ("Character.AI", "character.ai|character ai", ""),
    "YouChat": ("You.com", "youchat", ""),
}

# Maker: names that nothing else has, names of companies with other trades.
_MAKERS = {
    "OpenAI": ("openai|open ai|опенаи|오픈ai|オープンai|اوپن‌ای‌آی|أوبن إيه آي", ""),
    "Anthropic": ("anthropic|антропик|앤트로픽|アンソロピック|انتروبيك|أنثروبيك|آنتروپیک|অ্যানথ্রপিক|אנתרופיק", ""),
    "Google": (
        "google ai|google deepmind|deepmind|google brain|google research",
        "google|谷歌|구글|グーグル|جوجل|гугл|গুগল|گوگل|גוגל",
    ),
    "Meta": ("meta ai|facebook ai", "meta|facebook|メタ|메타|ميتا|متا|מטא|মেটা|мета"),
    "Microsoft": (
        "",
        "microsoft|微软|マイクロソフト|майкрософт|মাইক্রোসফট|مایکروسافت|مايكروسوفت|מיקרוסופט|마이크로소프트",
    ),
    "Amazon": ("amazon web services|aws ai", "amazon|亚马逊|アマゾン|אמזון|아마존|أمازون|آمازون|অ্যামাজন|амазон"),
    "Apple": ("", "apple|苹果公司|apples|애플|アップル|অ্যাপল|اپل|آبل|אפל"),
    "Samsung": ("", "samsung|삼성"),
    "xAI": ("x.ai|xai", ""),
    "Mistral AI": ("mistral ai|mistralai", ""),
    "DeepSeek": ("deepseek|深度求索", ""),
    "Alibaba": ("alibaba cloud|阿里云|通义实验室", "alibaba|阿里巴巴|阿里"),
    "Moonshot AI": ("moonshot ai|月之暗面", ""),
    "Zhipu AI": ("zhipu ai|zhipu|智谱", ""),
    "Baidu": ("", "baidu|百度"),
    "ByteDance": ("", "bytedance|字节跳动"),
    "Tencent": ("", "tencent|腾讯"),
    "iFlytek": ("iflytek|科大讯飞", ""),
    "Huawei": ("", "huawei|华为"),
    "Yandex": ("", "yandex|яндекс"),
    "Sber": ("", "sberbank|сбер|sberdevices"),
    "Naver": ("", "naver|네이버"),
    "Kakao": ("", "kakao|카카오"),
    "Cohere": ("cohere", ""),
    "AI21 Labs": ("ai21 labs|ai21", ""),
    "Technology Innovation Institute": ("technology innovation institute", ""),
    "LMSYS": ("lmsys|large model systems organization", ""),
    "Databricks": ("", "databricks"),
    "Hugging Face": ("hugging face|huggingface", ""),
    "EleutherAI": ("eleutherai|eleuther ai", ""),
    "BigScience": ("bigscience", ""),
    "Nous Research": ("nous research", ""),
    "NVIDIA": ("", "nvidia"),
    "IBM": ("", "ibm"),
    "Stability AI": ("stability ai|stabilityai", ""),
    "LAION": ("laion", ""),
    "Inflection AI": ("inflection ai", ""),
    "Perplexity AI": ("perplexity ai", ""),
    "Character.AI": ("character.ai", ""),
    "Together AI": ("together ai|together computer", ""),
    "Salesforce": ("", "salesforce"),
}

# A version behind a name makes it a model's: "Claude 3 Opus", "Falcon 40B". Nobody is called that.
_VERSION = re.compile(
    r"(?:[ -]?(?:v?\d[\w.]*\b(?<![.])|turbo|pro|ultra|opus|sonnet|haiku|instant|nano|mini|preview|coder|r1)\b)*"
)


def _spellings() -> Iterator[tuple[str, Name]]:
    for model, (maker, sure, words) in _MODELS.items():
        for spelling in sure.split("|"):
            yield spelling, Name(model, maker, is_sure=True)
        for spelling in words.split("|"):
            yield spelling, Name(model, maker, is_sure=False)
    for maker, (sure, words) in _MAKERS.items():
        for spelling in sure.split("|"):
            yield spelling, Name("", maker, is_sure=True)
        for spelling in words.split("|"):
            yield spelling, Name("", maker, is_sure=False)


NAMES = {spelling: name for spelling, name in reversed([*_spellings()]) if spelling}
"""Names by spelling; where a model and its maker share one, it is the model's."""


def named(text: str, start: int, end: int) -> tuple[Name, int] | None:
    """Return the name that is spelt at `[start, end)` of a text in lower case, and where its version ends.

    None: the letters are part of another word.
    """
    if _is_letter(text[start - 1 : start]) and _is_letter(text[start]):
        return None
    name = NAMES[text[start:end]]
    version = _VERSION.match(text, end)
    stop = version.end() if version is not None and name.model else end
    if _is_letter(text[stop : stop + 1]) and _is_letter(text[stop - 1]) and not text.startswith(("s ", "s'"), stop):
        return None
    return (name if name.is_sure or stop == end else name._replace(is_sure=True)), stop


def _is_letter(char: str) -> bool:
    """Whether a character is a Latin or Cyrillic letter or a digit: other scripts set no blank around foreign names."""
    return char.isalnum() and char < "\u0530"
