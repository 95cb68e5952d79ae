"""What the official `anthropic` client makes of Kith: one function for each thing that is done with it.

    anthropic_sdk.py usual|alone

Asks KITH_URL with KITH_KEY, behind which `sinks/models.py` plays all providers; `alone` is told of a server that asks one
provider and nobody after it. Prints a line for each thing that went as it must.
"""

import asyncio
import os
import sys

import anthropic
from pydantic import BaseModel

URL, KEY, READER = os.environ["KITH_URL"], os.environ["KITH_KEY"], os.environ["KITH_READER_KEY"]
TEXT = "The lamps left on Monday, and arrive by Friday."
QUESTION = {"max_tokens": 99, "messages": [{"role": "user", "content": "Where are my lamps?"}]}
PROVIDERS = {"openai": "openai/good-1", "anthropic": "anthropic/good-2"}
TOOL = {"name": "track", "description": "Where it is", "input_schema": {"type": "object", "properties": {"id": {"type": "integer"}}}}

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)


class Arrival(BaseModel):
    day: str
    lamps: int


def is_told(kind, ask):
    """The client raises its own error of this kind."""
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def plain():
    for provider, model in PROVIDERS.items():
        raw = client.messages.with_raw_response.create(model=model, system="Be kind.", **QUESTION)
        assert raw.headers["x-kith-provider"] == provider
        assert raw.headers["x-kith-model"] == model.split("/")[1]
        assert raw.headers["x-kith-attempts"] == "1"
        assert int(raw.headers["x-kith-overhead-us"]) > 0
        message = raw.parse()
        assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
        assert [(block.type, block.text) for block in message.content] == [("text", TEXT)]
        assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 7)
        assert message._request_id == raw.headers["request-id"]


def bearer():
    """A token does as well as a key."""
    by_token = anthropic.Anthropic(base_url=URL, auth_token=KEY, max_retries=0)
    assert by_token.messages.create(model="gpt-4o", **QUESTION).content[0].text == TEXT


def streaming():
    for model in PROVIDERS.values():
        with client.messages.stream(model=model, **QUESTION) as stream:
            said = list(stream.text_stream)
            final = stream.get_final_message()
        assert "".join(said) == TEXT, said
        assert (final.content[0].text, final.stop_reason) == (TEXT, "end_turn")
        assert (final.usage.input_tokens, final.usage.output_tokens) == (11, 7)
        kinds = [event.type for event in client.messages.create(model=model, stream=True, **QUESTION)]
        assert (kinds[0], kinds[-1]) == ("message_start", "message_stop"), kinds


def streaming_while_it_is_said():
    for provider in PROVIDERS:
        with client.messages.stream(model=f"{provider}/slow-1", **QUESTION) as stream:
            said = list(stream.text_stream)
        assert len(said) > 3 and "".join(said) == TEXT, said


def streaming_at_once():
    async def ask(client):
        async with client.messages.stream(model="auto", **QUESTION) as stream:
            return await stream.get_final_text()

    async def ask_all():
        async with anthropic.AsyncAnthropic(base_url=URL, api_key=KEY, max_retries=0) as client:
            return await asyncio.gather(*[ask(client) for _ in range(8)])

    assert asyncio.run(ask_all()) == [TEXT] * 8


def tools():
    for model in PROVIDERS.values():
        messages = list(QUESTION["messages"])
        asked = client.messages.create(model=model, max_tokens=99, messages=messages, tools=[TOOL])
        assert asked.stop_reason == "tool_use"
        (call,) = asked.content
        assert (call.type, call.name, call.input) == ("tool_use", "track", {"id": 7})
        result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "on its way"}]}
        messages += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
        answer = client.messages.create(model=model, max_tokens=99, messages=messages, tools=[TOOL])
        assert (answer.content[0].text, answer.stop_reason) == (TEXT, "end_turn")


def tools_streaming():
    for model in PROVIDERS.values():
        choice = {"type": "any", "disable_parallel_tool_use": True}
        with client.messages.stream(model=model, tools=[TOOL], tool_choice=choice, **QUESTION) as stream:
            final = stream.get_final_message()
        assert final.stop_reason == "tool_use"
        assert [(block.type, block.input) for block in final.content] == [("tool_use", {"id": 7})]


def schemas():
    for model in PROVIDERS.values():
        message = client.messages.parse(model=model, output_format=Arrival, **QUESTION)
        assert message.parsed_output == Arrival(day="Friday", lamps=2)
        with client.messages.stream(model=model, output_format=Arrival, **QUESTION) as stream:
            assert stream.get_final_message().parsed_output == Arrival(day="Friday", lamps=2)


def pictures():
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    content = [{"type": "text", "text": "What is it?"}, {"type": "image", "source": source}]
    for model in PROVIDERS.values():
        message = client.messages.create(model=model, max_tokens=99, messages=[{"role": "user", "content": content}])
        assert message.content[0].text == TEXT


def counting():
    counted = client.messages.count_tokens(model="auto", messages=QUESTION["messages"], tools=[TOOL])
    assert counted.input_tokens > 9


def models():
    listed = {model.id: model.display_name for model in client.models.list()}
    assert listed["auto"] and listed["anthropic/good-2"], listed


def errors():
    ask = client.messages.create
    error = is_told(anthropic.BadRequestError, lambda: ask(model="auto/cheap", **QUESTION))
    assert error.body["error"]["type"] == "invalid_request_error" and error.request_id
    thinking = {"type": "enabled", "budget_tokens": 1024}
    error = is_told(anthropic.BadRequestError, lambda: ask(model="auto", thinking=thinking, **QUESTION))
    assert "thinking" in error.message
    for key, kind in [("kith_of_nobody", anthropic.AuthenticationError), (READER, anthropic.PermissionDeniedError)]:
        other = client.with_options(api_key=key)
        is_told(kind, lambda: other.messages.create(model="auto", **QUESTION))


def cut():
    """Who breaks off in the middle is followed by the next, which goes on."""
    with client.messages.stream(model="openai/cut-1", **QUESTION) as stream:
        assert stream.get_final_text() == TEXT


def alone_limited():
    ask = client.messages.create
    is_told(anthropic.RateLimitError, lambda: ask(model="anthropic/limit-1", **QUESTION))
    is_told(anthropic.NotFoundError, lambda: ask(model="anthropic/none-1", **QUESTION))
    error = is_told(anthropic.InternalServerError, lambda: ask(model="anthropic/html-1", **QUESTION))
    assert (error.status_code, error.body["error"]["type"]) == (503, "api_error")


def alone_broken():
    """What fails in the middle is an error in the middle."""
    heard = []

    def listen():
        with client.messages.stream(model="openai/snap-1", **QUESTION) as stream:
            heard.extend(stream.text_stream)

    error = is_told(anthropic.APIStatusError, listen)
    assert heard[0] == TEXT[:8] and "broke off" in str(error), (heard, error)


USUAL = [plain, bearer, streaming, streaming_while_it_is_said, streaming_at_once, tools, tools_streaming, schemas, pictures, counting, models, errors, cut]
for story in USUAL if sys.argv[1] == "usual" else [alone_limited, alone_broken]:
    story()
    print(story.__name__, flush=True)
