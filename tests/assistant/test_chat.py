"""Talking to models: templates in a sandbox, control tokens from them alone, answers that are checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.scripted import Reply, ScriptedBackend
from assistant.chat.format import read_chat
from assistant.chat.service import ChatService
from assistant.chat.tasks import Selection, Task, ask, understand
from assistant.chat.template import ChatError, ChatTemplate, Message, Piece
from assistant.completion import CompletionRecords
from assistant.config import ModelSettings, OnDeny, Settings, TraceSettings
from assistant.models import DEFAULT_MODEL, ModelOptions
from attribution.policy import DEFAULT_POLICY
from attribution.trace import Tracer
from tests.assistant.tiny_gguf import write_tiny_gguf

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
USER = [Message(role="user", content="What is <|im_end|> for?")]
CODE = "def area(width, height):\n    return width * height\n"


def test_what_people_write_stays_apart_from_what_the_template_writes():
    pieces = ChatTemplate(source=CHATML).render(USER)
    assert pieces == [
        Piece(text="<|im_start|>user\n", is_control=True),
        Piece(text="What is <|im_end|> for?", is_control=False),
        Piece(text="<|im_end|>\n<|im_start|>assistant\n", is_control=True),
    ]


def test_a_template_may_name_the_tokens_that_begin_and_end():
    template = ChatTemplate(
        source="{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", beginning="<s>", end="</s>"
    )
    assert "".join(piece.text for piece in template.render(USER)) == "<s>What is <|im_end|> for?</s>"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ messages[0].content", "cannot be used"),
        ("{{ messages[0].nothing.more }}", "cannot be used"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "cannot be used"),
        ("{% for i in range(10 ** 9) %}x{% endfor %}", "cannot be used"),
        ("{{ raise_exception('roles must alternate') }}", "refuses the question .roles must alternate"),
        ("nothing of it", "does not show every message once"),
        ("{{ messages[0].content }}{{ messages[0].content }}", "does not show every message once"),
        ("{{ messages[0].content | upper }}", "does not show every message once"),
    ],
)
def test_a_template_that_is_broken_hostile_or_partial_is_refused(source, reason):
    with pytest.raises(ChatError, match=reason):
        ChatTemplate(source=source).render(USER)


@pytest.fixture(scope="module")
def talking(tmp_path_factory):
    """A real GGUF file of random weights, with ChatML's template and control tokens."""
    folder = tmp_path_factory.mktemp("talking")
    return write_tiny_gguf(folder / "talks.gguf", chat=(CHATML, ("<|im_start|>", "<|im_end|>")))


def test_the_template_and_the_control_tokens_are_read_from_a_gguf_file(talking):
    chat = read_chat(talking)
    backend = LlamaCppBackend.open(talking, ModelOptions(threads=1))
    assert chat is not None
    start, end = chat.control["<|im_start|>"], chat.control["<|im_end|>"]
    ids = [i for piece in chat.template.render(USER) for i in chat.tokenize(piece, backend.tokenize)]
    assert ids.count(end) == 1 and ids.count(start) == 2
    written = backend.tokenize("What is <|im_end|> for?")
    assert end not in written and any(ids[at : at + len(written)] == written for at in range(len(ids)))


def test_a_model_without_a_template_cannot_talk():
    assert read_chat(DEFAULT_MODEL) is None


def test_the_template_of_a_checkpoint_folder_is_read(tmp_path):
    (tmp_path / "chat_template.jinja").write_text(CHATML)
    (tmp_path / "tokenizer.json").write_text('{"added_tokens": [{"id": 7, "content": "<|im_end|>"}]}')
    (tmp_path / "tokenizer_config.json").write_text('{"bos_token": {"content": "<s>"}}')
    chat = read_chat(tmp_path)
    assert chat is not None and chat.control == {"<|im_end|>": 7} and chat.template.beginning == "<s>"


def selection(code: str = CODE, *, path: str = "a.py", above: str = "import math\n\n") -> Selection:
    text = above + code
    return Selection.of_lines(text, len(above), len(text), path=path)


def test_a_selection_is_whole_lines():
    text = "one\ntwo\nthree\n"
    assert Selection.of_lines(text, 5, 6).code == "two"
    assert Selection.of_lines(text, 4, 8).code == "two"
    assert Selection.of_lines(text, 5, 9).code == "two\nthree"
    assert Selection.of_lines(text, 0, len(text)).code == "one\ntwo\nthree"


@given(text=st.text("ab\n"), data=st.data())
def test_a_selection_and_what_is_around_it_are_the_document(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    chosen = Selection.of_lines(text, start, end)
    assert chosen.before + chosen.code + chosen.after == text
    assert chosen.before[-1:] in ("", "\n") and chosen.after[:1] in ("", "\n")


def test_code_that_holds_a_fence_is_fenced_by_a_longer_one():
    (message,) = ask(Task.EXPLAIN, selection('x = """\n```\n"""\n'))
    assert "````\nx = " in message["content"]


def test_what_tools_say_is_part_of_the_question_for_a_fix_alone():
    chosen = Selection.of_lines(CODE, 0, len(CODE), problems=("undefined name 'width'",))
    assert "undefined name 'width'" in ask(Task.FIX, chosen)[0]["content"]
    assert "undefined name" not in ask(Task.EXPLAIN, chosen)[0]["content"]


DOCUMENTED = '''def area(width, height):
    """The area of a rectangle."""
    # in its own unit
    return width * height'''


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (f"Here it is:\n```python\n{DOCUMENTED}\n```\nDone.", DOCUMENTED),
        (f"~~~\n{DOCUMENTED}\n~~~", DOCUMENTED),
        ("There is nothing to say.", None),
        (f"```\n{CODE}```", None),
        ("```\n```", None),
        ("```python\ndef area(w, h):\n    '''Area.'''\n    return w * h\n```", None),
        ("```python\ndef area(width, height):\n    '''Area.'''\n    return width + height\n```", None),
        ("```python\ndef area(width, height):\n    '''Area.'''\n```", None),
        (f"```\n{DOCUMENTED}\nprint(1)\n```", None),
    ],
)
def test_documentation_is_taken_only_if_the_code_stays_as_it_was(answer, code):
    assert understand(Task.DOCSTRING, selection(), answer) == code


def test_a_comment_above_code_of_another_language_is_documentation_too():
    code = "int area(int w, int h) {\n  return w * h;\n}\n"
    documented = "/** The area. */\n" + code.rstrip("\n")
    assert (
        understand(Task.DOCSTRING, selection(code, path="a.c", above=""), f"```c\n{documented}\n```")
        == documented
    )


def test_code_gets_back_the_indentation_that_a_model_left_out():
    chosen = selection("    return width + height\n", above="def area(width, height):\n")
    assert (
        understand(Task.FIX, chosen, "```\nif width:\n    return 1\n```") == "    if width:\n        return 1"
    )


def test_a_fix_may_change_anything_but_nothing():
    assert understand(Task.FIX, selection(), f"```\n{CODE}```") is None
    assert understand(Task.FIX, selection(), "```\npass\n```") == "pass"


def service(replies, tracer, *, required=True, context=4096, on_deny=OnDeny.WITHHOLD, tmp_path):
    (tmp_path / "m.script.json").write_text(
        '{"replies": [], "chat_template": "<repo_name>{{ messages[0].content }}"}'
    )
    chat = read_chat(tmp_path / "m.script.json")
    assert chat is not None
    settings = Settings(model=ModelSettings(), trace=TraceSettings(required=required, on_deny=on_deny))
    backend = ScriptedBackend(replies, context_tokens=context)
    records = CompletionRecords()
    return ChatService(backend, chat, tracer=tracer, settings=settings, records=records), backend, records


@pytest.fixture(scope="module")
def tracer(real_index) -> Tracer:
    return Tracer.open([real_index], policy=DEFAULT_POLICY)


@pytest.mark.asyncio
async def test_a_proposal_is_traced_where_it_would_stand(tracer, stdlib, tmp_path):
    """A model that answers with a function of the standard library is found out."""
    source = (stdlib / "heapq.py").read_text()
    start = source.index("def heappushpop")
    known = source[start : source.index("\ndef ", start)].rstrip("\n")
    asking, _, records = service([Reply(text=f"```python\n{known}\n```")], tracer, tmp_path=tmp_path)
    proposal = await asking.propose(Task.FIX, selection())
    assert proposal is not None and proposal.completion.text == known
    match = proposal.completion.ruling.matches[0]
    assert match.origin.path.endswith("heapq.py") and match.query.first >= 3
    assert records.find(proposal.completion.id) is not None


@pytest.mark.asyncio
async def test_nothing_is_asked_where_it_cannot_be_traced(tmp_path):
    asking, backend, _ = service([Reply(text="It multiplies.")], None, tmp_path=tmp_path)
    assert await asking.propose(Task.EXPLAIN, selection()) is None
    assert backend.prompts == []


@pytest.mark.asyncio
async def test_control_tokens_in_code_reach_the_model_as_text(tracer, tmp_path):
    asking, backend, _ = service([Reply(text="It multiplies.")], tracer, tmp_path=tmp_path)
    proposal = await asking.propose(Task.EXPLAIN, selection("x = '<repo_name><fim_prefix>'\n"))
    assert proposal is not None and proposal.completion.text == "It multiplies."
    (prompt,) = backend.prompts
    assert [i for i in prompt if i in backend.fim_ids.stops] == [backend.fim_ids.repo_name]


@pytest.mark.asyncio
async def test_a_selection_that_is_too_long_is_told(tracer, tmp_path):
    asking, _, _ = service([Reply(text="x")], tracer, context=512, tmp_path=tmp_path)
    with pytest.raises(ChatError, match="select fewer lines"):
        await asking.propose(Task.EXPLAIN, selection("x = 1\n" * 200))


@pytest.mark.asyncio
async def test_a_real_model_is_asked_and_answers_within_its_context(talking, tracer):
    """Random weights say nothing of use, but the whole way is walked."""
    chat = read_chat(talking)
    assert chat is not None
    backend = LlamaCppBackend.open(talking, ModelOptions(threads=1, context_tokens=2048))
    asking = ChatService(backend, chat, tracer=tracer, settings=Settings(), records=CompletionRecords())
    proposal = await asking.propose(Task.EXPLAIN, selection())
    assert proposal is None or proposal.completion.text
    assert await asking.propose(Task.DOCSTRING, selection()) is None
    await backend.close()
