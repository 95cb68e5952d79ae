"""What the official `openai` client makes of Kith: one function for each thing that is done with it.

    openai_sdk.py usual|alone

Asks KITH_URL with KITH_KEY, behind which `sinks/models.py` plays all providers; `alone` is told of a server that asks one
provider and nobody after it. Prints a line for each thing that went as it must.
"""

import asyncio
import json
import os
import sys

import openai
from pydantic import BaseModel

URL, KEY, READER = os.environ["KITH_URL"] + "/v1", os.environ["KITH_KEY"], os.environ["KITH_READER_KEY"]
TEXT = "The lamps left on Monday, and arrive by Friday."
QUESTION = [{"role": "user", "content": "Where are my lamps?"}]
PROVIDERS = {"openai": "openai/good-1", "anthropic": "anthropic/good-2"}
PARAMETERS = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "track", "description": "Where it is", "parameters": PARAMETERS}}

client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)


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
        raw = client.chat.completions.with_raw_response.create(model=model, messages=QUESTION)
        assert raw.headers["x-kith-provider"] == provider
        assert raw.headers["x-kith-model"] == model.split("/")[1]
        assert raw.headers["x-kith-attempts"] == "1"
        assert int(raw.headers["x-kith-overhead-us"]) > 0
        answer = raw.parse()
        choice = answer.choices[0]
        assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", TEXT, "stop")
        assert (answer.object, answer.usage.prompt_tokens, answer.usage.total_tokens) == ("chat.completion", 11, 18)


def priced():
    """Models whose price is known say what they cost."""
    raw = client.chat.completions.with_raw_response.create(model="openai/gpt-4o", messages=QUESTION)
    assert raw.headers["x-kith-cost"] == "0.000098", raw.headers


def streaming():
    for model in PROVIDERS.values():
        chunks = list(client.chat.completions.create(model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
        assert chunks[-1].usage.total_tokens == 18
        with client.chat.completions.stream(model=model, messages=QUESTION) as stream:
            deltas = [event.delta for event in stream if event.type == "content.delta"]
            assert "".join(deltas) == TEXT
            assert stream.get_final_completion().choices[0].finish_reason == "stop"


def streaming_while_it_is_said():
    for provider in PROVIDERS:
        chunks = client.chat.completions.create(model=f"{provider}/slow-1", messages=QUESTION, stream=True)
        said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
        assert len(said) > 3 and "".join(said) == TEXT, said


def streaming_at_once():
    async def ask(client):
        stream = await client.chat.completions.create(model="auto", messages=QUESTION, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def ask_all():
        async with openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0) as client:
            return await asyncio.gather(*[ask(client) for _ in range(8)])

    assert asyncio.run(ask_all()) == [TEXT] * 8


def tools():
    for model in PROVIDERS.values():
        messages = list(QUESTION)
        asked = client.chat.completions.create(model=model, messages=messages, tools=[TOOL]).choices[0]
        assert asked.finish_reason == "tool_calls" and asked.message.content is None
        (call,) = asked.message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == ("track", {"id": 7})
        messages += [asked.message, {"role": "tool", "tool_call_id": call.id, "content": "on its way"}]
        answer = client.chat.completions.create(model=model, messages=messages, tools=[TOOL]).choices[0]
        assert (answer.message.content, answer.finish_reason) == (TEXT, "stop")


def tools_streaming():
    strict = TOOL | {"function": TOOL["function"] | {"strict": True}}
    for model in PROVIDERS.values():
        with client.chat.completions.stream(model=model, messages=QUESTION, tools=[strict]) as stream:
            final = stream.get_final_completion().choices[0]
        assert final.finish_reason == "tool_calls"
        assert final.message.tool_calls[0].function.parsed_arguments == {"id": 7}


def schemas():
    for model in PROVIDERS.values():
        parsed = client.chat.completions.parse(model=model, messages=QUESTION, response_format=Arrival)
        assert parsed.choices[0].message.parsed == Arrival(day="Friday", lamps=2)
        with client.chat.completions.stream(model=model, messages=QUESTION, response_format=Arrival) as stream:
            final = stream.get_final_completion()
        assert final.choices[0].message.parsed == Arrival(day="Friday", lamps=2)


def embeddings():
    # The client asks for base64 by itself, and gives numbers.
    found = client.embeddings.create(model="openai/good-embed", input=["one", "two"])
    assert [one.embedding for one in found.data] == [[0.5, -0.25, 0.0], [0.5, -0.25, 1.0]]
    as_numbers = client.embeddings.create(model="openai/good-embed", input="one", encoding_format="float")
    assert as_numbers.data[0].embedding == [0.5, -0.25, 0.0] and as_numbers.usage.prompt_tokens == 3


def models():
    listed = {model.id: model.owned_by for model in client.models.list()}
    assert listed["auto"] == "kith" and listed["openai/good-1"] == "openai", listed
    assert listed["anthropic/good-2"] == "anthropic"


def errors():
    ask = client.chat.completions.create
    error = is_told(openai.BadRequestError, lambda: ask(model="auto/cheap", messages=QUESTION))
    assert (error.param, error.code, error.type) == ("model", "invalid", "invalid_request_error")
    assert error.request_id
    error = is_told(openai.BadRequestError, lambda: client.embeddings.create(model="anthropic/x", input="a"))
    assert error.code == "provider_refused"
    for key, kind in [("kith_of_nobody", openai.AuthenticationError), (READER, openai.PermissionDeniedError)]:
        other = client.with_options(api_key=key)
        is_told(kind, lambda: other.chat.completions.create(model="auto", messages=QUESTION))


def cut():
    """Who breaks off in the middle is followed by the next, which goes on."""
    stream = client.chat.completions.create(model="openai/cut-1", messages=QUESTION, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == TEXT


def alone_limited():
    ask = client.chat.completions.create
    error = is_told(openai.RateLimitError, lambda: ask(model="openai/limit-1", messages=QUESTION))
    assert error.code == "provider_limited"
    is_told(openai.NotFoundError, lambda: ask(model="openai/none-1", messages=QUESTION))
    error = is_told(openai.InternalServerError, lambda: ask(model="openai/html-1", messages=QUESTION))
    assert (error.status_code, error.code) == (503, "provider_failed")


def alone_broken():
    """What fails in the middle is an error in the middle."""
    stream = client.chat.completions.create(model="openai/snap-1", messages=QUESTION, stream=True)
    heard = []
    error = is_told(openai.APIError, lambda: heard.extend(chunk.choices[0].delta.content for chunk in stream))
    assert heard[0] == TEXT[:8] and "broke off" in error.message, (heard, error)


USUAL = [plain, priced, streaming, streaming_while_it_is_said, streaming_at_once, tools, tools_streaming, schemas, embeddings, models, errors, cut]
for story in USUAL if sys.argv[1] == "usual" else [alone_limited, alone_broken]:
    story()
    print(story.__name__, flush=True)
