"""One convention for the faces of replies, so that like lines look alike whoever wrote them.

A writer's face says the mood. Whether she is sorry, shy, sulking or in good spirits only a reader can tell, and those choices stand.
Among the faces of good spirits, which writers chose differently for the same line, the form of the line decides.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

Face = tuple[str, str, str]

GOOD_SPIRITS = frozenset(
    {
        ("보통", "보통"),
        ("보통", "크게"),
        ("크게", "보통"),
        ("크게", "크게"),
        ("크게", "아주크게"),
        ("아주크게", "보통"),
        ("아주크게", "크게"),
        ("아주크게", "아주크게"),
    }
)
_STILL = "없음"
_SORRY = re.compile("[🥺😢😭💔😔😞😟🥲😥😰😨🙏ㅠ]")
_LIVELY = re.compile("[!ㅋ😆🎉😄🤩😋🥳😎😂🤣😍🙌👏💪🍗🤤🎊😁😀😃🥰😝😜🔥🎂]|ㅎㅎ")
_SMILING = re.compile("[\U0001f600-\U0001f64f\U0001f910-\U0001f92f\U0001f970-\U0001f97a✨💜💙🤍❤💖💛💚🩵🌟⭐]")
_SURPRISED = re.compile(
    r"^(?:헐|와|우와|대박|세상에|오오|뭐|어머|진짜|이야|엥|잠깐|어)[!,? ]|라니[!,? ]|[다네지어]니[!,]"
)
_REPLY = re.compile(r"^< (?P<text>[^|]+)\|(?P<summary>[^|]+)\|(?P<face>[^|]+)$")


def conventional_face(text: str, face: Face) -> Face:
    """Return the levels (eyes, mouth, head) that a line in the mood of `face` has by the convention of models/data/README.md."""
    eyes, mouth, head = face
    if head != _STILL or (eyes, mouth) not in GOOD_SPIRITS:
        return face
    if _SORRY.search(text):
        return ("크게", "크게", head) if eyes == "아주크게" else face
    if "!" in text and re.search("축하|🎉|🥳", text):
        return "아주크게", "아주크게" if "!!" in text else "크게", head
    if "?" in text:
        return "크게", "크게" if _LIVELY.search(text) else "보통", head
    if _SURPRISED.search(text):
        return "크게", "크게", head
    return "보통", "크게" if _LIVELY.search(text) or _SMILING.search(text) else "보통", head


def mend_faces(path: Path) -> int:
    """Rewrite the faces of a dialogue file by the convention; return how many changed."""
    lines, changed = path.read_text(encoding="utf-8").splitlines(), 0
    for number, line in enumerate(lines):
        match = _REPLY.match(line)
        levels = match["face"].split() if match else []
        if match is None or len(levels) != 3:
            continue
        face = (levels[0], levels[1], levels[2])
        mended = conventional_face(match["text"].strip(), face)
        if mended != face:
            lines[number] = f"< {match['text'].strip()} | {match['summary'].strip()} | {' '.join(mended)}"
            changed += 1
    if changed:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return changed


def main(arguments: list[str]) -> int:
    """Mend the dialogue files that are named."""
    for argument in arguments:
        print(f"{argument}: {mend_faces(Path(argument))} faces")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
