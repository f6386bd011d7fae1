"""Rules on calls of tools, their results and their declarations."""

from typing import Any

from ..base.examples import Data, Example, conversation, records
from ..base.findings import ERROR, NOTE, WARNING, Rule
from .method import NAME


def _calling(name: str, *ids: str, arguments: str = "{}") -> dict[str, Any]:
    """Return a message that calls a tool, once for each id."""
    called = {"name": name, "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": own, "type": "function", "function": called} for own in ids],
    }


def _result(call: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": text}


def _tide_chat(answered: str) -> Data:
    return conversation(
        "tides",
        "user: When is high tide in Brest today?",
        _calling("tides", "call_tides", arguments='{"port": "Brest"}'),
        _result(answered, '{"high": "16:42"}'),
        "assistant: The water is highest at 16:42.",
    )


TOOL_RESULT = Rule(
    f"{NAME}/tool_result",
    "Tool result without a matching call",
    ERROR,
    "Restore the call, or drop the result: a model trained on it learns to invent results.",
    example=Example(_tide_chat("call_weather"), not_this=_tide_chat("call_tides"), at="#3"),
)


def _ferry_chat(*answered: str) -> Data:
    return conversation(
        "ferries",
        "user: Which ferry is cheaper, the morning or the evening one?",
        _calling("fare", "call_morning", "call_evening"),
        *(_result(own, f"{own.removeprefix('call_')}: 14 euros") for own in answered),
        "assistant: Both cost 14 euros.",
    )


UNANSWERED_CALL = Rule(
    f"{NAME}/unanswered_call",
    "Tool call without a result",
    WARNING,
    "Restore the result, or remove the call: chat templates and providers refuse such a conversation.",
    example=Example(_ferry_chat("call_morning"), not_this=_ferry_chat("call_morning", "call_evening"), at="#2"),
)


def _dice_chat(second: str) -> Data:
    return conversation(
        "dice",
        "user: Roll two dice for me.",
        _calling("roll", "call_first", second),
        _result("call_first", "4"),
        _result(second, "2"),
        "assistant: You rolled a four and a two.",
    )


REPEATED_CALL_ID = Rule(
    f"{NAME}/repeated_call_id",
    "Tool calls of a message share an id",
    WARNING,
    "Give each call its own id: results cannot be matched with their calls.",
    example=Example(_dice_chat("call_first"), not_this=_dice_chat("call_second"), at="#2"),
)


def _plant_chat(called: str) -> Data:
    declared = {"name": "plant_care", "parameters": {"type": "object", "properties": {}}}
    return conversation(
        "fern",
        "user: How often should I water my fern?",
        _calling(called, "call_fern"),
        _result("call_fern", "twice a week"),
        "assistant: Twice a week, and mist its leaves.",
        tools=[{"type": "function", "function": declared}],
    )


UNDECLARED_TOOL = Rule(
    f"{NAME}/undeclared_tool",
    "Call of a tool that is not declared",
    WARNING,
    "Declare the tool, or correct its name: a model trained on it learns to call tools that do not exist.",
    example=Example(_plant_chat("garden_search"), not_this=_plant_chat("plant_care"), at="#2"),
)


def _train_chat(arguments: str) -> Data:
    stations = {"from": {"type": "string"}, "to": {"type": "string"}}
    schema = {"type": "object", "properties": stations, "required": ["from", "to"]}
    return conversation(
        "train",
        "user: How much is a ticket from Lyon to Turin?",
        _calling("fare", "call_train", arguments=arguments),
        _result("call_train", "39 euros"),
        "assistant: It costs 39 euros.",
        tools=[{"type": "function", "function": {"name": "fare", "parameters": schema}}],
    )


CALL_ARGUMENTS = Rule(
    f"{NAME}/call_arguments",
    "Arguments of a tool call break the tool's schema",
    WARNING,
    "Correct the arguments or the declaration: a model trained on it learns calls that the tool refuses.",
    example=Example(_train_chat('{"from": "Lyon"}'), not_this=_train_chat('{"from": "Lyon", "to": "Turin"}'), at="#2"),
)


def _bus_chat(*after: dict[str, Any] | str) -> Data:
    return conversation(
        "bus",
        "user: When does the last bus leave?",
        _calling("timetable", "call_bus"),
        _result("call_bus", "23:10 from the market square"),
        *after,
        "assistant: Yes, bicycles travel free of charge.",
    )


UNUSED_RESULT = Rule(
    f"{NAME}/unused_result",
    "Tool result is not followed by the assistant",
    NOTE,
    "Restore the answer that used the result, unless the user wrote beside the results on purpose.",
    example=Example(
        _bus_chat("user: May I take my bicycle?"),
        not_this=_bus_chat("assistant: It leaves at 23:10.", "user: May I take my bicycle?"),
        at="#3",
    ),
)


def _recipe_chat(call: str) -> Data:
    return records(
        {
            "id": "recipe",
            "lang": "en",
            "conversations": [
                {"from": "human", "value": "Convert two cups of flour to grams."},
                {"from": "gpt", "value": f"<tool_call>\n{call}\n</tool_call>"},
                {"from": "tool", "value": "250"},
                {"from": "gpt", "value": "Two cups of flour weigh about 250 grams."},
            ],
        }
    )


CALL_FORMAT = Rule(
    f"{NAME}/call_format",
    "Tool call is not JSON",
    WARNING,
    "Write the call again with a JSON encoder; Python's repr is not JSON.",
    example=Example(
        _recipe_chat("{'name': 'convert', 'arguments': {'cups': 2}}"),
        not_this=_recipe_chat('{"name": "convert", "arguments": {"cups": 2}}'),
        at="#2",
    ),
)
