"""Remains of a chat window: buttons, names of speakers, marks of citations, links that it made."""

import re
from collections.abc import Iterable, Iterator

from .passage import Passage

# Buttons, as whole lines, in the languages of the interfaces.
_BUTTONS = (
    r"regenerate (?:response|answer|draft)|regenerate|copy code|continue generating|stop generating|stop "
    r"responding|retry response"
    r"|was this (?:response|conversation|answer) (?:better or worse|helpful)(?: so far)?\??|share & export|"
    r"view other drafts|view \d+ more drafts|show drafts|copy to clipboard|modify response|like this response"
    r"|antwort neu (?:generieren|erstellen)|neu generieren|code kopieren|antwort erneut generieren|generierung"
    r" (?:fortsetzen|stoppen)|regenerieren"
    r"|regenerar (?:respuesta|la respuesta|resposta)|regenerar|volver a generar|copiar (?:el )?c[oó]dig[oo]|"
    r"copiar código|continuar gerando|continuar generando|detener generación|parar de gerar"
    r"|régénérer(?: la réponse)?|copier le code|continuer (?:à générer|la génération)|arrêter (?:de générer|la"
    r" génération)"
    r"|rigenera(?: (?:la )?risposta)?|copia (?:il )?codice|continua a generare|antwoord opnieuw genereren|"
    r"opnieuw genereren|code kopi[eë]ren|kopieer code"
    r"|重新生成(?:回答|回覆|响应|答案)?|复制代码|複製程式碼|複製代碼|停止生成|继续生成|繼續產生|再生成|回答を再生成(?:する)?|コードをコピー(?:する)?|応答を再生成(?:する)?"
    r"|생성 "
    r"중지|다시 생성(?:하기)?|응답 재생성|답변 다시 생성|코드 복사"
    r"|(?:с?копировать|сгенерировать) (?:код|ответ заново|заново)|повторить генерацию|регенерировать ответ|"
    r"перегенерировать ответ|скопіювати код|копіювати код|згенерувати (?:відповідь )?(?:знову|повторно)|"
    r"остановить генерацию|продолжить генерацию"
    r"|generuj ponownie|wygeneruj (?:odpowiedź )?ponownie|regeneruj odpowiedź|kopiuj kod|skopiuj kod|kopírovat"
    r" kód|zkopírovat kód|znovu vygenerovat(?: odpověď)?|kopírovať kód|skopírovať kód|znova vygenerovať(?: "
    r"odpoveď)?"
    r"|kód másolása|válasz újragenerálása|újragenerálás|copiază codul|regenerează(?: răspunsul)?|kopier kode|"
    r"kopiér kode|generer svar på nytt|regenerer svar|kopiera kod|generera svaret? (?:igen|på nytt)|återskapa "
    r"svar(?:et)?|luo vastaus uudelleen|kopioi koodi"
    r"|kodu kopyala|yanıtı yeniden oluştur|yeniden oluştur|sao chép mã|tạo lại (?:câu trả lời|phản hồi)|tạo "
    r"lại|คัดลอกโค้ด|สร้างคำตอบใหม่|สร้างใหม่|salin kode|buat ulang (?:respons|jawaban)|regenerasi respons"
    r"|نسخ (?:الكود|الرمز)|إعادة (?:إنشاء|توليد) (?:الرد|الإجابة|الاستجابة)|کپی (?:کردن )?کد|بازتولید پاسخ|"
    r"תגובה מחדש|העתק קוד|צור תגובה מחדש|αντιγραφή κώδικα|αναδημιουργία απάντησης|копиране на кода|генерирай "
    r"отговора отново|কোড কপি করুন|প্রতিক্রিয়া পুনরায় তৈরি করুন"
    r"|copia el codi|regenera la resposta|kopiatu kodea|berriz sortu erantzuna|kopii kodon|regeneri respondon"
)
_SAID = (
    r"said|says|replied|responded|answered|wrote|response|answer|reply|output|a dit|a répondu|répond|dit|sagte"
    r"|sagt|hat gesagt|antwortet|antwortete|hat geantwortet|dijo|dice|respondió|ha dicho|ha detto|ha risposto|"
    r"dice|risponde"
    r"|disse|respondeu|diz|zei|zegt|antwoordde|heeft gezegd|сказал|сказала|ответил|ответила|сказав|відповів|"
    r"powiedział|powiedziała|odpowiedział|mówi|řekl|odpověděl|povedal|odpovedal|mondta|válaszolta|a spus|a "
    r"răspuns|sagde|sier|sa|svarede|svarte|svarade|sanoi|vastasi|dedi|yanıtladı|cevapladı"
    r"|đã nói|trả lời|mengatakan|menjawab|berkata|قال|أجاب|گفت|پاسخ داد|אמר|ענה|είπε|απάντησε|каза|отговори|"
    r"বলেছে|va dir|ha dit|va respondre|esan du|diris|respondis|dixo|respondeu"
)
_YOU_SAID = (
    r"you said|vous avez dit|tu as dit|du hast gesagt|sie sagten|du sagtest|sie haben gesagt|dijiste|has dicho"
    r"|usted dijo|tú dijiste|hai detto|hai scritto|você disse|tu disseste|je zei|u zei|jij zei|вы сказали|ты "
    r"сказал|ви сказали|ти сказав|powiedziałeś|powiedziałaś|řekl jsi|řekli jste|povedal si|povedali ste"
    r"|ezt mondtad|ön ezt mondta|ai spus|ați spus|du sagde|du sa|sanoit|dedin|dediniz|şunu dediniz|bạn đã nói|"
    r"anda berkata|kamu berkata|anda mengatakan|قلت|شما گفتید|گفتید|אמרת|είπες|είπατε|ти каза|вие казахте|你说|"
    r"您说|你說|당신의 말|あなたの発言|คุณพูดว่า|has dit|vas dir|esan duzu|vi diris|dixeches|আপনি বলেছেন"
)
_LINES = re.compile(
    rf"[ \t]*(?:(?P<button>(?:[a-z+#]{{1,12}})?(?:{_BUTTONS})[.!]?)|(?P<speaker>(?:{_YOU_SAID}) ?[:：])"
    r"|(?P<thought>(?:thought|reasoned|thinking|worked|pondered)(?: about .{1,60})? for (?:\d+|a|a few|a "
    r"couple of) ?(?:m|s|min|sec|seconds?|minutes?|hours?|moments?)(?: \d+ ?(?:s|sec|seconds?))?|(?:searched|"
    r"searching|browsed) (?:\d+|the) (?:sites?|web|sources?|websites?|pages?|results?)|finished (?:thinking|"
    r"browsing|working|searching)"
    r"|(?:show|hide) thinking|done thinking|nachgedacht für \d+ sekunden?|réflexion durant \d+ secondes?|pensó"
    r" durante \d+ segundos|思考了? ?\d+ ?秒|已思考.{0,12}|думал \d+ секунд\w*|finished analyzing|analyzing image)"
    r"|(?P<counter><\s?\d{1,2} ?/ ?\d{1,2}\s?>))[ \t]*$",
    re.MULTILINE,
)
_MARKS = re.compile(
    r"(?P<citation>【\d+(?::\d+)?†[^】\n]{0,80}】|:?contentreference\[oaicite:\d+\](?:\{index=\d+\})?|"
    r"\[oaicite:\d+\]|\[oai_citation[^\]\n]{0,80}\]|(?:[\ue000-\uf8ff]*cite[\ue000-\uf8ff]*)?turn\d+(?:search|"
    r"view|news|file|image|forecast|fetch|finance|product)\d+[\ue000-\uf8ff]*"
    r"|\[\^\d{1,2}\^\](?:\[\d{1,2}\])?|<grok:render|</?grok-card|\[attached_(?:file|image):\d+\]|"
    r"\[cite(?:_start|: ?\d+(?:, ?\d+)*)\])"
    r"|(?P<link>https?://[^\s<>()\[\]]*[?&]utm_source=(?:chatgpt|openai|chat\.openai|perplexity|claude|copilot"
    r"|gemini|grok)[\w.]*|https?://(?:chat\.openai\.com|chatgpt\.com|claude\.ai|grok\.com|g\.co/gemini|"
    r"gemini\.google\.com|bard\.google\.com|chat\.deepseek\.com|copilot\.microsoft\.com|shareg\.pt|"
    r"sharegpt\.com|poe\.com)/(?:s|share|c|shares|sh)/[^\s<>()\[\]]+)"
    r"|(?P<notice>free research preview\b(?! (?:mode|version|phase)))"
)
# What stands around the name of a model, which is written ⟦⟧.
_NAMED = re.compile(
    r"(?P<notice>⟦⟧ (?:can|may|might|could) (?:make (?:mistakes|errors)|produce inaccurate|display inaccurate|"
    r"get things wrong|err)\b[^\n]{0,80}|⟦⟧ (?:kann fehler machen|peut (?:faire|commettre) des erreurs|puede "
    r"cometer errores|pode cometer erros|può commettere errori))"
    rf"|(?P<speaker>^[ \t]*[*_#]{{0,3}}⟦⟧(?: (?:{_SAID})"
    r"| ?(?:说|說|の発言|님의 말|:의 말|พูดว่า))? ?[:：][*_]{0,3}[ \t]*$)"
    r"|(?P<answer>(?:here's|here is|here was|this is|that is|that's|below is) (?:what|how|the (?:answer|"
    r"response|reply|output|result) (?:from|of|by|that)|an? (?:answer|response|reply) (?:from|by|of))(?: i got"
    r" from)? ⟦⟧(?: \w+){0,3}|\bi (?:just |simply |also )?(?:asked|used|put (?:it|this) into|typed this into|"
    r"queried|prompted|ran (?:it|this) (?:by|through)) ⟦⟧[^\n.]{0,40}:"
    r"|\baccording to ⟦⟧\s?:|^(?:[^\n]{0,12}\b)?(?:answer|response|reply|text|written|generated|created|"
    r"answered|provided|output|source|credit|courtesy|answer was|response) ?(?:of|by|from|with|using)?:? ⟦⟧[ "
    r".!)\]]*$"
    rf"|^⟦⟧'s (?:answer|response|reply|output|take)\b ?:|j'ai demandé à ⟦⟧|le pregunté a ⟦⟧|ho chiesto a ⟦⟧|"
    rf"perguntei ao ⟦⟧|ich habe ⟦⟧ gefragt|⟦⟧ (?:antwortet|hat geantwortet|meint|sagt)(?: dazu)?:|я "
    rf"спросил(?:а)? (?:у )?⟦⟧)",
    re.MULTILINE,
)
_HEADING = re.compile(r"\s*[*_#]{0,3}⟦⟧[*_]{0,3}[ \t]*\n+(?=\S)")
_MENTION = re.compile(
    r"(?:\b(?:such as|like|marks?|markers?|strings?|called|named|e\.g\.|for example|parameter|says?|said|"
    r"button|text|phrase|words?|label(?:led|ed)?|not|or)|[\"'“(])[ \"'“‘(:`]{0,3}$"
)

MAX_LINE, MAX_AROUND = 120, 160  # characters of a line of a window, and around a mark or a name


def remains(
    passage: Passage, lines: Iterable[int], marks: Iterable[int], names: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int, str]]:
    """Yield what is left of a chat window: places, and which part of the window it is.

    `lines` and `marks` are places of anchors, `names` those of models.
    """
    text, done = passage.text, -1
    for at in lines:
        start = text.rfind("\n", max(0, at - MAX_LINE), at) + 1
        if start > done and (start or at < MAX_LINE):
            done = start
            found = _LINES.match(text, start)
            if found is not None and not passage.is_code(start):
                yield *found.span(str(found.lastgroup)), str(found.lastgroup)
    done = 0
    for at in marks:
        for found in _MARKS.finditer(text, max(done, at - MAX_AROUND), min(len(text), at + MAX_AROUND)):
            done = found.end()
            if not _is_mention(passage, *found.span()):
                yield *found.span(), str(found.lastgroup)
    for start, end in names:
        first = max(0, start - MAX_AROUND)
        marked = f"{text[first:start]}⟦⟧{text[end : end + MAX_AROUND]}"
        if not text[:start].strip(" \n\t*_#") and _HEADING.match(marked):
            yield start, end, "speaker"
            continue
        named = _NAMED.search(marked)
        if named is None:
            continue
        kind, (left, right) = str(named.lastgroup), named.span()
        right += end - start - 2 if first + right > start else 0
        if kind == "speaker" and "⟦⟧:" in named[0].replace(" ", "") and text[: first + left].strip():
            continue  # a name with a colon is a heading, but at the start of a text
        if not _is_mention(passage, first + left, first + right):
            yield first + left, first + right, kind


def _is_mention(passage: Passage, start: int, end: int) -> bool:
    """Whether a mark is quoted, in code or talked about."""
    return (
        passage.is_code(start)
        or passage.is_cited(start, end)
        or _MENTION.search(passage.text, max(0, start - 30), start) is not None
    )
