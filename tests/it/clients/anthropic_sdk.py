"""The Anthropic SDK against the gateway, strict: every answer and every event is validated by pydantic."""

import anthropic
from cases import BASE, KEY, LONG, PNG, TEXT, case, run, same


def client(key=KEY):
    return anthropic.Anthropic(base_url=BASE, auth_token=key, max_retries=0, timeout=30, _strict_response_validation=True)


CLIENT = client()
HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [
    {
        "name": name,
        "description": "Tells the weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    for name in ("weather", "forecast")
]


def asked(name, wire, **more):
    return {"model": f"{name}-{wire}", "max_tokens": 4096, "messages": HELLO, **more}


@case
def text(wire):
    message = CLIENT.messages.create(**asked("text", wire))
    same([(block.type, block.text) for block in message.content], [("text", TEXT)])
    same((message.stop_reason, message.role), ("end_turn", "assistant"))
    same((message.usage.input_tokens, message.usage.output_tokens), (12, 7))


@case
def stream(wire):
    with CLIENT.messages.stream(**asked("text", wire)) as answer:
        same("".join(answer.text_stream), TEXT)
        message = answer.get_final_message()
    same((message.stop_reason, message.usage.input_tokens, message.usage.output_tokens), ("end_turn", 12, 7))


@case
def events(wire):
    kinds = [event.type for event in CLIENT.messages.create(**asked("text", wire, stream=True)) if event.type != "ping"]
    same((kinds[0], kinds[1]), ("message_start", "content_block_start"))
    same(kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])
    same(set(kinds[2:-3]), {"content_block_delta"})


def called(message):
    calls = [block for block in message.content if block.type == "tool_use"]
    same([(call.name, call.input) for call in calls], [("weather", {"city": "서울"}), ("forecast", {"city": "Busan \"2\""})])
    same(message.stop_reason, "tool_use")
    assert len({call.id for call in calls}) == 2
    return calls


def thought(message):
    # Gemini seals a call, not its thoughts: that seal travels in a thought without words.
    blocks = [block for block in message.content if block.type == "thinking"]
    same([block.thinking for block in blocks if block.thinking], ["I look at the sky."])
    assert blocks[-1].signature
    same([block.text for block in message.content if block.type == "text"], ["Let me see."])


@case
def tools(wire):
    """Thinking and parallel calls in a stream, then their results: out of order, and one that failed."""
    request = asked("tools", wire, tools=TOOLS, thinking={"type": "enabled", "budget_tokens": 1024})
    with CLIENT.messages.stream(**request) as answer:
        message = answer.get_final_message()
    thought(message)
    calls = called(message)
    results = [
        {"type": "tool_result", "tool_use_id": calls[1].id, "content": "no such town", "is_error": True},
        {"type": "tool_result", "tool_use_id": calls[0].id, "content": [{"type": "text", "text": "sunny"}]},
    ]
    content = [block.model_dump(exclude_none=True) for block in message.content]
    request["messages"] = HELLO + [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
    message = CLIENT.messages.create(**request)
    same([block.text for block in message.content], [TEXT])


@case
def tools_whole(wire):
    message = CLIENT.messages.create(**asked("calls", wire, tools=TOOLS))
    thought(message)
    called(message)


@case
def image(wire):
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "what is this?"}]
    message = CLIENT.messages.create(**asked("image", wire, messages=[{"role": "user", "content": content}]))
    same(message.content[0].text, TEXT)


@case
def busy(wire):
    try:
        CLIENT.messages.create(**asked("busy", wire))
        raise AssertionError("a busy vendor is no answer")
    except anthropic.RateLimitError as error:
        same(error.body["type"], "error")
        same(error.body["error"]["type"], "rate_limit_error")
        assert error.request_id


@case
def wrong(wire):
    try:
        CLIENT.messages.create(**asked("wrong", wire))
        raise AssertionError("a refused request is no answer")
    except anthropic.BadRequestError as error:
        same(error.body["error"]["type"], "invalid_request_error")


@case
def too_long(wire):
    try:
        CLIENT.messages.create(**asked("long", wire))
        raise AssertionError("a prompt that is too long is no answer")
    except anthropic.BadRequestError as error:
        assert "prompt is too long" in error.body["error"]["message"], error.body


@case
def broken_stream(wire):
    """After the first words an answer that breaks off is an error, and never looks like an end."""
    words = ""
    try:
        with CLIENT.messages.stream(**asked("cut", wire)) as answer:
            for word in answer.text_stream:
                words += word
        raise AssertionError("an answer that broke off is no answer")
    except anthropic.APIError as error:
        assert words and TEXT.startswith(words), words
        same(error.body["type"], "error")


@case
def long_stream(wire):
    with CLIENT.messages.stream(**asked("endless", wire)) as answer:
        same("".join(answer.text_stream).split(), [str(number) for number in range(LONG)])


@case
def cancel(wire):
    with CLIENT.messages.stream(**asked("hang", wire)) as answer:
        assert TEXT.startswith(next(iter(answer.text_stream)))


@case
def other_key(wire):
    try:
        client("not-the-key").messages.create(**asked("text", wire))
        raise AssertionError("anybody is let in")
    except anthropic.AuthenticationError as error:
        same(error.body["error"]["type"], "authentication_error")


@case
def count_tokens(wire):
    counted = CLIENT.messages.count_tokens(model=f"text-{wire}", messages=HELLO, tools=TOOLS)
    assert counted.input_tokens > 20, counted


@case
def models(wire):
    page = CLIENT.models.list(limit=1000)
    assert f"text-{wire}" in [model.id for model in page.data], page
    same(CLIENT.models.retrieve(f"text-{wire}").type, "model")


run()
