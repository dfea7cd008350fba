"""In which language a short text is, by its script and its smallest words. Rule: says nothing when it is not sure."""

from __future__ import annotations

import re

NAMES = {
    "ar": "Arabic",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "th": "Thai",
    "zh": "Chinese",
}
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
_WORDS = {
    "en": """
        the a an and or of to in on for with is are was were what which who how many much does did do
        from by at as this that these it its please show tell me my find give make list compare between
        all each not
    """,
    "de": """
        der die das den dem des ein eine einen einem einer und oder von zu zum zur im in auf für mit ist
        sind war was welche welcher wer wie viele viel bitte zeige mir mein finde gib mache liste
        vergleiche zwischen alle nicht aus bei nach als über auch es ich du sie jetzt noch
    """,
    "fr": """
        le la les un une des et ou de du à au aux en sur pour avec est sont était que qui quel quelle
        combien comment montre moi mon ma mes trouve donne fais liste compare entre tous toutes ne pas
        dans ce cette il elle je vous
    """,
    "es": """
        el la los las un una unos unas y o de del a al en sobre para por con es son era que quién cuál
        cuántos cuántas cómo muestra muéstrame mi encuentra dame haz lista compara entre todos todas no
        este esta lo su
    """,
    "it": """
        il lo la i gli le un una e o di del della dei a al alla in su per con è sono era che chi quale
        quanti quante come mostra mostrami mio trova dammi fai elenca confronta tra tutti tutte non
        questo questa
    """,
    "pt": """
        o a os as um uma e ou de do da dos das em no na para por com é são era que quem qual quantos
        quantas como mostra mostre me meu encontre dê faça lista compare entre todos todas não este esta
        isso
    """,
    "nl": """
        de het een en of van naar in op voor met is zijn was wat welke wie hoe veel laat zien mij mijn
        vind geef maak lijst vergelijk tussen alle niet dit dat deze er ook nog
    """,
    "pl": """
        i lub z do na w dla jest są był co który która kto jak ile pokaż mi mój znajdź daj zrób lista
        porównaj między wszystkie nie to ten ta się oraz
    """,
}
_OF: dict[str, list[str]] = {}
for _name, _told in _WORDS.items():
    for _word in dict.fromkeys(_told.split()):
        _OF.setdefault(_word, []).append(_name)
_LETTERS = re.compile(r"[^\W\d_]+")
_NOISE = re.compile(r"https?://\S+|[\w./\\-]*[./\\][\w./\\-]+|`[^`]*`|\"[^\"]*\"|\[[^\]]*\]")


def language(text: str) -> str:
    """The language's code of two letters; empty when the text does not tell. Paths, code and quotes do not count."""
    plain = _NOISE.sub(" ", text[:4_000])
    letters = len("".join(_LETTERS.findall(plain))) or 1
    for name, script in _SCRIPTS:
        if len(script.findall(plain)) > letters / 4:
            return name
    scores = dict.fromkeys(_WORDS, 0.0)
    words = [word.casefold() for word in _LETTERS.findall(plain)]
    for word in words:
        for name in _OF.get(word, ()):
            scores[name] += 1 / len(_OF[word])
    best, second = sorted(scores, key=lambda name: -scores[name])[:2]
    is_sure = scores[best] >= max(1.0, 0.12 * len(words)) and scores[best] >= 1.5 * scores[second]
    return best if is_sure else ""
