#!/usr/bin/env python3
"""Writes templates/prices/list.json, the price book of list prices, from pydantic's genai-prices (PyPI, MIT).

    pip download genai-prices==0.2.3 --no-deps -d /tmp/prices
    python3 templates/prices/generate.py /tmp/prices/genai_prices-0.2.3-py3-none-any.whl 2026-11-20 > templates/prices/list.json

The date is the day on which that version was the newest. Nothing is fetched here and nothing at build time. Python's
standard library is enough: the catalogue inside the wheel is Python source, which is run with classes that only
record their arguments. A model goes in when its vendor is one of VENDORS and it has a price for input and output
tokens. What the catalogue lacks is in EXTRA, each with its source.
"""

import datetime
import hashlib
import json
import re
import sys
import zipfile
from decimal import Decimal

# Vendors that sell their own models, then hosts of other people's ("by name only": a model is found there only when
# the id says so, as in groq/llama-3.3-70b-versatile).
VENDORS = ["anthropic", "openai", "google", "zai", "cohere", "deepseek", "mistral", "x-ai", "moonshotai", "minimax"]
HOSTS = ["zhipuai", "groq", "cerebras"]

RATES = {
    "input_mtok": "in",
    "output_mtok": "out",
    "cache_read_mtok": "read",
    "cache_write_mtok": "write_5m",
    "cache_write_1h_mtok": "write_1h",
    "web_searches_kcount": "search",
}
VARIANTS = {
    ("processing", "batch"): "batch",
    ("speed", "fast"): "fast",
    ("service_tier", "fast"): "fast",
    ("service_tier", "priority"): "priority",
    ("service_tier", "flex"): "flex",
}

# The short names of the seeds. SPEC-MODEL-001 runs tier 1 on claude-opus-4-5-20251101; sonnet and haiku follow it.
ALIASES = {
    "claude-opus-4-5": ["claude-opus"],
    "claude-sonnet-4-5": ["claude-sonnet", "claude-4-5-sonnet", "claude-4.5-sonnet"],
    "claude-haiku-4-5": ["claude-haiku"],
    "GLM-4.7": ["glm"],
}

# LiteLLM 1.109.1 (PyPI, MIT), newest on 2026-11-20.
EXTRA = [
    {"vendor": "zai", "id": "glm-4.7-flash", "prices": [{"in": "0", "out": "0", "read": "0"}]},
    {"vendor": "zai", "id": "glm-4.5-flash", "prices": [{"in": "0", "out": "0"}]},
    {"vendor": "zai", "id": "glm-5v-turbo", "prices": [{"in": "1.2", "out": "4", "read": "0.24"}]},
    {"vendor": "zai", "id": "glm-5-turbo", "prices": [{"in": "1.2", "out": "4", "read": "0.24"}]},
    {"vendor": "zai", "id": "glm-5-code", "prices": [{"in": "1.2", "out": "5", "read": "0.3"}]},
    {
        "vendor": "anthropic",
        "id": "claude-mythos-5",
        "prices": [{"in": "10", "out": "50", "read": "1", "write_5m": "12.5", "write_1h": "20"}],
    },
]

# docs.z.ai, pricing, 2026-11: storing cached input is free.
FREE_WRITES = {"zai"}
# api-docs.deepseek.com, pricing, 2026-11: the peak hours are those of working days. The catalogue has no weekdays.
WORKDAYS = {"deepseek": datetime.date(2026, 8, 17)}


def catalogue(wheel):
    source = zipfile.ZipFile(wheel).read("genai_prices/data.py").decode()
    source = source.replace("from .types import *", "")

    class Record:
        def __init__(self, **fields):
            self.__dict__.update(fields)

    names = set(re.findall(r"\b([A-Z][A-Za-z]+)\(", source)) | {"Provider"}
    space = {name: type(name, (Record,), {}) for name in names}
    space.update(datetime=datetime, Decimal=Decimal)
    exec(source, space)  # the wheel is chosen and checked by whoever runs this
    return space["providers"]


def text(number):
    return format(number.normalize(), "f")


def rates(prices, vendor):
    base, over, start = {}, {}, None
    for field, name in RATES.items():
        value = getattr(prices, field, None)
        if value is None:
            continue
        if hasattr(value, "tiers"):
            if len(value.tiers) != 1:
                raise SystemExit(f"{vendor}: more than one tier")
            base[name] = text(value.base)
            over[name] = text(value.tiers[0].price)
            start = value.tiers[0].start
        else:
            base[name] = text(value)
    if vendor in FREE_WRITES:
        base.setdefault("write_5m", "0")
        base.setdefault("write_1h", "0")
    if over:
        # A rate without a cliff of its own stays what it is.
        base["over"] = {"tokens": start} | {name: over.get(name, value) for name, value in base.items()}
    return base


def condition(constraint):
    if constraint is None:
        return {}
    if hasattr(constraint, "start_date"):
        return {"since": constraint.start_date.isoformat()}
    window = {"from": constraint.start_time.strftime("%H:%M"), "to": constraint.end_time.strftime("%H:%M")}
    return {"hours": window}


def names(match):
    """The ids that the match clauses spell out. Patterns are left to the reader's own rule for dates and versions."""
    kind = type(match).__name__
    if kind == "ClauseEquals":
        yield match.equals
    elif kind == "ClauseStartsWith" and not match.starts_with.endswith(("-", "@", "-2025")):
        yield match.starts_with
    elif kind == "ClauseOr":
        for inner in match.or_:
            yield from names(inner)


def model(vendor, entry):
    prices = entry.prices if isinstance(entry.prices, list) else [entry]
    blocks = [condition(getattr(block, "constraint", None)) | rates(block.prices, vendor) for block in prices]
    for block in blocks:
        if "hours" in block and vendor in WORKDAYS:
            block["hours"]["days"] = "mon-fri"
    for variant in getattr(entry, "price_variants", None) or []:
        (when,) = variant.when.items()
        name = VARIANTS.get(when)
        if name:
            block = {"variant": name} | condition(getattr(variant, "constraint", None)) | rates(variant.prices, vendor)
            if block not in blocks:
                blocks.append(block)
    # The last block that fits wins, so the later dates of a variant come later.
    blocks.sort(key=lambda block: ("variant" in block, block.get("since", "") if "variant" in block else ""))
    if not all("in" in block and "out" in block for block in blocks):
        return None
    ident = entry.id.lower()
    also = {name.lower() for name in names(entry.match)} | set(ALIASES.get(entry.id, []) if vendor in VENDORS else [])
    also = sorted(name for name in also - {ident} if "/" not in name and ":" not in name)
    found = {"vendor": vendor, "id": ident}
    if also:
        found["also"] = also
    if getattr(entry, "deprecated", None):
        found["retired"] = True
    return found | {"prices": blocks}


def main():
    wheel, date = sys.argv[1:]
    version = re.search(r"genai_prices-([0-9.]+)-", wheel).group(1)
    providers = {provider.id: provider for provider in catalogue(wheel)}
    models = []
    for vendor in VENDORS + HOSTS:
        for entry in providers[vendor].models:
            if vendor == "google" and not entry.id.startswith(("gemini", "gemma", "learnlm")):
                continue  # Vertex sells other people's models under their names
            found = model(vendor, entry)
            if found:
                models.append(found)
    known = {(one["vendor"], one["id"]) for one in models}
    for one in EXTRA:
        if (one["vendor"], one["id"]) not in known:
            if one["vendor"] in FREE_WRITES:
                one["prices"] = [block | {"write_5m": "0", "write_1h": "0"} for block in one["prices"]]
            models.append(one)
    models.sort(key=lambda one: ((VENDORS + HOSTS).index(one["vendor"]), one["id"]))
    lines = [json.dumps(one, separators=(",", ":")) for one in models]
    body = ",\n".join(lines)
    head = {
        "schema": 1,
        "name": "list",
        "version": f"{date}+{hashlib.sha256(body.encode()).hexdigest()[:8]}",
        "date": date,
        "source": f"genai-prices {version} (PyPI, MIT, Pydantic Services Inc.); a few rows from LiteLLM 1.109.1 (PyPI, MIT)",
        "unit": "USD per million tokens; search: USD per thousand",
        "by_name_only": HOSTS,
    }
    print(json.dumps(head)[:-1] + ', "models": [\n' + body + "\n]}")


main()
