"""Words used in dates, by language.

Tables only, apart from the folding that makes a text comparable with them: lower case, no Latin, Greek or Cyrillic
accents, no Arabic vowel marks, every script's digits as ASCII. `dates` holds the rules.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0655\u0670\u0640]")
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\x00-\x08\x0e-\x1f\x7f]")
# Letters with more than one spelling; the last row is Malayalam, whose chillu letters were pairs before Unicode 5.1.
_LETTERS = str.maketrans(
    {"ı": "i", "ł": "l", "đ": "d", "ø": "o", "ß": "ss", "∶": ":", "–": "-", "—": "-", "−": "-"}
    | {"ൺ": "ണ്", "ൻ": "ന്", "ർ": "ര്", "ൽ": "ല്", "ൾ": "ള്", "ൿ": "ക്"}
)
_HAN_NUMERALS = {
    char: digit
    for digit, chars in enumerate(["〇零○", "一", "二两兩", "三", "四", "五", "六", "七", "八", "九"])
    for char in chars
}
_HAN_NUMBER = re.compile(
    r"(?<!周)(?<!期)(?<!拜)[〇零○一二两兩三四五六七八九十廿卅]+(?=\s*(?:[年月日号號时時点點分秒天周週]|个|個|小时|小時|星期|钟|鐘))"
)


def fold(text: str) -> str:
    """Return the text as the tables of this module spell it: one line, blanks single, digits ASCII."""
    visible = _INVISIBLE.sub("", text)
    if visible.isascii():
        return " ".join(visible.lower().split())
    lowered = unicodedata.normalize("NFKC", visible).lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", lowered))
    folded = unicodedata.normalize("NFC", bare).translate(_LETTERS)
    for digit in filter(str.isdigit, set(folded)):
        folded = folded.replace(digit, str(unicodedata.digit(digit)))
    return _HAN_NUMBER.sub(lambda found: _read_han_number(found.group()), " ".join(folded.split()))


def _read_han_number(numerals: str) -> str:
    spread = numerals.replace("廿", "二十").replace("卅", "三十")
    if "十" not in spread:
        return "".join(str(_HAN_NUMERALS[char]) for char in spread)
    tens, _, ones = spread.partition("十")
    if len(tens) > 1 or len(ones) > 1 or "十" in ones:
        return numerals
    return str((_HAN_NUMERALS[tens] if tens else 1) * 10 + (_HAN_NUMERALS[ones] if ones else 0))


def _list_words(words: str) -> tuple[str, ...]:
    """Return the folded words of one table cell, where `_` stands for a blank inside a word."""
    return tuple(fold(word.replace("_", " ")) for word in words.split("/") if word)


# Twelve cells a language; `/` separates spellings.
_MONTHS: Mapping[str, str] = {
    "en": "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug"
    " september/sept/sep october/oct"
    " november/nov december/dec",
    "de": "januar/jan/jänner/jän februar/feb/feber märz/mär/mrz april/apr mai juni/jun juli/jul august/aug"
    " september/sept/sep oktober/okt november/nov dezember/dez",
    "fr": "janvier/janv/jan février/févr/fév/fev mars avril/avr mai juin juillet/juil/jui août/aout"
    " septembre/sept/sep octobre/oct novembre/nov décembre/déc/dec",
    "es": "enero/ene febrero/feb marzo/mar abril/abr mayo/may junio/jun julio/jul agosto/ago/agos"
    " septiembre/setiembre/sept/sep/set octubre/oct noviembre/nov diciembre/dic",
    "it": "gennaio/gen/genn febbraio/feb/febb marzo/mar aprile/apr maggio/mag giugno/giu luglio/lug agosto/ago"
    " settembre/set/sett ottobre/ott novembre/nov dicembre/dic",
    "pt": "janeiro/jan fevereiro/fev março/mar abril/abr maio/mai junho/jun julho/jul agosto/ago setembro/set"
    " outubro/out novembro/nov dezembro/dez",
    "nl": "januari/jan februari/feb/febr maart/mrt april/apr mei juni/jun juli/jul augustus/aug september/sept/sep"
    " oktober/okt november/nov december/dec",
    "sv": "januari/jan februari/feb mars/mar april/apr maj juni/jun juli/jul augusti/aug september/sept/sep"
    " oktober/okt november/nov december/dec",
    "da": "januar/jan februar/feb marts/mar april/apr maj juni/jun juli/jul august/aug september/sept/sep"
    " oktober/okt november/nov december/dec",
    "no": "januar/jan februar/feb mars/mar april/apr mai juni/jun juli/jul august/aug september/sept/sep"
    " oktober/okt november/nov desember/des",
    "is": "janúar/jan febrúar/feb mars/mar apríl/apr maí júní/jún júlí/júl ágúst/ágú september/sept/sep"
    " október/okt nóvember/nóv desember/des",
    "fi": "tammikuu/tammikuuta/tammi helmikuu/helmikuuta/helmi maaliskuu/maaliskuuta/maalis huhtikuu/huhtikuuta/huhti"
    " toukokuu/toukokuuta/touko kesäkuu/kesäkuuta/kesä heinäkuu/heinäkuuta/heinä elokuu/elokuuta/elo"
    " syyskuu/syyskuuta/syys lokakuu/lokakuuta/loka marraskuu/marraskuuta/marras joulukuu/joulukuuta/joulu",
    "et": "jaanuar/jaan veebruar/veebr märts aprill/apr mai juuni juuli august/aug september/sept oktoober/okt"
    " november/nov detsember/dets",
    "lv": "janvāris/janvārī/janv februāris/februārī/febr marts/martā aprīlis/aprīlī/apr maijs/maijā jūnijs/jūnijā/jūn"
    " jūlijs/jūlijā/jūl augusts/augustā/aug septembris/septembrī/sept oktobris/oktobrī/okt novembris/novembrī/nov"
    " decembris/decembrī/dec",
    "lt": "sausio/sausis/saus vasario/vasaris/vas kovo/kovas balandžio/balandis/bal gegužės/gegužė/geg"
    " birželio/birželis/birž liepos/liepa/liep rugpjūčio/rugpjūtis/rugp rugsėjo/rugsėjis/rugs spalio/spalis/spal"
    " lapkričio/lapkritis/lapkr gruodžio/gruodis/gruod",
    "pl": "stycznia/styczeń/sty lutego/luty/lut marca/marzec/mar kwietnia/kwiecień/kwi maja/maj czerwca/czerwiec/cze"
    " lipca/lipiec/lip sierpnia/sierpień/sie września/wrzesień/wrz października/październik/paź"
    " listopada/listopad/lis grudnia/grudzień/gru",
    "cs": "ledna/leden/led února/únor/úno března/březen/bře dubna/duben/dub května/květen/kvě června/červen/čvn"
    " července/červenec/čvc srpna/srpen/srp září/zář října/říjen/říj listopadu/listopad/lis prosince/prosinec/pro",
    "sk": "januára/január/jan februára/február/feb marca/marec/mar apríla/apríl/apr mája/máj júna/jún júla/júl"
    " augusta/august/aug septembra/september/sep októbra/október/okt novembra/november/nov decembra/december/dec",
    "sl": "januarja/januar/jan februarja/februar/feb marca/marec/mar aprila/april/apr maja/maj junija/junij/jun"
    " julija/julij/jul avgusta/avgust/avg septembra/september/sep oktobra/oktober/okt novembra/november/nov"
    " decembra/december/dec",
    "hr": "siječnja/siječanj/sij veljače/veljača/velj ožujka/ožujak/ožu travnja/travanj/tra svibnja/svibanj/svi"
    " lipnja/lipanj/lip srpnja/srpanj/srp kolovoza/kolovoz/kol rujna/rujan/ruj listopada/listopad/lis"
    " studenoga/studenog/studeni/stu prosinca/prosinac/pro",
    "sr": "januar/januara/јануар/јануара/јан februar/februara/фебруар/фебруара/феб mart/marta/март/марта/мар"
    " april/aprila/април/априла/апр maj/maja/мај/маја jun/juna/јун/јуна jul/jula/јул/јула"
    " avgust/avgusta/август/августа/авг septembar/septembra/септембар/септембра/сеп"
    " oktobar/oktobra/октобар/октобра/окт novembar/novembra/новембар/новембра/нов"
    " decembar/decembra/децембар/децембра/дец",
    "hu": "január/jan február/febr/feb március/márc/már április/ápr május/máj június/jún július/júl augusztus/aug"
    " szeptember/szept október/okt november/nov december/dec",
    "ro": "ianuarie/ian februarie/feb/febr martie/mar/mart aprilie/apr mai iunie/iun iulie/iul august/aug"
    " septembrie/sept/sep octombrie/oct noiembrie/nov/noi decembrie/dec",
    "ru": "января/январь/янв февраля/февраль/фев/февр марта/март/мар апреля/апрель/апр мая/май июня/июнь/июн"
    " июля/июль/июл августа/август/авг сентября/сентябрь/сен/сент октября/октябрь/окт ноября/ноябрь/ноя/нояб"
    " декабря/декабрь/дек",
    "uk": "січня/січень/січ лютого/лютий/лют березня/березень/бер квітня/квітень/кві/квіт травня/травень/тра/трав"
    " червня/червень/чер/черв липня/липень/лип серпня/серпень/сер/серп вересня/вересень/вер жовтня/жовтень/жов"
    " листопада/листопад/лис грудня/грудень/гру",
    "bg": "януари/ян/яну февруари/фев март/мар април/апр май юни/юн юли/юл август/авг септември/септ/сеп октомври/окт"
    " ноември/ное декември/дек",
    "el": "ιανουαρίου/ιανουάριος/ιαν φεβρουαρίου/φεβρουάριος/φεβ μαρτίου/μάρτιος/μαρ απριλίου/απρίλιος/απρ"
    " μαΐου/μάιος/μαι ιουνίου/ιούνιος/ιουν ιουλίου/ιούλιος/ιουλ αυγούστου/αύγουστος/αυγ"
    " σεπτεμβρίου/σεπτέμβριος/σεπ/σεπτ οκτωβρίου/οκτώβριος/οκτ νοεμβρίου/νοέμβριος/νοε δεκεμβρίου/δεκέμβριος/δεκ",
    "tr": "ocak/oca şubat/şub mart/mar nisan/nis mayıs/may haziran/haz temmuz/tem ağustos/ağu eylül/eyl ekim/eki"
    " kasım/kas aralık/ara",
    "id": "januari/jan februari/feb/peb maret/mar april/apr mei juni/jun juli/jul"
    " agustus/agu/agt/ags september/sept/sep"
    " oktober/okt november/nov/nop desember/des",
    "ms": "januari/jan februari/feb mac april/apr mei jun julai/jul ogos/ogo september/sep oktober/okt november/nov"
    " disember/dis",
    "vi": "tháng_một/tháng_giêng tháng_hai tháng_ba tháng_tư tháng_năm tháng_sáu tháng_bảy tháng_tám tháng_chín"
    " tháng_mười tháng_mười_một tháng_mười_hai/tháng_chạp",
    "ar": "يناير/جانفي/كانون_الثاني فبراير/فيفري/شباط مارس/آذار أبريل/إبريل/أفريل/نيسان مايو/ماي/أيار"
    " يونيو/يونيه/جوان/حزيران يوليو/يوليه/يوليوز/جويلية/تموز أغسطس/أوت/غشت/آب سبتمبر/شتنبر/أيلول"
    " أكتوبر/تشرين_الأول نوفمبر/نونبر/تشرين_الثاني ديسمبر/دجنبر/كانون_الأول",
    "fa": "ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت/آگوست سپتامبر اکتبر نوامبر دسامبر",
    "he": "ינואר/בינואר פברואר/בפברואר מרץ/במרץ אפריל/באפריל מאי/במאי יוני/ביוני יולי/ביולי אוגוסט/באוגוסט"
    " ספטמבר/בספטמבר אוקטובר/באוקטובר נובמבר/בנובמבר דצמבר/בדצמבר",
    "hi": "जनवरी/जन फ़रवरी/फरवरी/फर मार्च अप्रैल मई जून जुलाई अगस्त/अग सितंबर/सितम्बर/सित अक्टूबर/अक्तूबर/अक्टू"
    " नवंबर/नवम्बर/नव दिसंबर/दिसम्बर/दिस",
    "bn": "জানুয়ারি/জানুয়ারী ফেব্রুয়ারি/ফেব্রুয়ারী মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর",
    "th": "มกราคม/ม.ค กุมภาพันธ์/ก.พ มีนาคม/มี.ค เมษายน/เม.ย พฤษภาคม/พ.ค มิถุนายน/มิ.ย กรกฎาคม/ก.ค สิงหาคม/ส.ค"
    " กันยายน/ก.ย ตุลาคม/ต.ค พฤศจิกายน/พ.ย ธันวาคม/ธ.ค",
    "ca": "gener/gen febrer/feb març abril/abr maig juny juliol/jul agost/ag setembre/set octubre/oct novembre/nov"
    " desembre/des",
}

# Seven cells a language, Monday first.
_WEEKDAYS: Mapping[str, str] = {
    "en": "monday/mon tuesday/tue/tues wednesday/wed thursday/thu/thurs friday/fri saturday/sat sunday/sun",
    "de": "montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "sv": "måndag tisdag onsdag torsdag fredag lördag söndag",
    "da": "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "fi": "maanantai/maanantaina tiistai/tiistaina keskiviikko/keskiviikkona torstai/torstaina perjantai/perjantaina"
    " lauantai/lauantaina sunnuntai/sunnuntaina",
    "pl": "poniedziałek wtorek środa czwartek piątek sobota niedziela",
    "cs": "pondělí úterý středa čtvrtek pátek sobota neděle",
    "ru": "понедельник вторник среда/среду четверг пятница/пятницу суббота/субботу воскресенье",
    "uk": "понеділок вівторок середа четвер пʼятниця субота неділя",
    "tr": "pazartesi salı çarşamba perşembe cuma cumartesi pazar",
    "zh": "周一/星期一/礼拜一 周二/星期二/礼拜二 周三/星期三/礼拜三 周四/星期四/礼拜四"
    " 周五/星期五/礼拜五 周六/星期六/礼拜六"
    " 周日/星期日/礼拜日/周天/星期天/礼拜天",
    "ja": "月曜日/月曜 火曜日/火曜 水曜日/水曜 木曜日/木曜 金曜日/金曜 土曜日/土曜 日曜日/日曜",
    "ko": "월요일 화요일 수요일 목요일 금요일 토요일 일요일",
    "vi": "thứ_hai thứ_ba thứ_tư thứ_năm thứ_sáu thứ_bảy chủ_nhật",
    "id": "senin selasa rabu kamis jumat/jum'at sabtu minggu",
    "el": "δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή",
    "hu": "hétfő kedd szerda csütörtök péntek szombat vasárnap",
    "ro": "luni marți miercuri joi vineri sâmbătă duminică",
}

_DAYS_AGO: Mapping[int, str] = {
    0: "today heute hoy hoje oggi aujourd'hui aujourd’hui vandaag idag i_dag í_dag tänään täna dziś"
    " dzisiaj dnes danes"
    " danas сегодня сьогодні днес данас ma bugün hôm_nay hari_ini اليوم امروز היום आज σήμερα azi"
    " astăzi avui šiandien"
    " šodien 今天 今日 今早 今晨 今晚 今夜 きょう 오늘 วันนี้ আজ",
    1: "yesterday gestern ayer ontem ieri hier gisteren igår i_går í_gær eilen eile wczoraj včera včeraj jučer juče"
    " вчера вчора јуче tegnap dün hôm_qua kemarin semalam أمس دیروز אתמול कल χθες χτες ahir vakar"
    " 昨天 昨日 昨晚 昨夜 昨晨"
    " きのう 어제 เมื่อวานนี้ เมื่อวาน গতকাল",
    2: "vorgestern anteayer antes_de_ayer anteontem l'altro_ieri avantieri avant-hier eergisteren"
    " i_förrgår i_forgårs"
    " toissapäivänä przedwczoraj předevčírem predvčerom prekjučer позавчера позавчора tegnapelőtt evvelsi_gün"
    " أول_أمس προχθές alaltăieri užvakar 前天 前日 前晚 一昨日 おととい 그저께 그제",
    3: "大前天 大前日",
}

YEARS_AGO: Mapping[str, int] = {"今年": 0, "本年": 0, "去年": 1, "昨年": 1, "前年": 2}

# Words of another language's table that mean something else in these.
FALSE_FRIENDS: Mapping[str, frozenset[str]] = {
    "de": frozenset(["hier", "eile"]),
    "nl": frozenset(["hier", "ma"]),
    "fr": frozenset(["ma"]),
    "it": frozenset(["ma"]),
}

# Stems of the units of time; the longest match wins, and letters may follow.
_UNITS: Mapping[str, str] = {
    "second": "ثانیه سیکنڈ"
    " second sec sek second sekund seconde segundo secondo sekuntia sekuntti секунд сек másodperc saniye giây"
    " detik ثانية ثوان सेकंड δευτερόλεπτ secund 秒钟 秒鐘 秒間 秒 초 วินาที שניות",
    "minute": "دقیقه منٹ মিনিট dakika"
    " minute minut min minuut minuto minuti minuuttia minuutti минут мин хвилин хв perc dakika phút menit"
    " دقيقة دقائق मिनट λεπτ mínútu minūt 分钟 分鐘 分間 分 분 นาที דקות",
    "hour": "ساعت گھنٹے گھنٹہ ঘণ্টা ঘন্টা saa"
    " hour hr stunde std heure hora ora ore uur timme timmar tim timer time tuntia tunti h"
    " godzin godz hodin hod"
    " час ч годин ура óra saat giờ jam ساعة ساعات घंटे घंटा ώρ oră sat valand stund 小时 小時 个小时"
    " 個小時 个钟头 钟头 時間"
    " 시간 ชั่วโมง שעות שעה",
    "day": "روز دن দিন siku"
    " day tag jour día dia giorn dag päivää päivä dni dzień dnů den dnem днів день дней дня"
    " дні дан nap gün ngày hari"
    " يوم أيام दिन μέρ ημέρ zile zi dien 天 日 일 วัน ימים",
    "week": "هفته ہفتے সপ্তাহ wiki"
    " week woche wk semaine semana settiman vecka veckor uke uker uge uger viikko viikkoa"
    " tydzień tygodni týden týdn"
    " недел тижд тижн седмиц hét het hafta tuần minggu pekan أسبوع أسابيع सप्ताह हफ्ते εβδομάδ"
    " săptămân 周 週間 週 个星期 個星期"
    " 星期 个礼拜 주일 주 สัปดาห์",
    "month": "ماه ماہ মাস mwezi"
    " month monat mois mes mese mesi meses mês maand månad måned mnd kuukausi kuukautta miesiąc miesięc měsíc"
    " месяц місяц месец hónap ay tháng bulan شهر أشهر महीने μήν lun lună luni 个月 個月 か月 ヶ月"
    " カ月 ケ月 个多月 개월 달 เดือน",
    "year": "سال বছর mwaka"
    " year jahr année an ans año ano anno anni jaar år vuosi vuotta rok lat lata let ani"
    " года год лет рок év yıl sene năm"
    " tahun سنة سنوات साल χρόν έτ 年 년 ปี",
}
# Hungarian says "ago" in the ending of the unit.
_AGO = (
    "ago earlier پیش پہلے আগে iliyopita"
    " vor il_y_a hace há fa geleden sedan siden sitten temu przed před pred назад тому преди пре prije"
    " πριν önce trước lalu قبل منذ पहले acum prieš tagasi pirms síðan 前 之前 以前 전 ที่แล้ว"
    " ที่ผ่านมา לפני perce órája napja hete"
    " hónapja éve másodperce ezelőtt"
)
# A pair of units in one word.
_PAIRS: Mapping[str, str] = {
    "minute": "دقيقتين",
    "hour": "ساعتين שעתיים",
    "day": "يومين יומיים",
    "week": "أسبوعين שבועיים",
    "month": "شهرين חודשיים",
}
_JUST_NOW = (
    "just_now gerade_eben soeben gerade à_l'instant ahora_mismo agora_mesmo proprio_ora adesso zojuist just_nu"
    " nyss lige_nu akkurat_nå juuri_nyt przed_chwilą právě_teď teraz только_что щойно şimdi az_önce"
    " vừa_xong baru_saja"
    " الآن अभी μόλις_τώρα acum_câteva_clipe 刚刚 剛剛 刚才 剛才 たった今 방금 เมื่อสักครู่"
    " few_seconds_ago moments_ago"
)
_ONE = (
    "a an one ein eine einer einem einen un une una uno um uma uma en ett et een yksi jedna jedną"
    " jedne один одну one bir một satu 一"
)

_MODIFIED = (
    "updat modifi modific aktualis actuali aggiorn mis_à_jour mise_à_jour maj_le oppdater opdater"
    " uppdater uppfært päivitet"
    " muokattu обновл измен оновлен gunce değişt 更新 修改 编辑于 수정 업데이트 cập_nhật diperbarui"
    " diubah aktualizo zaktualizo"
    " frissít módosít ενημερ تحديث bijgewerkt gewijzigd laatst atualiz editado edited revised"
    " geändert zuletzt redigeret"
    " senast_ändrad atnaujinta अपडेट actualizat"
)
_PUBLISHED = (
    "publi posted created erstellt veröffentlich geplaatst gepubliceerd pubblic опублик julkaist"
    " objav utworz 发布 發布 发表"
    " 發表 發佈 公開 配信 掲載 登録 입력 등록 게재 đăng tayang diterbitkan megjelen δημοσ نشر yayın प्रकाशित"
    " публикац публикув опублік публікац апублік објав"
    " erschein offentliggj zveřejn közzétév انتشار 발행 פורסם เผยแพร่ প্রকাশ வெளியிடப்பட்ட"
)

# Hours to add: the morning words leave an hour as it is (12 is midnight), the afternoon words make it 13 to 23.
_MORNING = (
    "am a.m. a.m 上午 早上 早晨 清晨 早 凌晨 午前 오전 새벽 sa sáng ص صباحا π.μ. πμ pagi ÖÖ vorm. de_la_mañana da_manhã"
)
_AFTERNOON = "pm p.m. p.m 下午 傍晚 午後 오후 ch chiều م مساء μ.μ. μμ petang ÖS nachm. de_la_tarde da_tarde sore"
_EVENING = "晚上 晚间 晚間 夜间 夜間 深夜 夜里 夜 晚 tối malam de_la_noche da_noite 밤 저녁"
_NOON = "中午 正午 noon trưa siang 낮"

# Minutes east of Greenwich, for abbreviations that the site's own zone does not know.
OFFSETS: Mapping[str, int] = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "mez": 60,
    "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "мск": 180, "trt": 180, "ist": 330, "pkt": 300, "npt": 345,
    "gst": 240, "ict": 420, "wib": 420, "wita": 480, "wit": 540, "sgt": 480, "myt": 480, "pht": 480, "hkt": 480,
    "awst": 480, "jst": 540, "kst": 540, "acst": 570, "acdt": 630, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780,
    "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
    "akst": -540, "akdt": -480, "hst": -600, "ast": -240, "adt": -180, "nst": -210, "ndt": -150, "brt": -180,
    "art": -180, "clt": -240, "clst": -180, "cot": -300, "pet": -300, "wat": 60, "cat": 120, "eat": 180, "sast": 120,
    "北京时间": 480, "北京時間": 480, "台北時間": 480, "香港時間": 480, "日本時間": 540, "한국시간": 540,
}  # fmt: skip

# Names without a season: the zone's own rules say which offset was meant.
ZONES: Mapping[str, str] = {
    "et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver", "pt": "America/Los_Angeles",
}  # fmt: skip

# German names of zone abbreviations that zoneinfo spells in English.
SAME_ZONE_NAMES: Mapping[str, str] = {"mez": "cet", "mesz": "cest", "мск": "msk"}


def _spread(tables: Mapping[str, str]) -> dict[str, dict[str, int]]:
    return {
        language: {word: number for number, cell in enumerate(row.split(), start=1) for word in _list_words(cell)}
        for language, row in tables.items()
    }


def _merge(tables: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return what a word means in every language that has it, without the words whose languages disagree."""
    merged: dict[str, int] = {}
    for table in tables.values():
        for word, number in table.items():
            merged[word] = number if merged.get(word, number) == number else 0
    return {word: number for word, number in merged.items() if number}


MONTHS_BY_LANGUAGE = _spread(_MONTHS)
MONTHS = _merge(MONTHS_BY_LANGUAGE)
WEEKDAYS = _merge(_spread(_WEEKDAYS))
DAYS_AGO = {word: days for days, row in _DAYS_AGO.items() for cell in row.split() for word in _list_words(cell)}
UNITS = {word: unit for unit, row in _UNITS.items() for cell in row.split() for word in _list_words(cell)}
PAIRS = {word: unit for unit, row in _PAIRS.items() for cell in row.split() for word in _list_words(cell)}
AGO = tuple(word for cell in _AGO.split() for word in _list_words(cell))
JUST_NOW = tuple(word for cell in _JUST_NOW.split() for word in _list_words(cell))
ONE = tuple(word for cell in _ONE.split() for word in _list_words(cell))
SHORT_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "dk": "minute", "sa": "hour"}
MODIFIED = tuple(word for cell in _MODIFIED.split() for word in _list_words(cell))
PUBLISHED = tuple(word for cell in _PUBLISHED.split() for word in _list_words(cell))
HALVES = {
    word: half
    for half, row in {"am": _MORNING, "pm": _AFTERNOON, "evening": _EVENING, "noon": _NOON}.items()
    for cell in row.split()
    for word in _list_words(cell)
}


def build_alternatives(words: Iterable[str]) -> str:
    """Return a regular expression for any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def is_unspaced(word: str) -> bool:
    """Return whether the word is of a script that sets no blanks between words."""
    return word[0] >= "\u2e80" or "\u0e00" <= word[0] <= "\u0e7f"


def build_bounded(words: Iterable[str]) -> str:
    """Return a regular expression for any of the words as whole words, where their script sets blanks."""
    unspaced: list[str] = []
    spaced: list[str] = []
    for word in words:
        (unspaced if is_unspaced(word) else spaced).append(word)
    # No word of one kind begins like one of the other, so their order does not matter.
    parts = [rf"(?<!\w)(?:{build_alternatives(spaced)})(?!\w)"] if spaced else []
    return "|".join([*parts, *([build_alternatives(unspaced)] if unspaced else [])])
