"""Detects the language of text in Latin or Cyrillic letters by its function words.

A table of a few dozen words a language costs nothing to load, and answers the same for the same text everywhere. It
answers only where one language is far ahead: '' is the right answer for a list of names.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

# At least so many words of running text, and so large a part of them from the table of one language.
_LEAST_WORDS: Final = 25
_LEAST_SHARE: Final = 0.05
# The best has to be so many times as frequent as the next. A declared language has to be so much rarer than the best,
# or rarer than the small words are in any text of it.
_LEAD: Final = 1.2
_CONTRADICTION: Final = 4.0
_TOO_RARE: Final = 0.04
_LEAD_OVER_RARE: Final = 1.5

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# Faster, with the same result for ASCII text.
_ASCII_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")

_WORDS: Final = {
    "af": "die van en het in is wat vir sy om nie hy met op aan deur ook was hulle sal kan daar gesê hierdie",
    "az": "və bu bir ilə üçün olan da ki ilə isə edib olub sonra daha kimi çox bildirib qeyd onun tərəfindən",
    "be": "і у на што з не да ў як гэта для па яго ад за але былі каб быў пра таксама якія паводле",
    "bg": "на и да за се от в че с не са по като който това му при има към след бе беше ще със което също",
    "ca": "de la que i el en a els les per amb del una un no és ha al va més com aquest seva dels però també",
    "cs": "a se na v je že o z s do i za ve by po pro jsou který jeho ale také jako jsem byl bylo podle která více",
    "cy": "y yn i a o ar yr ei wedi mae bod gan am fod bydd hefyd oedd nid eu hyn ond dywedodd sydd rhwng",
    "da": "og i at det er på en til af for med der de ikke som har den et han blev også fra vil kan efter men af mere",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er",
    "en": "the of and to in a that is for it on was as with be at by are this from have has not they will which but",
    "es": "de la que el en y a los se del las un por con una su para es al lo como más pero sus le ya fue este ha",
    "et": "ja on ei et ta see kui oma mis ning ka aga või pärast oli mida selle siis kes eesti veel nii olla võib",
    "eu": "eta da du ez dira bat izan dute egin baina ere dela zuen dituzte behar hori zen beste baino duela esan",
    "fi": "ja on ei että se oli myös hän mutta joka kuin mukaan ovat sekä jos kun ole voi sen tai joita jälkeen vielä",
    "fr": "de la le et les des en un du une que est pour qui dans par sur au pas plus ce ne se sont avec il mais ont",
    "ga": "an na agus ar go a i is le sé bhí do tá ag den leis nach atá as faoi seo sin ach chun bhfuil mar",
    "gl": "de a que o e do da en os as un unha para por con non no na se máis ao dos das como foi pola súa tamén",
    "ha": "da a na ta ya cewa ne ce wannan don shi domin su yi kuma ga ba sun an za wata daga cikin kan",
    "hr": "i u je na se da za su od s će kao o koji iz što bi ne a to ali bio više nije kako prema te također tijekom",
    "hu": "a az és hogy nem is egy meg ez azt csak de volt el ha már mint még után lesz szerint vagy kell amely",
    "id": "yang dan di dengan untuk ini dari itu dalam pada tidak akan juga ke karena ada oleh tersebut bisa kata",
    "is": "og í að á er það sem til var við um en af hann með ekki fyrir þetta hefur eru segir þá frá þeir",
    "it": "di e il la che in a per un è non i del una con si da le al ha dei della sono nel più anche come alla ma",
    "kk": "және бұл мен үшін деп бір осы болып жылы туралы бойынша да де екен болды дейді қазақстан бар арқылы кейін",
    "ky": "жана бул менен үчүн деп бир болуп кыргыз боюнча да ошол эле бар деди жылы тууралуу кийин ал",
    "lt": "ir į kad iš yra su tai buvo kaip jis ne už bet dėl apie pagal taip po jau lietuvos gali tik nuo bus šiuo",
    "lv": "un ir ka no ar par uz lai kā tas arī bet pēc to ne latvijas gadā tiek kas pie bija vai savu līdz",
    "mk": "на и во да се од за со што е не ги го како кои по ќе тоа беше но дека или при според ја",
    "mn": "нь байна юм гэж энэ болон тухай хийх ба улсын монгол байгаа юу оны гэсэн нэг бол онд хэмээн",
    "ms": "yang dan di untuk dengan ini dalam pada itu tidak kepada akan oleh beliau daripada kerana telah adalah",
    "mt": "li u ta il fil mill minn din dan għal biex kien huwa ma tal kif ukoll għandu qal qed jew hija meta",
    "nb": "og i det er på en til som av for med at har de ikke den et han om fra var også vil kan etter men ble sier",
    "nl": "de van het een en in is dat op te zijn voor met niet die aan er om ook als maar bij door naar uit heeft",
    "nn": "og i det er på ein til som av for med at har dei ikkje den eit han om frå var også vil kan etter men vart",
    "pl": "i w na z się do nie że jest to o jak za po od przez dla ale był co także oraz jego już są tym które może",
    "pt": "de a que o e do da em um para com uma não os no se na por mais as dos como mas ao foi das tem à são também",
    "ro": "de și în a la cu pe nu că o din se pentru un care este mai au fost sunt ce să dar după al sau prin",
    "ru": "и в на не что с по к из а как это для от его за было но он они также был которые будет при после году",
    "sk": "a na sa v je že s o z do za by aj ale pre to ako po podľa sú ktorý jeho bol bolo alebo viac ktorá tiež",
    "sl": "in je v na da za se so ki pa s tudi bo z ne kot po od še bil bi iz pri ali to več lahko sta med",
    "so": "ka oo iyo ku ee in la waa ay uu soo si u waxaa kale aan ah loo isaga kala sheegay ayaa lagu dhexe",
    "sq": "të e në dhe i për një me se që nga është ka si do nuk më janë kjo por edhe ishte pas këtë tha",
    "sr": "и у је на се да за су од са ће као о који из што би не а то али био више није како према те такође током",
    "sv": "och i att det som en på är av för med den till inte har de ett om han men var från också kan vi efter då",
    "sw": "ya na wa kwa katika ni la za cha hiyo huo kuwa huku kama ili baada hata lakini pia alisema amesema watu",
    "tl": "ang ng sa na mga at ay ni para si ito hindi kung may pa rin lang naman ko isang nang siya niya ayon",
    "tr": "ve bir bu da de için ile olan olarak çok daha gibi kadar sonra ama ne olduğunu en ise ya değil var dedi",
    "uk": "і в на що з не до у та за як це для про від його але було також він та які після буде року щодо під",
    "uz": "va bu bilan uchun bir ham bo edi deb lgan o da qilish haqida mumkin bo'lgan ko'ra kerak so'ng esa yil",
    "vi": "và của các có là được cho trong không với một này những người đã khi đến để về tại từ năm cũng đang",
    "xh": "ukuba kwaye le ke into xa okanye kunye emva lo oku ngoku kuba kodwa uthi kwi kwe apha okokuba bale ezi eli",
    "yo": "ti ni awọn naa si ń ati fun wọn kan pe lati gbogbo nipa ṣe ọdun sọ yii bi wa",
    "zu": "ukuthi futhi uma noma kanye abantu kodwa lapho ngoba kakhulu nje lokhu le lo yena khona wathi ngesikhathi",
}
_TABLE: Final = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_LANGUAGES_OF: Final[dict[str, list[str]]] = {}
for _language, _set in _TABLE.items():
    for _word in _set:
        _LANGUAGES_OF.setdefault(_word, []).append(_language)

# Tags of one language, and languages whose texts these words hardly tell apart.
_SAME: Final = {"no": "nb", "nn": "nb", "bs": "hr", "sh": "hr", "cnr": "hr", "fil": "tl", "iw": "he", "in": "id"}
_GROUPS: Final = "nb da|hr sl|hr sr|id ms|cs sk|es gl ca pt|xh zu|bg mk sr|ru uk be|kk ky|az tr|af nl"
_ALIKE: Final = tuple(frozenset(group.split()) for group in _GROUPS.split("|"))


def find_by_words(text: str, declared: str = "") -> str:
    """Return the language of a text as a primary tag (BCP 47), or `declared`.

    Args:
        declared: what the page says, whose word counts unless the text clearly is of another language.
    """
    words = _ASCII_WORD.findall(text.lower()) if text.isascii() else [word.lower() for word in _WORD.findall(text)]
    if len(words) < _LEAST_WORDS:
        return declared
    counts: Counter[str] = Counter()
    weights: dict[str, float] = {}
    for word, count in Counter(words).items():
        languages = _LANGUAGES_OF.get(word, ())
        for language in languages:
            counts[language] += count
            # A word that many languages have tells little.
            weights[language] = weights.get(language, 0.0) + count / len(languages)
    if not counts:
        return declared
    (best, most), *rest = sorted(weights.items(), key=lambda entry: (-entry[1], entry[0]))[:2]
    share = counts[best] / len(words)
    primary = declared.partition("-")[0].lower()
    primary = _SAME.get(primary, primary)
    if not primary:
        is_far_ahead = not rest or most >= _LEAD * rest[0][1]
        return best if share >= _LEAST_SHARE and is_far_ahead else ""
    is_other = primary != best and not any({primary, best} <= group for group in _ALIKE)
    is_rare = counts[primary] < _TOO_RARE * len(words)
    lead = _LEAD_OVER_RARE if is_rare else _CONTRADICTION
    return best if is_other and share >= _LEAST_SHARE and most >= lead * weights.get(primary, 0.0) else declared
