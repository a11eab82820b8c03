"""The OpenAI SDK against the gateway, strict: every answer and every chunk is validated by pydantic."""

import openai
from cases import BASE, KEY, LONG, PNG, TEXT, case, run, same
from pydantic import BaseModel


def client(key=KEY):
    return openai.OpenAI(base_url=f"{BASE}/v1", api_key=key, max_retries=0, timeout=30, _strict_response_validation=True)


CLIENT = client()
CHAT = CLIENT.chat.completions
HELLO = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "Tells the weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    for name in ("weather", "forecast")
]


def asked(name, wire, **more):
    return {"model": f"{name}-{wire}", "messages": HELLO, **more}


@case
def text(wire):
    answer = CHAT.create(**asked("text", wire))
    choice = answer.choices[0]
    same((choice.message.role, choice.message.content, choice.finish_reason), ("assistant", TEXT, "stop"))
    usage = answer.usage
    same((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (12, 7, 19))


@case
def stream(wire):
    chunks = list(CHAT.create(**asked("text", wire, stream=True, stream_options={"include_usage": True})))
    same("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), TEXT)
    same([chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1], "stop")
    same((chunks[-1].choices, chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens), ([], 12, 7))
    same(len({chunk.id for chunk in chunks}), 1)


@case
def stream_without_usage(wire):
    chunks = list(CHAT.create(**asked("text", wire, stream=True)))
    same([chunk.usage for chunk in chunks if chunk.usage], [])
    assert all(chunk.choices for chunk in chunks)


def called(message):
    expected = [("weather", '{"city":"서울"}'), ("forecast", '{"city":"Busan \\"2\\""}')]
    found = [(call.function.name, call.function.arguments.replace(": ", ":")) for call in message.tool_calls]
    same(found, expected)
    assert len({call.id for call in message.tool_calls}) == 2
    return message.tool_calls


@case
def tools(wire):
    """Parallel calls in a stream, put together by the SDK, then their results."""
    request = asked("tools", wire, tools=TOOLS)
    with CHAT.stream(**request) as answer:
        choice = answer.get_final_completion().choices[0]
    same(choice.finish_reason, "tool_calls")
    same(choice.message.content, "Let me see.")
    calls = called(choice.message)
    own = [{"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}} for call in calls]
    results = [
        {"role": "tool", "tool_call_id": calls[0].id, "content": "sunny"},
        {"role": "tool", "tool_call_id": calls[1].id, "content": "no such town"},
    ]
    request["messages"] = HELLO + [{"role": "assistant", "content": "Let me see.", "tool_calls": own}] + results
    same(CHAT.create(**request).choices[0].message.content, TEXT)


@case
def tools_whole(wire):
    choice = CHAT.create(**asked("calls", wire, tools=TOOLS)).choices[0]
    same(choice.finish_reason, "tool_calls")
    called(choice.message)


@case
def thinking(wire):
    message = CHAT.create(**asked("calls", wire, tools=TOOLS, reasoning_effort="low")).choices[0].message
    same(message.model_extra.get("reasoning_content"), "I look at the sky.")


@case
def image(wire):
    url = f"data:image/png;base64,{PNG}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "what is this?"}]
    answer = CHAT.create(**asked("image", wire, messages=[{"role": "user", "content": content}]))
    same(answer.choices[0].message.content, TEXT)


@case
def structured(wire):
    class Weather(BaseModel):
        city: str
        degrees: int

    answer = CHAT.parse(**asked("json", wire, response_format=Weather))
    same(answer.choices[0].message.parsed, Weather(city="서울", degrees=21))


@case
def busy(wire):
    try:
        CHAT.create(**asked("busy", wire))
        raise AssertionError("a busy vendor is no answer")
    except openai.RateLimitError as error:
        assert error.body["message"], error.body


@case
def wrong(wire):
    try:
        CHAT.create(**asked("wrong", wire))
        raise AssertionError("a refused request is no answer")
    except openai.BadRequestError as error:
        same(error.body["type"], "invalid_request_error")


@case
def broken_stream(wire):
    words = ""
    try:
        for chunk in CHAT.create(**asked("cut", wire, stream=True)):
            if chunk.choices:
                same(chunk.choices[0].finish_reason, None)
                words += chunk.choices[0].delta.content or ""
        raise AssertionError("an answer that broke off is no answer")
    except openai.APIError as error:
        assert words and TEXT.startswith(words), words
        assert error.message


@case
def long_stream(wire):
    chunks = CHAT.create(**asked("endless", wire, stream=True))
    words = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    same(words.split(), [str(number) for number in range(LONG)])


@case
def cancel(wire):
    with CHAT.create(**asked("hang", wire, stream=True)) as chunks:
        first = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content)
        assert TEXT.startswith(first.choices[0].delta.content)


@case
def other_key(wire):
    try:
        client("not-the-key").chat.completions.create(**asked("text", wire))
        raise AssertionError("anybody is let in")
    except openai.AuthenticationError as error:
        assert error.body["message"], error.body


@case
def models(wire):
    assert f"text-{wire}" in [model.id for model in CLIENT.models.list()], CLIENT.models.list()
    same(CLIENT.models.retrieve(f"text-{wire}").object, "model")


run()
