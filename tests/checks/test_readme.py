"""The readme says the same in both languages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_COMMENT = re.compile(r"\s+#.*")


def shape(name: str) -> dict[str, object]:
    """Return what does not depend on the language: where it leads, what is typed, how long lists are."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    text = "\n".join(lines)
    return {
        "links": sorted(re.findall(r"\]\(((?:docs|[A-Z]).*?)\)", text)),
        "typed": [_COMMENT.sub("", line).strip() for line in lines if line.startswith("    ")],
        "headings": [line.partition(" ")[0] for line in lines if line.startswith("#")],
        "rows": [line.count("|") for line in lines if line.startswith("|")],
    }


def test_the_readme_says_the_same_in_english_and_in_chinese():
    english, chinese = shape("README.md"), shape("README.zh-CN.md")
    english["links"] = [one for one in english["links"] if not one.startswith("README")]
    chinese["links"] = [one for one in chinese["links"] if not one.startswith("README")]
    assert english == chinese
