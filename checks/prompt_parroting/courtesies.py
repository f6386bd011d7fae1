"""Words that answer nothing, by language: openings, labels of templates, refusals and greetings."""

import re

# What replies and templates put around a prompt without answering: openings, labels, refusals.
_ADDS_NOTHING = {
    "ar": "بالتأكيد بالطبع نعم حسنا حسنًا سؤال جيد السؤال سؤالك الجواب الإجابة التعليمات سألت لقد آسف عذرا عذرًا "
    "أعتذر لا أستطيع يمكنني كنموذج لغوي نموذج على ذلك المستخدم المساعد أعرف أعلم معلومات المزيد يرجى من فضلك",
    "bg": "разбира се добре да въпрос въпросът отговор вие попитахте съжалявам не мога като езиков модел отговоря "
    "потребител асистент зная информация повече моля",
    "bn": "অবশ্যই হ্যাঁ ঠিক আছে প্রশ্ন উত্তর আপনি জিজ্ঞাসা করেছেন দুঃখিত আমি পারি না দিতে ভাষা মডেল জানি তথ্য আরও অনুগ্রহ করে",
    "ca": "és clar per descomptat sí d acord pregunta resposta has preguntat ho sento no puc respondre com a model "
    "de llenguatge usuari assistent sé informació més entenc si us plau",
    "cs": "jistě samozřejmě ano dobře otázka odpověď zeptal jste se ptáte omlouvám bohužel je mi líto nemohu nemůžu "
    "odpovědět jako jazykový model na to uživatel asistent nevím neumím více informací prosím rozumím "
    "nerozumím tuto otázku ptal ptala vám",
    "da": "selvfølgelig ja okay spørgsmål svar du spurgte beklager desværre jeg kan ikke svare som en sprogmodel på "
    "det bruger assistent ved forstår mere information venligst spørgsmålet",
    "de": "natürlich klar gerne ja gut okay sicher gute frage antwort anweisung aufgabe eingabe ausgabe du hast sie "
    "haben gefragt fragst fragen deine ihre lautet es tut mir leid entschuldigung leider ich kann nicht "
    "beantworten darauf diese das als ki sprachmodell benutzer nutzer assistent weiß verstehe mehr "
    "informationen bitte keine dazu lautete dabei helfen kein zu auf",
    "el": "φυσικά βεβαίωσ ναι εντάξει ερώτηση απάντηση ρωτήσατε ρώτησεσ λυπάμαι συγγνώμη δεν μπορώ να απαντήσω "
    "γλωσσικό μοντέλο χρήστησ βοηθόσ ξέρω γνωρίζω πληροφορίεσ περισσότερεσ παρακαλώ",
    "en": "below describes describe following write appropriately completes inst user system end sure thing of "
    "course okay ok certainly absolutely gladly great good right well yes thanks you here it is are go s "
    "question prompt query instruction instructions request message input output response answer reply human "
    "person assistant bot task have just asked said wrote want to know asking me about your the was i am m so "
    "very really sorry afraid apologise apologies unfortunately cannot can t not able unable don do help "
    "assist respond comply with that this as an a ai large language model but for understand clarify "
    "clarification provide more information details please could rephrase there no at moment enough context",
    "eo": "certe kompreneble jes bone demando respondo vi demandis pardonu bedaŭrinde mi ne povas respondi lingva "
    "modelo uzanto asistanto scias informoj pli",
    "es": "claro que sí por supuesto vale de acuerdo buena pregunta respuesta instrucción tarea entrada salida has "
    "ha me usted preguntado preguntaste preguntó lo siento lamento disculpa perdón lamentablemente pero no "
    "puedo responder contestar ayudarte ayudarle a eso con como modelo lenguaje usuario asistente sé entiendo "
    "información más detalles favor tengo sobre",
    "eu": "noski bai ados galdera erantzuna galdetu duzu barkatu sentitzen dut ezin erantzun hizkuntza eredu "
    "erabiltzailea laguntzailea dakit informazio gehiago mesedez",
    "fa": "البته حتما بله خوب سوال سؤال پاسخ جواب دستور شما پرسیدید متاسفم متأسفم ببخشید نمی توانم نمی‌توانم مدل "
    "زبانی دهم کاربر دستیار نمی‌دانم اطلاعات بیشتر لطفا",
    "fi": "toki tietysti tottakai kyllä hyvä selvä kysymys vastaus ohje tehtävä kysyit te kysyitte anteeksi "
    "valitettavasti pahoittelen olen pahoillani en voi pysty vastata siihen tähän kielimallina tekoälynä "
    "auttaa käyttäjä avustaja tiedä osaa ymmärrä lisätietoja ole kysymyksesi oli minulla tietoa",
    "fr": "bien sûr certainement d accord oui voici bonne question réponse instruction consigne entrée sortie vous "
    "avez m tu as demandé votre ta désolé je suis regrette malheureusement mais ne peux pas répondre y à cela "
    "ça aider en tant que modèle de langage qu ia utilisateur sais comprends informations information plus "
    "dispose cette pouvez préciser s il plaît aucune",
    "gl": "claro por suposto si pregunta resposta preguntaches síntoo non podo responder modelo de linguaxe usuario "
    "asistente sei información máis",
    "he": "בטח כמובן כן בסדר שאלה תשובה שאלת השאלה מצטער מצטערת סליחה לצערי אני לא יכול לענות על כך מודל שפה משתמש "
    "עוזר יודע מבין מידע נוסף בבקשה",
    "hi": "ज़रूर जरूर बिल्कुल हाँ हां ठीक है प्रश्न सवाल उत्तर जवाब आपने पूछा माफ़ कीजिए क्षमा करें मुझे खेद मैं "
    "नहीं सकता सकती दे भाषा मॉडल उपयोगकर्ता सहायक जानता जानकारी अधिक कृपया",
    "hu": "természetesen persze igen rendben kérdés válasz azt kérdezte kérdezted sajnálom sajnos elnézést nem "
    "tudok válaszolni nyelvi modellként erre felhasználó asszisztens tudom értem információ több kérem",
    "id": "tentu saja baik ya oke pertanyaan jawaban instruksi anda bertanya kamu maaf saya tidak bisa dapat "
    "menjawab itu sebagai model bahasa pengguna asisten tahu mengerti informasi lebih tolong mohon",
    "it": "certo certamente naturalmente sì va bene ecco bella domanda risposta istruzione hai ha mi chiesto "
    "dispiace spiacente scusa purtroppo ma non posso rispondere aiutarti a questo come modello linguistico "
    "utente assistente so capisco informazioni più per favore ho su",
    "ko": "물론 물론입니다 물론이죠 네 예 알겠습니다 질문 답변 답 지시 입력 출력 당신은 질문하셨습니다 "
    "물으셨습니다 죄송합니다 죄송하지만 유감스럽게도 저는 답변할 대답할 수 없습니다 언어 모델로서 "
    "ai 사용자 어시스턴트 모르겠습니다 정보 더 대한",
    "nb": "selvfølgelig ja greit spørsmål svar du spurte beklager dessverre jeg kan ikke svare på det som en "
    "språkmodell bruker assistent vet forstår mer informasjon vennligst",
    "nl": "natuurlijk zeker tuurlijk ja oké goed goede vraag antwoord opdracht je vroeg u jij sorry het spijt me "
    "helaas maar ik kan niet beantwoorden daar dat antwoorden helpen als taalmodel ai gebruiker assistent "
    "weet begrijp meer informatie graag geen op",
    "pl": "oczywiście pewnie jasne tak dobrze pytanie odpowiedź polecenie zapytałeś zapytałaś zapytano pytasz "
    "przepraszam niestety przykro mi ale nie mogę odpowiedzieć na to jako model językowy użytkownik asystent "
    "wiem rozumiem więcej informacji proszę pomóc w tym",
    "pt": "claro que sim com certeza certo boa pergunta resposta instrução tarefa entrada saída você vocês "
    "perguntou perguntaram perguntaste desculpe desculpa sinto muito lamento infelizmente mas não posso "
    "responder ajudar a isso como um modelo de linguagem eu usuário utilizador assistente sei entendo mais "
    "informações por favor tenho sobre",
    "ro": "sigur desigur da bine întrebare întrebarea răspuns ai întrebat ați îmi pare rău scuze din păcate nu pot "
    "răspunde să răspund la asta model lingvistic de limbaj utilizator asistent știu înțeleg informații mai "
    "multe",
    "ru": "конечно разумеется да хорошо ладно хороший вопрос ответ инструкция задание запрос вы спросили ты спросил "
    "спрашиваете ваш извините простите прошу прощения к сожалению сожалею мне жаль но я не могу ответить "
    "помочь на это этот как языковая модель ии пользователь ассистент знаю понимаю информации больше "
    "пожалуйста у меня нет об этом",
    "sk": "samozrejme áno dobre otázka odpoveď pýtali ste sa opýtali prepáčte bohužiaľ ľutujem nemôžem odpovedať "
    "jazykový model používateľ asistent neviem informácií prosím",
    "sl": "seveda da vprašanje odgovor vprašali ste oprostite žal ne morem odgovoriti jezikovni model uporabnik "
    "pomočnik vem informacij prosim",
    "sv": "självklart javisst visst ja okej fråga svar instruktion du frågade ni tyvärr förlåt ledsen jag är kan "
    "inte svara på det som en språkmodell hjälpa användare assistent vet förstår mer information snälla den "
    "frågan",
    "tr": "tabii ki elbette evet tamam soru cevap yanıt talimat şunu sordunuz sordun üzgünüm maalesef özür dilerim "
    "buna veremem cevaplayamam yanıtlayamam bir dil modeli olarak ancak ama kullanıcı asistan bilmiyorum "
    "anlamadım bilgi daha fazla lütfen bu konuda yardımcı olamam",
    "uk": "звичайно звісно так добре питання запитання відповідь ви запитали спитали вибачте пробачте на жаль "
    "перепрошую але я не можу відповісти це як мовна модель користувач асистент знаю розумію інформації "
    "більше ласка мені шкода",
    "vi": "chắc chắn tất nhiên dĩ vâng được câu hỏi trả lời bạn đã xin lỗi rất tiếc tôi không thể điều đó mô hình "
    "ngôn ngữ là một nhưng người dùng trợ lý biết hiểu thông tin thêm vui lòng giúp",
}
_ADDS_NOTHING_UNSPACED = {
    "ja": "もちろん です はい わかりました 承知しました いい質問ですね 質問 回答 答え 指示 入力 出力 あなたは "
    "あなたの と聞きました と尋ねました しました "
    "申し訳ありません 申し訳ございません すみません ごめんなさい 残念ながら 私は 私には お答えできません "
    "答えられません 答えることができません できません "
    "わかりません 情報 詳しく についての 言語モデル として 大規模 それには その が お",
    "th": "แน่นอน ได้เลย ครับ ค่ะ ใช่ คำถาม คำตอบ คุณถามว่า คุณถาม ขอโทษ ขออภัย เสียใจ ฉัน ผม ไม่สามารถ ตอบ ได้ โมเดลภาษา "
    "แบบจำลองภาษา แต่ คำสั่ง",
    "zh": "当然 當然 可以 好的 好 是的 没问题 沒問題 好问题 以下是 这是 問題 问题 问 問 回答 答案 答 指令 指示 "
    "任务 输入 输出 回复 用户 助手 刚才 剛才 "
    "你问 您问 你的 您的 的是 了 到 是 请提供更多信息 更多 信息 不知道 不明白 关于 很抱歉 抱歉 对不起 對不起 "
    "不好意思 遗憾 但是 但 我 无法 無法 不能 这个 這個 该 該 这 作为 作為 一个 一個 人工智能 "
    "语言模型 語言模型 大型 帮助你 帮助您 帮助",
}
# Greetings are answered by greetings: prompts that are no more than one.
_GREETINGS = (
    "many thanks|(?:vielen|herzlichen|besten) dank|dankeschön|muchísimas gracias|mil gracias|merci bien|mille grazie|"
    "muito obrigad[oa]|большое спасибо|спасибо большое|дуже дякую|dziękuję bardzo|děkuji moc|mnohokrát děkuji|tack "
    "så mycket|"
    "mange tak|tusen takk|mange takk|hartelijk dank|heel erg bedankt|çok teşekkür(?: ederim|ler)|kiitos paljon|"
    "paljon kiitoksia|"
    "nagyon köszönöm|terima kasih banyak|cảm ơn nhiều|moltes gràcies|mulțumesc mult|ευχαριστώ πολύ|شكرا جزيلا|תודה "
    "רבה|"
    "बहुत धन्यवाद|多谢|多謝|非常感谢|非常感謝|どうもありがとう(?:ございます)?|정말 감사합니다|"
    "hi(?: there)?|hello(?: there)?|hey(?: there)?|hiya|what(?:'|’)?s up|how are you(?: doing)?|wie geht(?:'|’)?s|"
    "wie geht es (?:dir|ihnen)|¿?qué tal|¿?cómo estás?|"
    "ça va|comment (?:ça va|allez[- ]vous|vas[- ]tu)|come stai|come va|tudo bem|como vai|как дела|як справи|jak "
    "się masz|"
    "hur mår du|hoe gaat het|nasılsın|apa kabar|你好吗|吃了吗|お元気ですか|잘 지내요?|كيف حالك|"
    "good (?:morning|evening|afternoon|day|night)|bye|goodbye|see you|thanks?(?: you)?(?: (?:so|very) much)?|"
    "hallo|guten (?:tag|morgen|abend)|gute nacht|danke(?: schön)?|tschüss|auf wiedersehen|servus|moin|grüß gott|"
    "hola|buenos (?:días|dias)|buenas (?:tardes|noches)|gracias|muchas gracias|adiós|adios|hasta luego|"
    "bonjour|bonsoir|salut|coucou|bonne nuit|merci(?: beaucoup)?|au revoir|ciao|buongiorno|buonasera|buona (?:sera|"
    "notte|giornata)|"
    "grazie(?: mille)?|arrivederci|salve|olá|ola|oi|bom dia|boa (?:tarde|noite)|obrigad[oa]|tchau|bon dia|bona "
    "(?:tarda|nit)|gràcies|"
    "привет|здравствуйте|здравствуй|добрый (?:день|вечер)|доброе утро|спокойной ночи|спасибо|пока|до свидания|"
    "привіт|добрий (?:день|вечір|ранок)|доброго дня|дякую|cześć|dzień dobry|dobry wieczór|dziękuję|dobranoc|ahoj|"
    "dobrý (?:den|večer)|"
    "dobré ráno|děkuji|ďakujem|hei|hyvää (?:huomenta|päivää|iltaa|yötä)|kiitos|moi|hej|god (?:morgon|dag|morgen|"
    "kväll|natt|aften|nat)|tack|tak|takk|"
    "goede(?:morgen|middag|navond|nacht)|dank je(?: wel)?|bedankt|merhaba|selam|günaydın|iyi (?:günler|akşamlar|"
    "geceler)|teşekkürler|"
    "xin chào|chào(?: bạn)?|cảm ơn|selamat (?:pagi|siang|sore|malam)|terima kasih|halo|szia|jó (?:napot|reggelt|"
    "estét)|köszönöm|"
    "bună(?: ziua| seara| dimineața)?|mulțumesc|γεια(?: σου| σας)?|καλημέρα|καλησπέρα|ευχαριστώ|مرحبا|السلام عليكم|"
    "صباح الخير|مساء الخير|شكرا|"
    "سلام|صبح بخیر|ممنون|שלום|בוקר טוב|ערב טוב|תודה|नमस्ते|धन्यवाद|शुभ प्रभात|নমস্কার|হ্যালো|ধন্যবাদ|안녕(?:하세요|"
    "하십니까)?|감사합니다|고마워요?|"
    "你好|您好|早上好|早安|下午好|晚上好|晚安|谢谢|謝謝|再见|再見|こんにちは|こんばんは|おはよう(?:ございます)?|"
    "ありがとう(?:ございます)?|สวัสดี(?:ครับ|ค่ะ)?|ขอบคุณ|"
    "saluton|dankon|kaixo|egun on|eskerrik asko"
)

_NOTHING = frozenset(" ".join(_ADDS_NOTHING.values()).split())
_NOTHING_UNSPACED = re.compile(
    "|".join(sorted(" ".join(_ADDS_NOTHING_UNSPACED.values()).split(), key=len, reverse=True)).encode()
)
_GREETING = re.compile(rf"\W*(?:(?:{_GREETINGS})\W*){{1,3}}", re.IGNORECASE)


def adds_nothing(word: str) -> bool:
    """Whether a word is one of openings, labels and refusals."""
    return word in _NOTHING


def adding_nothing(text: bytes) -> list[tuple[int, int]]:
    """Return the spans of such words in a text that is written without spaces."""
    return [match.span() for match in _NOTHING_UNSPACED.finditer(text)]


def is_greeting(text: str) -> bool:
    """Whether a text greets or thanks, and does no more."""
    return _GREETING.fullmatch(text) is not None
