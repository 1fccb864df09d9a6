"""Guesses the time zone of a publisher from its host's country domain and its language.

A guess is only ever written into a draft with a word that it is one: a wrong zone moves posts to another day.
"""

from __future__ import annotations

from urllib.parse import urlsplit

_BY_COUNTRY = {
    "ar": "America/Argentina/Buenos_Aires",
    "at": "Europe/Vienna",
    "au": "Australia/Sydney",
    "be": "Europe/Brussels",
    "br": "America/Sao_Paulo",
    "ca": "America/Toronto",
    "ch": "Europe/Zurich",
    "cn": "Asia/Shanghai",
    "cz": "Europe/Prague",
    "de": "Europe/Berlin",
    "dk": "Europe/Copenhagen",
    "es": "Europe/Madrid",
    "fi": "Europe/Helsinki",
    "fr": "Europe/Paris",
    "gr": "Europe/Athens",
    "hk": "Asia/Hong_Kong",
    "hu": "Europe/Budapest",
    "id": "Asia/Jakarta",
    "ie": "Europe/Dublin",
    "il": "Asia/Jerusalem",
    "in": "Asia/Kolkata",
    "it": "Europe/Rome",
    "jp": "Asia/Tokyo",
    "kr": "Asia/Seoul",
    "mx": "America/Mexico_City",
    "my": "Asia/Kuala_Lumpur",
    "nl": "Europe/Amsterdam",
    "no": "Europe/Oslo",
    "nz": "Pacific/Auckland",
    "pl": "Europe/Warsaw",
    "pt": "Europe/Lisbon",
    "ro": "Europe/Bucharest",
    "ru": "Europe/Moscow",
    "se": "Europe/Stockholm",
    "sg": "Asia/Singapore",
    "th": "Asia/Bangkok",
    "tr": "Europe/Istanbul",
    "tw": "Asia/Taipei",
    "ua": "Europe/Kyiv",
    "uk": "Europe/London",
    "vn": "Asia/Ho_Chi_Minh",
    "za": "Africa/Johannesburg",
}
_BY_LANGUAGE = {
    "cs": "cz",
    "da": "dk",
    "de": "de",
    "el": "gr",
    "fi": "fi",
    "fr": "fr",
    "he": "il",
    "hi": "in",
    "hu": "hu",
    "id": "id",
    "it": "it",
    "ja": "jp",
    "ko": "kr",
    "nb": "no",
    "nl": "nl",
    "no": "no",
    "pl": "pl",
    "ro": "ro",
    "ru": "ru",
    "sv": "se",
    "th": "th",
    "tr": "tr",
    "uk": "ua",
    "vi": "vn",
    "zh": "cn",
    "zh-hk": "hk",
    "zh-hant": "tw",
    "zh-tw": "tw",
}


def guess_zone(url: str, language: str) -> str:
    """Return the IANA zone that a site most likely means, or '' where nothing tells."""
    host = urlsplit(url).hostname or ""
    country = host.rpartition(".")[2]
    if country in _BY_COUNTRY:
        return _BY_COUNTRY[country]
    tag = language.lower()
    return _BY_COUNTRY.get(_BY_LANGUAGE.get(tag) or _BY_LANGUAGE.get(tag.partition("-")[0], ""), "")
