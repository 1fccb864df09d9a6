"""The language of running text by its small words, against what the page says of itself."""

from __future__ import annotations

import pytest

from pipelines.page.function_words import find_by_words
from pipelines.page.languages import _sample_text, find_language
from pipelines.page.page import Page

TEXTS = {
    "en": "The ferry was late again on Monday, and the harbour master said that it is not known when the new ship will"
    " be ready for the island. Passengers have waited for two hours, but they were given tea.",
    "de": "Die Fähre kam am Montag wieder zu spät, und der Hafenmeister sagte, dass nicht bekannt ist, wann das neue"
    " Schiff für die Insel fertig wird. Die Fahrgäste haben zwei Stunden auf dem Kai gewartet.",
    "fr": "Le bac est arrivé en retard lundi, et le capitaine du port a dit que la date de mise en service du nouveau"
    " navire n'est pas connue. Les passagers ont attendu deux heures sur le quai avec des enfants.",
    "es": "El transbordador llegó tarde el lunes y el capitán del puerto dijo que no se sabe cuándo estará listo el"
    " nuevo barco para la isla. Los pasajeros esperaron dos horas en el muelle con sus hijos, pero les dieron té.",
    "pt": "A balsa chegou atrasada na segunda-feira e o capitão do porto disse que não se sabe quando o novo navio para"
    " a ilha vai estar pronto. Os passageiros esperaram duas horas no cais com os filhos, mas também receberam chá.",
    "pl": "Prom przypłynął w poniedziałek z opóźnieniem, a kapitan portu powiedział, że nie wiadomo, kiedy nowy statek"
    " na wyspę będzie gotowy. Pasażerowie czekali na nabrzeżu od rana, ale dostali herbatę, która była ciepła.",
    "sv": "Färjan kom för sent igen på måndagen och hamnkaptenen sade att det inte är känt när det nya fartyget till ön"
    " ska vara klart. Resenärerna har väntat i två timmar på kajen, men de fick också te av en av dem.",
    "tr": "Feribot pazartesi günü yine geç kaldı ve liman müdürü, ada için yeni geminin ne zaman hazır olacağı"
    " bilinmiyor dedi. Yolcular çocukları ile iki saat kadar bekledi ama daha sonra çay dağıtıldı. Bu bir ilk değil.",
    "id": "Feri itu terlambat lagi pada hari Senin, dan kepala pelabuhan mengatakan bahwa tidak ada yang tahu kapan"
    " kapal baru untuk pulau itu akan siap. Penumpang menunggu dua jam di dermaga dengan anak mereka.",
    "sw": "Kivuko kilichelewa tena siku ya Jumatatu, na mkuu wa bandari alisema kuwa haijulikani ni lini meli mpya"
    " ya kisiwa hicho itakuwa tayari. Abiria hao walisubiri kwa saa mbili katika gati na watoto wao.",
    "ru": "Паром в понедельник снова опоздал, и начальник порта сказал, что не известно, когда новое судно для острова"
    " будет готово. Пассажиры ждали два часа на причале с детьми, но им дали чаю. Это было не в первый раз.",
    "uk": "Пором у понеділок знову запізнився, і начальник порту сказав, що не відомо, коли нове судно для острова буде"
    " готове. Пасажири чекали дві години на причалі з дітьми, але їм дали чаю. Це було не вперше.",
    "bg": "Фериботът в понеделник отново закъсня и началникът на пристанището каза, че не се знае кога новият кораб за"
    " острова ще бъде готов. Пътниците чакаха два часа на кея с децата си, но след това им дадоха чай.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_page_that_says_nothing_is_of_the_language_of_its_text(language: str) -> None:
    assert find_by_words(TEXTS[language]) == language
    assert find_language(Page(f"<p>{TEXTS[language]}</p>")) == language


@pytest.mark.parametrize("language", [name for name in TEXTS if name != "en"])
def test_the_english_of_a_template_does_not_count(language: str) -> None:
    assert find_language(Page(f'<html lang="en-US"><p>{TEXTS[language]}</p>')) == language


@pytest.mark.parametrize("language", TEXTS)
def test_what_a_page_says_counts_where_the_text_is_of_it(language: str) -> None:
    assert find_by_words(TEXTS[language], f"{language}-XX") == f"{language}-XX"


@pytest.mark.parametrize(
    ("text", "declared", "expected"),
    [
        ("The bridge is open.", "fi", "fi"),  # too short to tell
        ("Rovaniemi Turku Oulu Tampere Espoo " * 8, "", ""),  # names are of no language
        ("Rovaniemi Turku Oulu Tampere Espoo " * 8, "fi", "fi"),
        (TEXTS["sv"], "da", "sv"),
        (TEXTS["id"], "ms", "ms"),  # hardly distinguishable
        (TEXTS["en"], "mi", "en"),
        ("", "", ""),
    ],
)
def test_where_the_text_says_little_the_page_has_the_word(text: str, declared: str, expected: str) -> None:
    assert find_by_words(text, declared) == expected


def test_one_huge_block_makes_no_huge_sample() -> None:
    assert len(_sample_text(Page(f"<p>{'the ' * 100_000}</p><p>end</p>"))) < 10_000
