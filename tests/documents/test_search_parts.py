"""The pure parts of a search: words, fusion, excerpts, citations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planloom.documents.search.asking import checked
from planloom.documents.search.excerpts import excerpt, marks
from planloom.documents.search.fusion import fused
from planloom.documents.search.terms import asked, indexed, match_expression


def test_names_in_code_are_words_and_parts() -> None:
    assert indexed("parseHTTPHeader and snake_case") == "parsehttpheader parse http header and snake case"


def test_scripts_without_spaces_become_pairs() -> None:
    assert indexed("東京都に行く") == "東京 京都 都に に行 行く"
    assert indexed("GPU使用率") == "gpu 使用 用率"
    assert asked("京都") == ["京都"]


def test_a_question_of_stop_words_alone_keeps_them() -> None:
    assert asked("to be or not to be") == ["to", "be", "or", "not"]
    assert asked("Where is the ferry?") == ["ferry"]


@given(st.text(max_size=200))
def test_any_question_is_a_valid_full_text_query(question: str) -> None:
    import sqlite3

    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE words USING fts5 (body)")
    base.execute("INSERT INTO words VALUES (?)", (indexed(question),))
    if words := asked(question):
        base.execute("SELECT rowid FROM words WHERE words MATCH ?", (match_expression(words),)).fetchall()
    base.close()


rankings = st.dictionaries(
    st.sampled_from(["words", "vectors"]), st.lists(st.integers(0, 30), unique=True, max_size=12), min_size=1
)


@given(rankings)
def test_fusion_holds_every_id_once_with_scores_that_fall(given_rankings: dict[str, list[int]]) -> None:
    weights = {"words": 1.0, "vectors": 0.5}
    best = fused(given_rankings, weights)
    assert sorted(id_ for id_, _ in best) == sorted({id_ for ids in given_rankings.values() for id_ in ids})
    scores = [score for _, score in best]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1.0000001 for score in scores)
    for ids in given_rankings.values():  # better in every ranking means better
        for id_, score in best:
            if id_ in ids and all(ranking[0] == id_ for ranking in given_rankings.values() if ranking):
                assert score == max(scores)


def test_an_id_that_both_rankings_know_comes_before_the_first_of_one() -> None:
    assert fused({"words": [1, 2], "vectors": [3, 2]}, {"words": 1, "vectors": 1})[0][0] == 2


def test_an_excerpt_shows_the_words_that_were_asked_for() -> None:
    text = "Nothing here. " * 60 + "The mooring costs nine euros in winter. " + "Nothing there. " * 60
    shown = excerpt(text, "winter mooring", length=120)
    assert "mooring costs nine euros in winter" in shown
    assert len(shown) <= 122
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert [shown[a:b] for a, b in marks(shown, "winter moorings")] == ["mooring", "winter"]
    assert excerpt("Short.\n\n Text", "x") == "Short. · Text"


@given(st.text(max_size=600), st.text(max_size=40), st.integers(40, 200))
def test_an_excerpt_is_never_longer_and_only_the_text(text: str, question: str, length: int) -> None:
    shown = excerpt(text, question, length=length)
    assert len(shown) <= length + 2
    assert "\n" not in shown


def test_only_citations_of_passages_that_exist_stay() -> None:
    text, cited = checked("A [1], b [2, 9], c [7], d [3](http://x), e [ok] [2][1].", 3)
    assert text == "A [1], b [2], c , d [3](http://x), e [ok] [2][1]."
    assert cited == [1, 2]
