"""Topic names and filters from few words, so that made-up filters often match made-up names."""

from __future__ import annotations

from hypothesis import strategies as st

words = st.sampled_from(["a", "b", "", "$SYS", "é"])
topic_names = st.lists(words, min_size=1, max_size=4).map("/".join).filter(bool)


@st.composite
def topic_filters(draw: st.DrawFn) -> str:
    """Draw a valid filter."""
    levels = draw(st.lists(st.one_of(words, st.just("+")), min_size=0, max_size=4))
    if draw(st.booleans()) or not any(levels):
        levels.append("#")
    return "/".join(levels)
