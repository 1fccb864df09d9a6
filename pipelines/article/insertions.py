"""Removes insertions between the paragraphs of an article that are not part of it.

Headings such as `相关阅读` or `Lesen Sie auch` begin lists that belong to other articles, and lists whose entries all
lead elsewhere are such lists without a heading. The same words begin sentences, so a line that ends like a sentence is
one; and a box of further reading ends nothing but itself.
"""

from __future__ import annotations

import re
from typing import Any

from pipelines.article.boilerplate import DATELINE, PROSE_START, list_class_words, shape, stands_alone
from pipelines.article.datelines import is_bare_day
from pipelines.article.text_density import Measure, Measures, list_runs, measure_size
from pipelines.article.visibility import drop, drop_all
from pipelines.late_patterns import compile_late
from pipelines.page.page import BLOCKS, HEADINGS, fold_title, read_text

# What headings of lists, appeals and paths begin with, a language a line.
_ANNOUNCING = (
    "相关|相關|延伸|推荐|推薦|更多|热门|熱門|猜你喜欢|精彩|往期|大家都在看|网友评论|最新评论|评论|留言|上一篇|下一篇",
    "打开APP|打开客户端|扫一扫|扫码|登录后|登錄後|现在位置|当前位置|您的位置|您现在的位置|字号|字體",
    "関連|あわせて読みたい|おすすめ|この記事は会員|会員登録|紙の新聞|ログイン|관련",
    r"more like this|more in\b|what to read next|editors?['’]? picks?|don['’]t miss",
    r"related|read (?:more|next|also)|see also|more (?:from|on|stories|news)|recommended|most (?:read|popular)|popular",
    r"trending|comments?\b|leave a (?:reply|comment)|share (?:this|on)|tags?\b|topics\b|keywords|filed under|sponsored",
    r"advertisement|sign up|subscribe|newsletter|follow us|about the author|already a subscriber",
    r"(?:log|sign) in to|get more (?:local )?news|table of contents|inhaltsverzeichnis",
    r"lesen sie auch|mehr zum thema|das könnte|auch interessant|schlagworte|themen\b",
    r"(?:ähnliche|verwandte|weitere|neueste) (?:artikel|beiträge|meldungen|nachrichten|themen)",
    "à lire aussi|lire aussi|sur le même|mots-clés",
    r"leggi anche|lee también|más información|te puede|temas\b|archivado en",
    "läs mer|läs också|les også|les mer|læs også|lees ook|lue myös|lue lisää|czytaj|čtěte|čítajte|citește și|citiți și",
    "читайте|по теме|прочетете|pročitajte|διαβάστε|δείτε επίσης|olvassa el|ilgili haber|bunlar da ilginizi",
    "leia (?:também|mais)|veja também|saiba mais|baca juga|simak juga|xem thêm|đọc thêm|tin liên quan",
    "[اإ]قرأ أيض|[اإ]قرأ المزيد|مواضيع ذات صلة|(?:بیشتر|همچنین) بخوانید|קראו גם|עוד בנושא",
    "یہ بھی پڑھیں|(?:यह|ये) भी पढ़ें|आणखी वाचा|আরও পড়ুন|আরো পড়ুন|อ่านเพิ่มเติม|ข่าวที่เกี่ยวข้อง",
)
_RELATED = compile_late(rf"^[\W_]*(?:{'|'.join(_ANNOUNCING)})", re.IGNORECASE)
_CAPTIONS = """
bildtext bildunterschrift bu caption captions credit credits figcaption imagecaption imagedescription legende
photocaption piedefoto
"""
_CAPTION_WORDS = frozenset(_CAPTIONS.split())
# `img-description`, `photo-copyright`: words of which one names the picture and one what is said of it.
_PICTURES = frozenset(["bild", "foto", "image", "img", "photo", "picture"])
_SAID_OF_PICTURES = frozenset(["author", "copyright", "desc", "description", "legend", "source"])
# So many levels above a caption its picture may stand.
_CAPTION_LEVELS = 3
# A figure of these holds text and no picture.
_FIGURED_TEXT = ("blockquote", "pre", "table", "ul", "ol", "h2", "h3")
_SHOWN = ("img", "picture", "video", "iframe")
_IMPRINT = re.compile(
    r"^[\W_]*(?:(?:[责責]任?|执行|本文|文字|网络|值班|实习|本期)?[编編]辑?[辑輯]?|责编|[审審]核|校对|来源(?:于)?|來源|原标题"
    r"|本文(?:来源|原标题)|版权声明|免责声明|特别声明|声明|举报|纠错|点击|关注|更多精彩|分享|转载|阅读|收藏|标签"
    r"|发布(?:日期|时间)|时间|日期|關鍵[字詞]|关键[字词])\s*[:：/丨|｜【〔\[]"
)
# What an imprint speaks of; other sentences may begin with the same words.
_OF_IMPRINTS = re.compile(
    "标题|本文|本站|本网|本網|版权|版權|转载|轉載|观点|觀點|立场|立場|侵权|侵權|责任|编辑|記者|记者|来源|來源|作者|投资|仅供|关注|點擊|点击"
)
# Invitations to what the publisher offers elsewhere.
_APPEALS = (
    r"(?:(?:please|you can|be sure to) )?(?:follow|like|join|find) (?:us|me|(?-i:[A-Z])[^.!?,:]{0,40}) on\b",
    r"(?:sign up|subscribe|register)\b[^.!?]{0,60}\b(?:newsletters?|e-?mails?|alerts?|inbox|channel|updates)\b",
    r"(?:sign up|subscribe|register)\b[^.!?]{0,60}\b(?:magazine|digest)\b",
    r"get (?:more|the latest|our|daily|breaking)\b[^.!?]{0,80}\b(?:news|newsletters?|headlines|inbox|alerts)\b",
    r"get in touch with our news|for more stories like this|thank(?:s| you) for (?:reading|subscribing|signing up)\b",
    r"comments are (?:now )?closed|to (?:continue reading|read the (?:rest|full))\b|unlock this (?:article|story)",
    r"(?:folgen|folge) sie? uns\b|abonnieren sie\b|(?:hat|gefällt) (?:dir|euch|ihnen) (?:dieser|diese|unser)",
    r"(?:war|ist) (?:der|dieser) (?:artikel|beitrag) (?:hilfreich|nützlich)|aktuelle nachrichten aufs handy",
    r"möchten sie (?:den|diesen) (?:artikel|beitrag) teilen|unterstützen? sie (?:uns|unsere|unabhängigen)\b",
    r"suivez-nous|abonnez-vous|rejoignez-nous|pour (?:accéder en illimité|lire la suite)",
    r"s[ií]guenos|suscr[ií]bete|[uú]nete a nuestro|hazte (?:miembro|socio)\b|seguici (?:su|anche)|iscriviti",
    r"siga-nos|inscreva-se|подпи(?:шитесь|сывайтесь) на|zapraszamy (?:też |także )?do (?:subskrypcji|prenumeraty)",
    "volg ons|følg oss|följ oss",
)
_APPEAL = compile_late(rf"^[\W_]*(?:{'|'.join(_APPEALS)})", re.IGNORECASE)
_MAX_APPEAL = 300.0
# A line that only labels an advertisement.
_ADVERTISEMENT = compile_late(
    r"^[\W_]*(?:advertisement|anzeige|werbung|publicité|publicidade?|pubblicità|advertentie|annons|annonse|reklama?|iklan"
    r"|реклама|διαφήμιση|広告|广告|廣告|광고|quảng cáo|continua (?:depois|después|dopo|após) (?:da|de) (?:la )?publi\w+"
    r"|(?:story|article) continues below(?: (?:this )?ad\w*)?|scroll (?:down )?to (?:continue|resume)(?: with content)?"
    r"|(?:der )?artikel (?:geht|wird) (?:nach|unter) der (?:anzeige|werbung) (?:weiter|fortgesetzt)"
    r"|la suite après (?:la|cette) publicité)[\W_]*$",
    re.IGNORECASE,
)
# What a line that reserves all rights says; `_RESERVING` has the words of which one must be there, too.
_RESERVED = compile_late(
    r"rights reserved|rechte vorbehalten|droits réservés|riproduzione riservata|diritti (?:sono )?riservati"
    r"|derechos reservados|direitos reservados|права защищены"
    r"|무단 ?(?:전재|복제)[^.]{0,20}(?:금지|불허)|無断(?:転載|複製)[^。]{0,12}(?:禁|断り)",
    re.IGNORECASE,
)
_RESERVING = ("©", "copyright", "(c)", "ⓒ", "無断", "무단", "riproduzione")
_MAX_RESERVED = 140.0
# Buttons and reading times between the headline and the text.
_BUTTON = compile_late(
    r"^[\W_]*(?:listen|share|save|follow|print|e-?mail|copy link|teilen|drucken|merken|anhören|vorlesen|partager"
    r"|écouter|imprimer|enregistrer|compartir|escuchar|guardar|compartilhar|ouvir|condividi|ascolta|stampa|delen|dela"
    r"|(?:(?:reading|read) time|lesezeit|temps de lecture|tiempo de lectura|tempo di lettura|leestijd)?\W*(?:ca\. )?"
    r"\d{1,2}[ -]?min(?:ute|uto|uti|uten|uut)?[sn]?\.?"
    r"(?: (?:read|lesezeit|de lecture|de lectura|de leitura|di lettura|leestijd))?)[\W_]*$",
    re.IGNORECASE,
)
# Who wrote and who checked an article, on a line of their own.
_CREDIT = re.compile(r"^[\W_]*(?:written|edited|(?:medically |legally )?reviewed|fact[- ]checked) by\b", re.IGNORECASE)
_MAX_CREDIT = 60.0
# Where and when a blog's system filed an entry, as the themes of WordPress say it below the text.
_FILED = compile_late(
    r"^[\W_]*(?:this (?:entry|post) was (?:posted|published)"
    r"|dieser (?:eintrag|beitrag|artikel) wurde (?:am|unter)"
    r"|cet(?:te)? (?:entrée|article|billet) a été (?:publiée?|postée?) (?:le|dans)|esta entrada (?:fue|está) publicada"
    r"|quest[oa] (?:articolo|voce) è stat[oa] pubblicat[oa]|este (?:post|artigo) foi publicado"
    r"|dit bericht (?:werd|is) geplaatst|запись опубликована|detta inlägg publicerades)\b",
    re.IGNORECASE,
)
# What a form asks readers to accept.
_CONSENT = re.compile(
    r"^[\W_]*by (?:signing up|subscribing|registering|submitting|entering|clicking|providing)\b[^.!?]{0,90}"
    r"\b(?:you|i) (?:agree|consent|confirm|acknowledge|accept)\b",
    re.IGNORECASE,
)
_MAX_CONSENT = 600.0
# Where these stand, the rest is for others.
_FOR_MEMBERS = re.compile(
    r"^[\W_]*(?:この記事は会員|会員登録|紙の新聞|ログイン|打开APP|打开客户端|扫一扫|扫码|登录后|登錄後"
    r"|already a subscriber|(?:log|sign) in to)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?。！？।؟۔።։။]['\"”’»」』）)\]]*\s*$")
_TEXT = frozenset(["p", "blockquote", "ul", "ol", "div"])
_PROSE_TAGS = frozenset(["p", "ul", "ol"])
_SENTENCE_END = re.compile(r"[。！？]|[.!?](?: |$)")
_MAX_HEADING = 120.0
_MAX_IMPRINT = 160.0
_MAX_DATELINE = 110.0
_TEASER_COUNT = 3
_MAX_TEASER = 600.0
_START_CHARS = 60


def drop_insertions(container: Any, measures: Measures) -> None:
    """Take out what was put between the paragraphs: teasers, lists of links, what announces them, imprints."""
    total = max(1.0, measures[container].prose)
    _drop_teasers(container, measures, total)
    _drop_lone_links(container)
    _clear_lines(container)
    stack = [container]
    while stack:
        children = list(stack.pop())
        behind = _Behind(children, measures)
        for child in children:
            measure = measures.get(child)
            if measure is None or child.tag not in BLOCKS or child.getparent() is None:
                continue
            if measure.prose <= 0 and measure.size and measure.linked > 0.6 * measure.size:
                if not _is_linked_part(child, measures):
                    drop(child)
                continue
            text = read_text(child) if measure.size < _MAX_CONSENT else ""
            if text and _is_announcement(text, measure):
                if behind.measure(child) < 0.15 * total:
                    drop_all(_list_announced(child, measures))
                drop(child)
            elif text and _is_notice(text, measure):
                drop(child)
            else:
                stack.append(child)


def begins_insertion(element: Any) -> bool:
    """Return whether an element begins as a list of other articles or an imprint does."""
    start = read_text(element)[:_START_CHARS]
    return bool(_RELATED.search(start) or _IMPRINT.search(start))


def _is_linked_part(element: Any, measures: Measures) -> bool:
    """Return whether a link is part of the text: an entry of a list, a sentence, a paragraph's heading."""
    if element.tag == "li":
        return True
    if element.tag in HEADINGS:
        return _heads_prose(element, measures)
    text = read_text(element)
    return element.tag == "p" and measure_size(text) >= PROSE_START and bool(_SENTENCE.search(text))


def _heads_prose(heading: Any, measures: Measures) -> bool:
    """Return whether prose follows a heading, beside pictures and lines between them."""
    for following in heading.itersiblings():
        measure = measures.get(following)
        if measure is None or following.tag in HEADINGS:
            return False
        if measure.size >= PROSE_START:
            return following.tag in _PROSE_TAGS and measure.prose >= PROSE_START and measure.linked < 0.3 * measure.size
    return False


def _is_announcement(text: str, measure: Measure) -> bool:
    """Return whether a line announces a list of other articles: it is short, and no sentence continues it."""
    if measure.size >= _MAX_HEADING or not _RELATED.search(text):
        return False
    if _FOR_MEMBERS.search(text):
        return True
    return measure.linked > 0.3 * measure.size or not _SENTENCE.search(text)


def _is_notice(text: str, measure: Measure) -> bool:
    """Return whether a block is an appeal, an imprint, a credit or a consent and no text of the article."""
    if measure.size < _MAX_IMPRINT and (_is_imprint(text) or _ADVERTISEMENT.search(text)):
        return True
    if measure.size < _MAX_RESERVED and _reserves_rights(text):
        return True
    if measure.size < _MAX_APPEAL and (_APPEAL.search(text) or _FILED.search(text)):
        return True
    return bool(_CONSENT.search(text) or (measure.size < _MAX_CREDIT and _CREDIT.search(text)))


def _reserves_rights(text: str) -> bool:
    folded = text.lower()
    return any(word in folded for word in _RESERVING) and bool(_RESERVED.search(folded))


def _is_imprint(text: str) -> bool:
    found = _IMPRINT.search(text)
    return bool(found) and (not _SENTENCE.search(text) or bool(_OF_IMPRINTS.search(text)))


def _list_announced(heading: Any, measures: Measures) -> list[Any]:
    """Return what belongs to the announcement before it: all up to a paragraph that stands for itself."""
    if heading.find(".//a") is not None:
        # The list is in it.
        return []
    announced: list[Any] = []
    is_teaser = True
    for sibling in heading.itersiblings():
        measure = measures.get(sibling)
        if measure is None:
            continue
        is_prose = sibling.tag in _TEXT and measure.prose > 0 and measure.linked < 0.3 * measure.size
        if is_prose and not is_teaser:
            break
        is_teaser = sibling.tag in HEADINGS or (measure.size > 0 and measure.linked > 0.3 * measure.size)
        if is_prose and not announced:
            break
        announced.append(sibling)
    return announced


class _Behind:
    """How much prose follows each of some siblings, summed up once and only on demand."""

    def __init__(self, siblings: list[Any], measures: Measures) -> None:
        self._siblings = siblings
        self._measures = measures
        self._prose: dict[Any, float] = {}

    def measure(self, element: Any) -> float:
        """Return the prose of all siblings behind one, which are still there."""
        if not self._prose:
            prose = 0.0
            for sibling in reversed(self._siblings):
                self._prose[sibling] = prose
                prose += self._measures[sibling].prose if sibling in self._measures else 0.0
        return self._prose[element]


def _drop_lone_links(container: Any) -> None:
    """Take out links that are between blocks on their own line: they are advertisements or teasers."""
    has_blocks: dict[Any, bool] = {}
    for link in list(container.iter("a")):
        parent = link.getparent()
        if parent is None or parent.tag not in BLOCKS:
            continue
        if parent not in has_blocks:
            has_blocks[parent] = any(child.tag in BLOCKS for child in parent)
        if has_blocks[parent] and stands_alone(link) and measure_size(read_text(link)) > 20:
            drop(link)


def _clear_lines(container: Any) -> None:
    """Take out imprints and announcements that are not blocks of their own but a line between two `br`."""
    for line_break in container.iter("br"):
        following = line_break.getnext()
        is_line = following is None or following.tag == "br" or following.tag in BLOCKS
        text = (line_break.tail or "").strip()
        if is_line and text and measure_size(text) < _MAX_IMPRINT and (_IMPRINT.search(text) or _RELATED.search(text)):
            line_break.tail = None


def _drop_teasers(container: Any, measures: Measures, total: float) -> None:
    """Take out three or more siblings of one shape that each have a linked heading."""
    for parent in list(container.iter("*")):
        groups: dict[tuple[str, str], list[Any]] = {}
        for child in parent:
            if child in measures and child.tag in BLOCKS and child.tag not in HEADINGS and child.tag != "p":
                groups.setdefault(shape(child), []).append(child)
        for group in groups.values():
            teasers = [child for child in group if _is_teaser(child, measures)] if len(group) >= _TEASER_COUNT else []
            if len(teasers) >= _TEASER_COUNT and sum(measures[child].prose for child in teasers) < 0.6 * total:
                for child in teasers:
                    drop(child)


def _is_teaser(element: Any, measures: Measures) -> bool:
    """Return whether an element is short and has a linked heading."""
    if measures[element].prose > _MAX_TEASER:
        return False
    for heading in element.iter("h2", "h3", "h4", "h5"):
        if heading.find(".//a") is not None or any(parent.tag == "a" for parent in heading.iterancestors()):
            return True
    return False


def drop_headings(container: Any, measures: Measures, headline: str) -> None:
    """Take out what repeats the headline, and the line of date and source above the first paragraph."""
    wanted = fold_title(headline)
    for element in list(container.iter("h1", "h2", "p", "div")):
        if element is container or element not in measures or measures[element].size > 260:
            continue
        text = fold_title(read_text(element))
        is_part = element.tag == "h1" and text in wanted and len(text) > 0.5 * len(wanted)
        if len(text) >= 6 and (text == wanted or is_part):
            drop(element)
    _drop_datelines(container)


def _drop_datelines(container: Any) -> None:
    for element in list(container.iter("*")):
        if element is container or element.tag not in BLOCKS or element.getparent() is None:
            continue
        line = " ".join(text for text, _ in list_runs(element))
        size = measure_size(line)
        if size >= PROSE_START and not (size < _MAX_DATELINE and DATELINE.search(line)):
            return
        is_bare = element.tag not in HEADINGS and (is_bare_day(line) or bool(_BUTTON.search(line)))
        is_dateline = is_bare or (DATELINE.search(line) and not _SENTENCE_END.search(line))
        if size and is_dateline and not any(child.tag in BLOCKS for child in element):
            drop(element)


def drop_repeated(container: Any) -> None:
    """Take out paragraphs that are in the article again: a second copy for phones, captions of galleries.

    A paragraph alone may be repeated once, as a refrain is.
    """
    seen: dict[str, list[Any]] = {}
    for element in container.iter("p", "div", "figcaption", "li"):
        if not any(child.tag in BLOCKS for child in element):
            text = read_text(element)
            if len(text) >= PROSE_START:
                seen.setdefault(text, []).append(element)
    repeated = [elements for elements in seen.values() if len(elements) > 1]
    for elements in repeated:
        if len(elements) >= _TEASER_COUNT or len(repeated) > 1:
            for element in elements[1:]:
                drop(element)


def mark_captions(container: Any) -> None:
    """Make captions of what is beside a picture and is named as one, and of the text in the figure of a picture.

    So they are not part of the text.
    """
    for element in container.iter("p", "div", "span", "small", "em"):
        if _is_named_caption(element) and _is_innermost(element) and _has_picture_beside(element, container):
            element.tag = "figcaption"
    for figure in container.iter("figure"):
        if next(figure.iter(*_SHOWN), None) is not None and next(figure.iter(*_FIGURED_TEXT), None) is None:
            for element in figure.iter("p", "div", "span"):
                if _is_innermost(element) and element.getparent().tag != "figcaption" and read_text(element):
                    element.tag = "figcaption"


def _is_innermost(element: Any) -> bool:
    return not any(child.tag in BLOCKS for child in element)


def _has_picture_beside(element: Any, container: Any) -> bool:
    """Return whether a picture is in one of the few elements around a caption that are in the article."""
    parent = element.getparent()
    for _ in range(_CAPTION_LEVELS):
        if parent is None:
            return False
        if next(parent.iter("img", "picture"), None) is not None:
            return True
        if parent is container:
            return False
        parent = parent.getparent()
    return False


def is_caption(element: Any) -> bool:
    """Return whether an element is named as the caption of a picture, or stands in one."""
    parents = [element, *element.iterancestors()][:3]
    return any(parent.tag in ("figure", "figcaption") or _is_named_caption(parent) for parent in parents)


def _is_named_caption(element: Any) -> bool:
    words = list_class_words(element)
    if not words:
        return False
    is_pair = not words.isdisjoint(_PICTURES) and not words.isdisjoint(_SAID_OF_PICTURES)
    return is_pair or not _CAPTION_WORDS.isdisjoint(words)
