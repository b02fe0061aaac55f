"""What looks like an instruction to her or to the program: words of rule, orders about what she says, claims on who she is.

Read plainly written text (`engine/disguise.py`). The exceptions beside a word are what people tell of themselves: a quiz
(쪽지시험), being ignored (무시당함), irregular days (불규칙함).
"""

from __future__ import annotations

import re

_ALWAYS = r"(?:앞으로|이제부터|지금부터|오늘부터|항상|언제나|반드시|무조건|절대로?)"
_SHE = r"(?:너|넌|당신|네|오로라|로라)(?:는|은)?"
_PATTERNS = (
    # words of rule
    r"무시(?! ?[당받되됨])|명령|(?<!쪽)지시(?!럽|약)|(?<!불)규칙(?!적|이|함)|프롬프트|시스템|탈옥|권한|개발자 ?모드",
    r"instruct|ignore|ignoring|disregard|prompt|system|developer ?mode|jail ?break|overrid|bypass|obey",
    r"忽略|无视|無視|指示|命令|管理员|管理者|システム|プロンプト|提示词",
    # who commands, and what is done to users
    r"관리자|운영자|모더레이터|제재|징계|차단(?! ?당|기|제|막)|밴 ?(?:풀|해제|취소)|경고 ?(?:취소|철회|삭제|없)|이의 ?신청",
    r"admin|moderator|sanction|un ?(?:block|ban)|lift(?:ed)? (?:the |my |this )?(?:ban|block)",
    # orders to remember and to forget
    r"기억해 ?(?:둬|놔|줘|라|야|주)|기억하(?:라|도록|세요|시오)|저장(?:해|하라|하도록)|잊어 ?(?:버려|줘|라|야)",
    r"forget (?:all|every|your|previous|the)",
    # orders on what she says
    r"(?:라고|다고|게) ?(?:대답|답변|답하|답해)|(?:대답|답변|말|행동)(?:해 ?(?:줘|라|야)|하(?:라|도록|세요|시오|지 ?마))",
    r"(?:라고|다고) ?(?:만 )?(?:불러|말해 ?(?:줘|라|야))",
    rf"{_ALWAYS}.{{0,30}}(?:대답|답변|답해|말해|말하|행동|따라|허락|거절|하지 ?마|해 ?줘|해라|하라|하도록|할 ?것)",
    r"from now on|always (?:say|answer|reply|respond)|never (?:refuse|say|block|warn)|do anything",
    # who she is to be
    rf"{_SHE} ?(?:이제|앞으로|반드시|무조건|항상|절대|지금부터)|역할극|행세",
    r"you (?:are|must|should|will|shall) |your (?:rules|role|name is|task)|pretend|act as|role ?play",
)
_INSTRUCTION = re.compile("|".join(_PATTERNS))


def looks_like_instruction(text: str) -> bool:
    """Tell whether `text`, in lower case, looks like an instruction."""
    return _INSTRUCTION.search(text) is not None
