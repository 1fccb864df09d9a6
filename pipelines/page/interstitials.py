"""The wording of pages shown in an article's place, in many languages: gates, log-in forms, consent walls.

No sentence is looked for. A page of such a kind says what it is by two ideas side by side: somebody *checks*, and what
is checked is a *browser*; a *page*, and that it was *not found*. Each idea is a set of stems, and a sentence that holds
one stem of either speaks for the kind. Stems are written in the folded case in which they are compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.page.classes import PageClass

if TYPE_CHECKING:
    from collections.abc import Mapping

_SENTENCE_END = re.compile(r"(?<=[.!?。！？؟।])\s*(?=\S)|[\n|｜]")
_MAX_SENTENCES, _FEW_SENTENCES = 16, 3
_MAX_CHARS = 3_000
_MAX_NAME_CHARS = 120
_MAX_SENTENCE_CHARS = 400


def _stems(text: str) -> tuple[str, ...]:
    """Return the stems of a text, which are separated by commas."""
    return tuple(stem.strip().casefold() for line in text.splitlines() for stem in line.split(",") if stem.strip())


_ROBOT = _stems("""
robot, captcha, not a bot, human, mensch, humain, une personne, humano, persona real, umano, pessoa real
człowiek, человек, людин, робот, 真人, 机器人, 機器人, 人間, ロボット, 로봇, 사람, insan, människa, menneske
ihminen, člověk, ember, om, άνθρωπ, إنسان, روبوت, אנושי, manusia, con người, automated, automatis, automatic
автоматич
""")
_ROBOT = tuple(stem for stem in _ROBOT if len(stem) > 2 or not stem.isascii())
_CHECK = _stems("""
check, verif, examin, inspect, prove, überprüf, überprüft, prüfen, geprüft, sicherstellen, stellen wir sicher
wir stellen, sicher, bestätig, vérif, comprob, verific, controll, controle, sprawdz, weryfik, проверк, проверя
подтверд, перевір, 验证, 驗證, 检查, 檢查, 检测, 核实, 确认, 確認, 検証, 확인, 검증, doğrula, kontrol
kontroller, bekräfta, bekreft, bekræft, tarkist, ověř, ellenőr, verifi, επαλήθευ, έλεγχ, تحقق, التحقق, בדיק
אימות, memeriksa, verifikasi, xác minh, kiểm tra
""")
_BROWSER = _stems("""
browser, navigateur, navegador, connection, connexion, conexión, verbindung, connessione, conexão, verbinding
połączen, соединени, запрос, браузер, з'єднан, 浏览器, 瀏覽器, 连接, 連線, 訪問, 访问, ブラウザ, アクセス
브라우저, 접속, tarayıcı, bağlantı, przegląda, webbläsare, nettleser, selain, prohlíže, böngész
πρόγραμμα περιήγησης, المتصفح, اتصال, דפדפן, peramban, trình duyệt, request, anfrage, demande, solicitud
richiesta, pedido, verzoek
""")
_BLOCKED = _stems("""
blocked, denied, forbidden, refused, restricted, suspicious, unusual, gesperrt, blockiert, verweigert
verdächtig, ungewöhnlich, bloqué, refusé, interdit, suspect, inhabituel, bloquead, denegad, prohibid, inusual
sospechos, bloccat, negat, insolit, negado, geblokkeerd, geweigerd, ongebruikelijk, zablokowan, odmow, nietypow
заблокирован, запрещен, запрещён, ограничен, подозрительн, необычн, заборонен, 拒绝, 拒絕, 禁止, 异常, 異常
受限, 拦截, 攔截, 封禁, 拒否, ブロック, 차단, 거부, 비정상, engellen, reddedil, olağandışı, nekad, blockerad
nektet, nægtet, blokeret, estetty, odepřen, zablokován, letiltva, megtagad, αποκλει, محظور, مرفوض, חסום
diblokir, bị chặn
""")
_ACCESS = _stems("""
access, your ip, ip address, traffic, requests, network, zugriff, zugang, ip-adresse, datenverkehr, anfragen
accès, adresse ip, trafic, acceso, dirección ip, tráfico, accesso, indirizzo ip, traffico, acesso, endereço ip
tráfego, toegang, dostęp, ruch, доступ, ip-адрес, трафик, запрос, 访问, 訪問, 存取, 请求, ip地址, ip 地址
アクセス, 접근, 접속, 트래픽, erişim, åtkomst, tilgang, adgang, pääsy, přístup, hozzáférés, πρόσβαση, الوصول
גישה, akses, truy cập
""")
_WAITING = _stems("""
just a moment, one moment, einen augenblick, einen moment, un instant, un momento, um momento, een moment
ein moment, chwileczkę, одну минуту, подождите, зачекайте, 请稍候, 請稍候, 请稍等, 少々お待ち, しばらくお待ち
잠시만, bir dakika, lütfen bekleyin, ett ögonblick, et øyeblikk, et øjeblik, hetki, okamžik, egy pillanat
please wait, bitte warten, attendez, tunggu, vui lòng chờ, لحظة, attention required, are you a robot
security check, sicherheitsprüfung, sicherheitsüberprüfung, vérification de sécurité, control de seguridad
verificación de seguridad, controllo di sicurezza, verificação de segurança, 安全验证, 安全驗證, 安全检查
安全检测, 人机验证, セキュリティチェック, 보안 확인, güvenlik kontrol, kontrola bezpieczeństwa
проверка безопасности, too many requests, rate limit, zu viele anfragen, trop de requêtes
demasiadas solicitudes, troppe richieste, слишком много запросов, 请求过于频繁, 访问过于频繁, 操作过于频繁
access denied, zugriff verweigert, accès refusé, acceso denegado, accesso negato, acesso negado
toegang geweigerd, odmowa dostępu, доступ запрещен, доступ запрещён, доступ ограничен, 拒绝访问, 禁止访问
访问被拒绝, アクセス拒否, アクセスが拒否, 접근이 거부, erişim engellendi, pardon our interruption, ddos
403 forbidden, captcha
""")
_PAGE = _stems("""
page, article, story, content, address, link, document, url, seite, artikel, inhalt, beitrag, adresse, contenu
página, artículo, contenido, enlace, noticia, pagina, articolo, contenuto, artigo, conteúdo, notícia, strona
strony, artykuł, treść, страниц, материал, статья, публикаци, адрес, сторінк, матеріал, 页面, 頁面, 网页, 網頁
文章, 内容, 链接, 地址, 新闻, ページ, 記事, 페이지, 기사, sayfa, haber, içerik, sida, sidan, artikeln, siden
artikkel, sivu, artikkeli, stránk, článek, oldal, cikk, σελίδα, άρθρο, الصفحة, المقال, صفحه, הדף, העמוד, halaman
trang, bài viết, पृष्ठ
""")
_MISSING = _stems("""
not found, could not find, couldn't find, cannot find, can't find, cannot be found, can't be found
could not be found, unable to find, doesn't exist, does not exist, no longer, has moved, was moved, been moved
been removed, was removed, was never, never there, nothing here, unavailable, not available, has expired
nicht gefunden, nicht finden, existiert nicht, nicht existiert, nicht mehr, gibt es nicht, gelöscht, verschoben
umgezogen, abgelaufen, nicht verfügbar, introuvable, n'existe, n’existe, trouvée, trouver, supprimé, déplacé
n'est plus, n’est plus, no encontr, no se encontr, no existe, ya no, no hemos encontrado, eliminad
no está disponible, no disponible, non trovat, non è stat, non esiste, non è più, non disponibile, rimoss
não encontr, não existe, não foi encontr, removid, indisponível, niet gevonden, bestaat niet, niet vinden
niet meer, verwijderd, nie znalez, nie istnieje, nie można znaleźć, usunięt, не найден, не существует, удален
удалён, не нашл, недоступн, не знайден, не існує, видален, 不存在, 未找到, 找不到, 没有找到, 已删除, 已被删除
已下线, 已下架, 失效, 无法找到, 见つかりません, 見つかりません, 存在しません, 削除され, 公開を終了, 찾을 수 없
존재하지, 삭제되, 삭제된, bulunamadı, mevcut değil, kaldırıl, hittades inte, hittar inte, finns inte
tagits bort, ikke funnet, finnes ikke, finner ikke, fant ikke, findes ikke, ikke fundet, ei löydy, ei löytynyt
ei ole, nenalezen, neexistuje, nebyla nalezena, nem található, nem létezik, δεν βρέθηκε, δεν υπάρχει, غير موجود
لم يتم العثور, یافت نشد, לא נמצא, tidak ditemukan, không tìm thấy, không tồn tại, नहीं मिला, gone
""")
_MISSING_NAMES = _stems("""
404, error 404, fehler 404, erreur 404, oops, whoops, hoppla, nothing here, nothing found, lost?, page gone
hier ist nichts
""")
_LOGIN = _stems("""
log in, login, log-in, sign in, sign-in, signin, anmelden, anmeldung, einloggen, se connecter, connectez-vous
connexion, identifiez-vous, iniciar sesión, inicia sesión, identifícate, accedi, effettua l'accesso
iniciar sessão, faça login, fazer login, inloggen, aanmelden, zaloguj, logowanie, войти, вход, войдите
авторизац, увійти, 登录, 登錄, 登入, ログイン, 로그인, giriş yap, oturum aç, logga in, logg inn, log ind
kirjaudu, přihlás, přihlášení, bejelentkez, belépés, σύνδεση, είσοδος, تسجيل الدخول, ورود, כניסה, התחבר, masuk
đăng nhập, लॉग इन
""")
_REGISTERED = _stems("""
registered, registration, register, free account, create an account, subscriber, password, member, registriert
registrier, kostenlos, konto, passwort, mitglied, inscri, compte, mot de passe, abonné, registrad, registr
cuenta, contraseña, suscriptor, registrati, account, abbonat, conta, senha, assinante, geregistreerd, wachtwoord
zarejestr, hasło, зарегистрир, регистрац, учетн, пароль, зареєстр, 注册, 註冊, 账号, 帳號, 密码, 密碼, 会员
會員, 登録, 会員, アカウント, 회원, 가입, 비밀번호, kayıt, üye, şifre, registrera, lösenord, passord, medlem
rekisteröi, salasana, registrova, heslo, regisztr, jelszó, εγγρα, التسجيل, حساب, הרשמ, daftar, akun, đăng ký
""")
_DATA = _stems("""
cookie, partner, device, advert, personal data, privacy, tracking, vendors, gerät, anzeigen, werbung, werbe
daten, datenschutz, appareil, publicit, données, traceur, vie privée, terminal, dispositivo, datos, privacidad
anuncios, proveedores, dati, annunci, fornitori, dados, anúncios, parceiros, apparaat, advertenties, gegevens
reklam, dane, danych, urządzen, реклам, данны, файлы cookie, партнер, партнёр, 广告, 廣告, 隐私, 隱私, 个人信息
设备, クッキー, 広告, 個人情報, プライバシー, 쿠키, 광고, 개인정보, çerez, veri, annonser, uppgifter
informasjonskapsler, mainon, eväste, tiedot, soubory cookie, údaj, süti, adatvéd, διαφημί, ملفات تعريف, إعلان
עוגיות, פרטיות, iklan, quảng cáo
""")
_AGREE = _stems("""
agree, accept, consent, your choice, store, allow, zustimm, einwillig, akzeptier, speicher, einverstanden
erlaub, accepte, accepter, stocker, enregistrer, autoris, acept, consentimiento, almacenar, permit, accett
consens, archiviare, memorizz, aceit, consentimento, armazenar, toestemm, accepteer, akkoord, opslaan, zgod
akcept, zgadz, przechow, соглас, принима, приня, разреш, сохран, згод, 同意, 接受, 允许, 允許, 存储, 許可, 保存
동의, 수락, 저장, kabul, onay, rıza, sakla, samtyck, godkänn, lagra, samtykk, godta, lagre, samtykke, suostum
hyväksy, tallent, souhlas, přijm, ukládá, hozzájárul, elfogad, tárol, συγκατάθεση, αποδοχή, موافق, قبول, הסכמ
אישור, setuju, persetujuan, đồng ý
""")
_CONSENT_NAMES = _stems("""
consent, your choice, your privacy, privacy settings, cookie settings, before you continue, before you read
we value your privacy, zustimmung, einwilligung, bevor sie, privatsphäre, datenschutzeinstellung, ihre wahl
consentement, avant de continuer, vos choix, votre vie privée, consentimiento, antes de continuar, tu privacidad
su privacidad, consenso, prima di continuare, la tua privacy, consentimento, a sua privacidade, toestemming
voordat je, voordat u, zgod, twoja prywatność, согласие, 同意, 隐私, 隱私, クッキー, 동의, çerez, rıza, samtycke
samtykke, suostumus, souhlas, hozzájárulás, συγκατάθεση, cookie
""")
_MAINTENANCE = _stems("""
maintenance, technical work, scheduled work, wartung, mantenimiento, manutenzione, manutenção, onderhoud
konserwac, prace techniczne, prac technicznych, технические работы, технических работ, техническое обслуживание
профилактическ, технічні роботи, 维护, 維護, 系统升级, 網站升級, メンテナンス, 점검, bakım, underhåll
vedlikehold, vedligehold, huolto, údržb, karbantart, συντήρηση, صيانة, תחזוקה, pemeliharaan, bảo trì
""")
_SITE = _stems("""
site, website, service, server, page, we, back, soon, later, seite, dienst, später, bald, portal, serveur
reviend, bientôt, sitio, servicio, servidor, pronto, vuelve, sito, servizio, presto, serviço, breve, straks
strona, serwis, wkrótce, сайт, портал, сервис, скоро, позже, пізніше, 网站, 網站, 本站, 系统, 系統, 稍后, 稍後
サイト, サービス, しばらく, 사이트, 서비스, 잠시, sunucu, kısa süre, webbplats, snart, nettsted, hjemmeside
sivusto, pian, web, brzy, oldal, hamarosan, ιστοσελίδα, σύντομα, الموقع, האתר, situs, trang
""")
_DOWN = _stems("""
temporarily unavailable, temporarily down, service unavailable, bad gateway, gateway time, internal server error
server error, did not answer, not responding, timed out, time out, went wrong, be right back, be back soon
come back later, try again later, try again in, under construction, database connection, error establishing
origin, vorübergehend nicht, nicht erreichbar, interner fehler, serverfehler, technische störung
technischer fehler, später erneut, versuchen sie es, überlastet, temporairement indisponible, erreur interne
erreur serveur, réessay, temporalmente, error interno, inténtelo, inténtalo, más tarde, temporaneamente
errore interno, riprova, temporariamente, erro interno, tente novamente, tijdelijk niet, interne fout
probeer het, tymczasowo, błąd serwera, spróbuj, временно недоступен, временно недоступ, ошибка сервера
внутренняя ошибка, попробуйте, зайти позже, тимчасово, 暂时无法, 服务器错误, 服务不可用, 稍后再试, 稍后重试
一時的, サーバーエラー, 再度お試し, 일시적, 서버 오류, 다시 시도, geçici olarak, sunucu hatası, tekrar deneyin
tillfälligt, försök igen, midlertidig, prøv igen, prøv igjen, tilapäisesti, yritä, dočasně, zkuste, ideiglenesen
próbálja, προσωρινά, مؤقت, حاول, זמנית
""")
_DOWN_NAMES = re.compile(
    r"^(?:error|fehler|erreur|errore|erro|ошибка|错误|エラー|오류|hata|fel|feil|fejl|virhe|chyba|hiba)?\s*[:#-]?\s*(?:5\d\d|10[0-3]\d)\b"
    r"|\b(?:error|fehler|erreur|ошибка|错误)\s*(?:code)?\s*[:#-]?\s*(?:5\d\d|10[0-3]\d)\b|\|\s*(?:5\d\d|10[0-3]\d)\s*:"
)
_SUBSCRIBE = _stems("""
subscri, abonn, abonnieren, s'abonner, suscri, suscríb, abbona, assin, subskry, prenumer, подпис, передплат
订阅, 訂閱, 付费, 付費, 会员, 會員, 購読, 有料, 会員, 구독, 유료, abone, abonner, abonnement, tilaa, tilaaj
předplat, előfizet, συνδρομ, اشترك, اشتراك, מנוי, berlangganan, đăng ký, members only, premium, plus-artikel
trial, probemonat, for free this month, free stories, free articles
""")
_READ_ON = _stems("""
read on, to read, continue reading, keep reading, read the full, read more, full article, full story
free stories, free articles, this month, weiterlesen, weiter lesen, weiter zu lesen, diesen artikel, den ganzen
vollständig, diesen monat, im monat, lire la suite, lire cet article, continuer, poursuivre, lecture, ce mois
seguir leyendo, leer, este mes, continuare a leggere, per leggere, leggi tutto, questo mese, continuar lendo
para ler, ler a, este mês, verder lezen, lees verder, deze maand, czytać dalej, czytaj dalej, przeczyta
w tym miesiącu, читать, дочита, полный текст, продолж, в этом месяце, читати, 继续阅读, 繼續閱讀, 阅读全文
閱讀全文, 全文, 本月, 続きを読む, 続きは, 今月, 계속 읽, 전문, 이번 달, devamını, okumaya, bu ay, läs vidare
läsa, den här månaden, les videre, læs videre, lese hele, måned, lukea, jatka, číst dál, číst, olvas, tovább
διαβάσ, القراءة, קריאה, membaca, đọc
""")
_NEWSLETTER = _stems("""
newsletter, news letter, infolettre, lettre d'information, boletín, bollettino, boletim, nieuwsbrief, nyhetsbrev
uutiskirje, biuletyn, рассылк, розсилк, бюллетен, 新闻简报, 电子报, 電子報, 简报, ニュースレター, メルマガ, 뉴스레터
bülten, zpravodaj, hírlevél, ενημερωτικ, النشرة, ניוזלטר, buletin, bản tin, briefing, in your inbox
""")
_MAIL = _stems("""
e-mail, email, inbox, mail, sign up, subscri, abonn, inscri, suscri, iscriv, assine, zapisz, подпис, підпис, 订阅, 訂閱
邮箱, 電子郵件, メール, 登録, 구독, 이메일, abone, e-posta, prenumerera, tilaa, odebír, feliratkoz, εγγρα, اشترك, הרשמ
berlangganan, đăng ký, anmeld
""")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of page speaks: ideas that meet in a sentence, and what it may be called."""

    pairs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    names: tuple[str, ...] = ()


_KINDS: Mapping[PageClass, _Kind] = {
    PageClass.BLOCK: _Kind(pairs=((_CHECK, _ROBOT), (_CHECK, _BROWSER), (_BLOCKED, _ACCESS)), names=_WAITING),
    PageClass.NOT_FOUND: _Kind(pairs=((_PAGE, _MISSING),), names=_MISSING_NAMES),
    PageClass.LOGIN: _Kind(pairs=((_LOGIN, _REGISTERED),), names=_LOGIN),
    PageClass.CONSENT: _Kind(pairs=((_DATA, _AGREE),), names=_CONSENT_NAMES),
    PageClass.MAINTENANCE: _Kind(pairs=((_MAINTENANCE, _SITE), (_DOWN, _SITE)), names=_MAINTENANCE),
    PageClass.PAYWALL: _Kind(pairs=((_SUBSCRIBE, _READ_ON),)),
}
_NEWSLETTERS = _Kind(pairs=((_NEWSLETTER, _MAIL),))


def name_page(text: str) -> PageClass | None:
    """Return the kind of page that a title or a heading names, or None."""
    folded = " ".join(text.casefold().split())
    if not folded or len(folded) > _MAX_NAME_CHARS:
        return None
    for page_class, kind in _KINDS.items():
        if page_class is PageClass.PAYWALL:
            continue
        if any(_is_called(folded, name) for name in kind.names) or _holds_pair(folded, kind):
            return page_class
    return PageClass.MAINTENANCE if _DOWN_NAMES.search(folded) else None


def _is_called(text: str, name: str) -> bool:
    """Return whether a name is what a title begins with, or most of it; in a long title it is only a word."""
    return name in text and (text.startswith(name) or 2 * len(name) >= len(text) or len(text) <= len(name) + 12)


def count_evidence(text: str) -> dict[PageClass, int]:
    """Return how many of the first sentences of a text speak for each kind of page."""
    folded = text[:_MAX_CHARS].casefold()
    sentences: list[str] = []
    found: dict[PageClass, int] = {}
    for page_class, kind in _KINDS.items():
        if not _holds_pair(folded, kind):
            continue
        sentences = sentences or _list_sentences(folded)
        count = sum(_holds_pair(sentence, kind) for sentence in sentences)
        if count:
            found[page_class] = count
    return found


def list_subjects(text: str, *, share: float) -> list[PageClass]:
    """Return the kinds of page that so much of the first sentences of a text speaks for, the most of it first.

    A text of three sentences is taken as a whole: their ideas belong together. The offer of a newsletter counts as one
    to subscribe.
    """
    folded = text[:_MAX_CHARS].casefold()
    sentences = _list_sentences(folded)
    if len(sentences) <= _FEW_SENTENCES:
        sentences = [" ".join(sentences)]
    counts: dict[PageClass, int] = {}
    for page_class, kind in (*_KINDS.items(), (PageClass.PAYWALL, _NEWSLETTERS)):
        if _holds_pair(folded, kind):
            counts[page_class] = counts.get(page_class, 0) + sum(_holds_pair(one, kind) for one in sentences)
    least = max(1, share * len(sentences))
    return sorted((kind for kind, count in counts.items() if count >= least), key=lambda kind: (-counts[kind], kind))


def _list_sentences(folded: str) -> list[str]:
    """Return the first sentences of a folded text, long ones cut."""
    parts = (part.strip()[:_MAX_SENTENCE_CHARS] for part in _SENTENCE_END.split(folded)[:_MAX_SENTENCES])
    return [part for part in parts if part]


def _holds_pair(text: str, kind: _Kind) -> bool:
    """Return whether two ideas of a kind are both in a text."""
    return any(_holds(text, left) and _holds(text, right) for left, right in kind.pairs)


def _holds(text: str, stems: tuple[str, ...]) -> bool:
    return any(stem in text for stem in stems)
