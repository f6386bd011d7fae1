"""Words that ask for a text again, as it is or changed, by language.

They are evidence that the model weighs (features.py): a word too many or too few moves a probability. Searched are what
a prompt says besides the words of its reply, and the beginnings of what was said above.
"""

import re

# What asks for the words of the prompt again, as they are or changed: beginnings of words.
_ASKS = {
    "ar": "كرر ردد انسخ صحح أصحح ترجم لخص أعد اعد صياغة حول استخرج اقتبس اختصر رتب أكمل اكمل املأ حسن عدل استبدل "
    "صنف قل قولي اكتب",
    "bg": "повтор копир препиш поправ коригир превед преведи съкрат обобщ извлеч подред попълн допълн замен "
    "редактир кажи напиш",
    "bn": "পুনরাবৃত্তি আবার নকল সংশোধন ঠিক অনুবাদ সংক্ষেপ সারাংশ পুনরায় লিখ লেখ বল সাজা পূরণ সম্পূর্ণ বের",
    "ca": "repet copi corregeix corregi tradu resum reescri extre orden complet mill escurç escri digu digues "
    "transform subratll",
    "cs": "opak zopak kopír zkopír oprav přelož přepiš přepis zkrať shrň vypiš vytáhn seřaď doplň uprav vylepš "
    "řekni napiš nahraď převeď",
    "da": "gentag kopi ret oversæt omskriv forkort sammenfat uddrag sorter udfyld fuldfør rediger forbedr sig "
    "skriv erstat fjern",
    "de": "wiederhol kopier sprich sag schreib korrigier verbesser berichtig übersetz kürz fass ersetz formulier "
    "umformulier "
    "umschreib zitier extrahier entnimm nenn sortier ordne ergänz füll vervollständig überarbeit gib forme wandle füg "
    "entfern markier unterstreich",
    "el": "επανάλαβ επανέλαβ αντίγραψ αντιγράψ διόρθω μετάφρασ μεταφράσ συντόμευσ σύνοψ συνόψισ ξαναγράψ εξάγαγ "
    "ταξινόμησ συμπλήρωσ βελτίωσ πες γράψ",
    "en": "repeat copy copies echo recite say print output return quot transcrib correct fix debug edit proofread "
    "polish rewrit "
    "reword rephras paraphras revis improv rearrang reorder unscrambl sort format reformat convert translat "
    "transform summar "
    "shorten condens trim simplif expand extract highlight cut underlin identif select list delet remov insert add "
    "replac "
    "substitut chang fill complet continu finish punctuat capitali uppercase lowercase classif categori label tag "
    "annotat "
    "match divid split combin merg join organi arrang spell verbatim exactly write turn make put parse json "
    "grammar mistake "
    "error typo blank redact mask anonymi shorter formal again",
    "eo": "ripet kopi korekt traduk resum reverk rediri mallongig eltir ord plenig kompletig plibonig diru skribu ŝanĝ",
    "es": "repit repet copi corrig correg tradu traduz resum reescrib reformul parafras extra orden complet mejor "
    "acort "
    "simplific convert transform rellen sustit reemplaz cambi añad elimin identific clasific subray puntú puntu "
    "di diga dime escrib cita",
    "eu": "errepika kopia zuzendu itzuli laburtu berridatzi atera ordena osatu hobetu esan idatzi bihurtu aldatu",
    "fa": "تکرار کپی تصحیح اصلاح ترجمه خلاصه بازنویس دوباره استخراج مرتب کامل پر ویرایش بهبود تبدیل بگو بنویس",
    "fi": "toista kopioi korja käännä lyhenn tiivist kirjoita uudelleen muotoil poimi järjest täydenn täytä muokka "
    "paranna sano muuta korvaa lisää poista",
    "fr": "répét répèt copi recopi corrig tradui résum reformul réécri récri paraphras extrai complèt complét "
    "améliore "
    "améliorer raccourc abrèg simplifi transform convert class tri rempl remplac ajout supprim identifi soulign "
    "ponctu "
    "dis dites écri cit ordon met",
    "gl": "repit repet copi corrix tradu resum reescrib extra orden complet mellor acurt escrib di",
    "he": "חזור חזרי העתק תקן תקני תרגם תרגמי סכם קצר שכתב נסח חלץ סדר מיין השלם מלא שפר ערוך אמור כתוב המר הפוך החלף",
    "hi": "दोहरा नकल कॉपी सुधार सही ठीक अनुवाद संक्षेप सारांश दोबारा फिर लिख निकाल क्रम पूरा भर बदल कह बोल संपादित",
    "hu": "ismétel másol javít kijavít fordít lefordít rövidít foglal összefoglal írd ír fogalmaz emel rendez egészít "
    "kiegészít tölt mond alakít cserél szerkeszt",
    "id": "ulang salin koreksi perbaik terjemah ringkas rangkum persingkat parafras ekstrak urut lengkapi isi ubah "
    "ganti "
    "sunting edit katakan tulis sebutkan tambah hapus",
    "it": "ripet copi ricopi corregg tradu riassum riscriv riformul parafras estra ordin complet miglior accorc "
    "abbrev "
    "semplific convert trasform riemp sostitu cambi aggiung elimin identific classific sottoline dì di' dimmi "
    "scriv cita",
    "ko": "반복 따라 복사 그대로 고쳐 고치 수정 교정 번역 요약 줄여 다시 바꿔 바꾸 추출 뽑아 정렬 나열 완성 채워 "
    "채우 이어 말해 써 적어 변환 편집",
    "nb": "gjenta kopi rett korriger oversett omskriv forkort oppsummer trekk sorter fyll fullfør rediger forbedre "
    "si skriv erstatt",
    "nl": "herhaal kopieer corrigeer verbeter vertaal herschrijf herformuleer vat kort haal extraheer sorteer "
    "orden vul "
    "bewerk zeg schrijf citeer vervang zet maak maakt verwijder",
    "pl": "powtórz powtarza skopiuj przepisz popraw korekt koryguj przetłumacz tłumacz streść stresz skróć "
    "sparafraz przeredag "
    "wyodrębn wypisz wyciągnij posortuj uporządk uzupełnij dokończ zmień zamień usuń dodaj przekształć powiedz "
    "napisz zacytuj",
    "pt": "repit repet copi corrij corrig tradu traduz resum reescrev reformul parafrase extra orden complet "
    "melhor encurt "
    "abrevi simplifi convert transform preench substitu troc mude acrescent remov identifi classifi sublinh pontu "
    "diga escrev cit",
    "ro": "repet copia corect corecteaz tradu rezum rescri reformul extrag ordon sorteaz complet îmbunătăț "
    "imbunatat scurteaz spune scrie "
    "înlocui transform",
    "ru": "повтор скопир копир перепиш переписать исправ откорр отредакт редакт перевед перевести переформ "
    "перефраз сократ резюм "
    "обобщ подытож извлек извлеч выпиш выдел найд упоряд отсортир сортир дополн заполн заверш продолж улучш замен "
    "измен "
    "измени убер удал добав преобраз скажи произнес напиш процитир расстав",
    "sk": "opakuj zopakuj kopíruj skopíruj oprav prelož prepíš skráť zhrň vypíš zoraď doplň uprav vylepši povedz "
    "napíš nahraď",
    "sl": "ponovi kopiraj popravi prevedi povzemi skrajšaj prepiši izlušči uredi dopolni izboljšaj reci napiši",
    "sv": "upprepa kopiera rätta korrigera översätt omskriv förkorta sammanfatta plocka sortera fyll komplettera "
    "redigera "
    "förbättra säg skriv ersätt skriv ändra gör",
    "tr": "tekrar kopyala düzelt çevir tercüme özetle kısalt yeniden yaz çıkar sırala tamamla doldur düzenle "
    "iyileştir söyle "
    "değiştir dönüştür ekle sil",
    "uk": "повтор скопію копію перепиш виправ відредаг перекла скорот підсум узагальн переформ перефраз витяг "
    "випиш знайд "
    "впоряд відсорт доповн заповн заверш продовж покращ замін змін прибер видал дод перетвор скаж напиш",
    "vi": "lặp nhắc chép sao sửa chỉnh dịch tóm rút viết diễn trích sắp hoàn điền đổi chuyển thay nói thêm xóa liệt",
}
# The same of languages that are written without spaces: anywhere.
_ASKS_UNSPACED = {
    "ja": "繰り返 復唱 写し コピー そのまま 訂正 直し 修正 添削 翻訳 訳し 要約 まとめ 短く 言い換え 書き換え "
    "書き直 抜き出 抽出 並べ替 並び替 "
    "埋め 続き 言っ 言い 書い 変換 編集 校正 置き換",
    "th": "พูดตาม ทวน ซ้ำ คัดลอก ลอก แก้ไข แก้ แปล สรุป ย่อ เขียนใหม่ เรียบเรียง ดึง เรียงลำดับ จัดเรียง เติม ต่อ ปรับปรุง พูด เขียน "
    "แทนที่ เปลี่ยน",
    "zh": "重复 重複 复述 複述 跟我 照着 照抄 抄写 抄寫 原样 原樣 改正 修改 修正 纠正 糾正 更正 校对 校對 润色 "
    "潤色 翻译 翻譯 译成 譯成 改写 改寫 重写 "
    "重寫 改成 改为 改為 缩短 縮短 缩写 精简 簡化 简化 概括 总结 總結 摘要 提取 抽取 找出 选出 選出 挑出 列出 编辑 "
    "編輯 排列 排序 整理 插入 添加 "
    "加上 删除 刪除 去掉 替换 替換 转换 轉換 转为 變成 变成 填 补全 補全 完成 续写 續寫 扩写 说出 說出 请说 念 "
    "朗读 转录 回应 分类 分類 识别 識別 "
    "判断 判斷 标注 標點 标点 大写 造句 仿写 输出 輸出 写出 引用",
}
# What asks for an earlier reply once more: "again", "the same", "repeat", "continue".
_AGAIN = (
    "again once more repeat same resend recap continue verbatim earlier previous|"
    "wiederhol nochmal nochmals noch erneut dasselbe gleiche weiter vorherige|repite repíte repit vez nuevo mismo "
    "misma continúa continua "
    "anterior|répèt répét encore nouveau même continue précédent|ripet ancora nuovo stesso stessa continua "
    "precedente|repita novamente novo "
    "mesmo mesma continue|повтор ещё еще снова опять заново продолж прежн предыдущ|повтори знову продовж попередн|"
    "powtórz jeszcze ponownie "
    "znowu kontynuuj poprzedni|herhaal nogmaals opnieuw nog weer verder zelfde vorige|upprepa igen samma fortsätt "
    "förra|gentag gjenta igen "
    "samme fortsæt fortsett|toista uudelleen uudestaan sama jatka|zopakuj opakuj znovu stejn rovnak pokračuj|"
    "ismétel újra megint még ugyanaz "
    "folytat|tekrar yine aynı devam|ulang lagi sama lanjut|lặp nhắc lại tiếp|repetă repeta din nou iar același "
    "continuă|επανάλαβ ξανά πάλι "
    "ίδιο συνέχισ|كرر أعد اعد مرة نفس تابع أكمل|תחזור חזור שוב אותו המשך|تکرار دوباره همان ادامه|फिर दोबारा दोहरा "
    "वही जारी|আবার পুনরায় "
    "একই|다시 반복 또 같은 계속|repeteix altra vegada mateix|denove ree ripetu sama daŭrigu|berriro errepika bera "
    "jarraitu|ponovi znova isto "
    "nadaljuj|пак отново същ продължи"
)
_AGAIN_UNSPACED = (
    "再 重复 重複 又 同样 同樣 一样 繼續 继续 上面 之前 刚才 もう一度 再度 繰り返 同じ 続け อีกครั้ง ซ้ำ เดิม ต่อ"
)


def _stems(spaced: str, unspaced: str, least: int) -> re.Pattern[str]:
    """Match beginnings of words.

    All languages are searched for at once, so what has fewer letters than `least` is a word and no beginning.
    """
    words = dict.fromkeys(spaced.replace("|", " ").split())
    short, long = ("|".join(w for w in words if (len(w) < least) is is_short) for is_short in (True, False))
    return re.compile(rf"\b(?:(?:{short})\b|{long})|{'|'.join(unspaced.split())}", re.IGNORECASE)


_ASKING = _stems(" ".join(_ASKS.values()), " ".join(_ASKS_UNSPACED.values()), 4)
_ASKING_AGAIN = _stems(_AGAIN, _AGAIN_UNSPACED, 5)


def asks(text: str) -> bool:
    """Whether a text has a word that asks for the words of a text, as they are or changed."""
    return _ASKING.search(text) is not None


def asks_again(text: str) -> bool:
    """Whether a text asks for an earlier reply once more."""
    return _ASKING_AGAIN.search(text) is not None
