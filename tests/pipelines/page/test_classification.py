"""Pages that are in an article's place, in many languages and builds, and articles that only look like them."""

from __future__ import annotations

import time
import tomllib
from importlib import resources
from itertools import chain

import pytest

from pipelines.page.classification import classify, classify_other, observe
from pipelines.page.document import Document
from pipelines.page.interstitials import NAMES, SUBJECTS, count_evidence, name_page
from pipelines.page.page import Page

PROSE = "<p>" + "The lighthouse was painted again this week, for the first time in eleven years. " * 6 + "</p>"


def build(title: str, inner: str, head: str = "") -> str:
    return f"<html><head><title>{title}</title>{head}</head><body>{inner}</body></html>"


def judge(
    text: str,
    *,
    body: str | None = None,
    head: tuple[tuple[bytes, bytes], ...] = (),
    is_dated: bool = False,
    url: str = "http://paper.example/2026/03/08/1.html",
) -> str:
    """Classify a page whose body would be all that is in it."""
    page = Page(text, url)
    signs = observe(Document(body=text.encode(), url=page.url, head=head), page)
    inner = text.partition("<body>")[2].partition("</body>")[0] if body is None else body
    return classify(page, signs, body=inner, is_dated=is_dated)


IN_PLACE = [
    ("block", "Bitte kurz warten", "<h1>Wir prüfen Ihren Browser</h1><p>Gleich geht es weiter.</p>"),
    ("block", "Security check", "<h1>Are you human?</h1><p>The check tells that you are not a robot.</p>"),
    ("block", "Verificación", "<h1>Comprobamos su navegador</h1><p>Verificamos que usted es humano.</p>"),
    ("block", "Attention", "<h1>Accès refusé</h1><p>Votre adresse IP a été bloquée.</p>"),
    ("block", "Проверка", "<h1>Проверяем ваш браузер</h1><p>Подтвердите, что вы не робот.</p>"),
    ("block", "人机验证", "<h1>请完成验证</h1><p>请确认您不是机器人。</p>"),
    ("block", "確認中", "<h1>アクセスを確認しています</h1><p>人間であることを確認してください。</p>"),
    ("block", "확인", "<h1>브라우저를 확인하고 있습니다</h1><p>로봇이 아닌지 확인합니다.</p>"),
    ("block", "Kontrol", "<h1>Tarayıcınız kontrol ediliyor</h1><p>İnsan olduğunuzu doğrulayın.</p>"),
    ("block", "429", "<h1>Too many requests</h1><p>Access from your network is blocked for a minute.</p>"),
    ("not_found", "Fehler", "<h1>Diese Seite gibt es nicht</h1><p>Vielleicht hilft Ihnen die Suche.</p>"),
    ("not_found", "Erreur 404", "<h1>Page introuvable</h1><p>L'article demandé n'existe plus.</p>"),
    ("not_found", "Lo sentimos", "<h1>La página no existe</h1><p>La noticia que busca ya no está disponible.</p>"),
    ("not_found", "Errore", "<h1>Pagina non trovata</h1><p>Il contenuto è stato rimosso.</p>"),
    ("not_found", "提示", "<h1>您访问的页面不存在</h1><p>文章可能已被删除。</p>"),
    ("not_found", "お知らせ", "<h1>ページが見つかりません</h1><p>この記事は削除された可能性があります。</p>"),
    ("not_found", "Błąd", "<h1>Nie znaleziono strony</h1><p>Artykuł został usunięty.</p>"),
    ("not_found", "Hata", "<h1>Sayfa bulunamadı</h1><p>Aradığınız haber kaldırılmış.</p>"),
    ("login", "Anmelden", "<h1>Anmelden</h1><p>Für registrierte Leser.</p><form><input type='password'></form>"),
    ("login", "Connexion", '<h1>Connectez-vous</h1><p>Créez un compte.</p><form><input type="password"></form>'),
    ("login", "登录", '<h1>用户登录</h1><p>请先登录您的账号。</p><form><input type="password"></form>'),
    ("login", "Log in", "<h1>Log in to continue</h1><p>An account is free.</p><form><input type=password></form>"),
    ("consent", "Vos choix", "<h1>Avant de continuer</h1><p>Nous et nos partenaires. Accepter les cookies ?</p>"),
    ("consent", "Zgoda", "<h1>Twoja prywatność</h1><p>Zgadzam się na pliki cookie i przechowywanie danych.</p>"),
    ("consent", "Cookies", "<h1>Your choice</h1><p>Partners store data here. Accept?</p>"),
    ("maintenance", "Wartung", "<h1>Wartungsarbeiten</h1><p>Unser Dienst ist bald wieder erreichbar.</p>"),
    ("maintenance", "Maintenance", "<h1>Site en maintenance</h1><p>Le site revient bientôt.</p>"),
    ("maintenance", "メンテナンス", "<h1>メンテナンス中</h1><p>サイトは現在ご利用いただけません。</p>"),
    ("maintenance", "Error 502", "<h1>Bad gateway</h1><p>The server did not answer. Please try again later.</p>"),
    ("maintenance", "系统维护", "<h1>系统维护中</h1><p>本站正在维护，请稍后再来。</p>"),
    ("block", "Werbeblocker erkannt", "<h1>Bitte Werbeblocker deaktivieren</h1><p>Danach die Seite neu laden.</p>"),
    ("block", "Old browser", "<h1>Your browser is not supported</h1><p>Update your browser, or use another.</p>"),
    ("block", "Making sure you are not a bot!", "<h1>Making sure you are not a bot!</h1><p>Loading</p>"),
    ("block", "403 Forbidden", "<h1>403 - Forbidden</h1><p>nginx</p>"),
    ("block", "Sorry", "<h1>Not available in your country</h1><p>This film is unavailable in your region.</p>"),
    ("block", "Schade", "<h1>In Ihrem Land nicht verfügbar</h1><p>Aus Gründen des Rechts.</p>"),
    ("block", "Désolé", "<h1>Indisponible dans votre pays</h1><p>La page est réservée à la France.</p>"),
    ("block", "抱歉", "<h1>您所在的地区无法观看</h1><p>因版权限制。</p>"),
    ("consent", "Age check", "<h1>Are you over 18?</h1><p>You must be of legal age to enter.</p>"),
    ("consent", "Edad", "<h1>¿Eres mayor de edad?</h1><p>Debes tener 18 años.</p><button>Sí</button>"),
    ("consent", "提示", "<h1>您是否年满18周岁？</h1><p>未满18岁请离开。</p>"),
    ("consent", "Edition", "<h1>Choose your edition</h1><p>Select your region to go on.</p><button>OK</button>"),
    ("not_found", "Suchergebnisse", "<h1>Suchergebnisse</h1><p>Ihre Suche ergab keine Ergebnisse.</p>"),
    ("not_found", "Search results for: ferry", "<h1>Search</h1><p>No results for your search.</p>"),
    ("not_found", "lamp.example", "<h1>This domain is for sale</h1><p>Buy this domain today.</p>"),
    ("maintenance", "Welcome to nginx!", "<h1>Welcome to nginx!</h1><p>Further configuration is required.</p>"),
    ("maintenance", "WordPress › Error", "<p>There has been a critical error on this website.</p>"),
    ("block", "ตรวจสอบ", "<h1>กรุณายืนยันว่าคุณไม่ใช่หุ่นยนต์</h1><p>กำลังตรวจสอบเบราว์เซอร์ของคุณ</p>"),
    ("block", "बस एक पल", "<h1>पुष्टि करें कि आप रोबोट नहीं हैं</h1><p>ब्राउज़र की जाँच हो रही है।</p>"),
    ("block", "لحظه", "<h1>تأیید کنید که ربات نیستید</h1><p>مرورگر شما بررسی می‌شود.</p>"),
    ("block", "רגע", "<h1>אנא אשר שאינך רובוט</h1><p>אנו בודקים את הדפדפן.</p>"),
    ("block", "Στιγμή", "<h1>Επιβεβαιώστε ότι είστε άνθρωπος</h1><p>Ελέγχουμε το αίτημα.</p>"),
    ("block", "お待ちください", "<h1>アクセスが制限されています</h1><p>多数のリクエストがありました。</p>"),
    ("block", "Slow down", "<h1>Slow down</h1><p>You have made too many requests.</p>"),
    ("not_found", "Eroare", "<h1>Pagina nu a fost găsită</h1><p>Articolul nu mai există.</p>"),
    ("not_found", "Грешка", "<h1>Страницата не е намерена</h1><p>Статията е изтрита.</p>"),
    ("not_found", "Greška", "<h1>Stranica nije pronađena</h1><p>Vest više ne postoji.</p>"),
    ("not_found", "ผิดพลาด", "<h1>ไม่พบหน้าที่คุณต้องการ</h1><p>บทความถูกลบไปแล้ว</p>"),
    ("maintenance", "Fehler", "<h1>Ein Fehler ist aufgetreten</h1><p>Mehr ist nicht bekannt.</p>"),
    ("maintenance", "Erreur", "<h1>Une erreur est survenue</h1><p>Revenez à l'accueil.</p>"),
    ("maintenance", "", "<pre>Traceback (most recent call last):\n  File 'views.py', line 8\nKeyError: 1</pre>"),
    ("maintenance", "", "<b>Notice</b>: Undefined index in <b>/srv/www/story.php</b> on line <b>8</b>"),
    ("block", "Хвилинку", "<h1>Перевіряємо ваш браузер</h1><p>Переконуємося, що ви людина.</p>"),
    ("block", "Mohon tunggu", "<h1>Kami memeriksa peramban Anda</h1><p>Pastikan Anda bukan robot.</p>"),
    ("block", "Mirkli", "<h1>Pārbaudām jūsu pārlūku</h1><p>Jāpārliecinās, ka neesat robots.</p>"),
    ("not_found", "Sajnáljuk", "<h1>A keresett oldal nem található</h1><p>A cikket törölték.</p>"),
    ("not_found", "Vabandust", "<h1>Lehekülge ei leitud</h1><p>Artikkel on kustutatud.</p>"),
    ("not_found", "معذرت", "<h1>صفحہ نہیں ملا</h1><p>یہ خبر حذف کر دی گئی ہے۔</p>"),
    ("login", "Přihlášení", "<h1>Přihlaste se</h1><p>Zadejte heslo. Nemáte účet?</p><input type='password'>"),
    ("login", "Đăng nhập", "<h1>Đăng nhập để đọc tiếp</h1><p>Nhập mật khẩu của tài khoản.</p><input type='password'>"),
    ("consent", "Приватност", "<h1>Ценимо вашу приватност</h1><p>Чувамо колачиће. Прихвати?</p><button>Да</button>"),
    ("consent", "Privatumas", "<h1>Jūsų privatumas</h1><p>Saugome slapukus. Ar sutinkate?</p><button>Taip</button>"),
    ("maintenance", "Tornem aviat", "<h1>Tasques de manteniment</h1><p>El lloc web tornarà aviat.</p>"),
    ("maintenance", "שדרוג", "<h1>עבודות תחזוקה</h1><p>האתר אינו זמין. נסו שוב מאוחר יותר.</p>"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "title", "inner"), IN_PLACE)
def test_what_stands_in_an_articles_place_is_told_from_it(expected: str, title: str, inner: str) -> None:
    text = build(title, inner)
    assert judge(text) == expected
    page = Page(text, "http://paper.example/")
    assert classify_other(page, observe(Document(body=text.encode()), page)) == expected
    assert judge(build(f"{title} | The Daily Lamp", inner)) == expected, "whatever the name of the site behind it"


@pytest.mark.parametrize("field", ["cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated"])
def test_the_mark_of_a_shield_decides_alone(field: str) -> None:
    text = build("A long and innocent story", f"<h1>A long and innocent story</h1>{PROSE * 4}")
    assert judge(text) == "article"
    assert judge(text, head=((field.encode(), b"challenge"),)) == "block"


OFFERS = [
    "Subscribe to continue reading this story.",
    "Mit einem Abonnement weiterlesen.",
    "Abonnez-vous pour lire la suite.",
    "Suscríbase para seguir leyendo.",
    "Оформите подписку, чтобы читать дальше.",
    "订阅后继续阅读全文。",
    "この記事は有料です。続きを読むには購読が必要です。",
]


@pytest.mark.parametrize("offer", OFFERS)
def test_the_beginning_of_an_article_and_an_offer_are_a_stub(offer: str) -> None:
    inner = f"<h1>Ferry stops</h1><p>The ferry across the sound will not sail before …</p><p>{offer}</p>"
    assert judge(build("Ferry stops", inner), is_dated=True) == "paywall"
    marked = '<script type="application/ld+json">{"isAccessibleForFree": false}</script>'
    inner = f"<h1>Ferry stops</h1><p>The ferry across the sound will not sail.</p><p>{offer}</p>"
    assert judge(build("Ferry stops", inner, marked), is_dated=True) == "paywall"
    whole = f"<h1>Ferry stops</h1>{PROSE * 3}<p>{offer}</p>"
    assert judge(build("Ferry stops", whole, marked), is_dated=True) == "article", "a whole text may end in an offer"


@pytest.mark.parametrize("is_dated", [False, True])
def test_an_address_that_fills_the_beginning_of_a_body_is_no_text(*, is_dated: bool) -> None:
    picture = f'<img src="data:image/png;base64,{"A" * 12_000}">'
    inner = f'<p>Please log in with your password, or register.</p><input type="password">{picture}'
    assert judge(build("Log in", inner), is_dated=is_dated) == "login"


def test_a_shell_an_empty_page_and_a_list() -> None:
    assert judge(build("News", '<div id="app">Loading</div><script src="/a.js"></script>'), body="") == "shell"
    assert judge(build("News", "<div></div>"), body="") == "empty"
    assert judge(build("News", '<div class="h-captcha"></div><script src="/a.js"></script>'), body="") == "block"
    entries = "".join(f'<li><a href="/{n}">The lighthouse was painted for the {n}th time</a></li>' for n in range(8))
    assert judge(build("News", f"<ul>{entries}</ul>"), body="") == "list"


@pytest.mark.parametrize(
    "script",
    [
        '<script src="https://ct.captcha-delivery.com/c.js"></script>',
        '<iframe src="/_Incapsula_Resource?SWUDNSAI=31"></iframe>',
        "<script>window._cf_chl_opt = {}</script>",
        '<script src="/__qrator/qauth.js"></script>',
        "<script>KPSDK.start = 1</script>",
    ],
)
def test_the_scripts_of_a_challenge_need_no_words(script: str) -> None:
    assert judge(build("lamp.example", f"<p>Lorem ipsum dolor.</p>{script}")) == "block"
    assert judge(build("lamp.example", f"<h1>Ferry stops</h1>{PROSE}{script}"), is_dated=True) == "article"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (build("", "<b>Fatal error</b>: Uncaught exception in /srv/www/page.php on line 12"), "maintenance"),
        ("Forbidden", "block"),
        ("Not Found", "not_found"),
        ("no healthy upstream", "maintenance"),
    ],
)
def test_a_page_without_a_title_is_named_by_its_first_line(text: str, expected: str) -> None:
    assert judge(text) == expected


def test_a_field_for_a_password_on_a_page_of_few_words_is_a_log_in_in_any_language() -> None:
    form = '<form><label>Lorem</label><input><label>Ipsum</label><input type="password"></form>'
    assert judge(build("Dolor", form)) == "login"
    assert judge(build("Dolor", PROSE + form)) == "article"


SLUG = "http://paper.example/2026/03/08/ferry-stops-sailing-until-spring.html"


def test_a_page_that_says_no_word_of_its_address_is_another() -> None:
    inner = "<h1>Lorem ipsum dolor</h1><p>Sit amet consectetur elit, sed do eiusmod.</p>"
    assert judge(build("Lorem ipsum", inner), url=SLUG) == "not_found"
    assert judge(build("Lorem ipsum", inner), url=SLUG, is_dated=True) == "article"
    hint = f"{inner}<p>Please disable your ad blocker.</p>"
    assert (judge(build("Lorem ipsum", hint)), judge(build("Lorem ipsum", hint), url=SLUG)) == ("article", "block")
    assert judge(build("Lorem ipsum", inner)) == "article", "an address of numbers names nothing"
    assert judge(build("Lorem ipsum", f"<h1>Lorem</h1>{PROSE * 4}"), url=SLUG) == "article", "a long text"
    assert judge(build("渡轮停航", "<h1>渡轮停航</h1><p>港务处表示渡轮停航。</p>"), url=SLUG) == "article"
    assert judge(build("Fähre", "<h1>Fähre</h1><p>Die Saison endet, Sailin' ist vorbei.</p>"), url=SLUG) == "article"


def test_a_heading_that_says_the_words_of_its_address_is_a_headline() -> None:
    inner = "<h1>Access to the harbour blocked by snow</h1><p>The road is closed until Monday.</p>"
    url = "http://paper.example/access-to-the-harbour-blocked-by-snow"
    assert (judge(build("Lamp", inner)), judge(build("Lamp", inner), url=url)) == ("block", "article")
    robots = "<h1>New robots check the harbour</h1><p>The robots verify each container.</p>"
    url = "http://paper.example/new-robots-check-the-harbour"
    assert (judge(build("Lamp", robots)), judge(build("Lamp", robots), url=url)) == ("block", "article")


def test_the_stack_of_a_program_counts_only_where_readers_see_it() -> None:
    trace, script = "at Router.handle (/srv/www/app.js:12:3)", "<script>// app.js:12</script>"
    inner = "<h1>Ferry stops</h1><p>No boat until Monday.</p>" + "<a href='/'>Home</a>" * 3
    assert judge(build("Ferry stops", f"{inner}{script}"), body=inner) == "article"
    assert judge(build("", f"<pre>Error: no story\n    {trace}</pre>")) == "maintenance"


def test_a_headline_may_begin_with_a_number() -> None:
    for title in ("500 people leave the island", "405 new jobs at the harbour", "Forbidden island opens in May"):
        assert judge(build(title, f"<h1>{title}</h1><p>The office said so on Sunday.</p>")) == "article"


ARTICLES = [
    ("Website der Stadt nicht erreichbar", "Die Seite war am Montag nicht verfügbar, teilte die Verwaltung mit."),
    ("Access denied: how a shield locked out a town", "Requests were blocked for hours, the operator said."),
    ("Login für alle: das Konto der Stadt", "Wer sich anmeldet, braucht ein Passwort."),
    ("Wartungsarbeiten an der Brücke", "Der Dienst der Fähre beginnt bald."),
    ("New robots check the harbour", "The robots verify each container."),
    ("Slow down on the coast road", "There are too many requests for new signs, the council said."),
    ("Coming soon: a ferry at night", "Something went wrong with the first one, the office said."),
    ("Robotok a kikötőben", "A robotok igazolják a konténereket."),
    ("法院宣布：页面不存在属于违约", "文章已被删除。"),
]


@pytest.mark.parametrize(("title", "sentence"), ARTICLES)
def test_an_article_about_such_things_is_an_article(title: str, sentence: str) -> None:
    text = build(title, f"<h1>{title}</h1><p>{sentence}</p>{PROSE}")
    assert judge(text, is_dated=True) == "article"
    assert judge(build(title, f"<h1>{title}</h1><p>{sentence}</p>{PROSE * 4}")) == "article", "undated, and long"


def test_a_name_alone_does_not_refuse_some_paragraphs() -> None:
    inner = f"<h1>Login</h1>{PROSE}"
    assert judge(build("Login", inner)) == "article"
    assert judge(build("Login", f"{inner}<p>Log in to your account.</p><input type=password>")) == "login"


def test_titles_of_articles_name_no_such_page() -> None:
    assert name_page("") is None
    assert name_page("Maintenance of the covered bridge doubles in cost") is None
    assert name_page("Ferry stops") is None, "oops is a word, not the end of one"
    assert (name_page("Maintenance - The Daily Lamp"), name_page("Login: lamp.example")) == ("maintenance", "login")
    assert name_page("Council wants to sell the covered market in spite of the cost") is None
    assert name_page("x" * 500) is None


def test_a_page_that_repeats_a_word_for_ever_is_judged_soon() -> None:
    for piece in ("<a ", "<script ", "cookie ", "<!--", "page not found. "):
        began = time.process_time()
        judge(build("News", piece * 60_000))
        assert time.process_time() - began < 5


def test_two_ideas_meet_in_one_language_only() -> None:
    assert "block" in count_evidence("Wir prüfen, ob Sie ein Mensch sind.")
    assert "block" not in count_evidence("Wir prüfen une personne.")
    assert "login" in count_evidence("Enter your password. Four fields are here. Please log in."), "a few lines"
    assert "login" not in count_evidence(f"Enter your password. {'The ferry stops. ' * 20} Please log in.")


def test_every_language_says_each_kind() -> None:
    folder = resources.files("pipelines.page").joinpath("wording")
    languages = {file.name: tomllib.loads(file.read_text("utf-8")) for file in folder.iterdir()}
    assert len(languages) == 40
    ideas = {*chain(*SUBJECTS), *NAMES}
    for name, wording in languages.items():
        assert wording.keys() <= ideas, name
        needed = {"check", "robot", "page", "missing", "login", "account", "data", "agree", "down", "site"}
        assert name == "mul.toml" or needed <= wording.keys(), name
