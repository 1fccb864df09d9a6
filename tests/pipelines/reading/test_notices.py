"""A body that is a notice of the site gives way, or the capture states nothing; an article about cookies stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipelines.reading import lamp
from tests.pipelines.reading.lamp import TITLE

if TYPE_CHECKING:
    from pipelines.reading.read import Reading

PROSE = "".join(
    f"<p>The ferry to island {n} will not sail before spring, the office said on Sunday.</p>" for n in range(9)
)


def read_page(notice: str, *, title: str = TITLE, behind: str = "", fallback: bool = True) -> Reading:
    """Read a page whose rule finds a notice where the text should be."""
    top = f"<h1>{title}</h1><time datetime='2026-03-08T10:00Z'>8 March</time>"
    rules = lamp.RULES.replace("fallback = false", "") if fallback else lamp.RULES
    return lamp.read_page(f"<title>{title} | Lamp</title>", f"{notice}<main>{top}{behind}</main>", rules=rules)


NOTICES = [
    ("consent", "We and our partners use cookies to store data on your device. Accept all, or choose what to allow."),
    ("consent", "Wir speichern Daten auf Ihrem Gerät. Mit Ihrer Einwilligung verwenden wir Cookies zu Werbezwecken."),
    ("consent", "Nous utilisons des cookies avec votre consentement. Acceptez-vous le traitement de vos données ?"),
    ("consent", "Usamos cookies y datos personales. Puede aceptar o rechazar las cookies de nuestros proveedores."),
    ("consent", "Мы сохраняем файлы cookie. Вы принимаете обработку данных на этом сайте."),
    ("consent", "我们使用 cookie 存储设备上的信息。请同意我们的隐私政策。"),
    ("consent", "当サイトはクッキーを保存します。個人情報の取り扱いに同意してください。"),
    ("consent", "쿠키를 저장하는 데 동의해 주세요. 광고를 위한 데이터 저장을 수락합니다."),
    ("consent", "Çerezleri kabul ediyor musunuz? Verilerin saklanmasına onay verin."),
    ("consent", "Zgoda na pliki cookie. Akceptuję przechowywanie danych na urządzeniu."),
    ("login", "Log in with your password. Sign in or register for a free account."),
    ("login", "Bitte melden Sie sich an: anmelden mit Passwort. Noch kein Konto? Registrieren oder einloggen."),
    ("paywall", "Subscribe to continue reading. Subscribers read on for one euro this month."),
    ("paywall", "Abonnez-vous pour lire la suite. Abonnés : poursuivre la lecture."),
    ("paywall", "Sign up for our newsletter. The newsletter comes to your inbox each morning."),
    ("paywall", "Abonnieren Sie unseren Newsletter per E-Mail."),
    ("paywall", "订阅我们的电子报，请输入邮箱。"),
]


@pytest.mark.parametrize(("kind", "text"), NOTICES)
@pytest.mark.parametrize(
    "build",
    [
        pytest.param('<div class="text"><p>{}</p><button>OK</button></div>', id="button inside"),
        pytest.param(
            '<div role="dialog"><div class="text"><p>{}</p></div><form><input></form></div>', id="in a dialog"
        ),
        pytest.param('<div class="text"><p>{}</p></div>', id="names nothing of the headline"),
    ],
)
def test_a_notice_gives_way_to_the_article(kind: str, text: str, build: str) -> None:
    reading = read_page(build.format(text), behind=f"<div>{PROSE}</div>")
    (statement,) = reading.statements
    assert statement.articleBody_found.count("will not sail") == 9
    assert statement.disagreeing["articleBody"][0].startswith(f"source: html:div.text: {text[:20]}")
    assert reading.notes["bodies/notice"] == 1
    alone = read_page(build.format(text), fallback=False)
    assert (alone.page_class, alone.statements) == (kind, ())


def test_nothing_of_a_notice_that_gave_way_is_read() -> None:
    title = "The harbour office was closed all summer"
    notice = f'<div class="text"><p>{NOTICES[0][1]}</p><h1>{title}</h1><button>OK</button></div>'
    rules = lamp.RULES.replace("fallback = false", "").replace('headline = "h1"', 'headline = "b.none"')
    reading = lamp.read_page(f"<title>{title} | Lamp</title>", f"{notice}<main><div>{PROSE}</div></main>", rules=rules)
    (statement,) = reading.statements
    assert statement.witnesses["headline"] == "title", "the heading of the notice repeats it, and is gone"


def test_a_layer_is_known_by_its_build_in_any_language() -> None:
    layer = '<dialog><div class="text"><p>Lorem ipsum dolor sit amet consectetur elit.</p></div>{}</dialog>'
    button = '<button type="submit">Sit</button>'
    assert read_page(layer.format(button), fallback=False).page_class == "consent"
    assert read_page(layer.format(""), fallback=False).page_class == "article", "nothing can be done in it"
    named = '<section class="newsletter-box"><div class="text"><p>Lorem ipsum dolor sit.</p></div><input></section>'
    assert read_page(named, fallback=False).page_class == "paywall"


def test_the_next_value_of_the_rule_comes_before_the_page() -> None:
    notice = f'<div class="text"><p>{NOTICES[0][1]}</p><button>OK</button></div>'
    reading = read_page(notice, behind=f'<div class="text">{PROSE}</div>', fallback=False)
    assert reading.statements[0].articleBody_found.count("will not sail") == 9


COOKIE_LAW = "Cookies: what the new law has users accept"
ABOUT = (
    "<p>Publishers must ask before cookies store data, the court held, and users may accept or refuse.</p>"
    "<p>The law applies from May. Those who want to store personal data need consent.</p>"
    "<p>A shop in the harbour had set dozens of them before its visitors could answer. It paid a fine.</p>"
    "<p>The judges spoke of a pattern. Two more cases will be heard in June, and lawyers expect the same outcome.</p>"
)


@pytest.mark.parametrize(
    ("title", "text"),
    [
        pytest.param(COOKIE_LAW, f'<div class="text">{ABOUT}</div>', id="about cookies"),
        pytest.param(TITLE, f'<div class="text">{PROSE}<p>{NOTICES[0][1]}</p><button>OK</button></div>', id="with one"),
        pytest.param(
            TITLE, f'<div class="modal"><div class="text">{PROSE}</div><button>Close</button></div>', id="in a layer"
        ),
        pytest.param(
            TITLE,
            '<div class="text paywall"><p>No ferry in winter.</p><button>Share</button></div>',
            id="flash",
        ),
        pytest.param(TITLE, '<div class="text"><p>Lorem ipsum dolor sit amet.</p></div>', id="foreign, and no layer"),
    ],
)
def test_an_article_stays(title: str, text: str) -> None:
    reading = read_page(text, title=title, fallback=False)
    assert reading.page_class == "article"
    assert reading.statements[0].witnesses["articleBody"] == "source: html:div.text"
