"""Short conversations in several languages: the faultless part of the demo release."""

NAMES = [
    "Ada",
    "Amara",
    "Bojan",
    "Chiara",
    "Dariusz",
    "Emeka",
    "Fatima",
    "Hiro",
    "Ingrid",
    "Jorge",
    "Lila",
    "Marta",
    "Nuri",
    "Oksana",
    "Priya",
    "Tomas",
]
TOWNS = [
    "Accra",
    "Bergen",
    "Cali",
    "Dakar",
    "Essen",
    "Fes",
    "Graz",
    "Hanoi",
    "Iasi",
    "Jaipur",
    "Kobe",
    "Lima",
    "Minsk",
    "Oulu",
    "Porto",
    "Recife",
]

# Prompt, first answer, second answer, follow-up, answer.
TALKS = {
    "en": (
        (
            "Why does bread rise?",
            "Yeast eats sugar and breathes out gas; the dough traps it.",
            "Because of the yeast in it.",
            "And without yeast?",
            "Then baking soda with an acid can do the same.",
        ),
        (
            "How do I remember names better?",
            "Say the name aloud once and tie it to something you see.",
            "Repeat each name three times in your head.",
            "What if I forget it all the same?",
            "Ask again soon; people mind that less than a wrong name.",
        ),
        (
            "What is a good first plant for a dark room?",
            "A cast-iron plant: it needs little light and forgives dry weeks.",
            "Try a snake plant near the door.",
            "How often do I water it?",
            "Every two weeks, and only when the soil is dry.",
        ),
    ),
    "de": (
        (
            "Warum ist der Himmel am Abend rot?",
            "Das Licht geht abends einen längeren Weg durch die Luft, und das Blau wird gestreut.",
            "Weil die Sonne tief steht.",
            "Und auf dem Mars?",
            "Dort ist es umgekehrt: der Abendhimmel ist blau.",
        ),
        (
            "Wie lüfte ich im Winter richtig?",
            "Mehrmals am Tag die Fenster für fünf Minuten ganz öffnen.",
            "Kurz und kräftig statt lange gekippt.",
            "Auch bei Regen?",
            "Ja, kalte Luft ist trotz Regen trocken.",
        ),
    ),
    "es": (
        (
            "¿Cómo se limpia una sartén de hierro?",
            "Con agua caliente y un cepillo, y después una capa fina de aceite.",
            "Sin jabón y sin dejarla mojada.",
            "¿Y si ya tiene óxido?",
            "Se frota con sal gruesa y se vuelve a curar en el horno.",
        ),
        (
            "¿Por qué flotan los barcos de acero?",
            "Porque desplazan más agua de lo que pesan.",
            "Porque llevan aire dentro.",
            "¿Y un submarino?",
            "Ese llena sus tanques de agua para hundirse.",
        ),
    ),
    "fr": (
        (
            "Comment apprendre à siffler ?",
            "Humidifiez les lèvres, formez un petit rond et soufflez doucement.",
            "Il faut surtout de la patience.",
            "Combien de temps cela prend-il ?",
            "Quelques jours, à raison de dix minutes par jour.",
        ),
    ),
    "pt-BR": (
        (
            "Como guardar café para não perder o aroma?",
            "Em pote fechado, longe da luz e do calor.",
            "Moído na hora, sempre que der.",
            "Posso congelar?",
            "Pode, em porções pequenas e bem vedadas.",
        ),
    ),
    "ru": (
        (
            "Почему скрипит снег?",
            "Ломаются кристаллы льда, и чем холоднее, тем громче звук.",
            "Потому что снег сухой.",
            "А весной?",
            "Весной он влажный и почти не скрипит.",
        ),
    ),
    "uk-UA": (
        (
            "Як вибрати стиглий кавун?",
            "Постукайте: у стиглого звук дзвінкий, а жовта пляма збоку.",
            "Дивіться на сухий хвостик.",
            "А якщо він великий?",
            "Розмір нічого не каже про стиглість.",
        ),
    ),
    "zh": (
        (
            "怎样让米饭更香？",
            "淘米后泡二十分钟，煮之前加几滴油。",
            "用新米就很香。",
            "泡太久会怎样？",
            "泡太久米会碎，口感变软。",
        ),
    ),
    "th": (
        (
            "ทำไมทะเลถึงเค็ม",
            "แม่น้ำพาเกลือแร่จากหินลงสู่ทะเลมานานหลายล้านปี",
            "เพราะมีเกลือละลายอยู่",
            "ทะเลสาบก็เค็มหรือ",
            "บางแห่งเค็ม เพราะน้ำไม่มีทางไหลออก",
        ),
    ),
    "ar": (
        (
            "كيف أنام أسرع؟",
            "أطفئ الشاشات قبل ساعة، واجعل الغرفة باردة ومظلمة.",
            "اقرأ كتابا هادئا.",
            "وماذا عن القهوة؟",
            "لا تشربها بعد الظهر.",
        ),
    ),
}
