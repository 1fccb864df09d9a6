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
ihminen, člověk, ember, άνθρωπ, إنسان, روبوت, אנושי, manusia, con người, automated, automatis, automatic
автоматич, a bot, bots, kein bot, (bot), être un bot, un bot, um bot, een bot
mens bent, רובוט, בן אדם, इंसान, रोबोट, ربات, หุ่นยนต์, มนุษย์, човек, om real, čovjek, čovek, mašina
""")
_CHECK = _stems("""
check, verif, examin, inspect, prove, überprüf, überprüft, prüfen, geprüft, sicherstellen, stellen wir sicher
wir stellen, sicher, bestätig, vérif, comprob, verific, controll, controle, sprawdz, weryfik, проверк, проверя
подтверд, перевір, 验证, 驗證, 检查, 檢查, 检测, 核实, 确认, 確認, 検証, 확인, 검증, doğrula, kontrol
kontroller, bekräfta, bekreft, bekræft, tarkist, ověř, ellenőr, verifi, επαλήθευ, έλεγχ, تحقق, التحقق, בדיק
אימות, memeriksa, verifikasi, xác minh, kiểm tra, making sure, stelle sicher
confirm, conferma, potwierd, igazol, vahvista, потвърд, провер, potvrd, אשר, בודק, ελέγχ, επιβεβαι, पुष्टि, जाँच
जांच, تأیید, تایید, بررسی, ยืนยัน, ตรวจสอบ
""")
_BROWSER = _stems("""
browser, navigateur, navegador, connection, connexion, conexión, verbindung, connessione, conexão, verbinding
połączen, соединени, запрос, браузер, з'єднан, 浏览器, 瀏覽器, 连接, 連線, 訪問, 访问, ブラウザ, アクセス
브라우저, 접속, tarayıcı, bağlantı, przegląda, webbläsare, nettleser, selain, prohlíže, böngész
πρόγραμμα περιήγησης, المتصفح, اتصال, דפדפן, peramban, trình duyệt, request, anfrage, demande, solicitud
richiesta, pedido, verzoek
браузъра, ब्राउज़र, مرورگر, เบราว์เซอร์, pregledač, preglednik
""")
_BLOCKED = _stems("""
blocked, denied, forbidden, refused, restricted, suspicious, unusual, gesperrt, blockiert, verweigert
verdächtig, ungewöhnlich, bloqué, refusé, interdit, suspect, inhabituel, bloquead, denegad, prohibid, inusual
sospechos, bloccat, negat, insolit, negado, geblokkeerd, geweigerd, ongebruikelijk, zablokowan, odmow, nietypow
заблокирован, запрещен, запрещён, ограничен, подозрительн, необычн, заборонен, 拒绝, 拒絕, 禁止, 异常, 異常
受限, 拦截, 攔截, 封禁, 拒否, ブロック, 차단, 거부, 비정상, engellen, reddedil, olağandışı, nekad, blockerad
nektet, nægtet, blokeret, estetty, odepřen, zablokován, letiltva, megtagad, αποκλει, محظور, مرفوض, חסום
diblokir, bị chặn, not supported, unsupported, 阻断
too many, zu viele, ungewöhnlich viele, eingeschränkt, trop de, demasiad, 制限, 多数の, 过于频繁, 過於頻繁, neobvykl
""")
_ACCESS = _stems("""
access, your ip, ip address, traffic, requests, network, zugriff, zugang, ip-adresse, datenverkehr, anfragen
accès, adresse ip, trafic, acceso, dirección ip, tráfico, accesso, indirizzo ip, traffico, acesso, endereço ip
tráfego, toegang, dostęp, ruch, доступ, ip-адрес, трафик, запрос, 访问, 訪問, 存取, 请求, ip地址, ip 地址
アクセス, 접근, 접속, 트래픽, erişim, åtkomst, tilgang, adgang, pääsy, přístup, hozzáférés, πρόσβαση, الوصول
גישה, akses, truy cập, firewall, 防火墙, your browser
リクエスト, provoz, saobraćaj, promet, netzwerk, ip-adresi
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
403 forbidden, captcha, page blocked, you have been blocked, vous avez été bloqué, sie wurden blockiert
our european visitors, ha sido bloqueado, sei stato bloccato, zbyt wiele żądań, te veel verzoeken, muitas solicitações
リクエストが多すぎ, 요청이 너무 많, çok fazla istek, 防火墙, 访问验证, 訪問驗證
slow down, even geduld, 访问过于, 操作频繁, moment please, počkejte, לרגע, کمی صبر, รอสักครู่, कृपया प्रतीक्षा
request blocked, could not be satisfied
""")
# What a visitor has to change in the browser.
_EXTRA = _stems("""
javascript, enable js, ad blocker, adblock, ad-block, werbeblocker, bloqueur de pub, bloqueador de anuncios
bloqueador de publicidad, bloqueador de anúncios, блокировщик, 广告拦截, 広告ブロック, 광고 차단, reklam engelleyici
adbloker, your browser
""")
_SWITCH = _stems("""
enable, disable, turn off, turn on, switch off, detected, required, update your, aktivier, deaktivier, schalten sie
erkannt
activer, activez, désactiv, habilit, activa, desactiv, attiva, disattiv, ativ, inschakel, uitschakel, włącz, wyłącz
включите, отключите, 启用, 关闭, 禁用, 开启, 有効, 無効, 사용, 해제, etkinleştir, devre dışı, kapat
""")
# Where a page is not shown, or which of its editions is.
_REGION = _stems("""
your region, your country, your location, your area, your territory, european economic area, european visitors
your edition, your city, ihrem land, ihrer region, deinem land
deiner region, ihre region, ihr land, ihren ort, ihre ausgabe, votre pays, votre région, votre édition, votre ville
tu país, su país, tu región, su región, tu ubicación, tu edición, tu ciudad, seu país, sua região, sua localização
sua edição, sua cidade, tuo paese, tua regione, suo paese, tua edizione, je land, jouw land, uw land, je regio
uw regio, twoim kraju, twoim regionie, swój region, вашем регионе, вашей стране, вашего региона, ваш регион
ваш город, вашому регіоні, вашій країні, 所在的地区, 所在地区, 所在的国家, 国家或地区, 您的地区, 您的城市
お住まいの地域, 国または地域, 地域からは, 거주 지역, 귀하의 국가, 해당 국가, 지역에서, ülkenizde, bölgenizde, ditt land
din region, maassasi, vaší zemi, az ön országában, بلدك, منطقتك, negara anda, wilayah anda, quốc gia của bạn
""")
_UNAVAILABLE = _stems("""
not available, unavailable, not accessible, isn't available, cannot be granted, cannot show, nicht verfügbar
nicht anzeigen, nicht zugänglich, pas disponible, indisponible, pas accessible, no está disponible, no disponible
no podemos, não está disponível, indisponível, non è disponibile, non disponibile, niet beschikbaar, niedostępn
недоступ, недоступн, 不可用, 无法, 無法, 不提供, ご利用いただけません, ご覧いただけません, 이용할 수 없, 제공되지
kullanılamıyor, erişilemiyor, inte tillgänglig, ikke tilgængelig, ikke tilgjengelig, ei ole saatavilla
není dostupn, nem érhető el, غير متاح, غير متوفر, tidak tersedia, không khả dụng, không có sẵn
""")
_CHOOSE = _stems("""
choose, select, wählen, auswählen, wähle, choisissez, choisir, sélectionnez, elige, elija, selecciona, escolha
selecione, scegli, seleziona, kies, selecteer, wybierz, выберите, оберіть, 请选择, 选择, 選択, 선택, seçin, välj
velg, vælg, valitse, vyberte, válassz, اختر, pilih, chọn
""")
# The age of a visitor who is spoken to.
_AGE = _stems("""
over 18, over 21, 18 or older, 21 or older, at least 18, 18 years, 21 years, legal age, your age, über 18, ab 18
unter 18, 18 jahre, volljährig, ihr alter, dein alter, 18 ans, majeur, votre âge, mayor de 18, mayor de edad, 18 años
tu edad, su edad, maior de 18, maior de idade, 18 anos, sua idade, maggiorenne, 18 anni, tua età, 18 lat, pełnoletni
18 jaar, je leeftijd, uw leeftijd, 18 лет, совершеннолет, ваш возраст, 满18, 滿18, 年满, 您的年龄, 18歳, 年齢
만 18세, 만 19세, 18 yaş, yaşınız, 18 år, 18-vuotias, 18 let, 18 éves, 18 عام, 18 tahun, 18 tuổi
""")
_SPOKEN_TO = _stems("""
you must be, are you, i am, your age, confirm you, ich bin, sind sie, bist du, sie müssen, bestätigen sie, vous devez
avez-vous, êtes-vous, j'ai plus, debes, debe ser, eres, es usted, soy mayor, você tem, você é, você precisa, sou maior
devi, hai più, sei maggiorenne, ho più, ben je, bent u, je moet, ik ben, czy masz, mam ukończone, jesteś, вам есть
мне есть, подтвердите, 您, 你, あなた, の方の, 회원님, 당신, mısınız, är du, er du, oletko, je vám, ön elmúlt, هل عمرك
apakah anda, bạn đã
""")
_PAGE = _stems("""
page, article, story, content, address, link, document, url, seite, artikel, inhalt, beitrag, adresse, contenu
página, artículo, contenido, enlace, noticia, pagina, articolo, contenuto, artigo, conteúdo, notícia, strona
strony, artykuł, treść, страниц, материал, статья, публикаци, адрес, сторінк, матеріал, 页面, 頁面, 网页, 網頁
文章, 内容, 链接, 地址, 新闻, ページ, 記事, 페이지, 기사, sayfa, haber, içerik, sida, sidan, artikeln, siden
artikkel, sivu, artikkeli, stránk, článek, oldal, cikk, σελίδα, άρθρο, الصفحة, المقال, صفحه, הדף, העמוד, halaman
trang, bài viết, पृष्ठ, पेज, सामग्री, المحتوى, konten
pagină, articol, статия, stranic, članak, članka, vijest, vest koj, หน้า, บทความ, পাতা, পৃষ্ঠা, খবর, lehekülg
lehekülj, puslapis, lapa, pàgina, الخبر, مطلب, خبر
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
لم يتم العثور, یافت نشد, לא נמצא, tidak ditemukan, không tìm thấy, không tồn tại, नहीं मिला, उपलब्ध नहीं, gone, 者删除
期間が終了, 掲載終了, 無法查看, 无法查看, has been archived, expired, has been removed, dépublié, archivé
nu a fost găsit, nu mai exist, nu există, не е намерен, изтрит, не съществува, nije pronađen, ne postoji
није пронађен, не постоји, nenájden, neexistuj, ei leitud, nerast, nav atrast, no s'ha trobat, ไม่พบ, ถูกลบ
পাওয়া যায়নি, حذف شده, is missing, slettet, fjernet, σβήστηκε, διαγραφ
""")
_MISSING_NAMES = _stems("""
404, error 404, fehler 404, erreur 404, oops, whoops, hoppla, nothing here, nothing found, lost?, page gone
hier ist nichts, search results, no results, suchergebnis, résultats de la recherche, résultats de recherche
resultados de búsqueda, resultados de la búsqueda, resultados da busca, resultados da pesquisa
risultati della ricerca, zoekresultat, wyniki wyszukiwania, результаты поиска, 搜索结果, 搜尋結果, 検索結果
검색 결과, arama sonuçları, نتائج البحث, sökresultat, domain is for sale, domain for sale, artikel nicht mehr
article expired, content removed, expired, account suspended, account has been suspended
is parked, parked free, domain parked
""")
_SEARCH = _stems("""
search, suche, recherche, búsqueda, busca, pesquisa, ricerca, zoek, wyszukiwan, поиск, 搜索, 搜尋, 検索, 검색, arama
بحث, sök, søg, haku
""")
_HITS = _stems("""
no results, results for, results found, search results, treffer, keine ergebnisse, suchergebnis, aucun résultat
résultats pour, resultados para, sin resultados, ningún resultado, nenhum resultado, nessun risultato, risultati per
geen resultaten, resultaten voor, brak wyników, ничего не найдено, найдено, 个结果, 条结果, 没有找到, 件の, 該当する
결과가 없, 검색 결과, sonuç, نتيجة, träffar
""")
_DOMAIN = _stems("domain, dominio, домен, 域名, ドメイン, 도메인, alan adı")
_SALE = _stems(
    "parked, for sale, zu verkaufen, zum verkauf, à vendre, en venta, in vendita, продаётся, продается, 出售, 販売"
)
_LOGIN = _stems("""
log in, login, log-in, sign in, sign-in, signin, anmelden, anmeldung, einloggen, se connecter, connectez-vous
connexion, identifiez-vous, iniciar sesión, inicia sesión, identifícate, accedi, effettua l'accesso
iniciar sessão, faça login, fazer login, inloggen, aanmelden, zaloguj, logowanie, войти, вход, войдите
авторизац, увійти, 登录, 登錄, 登入, ログイン, 로그인, giriş yap, oturum aç, logga in, logg inn, log ind
kirjaudu, přihlás, přihlášení, bejelentkez, belépés, σύνδεση, είσοδος, تسجيل الدخول, ورود, כניסה, התחבר, masuk
đăng nhập, लॉग इन, melden sie sich an, melde dich an, entre na sua conta, acesse sua conta
""")
_LOGIN_NAMES = (
    *_LOGIN,
    *_stems("""
create a free account, create an account, register to, registrieren, jetzt registrieren, kostenlos registrieren
inscrivez-vous, créez un compte, créer un compte, regístrate, crea una cuenta, cadastre-se, crie uma conta
registrati, crea un account, maak een account, zarejestruj się, зарегистрируйтесь, регистрация
注册, 註冊, 会員登録, 회원가입, 회원 가입, üye ol, kayıt ol, registrera dig, إنشاء حساب
"""),
)
_REGISTERED = _stems("""
registered, registration, register, free account, create an account, subscriber, password, member, registriert
registrier, kostenlos, konto, passwort, mitglied, inscri, compte, mot de passe, abonné, registrad, registr
cuenta, contraseña, suscriptor, registrati, account, abbonat, conta, senha, assinante, geregistreerd, wachtwoord
zarejestr, hasło, зарегистрир, регистрац, учетн, пароль, зареєстр, 注册, 註冊, 账号, 帳號, 密码, 密碼, 会员
會員, 登録, 会員, アカウント, 회원, 가입, 비밀번호, kayıt, üye, şifre, registrera, lösenord, passord, medlem
rekisteröi, salasana, registrova, heslo, regisztr, jelszó, εγγρα, التسجيل, حساب, הרשמ, daftar, akun, đăng ký
""")
_DATA = _stems("""
cookie, partner, device, advert, tracciamento, tracker, personal data, privacy, tracking, vendors, gerät, anzeigen
werbung, werbe, daten, datenschutz, appareil, publicit, données, traceur, vie privée, terminal, dispositivo, datos
privacidad, anuncios, proveedores, dati
annunci, fornitori, dados, anúncios, parceiros, apparaat, advertenties, gegevens
reklam, dane, danych, urządzen, реклам, данны, файлы cookie, партнер, партнёр, 广告, 廣告, 隐私, 隱私, 个人信息
设备, クッキー, 広告, 個人情報, プライバシー, 쿠키, 광고, 개인정보, çerez, veri, annonser, uppgifter
informasjonskapsler, mainon, eväste, tiedot, soubory cookie, údaj, süti, adatvéd, διαφημί, ملفات تعريف, إعلان
עוגיות, פרטיות, iklan, quảng cáo
""")
_AGREE = _stems("""
agree, accept, consent, your choice, store, allow, zustimm, einwillig, akzeptier, speicher, einverstanden
erlaub, accepte, accepter, stocker, enregistrer, autoris, acept, consentimiento, almacenar, permit, accett
consens, archiviare, memorizz, aceit, consentimento, armazenar, toestemm, accepteer, akkoord, opslaan
op te slaan, zgod
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
samtykke, suostumus, souhlas, hozzájárulás, συγκατάθεση, cookie, privacy-instellingen, privacyinstellingen
impostazioni privacy, impostazioni sulla privacy, configuración de privacidad, preferencias de privacidad
paramètres de confidentialité, ustawienia prywatności, настройки конфиденциальности, プライバシー設定, 隐私设置
gizlilik ayar, pur-abo, choose your edition, choose your region, select your region, select your country
select your location, age verification, altersprüfung, vérification de l'âge, verificación de edad
verificação de idade, verifica dell'età, leeftijdscontrole, weryfikacja wieku, подтверждение возраста, 年龄确认
年齡確認, 年齢確認, 연령 확인, yaş doğrulama
""")
_MAINTENANCE = _stems("""
maintenance, technical work, scheduled work, wartung, mantenimiento, manutenzione, manutenção, onderhoud
konserwac, prace techniczne, prac technicznych, технические работы, технических работ, техническое обслуживание
профилактическ, технічні роботи, 维护, 維護, 系统升级, 網站升級, メンテナンス, 점검, bakım, underhåll
vedlikehold, vedligehold, huolto, údržb, karbantart, συντήρηση, صيانة, תחזוקה, pemeliharaan, bảo trì
""")
# What a server shows where no site is set up, or its program has failed.
_SERVER_NAMES = _stems("""
welcome to nginx, apache2 ubuntu default, apache2 debian default, it works!, test page for, default web site page
iis windows server, error establishing a database, database error, datenbankfehler, fehler beim aufbau einer datenbank
erreur lors de la connexion à la base, error al establecer una conexión, fatal error, parse error, critical error
there has been a critical error, wordpress › error, wordpress › fehler, wordpress › erreur, an error occurred
application error, uncaught exception, traceback, stack trace, be right back, 数据库连接错误
something went wrong, coming soon, under construction, index of /
ein fehler ist aufgetreten, une erreur est survenue, une erreur s'est produite, se ha producido un error
ha ocurrido un error, ocorreu um erro, si è verificato un errore, er is een fout opgetreden
er is iets misgegaan, wystąpił błąd, произошла ошибка, что-то пошло не так, 出错了, 系统繁忙
系統繁忙, 发生错误, エラーが発生, アクセスが集中, 오류가 발생, bir hata oluştu
ett fel har inträffat, något gick fel, noe gikk galt, noget gik galt
jotain meni pieleen, hiba történt, došlo k chybě, σφάλμα διακομιστή, حدث خطأ
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
_ERROR = r"(?:error|fehler|erreur|errore|erro|ошибка|错误|エラー|오류|hata|fel|feil|fejl|virhe|chyba|hiba)"
# A number alone opens many a headline: 500 people, 405 new jobs.
_BEHIND = (
    r"(?=\s*(?:$|[-–—:|]|bad |service |gateway |internal |backend |http|error|server|origin|forbidden"
    r"|not a|method|unavail))"
)
# The phrases of HTTP as a whole, which programs send as plain text; a headline may begin with one of them.
_STATUS: Mapping[PageClass, re.Pattern[str]] = {
    page_class: re.compile(
        rf"^{number}\b{_BEHIND}|(?:^|\b){_ERROR}\s*(?:code)?\s*[:#-]?\s*{number}\b|\|\s*{number}\s*:|^(?:{phrases})[.!]?$"
    )
    for page_class, number, phrases in (
        (
            PageClass.MAINTENANCE,
            r"(?:5\d\d|10[0-3]\d)",
            "bad gateway|gateway time-?out|no healthy upstream|upstream connect error.*|backend fetch failed",
        ),
        (PageClass.BLOCK, r"(?:40[135-9]|4[12]\d|451)", "forbidden|unauthorized|request rejected"),
        (PageClass.NOT_FOUND, r"404(?=\s*$)", "not found|gone|(?:error )?nosuchkey.*|no such (?:page|article|key).*"),
    )
}
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
    PageClass.BLOCK: _Kind(
        pairs=(
            (_CHECK, _ROBOT),
            (_CHECK, _BROWSER),
            (_BLOCKED, _ACCESS),
            (_EXTRA, _SWITCH),
            (_REGION, _UNAVAILABLE),
        ),
        names=_WAITING,
    ),
    PageClass.NOT_FOUND: _Kind(pairs=((_PAGE, _MISSING), (_SEARCH, _HITS), (_DOMAIN, _SALE)), names=_MISSING_NAMES),
    PageClass.LOGIN: _Kind(pairs=((_LOGIN, _REGISTERED),), names=_LOGIN_NAMES),
    PageClass.CONSENT: _Kind(pairs=((_DATA, _AGREE), (_AGE, _SPOKEN_TO), (_REGION, _CHOOSE)), names=_CONSENT_NAMES),
    PageClass.MAINTENANCE: _Kind(pairs=((_MAINTENANCE, _SITE), (_DOWN, _SITE)), names=(*_MAINTENANCE, *_SERVER_NAMES)),
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
        contained = filter(folded.__contains__, kind.names)
        if any(_is_called(folded, name) for name in contained) or _holds_pair(folded, kind):
            return page_class
    return next((page_class for page_class, pattern in _STATUS.items() if pattern.search(folded)), None)


def _is_called(text: str, name: str) -> bool:
    """Return whether a name in a title is what it begins with, or most of it; in a long title it is only a word."""
    return text.startswith(name) or 2 * len(name) >= len(text) or len(text) <= len(name) + 12


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
    return any(map(text.__contains__, stems))
