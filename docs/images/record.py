#!/usr/bin/env python3
"""Records the pictures of the README: runs the real moai on a terminal of its own, in a scratch home with a scratch
repository and made-up keys, and writes what the terminal showed as SVG. The models are played by a server on loopback
with the words below; what is decided, retried and counted is moai's. Needs python3 and git, nothing else.

    cargo build --release && docs/images/record.py [target/release/moai [route.svg …]]
"""

import html
import http.server
import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import threading
import unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLUMNS = 116
KEY = "0123456789abcdef0123456789abcdef.madeUpForThePicture"

CLAUDE_KEY = "sk-ant-api03-madeUpForThePicture-0123456789"

# What the played models say to a prompt with this word in it, with the tokens that they report: in, out.
WORDS = [
    ("설계", "POST /login, /refresh, /logout. Access tokens live for 15 minutes, refresh tokens in PostgreSQL.", 1200, 800),
    ("test", 'test("asks for a password", async () => { … });', 2400, 1500),
    ("버그", "The session is read before it is awaited: add `await` in src/login.ts, line 41.", 3100, 400),
    ("", "Done.", 9000, 2600),
]



def ask(prompt):
    """A client of OpenAI's API, as far as it fits into a picture: who answers, why, and the answer."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": prompt}]}, ensure_ascii=False)
    seen = "grep -oE 'x-moai-(model|tier|reason).*|\"content\":\"[^\"]*\"'"
    return f"curl -si localhost:3456/v1/chat/completions -H \"x-api-key: $(moai serve key print)\" \\\n    -d '{body}' \\\n    | {seen}"


# Each picture: its file, its title for those who cannot see it, the commands. `@` commands run unseen, `!` commands
# must fail, all others must not.
PICTURES = [
    (
        "switch.svg",
        "moai switches a project to GLM and back",
        [
            f"@moai glm {KEY}",
            "moai glm",
            "moai status",
            "moai claude",
        ],
    ),
    (
        "worktrees.svg",
        "moai makes worktrees on GLM and loses nothing",
        [
            f"@moai glm {KEY}; moai mode mashup; git add .; git commit -qm 'Plan with Claude, implement with GLM'",
            "moai phase run SPEC-AUTH-001",
            "moai worktree create SPEC-AUTH-001 --glm",
            "@moai worktree create SPEC-PAY-002 --glm",
            "@echo 'two hours of work' > ~/worktrees/DesignWorkflow/SPEC-AUTH-001/notes.md",
            "moai worktree list",
            "!moai worktree remove SPEC-AUTH-001",
            "moai worktree remove SPEC-AUTH-001 --force",
            "moai worktree restore SPEC-AUTH-001",
        ],
    ),
    (
        "route.svg",
        "moai route sends planning to Claude and implementing to GLM; where GLM fails, Claude stands in",
        [
            f"@moai glm {KEY}; moai key set anthropic {CLAUDE_KEY}",
            'moai route "로그인 API를 설계해줘"',
            'moai route "Write a test for the login form"',
            "@sed -i s,/up/,/down/, ~/.moai/config.toml",
            'moai route "이 로그인 버그 수정해줘"',
            'moai route --dry-run "PostgreSQLとMySQLを比較して"',
        ],
    ),
    (
        "gateway.svg",
        "moai serve sends a plan to Claude and code to GLM, at one address, and knows what it cost",
        [
            f"@moai glm {KEY}; moai key set anthropic {CLAUDE_KEY}",
            "moai serve --detach",
            ask("로그인 API를 설계해줘"),
            ask("이 로그인 버그 수정해줘"),
            "moai serve status",
            "moai costs",
            "moai serve stop",
        ],
    ),
    (
        "costs.svg",
        "moai costs says what it cost, and what Claude alone would have cost",
        [
            f"@moai glm {KEY}; moai key set anthropic {CLAUDE_KEY}",
            "@printf '설계해줘\\n코드 구현해줘\\n이 버그 수정해줘\\n' | moai route --batch -",
            "@printf '테스트 작성해줘\\nWrite a test for the parser\\n' | moai route --spec SPEC-AUTH-001 --batch -",
            "moai costs",
            "moai costs today --by spec",
            "moai costs savings",
        ],
    ),
]

COLOURS = {30: "#4b5263", 31: "#f38ba8", 32: "#a6e3a1", 33: "#f9e2af", 34: "#89b4fa", 35: "#cba6f7", 36: "#89dceb", 37: "#cdd6f4"}
PLAIN, DIM, BACK, BAR = "#cdd6f4", "#7f849c", "#1e1e2e", "#313244"
WIDTH, HEIGHT, LEFT, TOP = 7.8, 19, 18, 54


def scratch(root):
    """A home with the repository DesignWorkflow in it; returns the environment of a person who sits there."""
    project = root / "DesignWorkflow"
    for name in ("SPEC-AUTH-001", "SPEC-PAY-002"):
        (project / ".moai/specs" / name).mkdir(parents=True)
        (project / ".moai/specs" / name / "spec.md").write_text(f"# {name}\n")
    (project / "README.md").write_text("# DesignWorkflow\n")
    (project / ".gitignore").write_text(".claude/settings.local.json\n")
    env = {
        "HOME": str(root),
        "PATH": f"{root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": str(COLUMNS),
        "MOAI_NOW": "2026-01-09T12:00:00Z",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Tester",
        "GIT_AUTHOR_EMAIL": "tester@example.com",
        "GIT_COMMITTER_NAME": "Tester",
        "GIT_COMMITTER_EMAIL": "tester@example.com",
        "GIT_AUTHOR_DATE": "2026-01-09T11:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-09T11:00:00Z",
    }
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "The first commit"]):
        subprocess.run(["git", *words], cwd=project, env=env, check=True)
    return project, env


class Vendor(http.server.BaseHTTPRequestHandler):
    """Both vendors, in Anthropic's dialect; below /down it is overloaded."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.startswith("/down/"):
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return self.give(529, "application/json", json.dumps(error))
        prompt = json.dumps(request["messages"][-1], ensure_ascii=False)
        text, taken, given = next(rest for word, *rest in WORDS if word in prompt)
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": request["model"], "content": []}
        usage = {"input_tokens": taken, "output_tokens": 1}
        events = [
            {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": given}},
            {"type": "message_stop"},
        ]
        lines = (f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events)
        return self.give(200, "text/event-stream", "".join(lines))

    def give(self, status, kind, body):
        body = body.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def vendors(root):
    """Starts the played vendors and tells moai of them."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    (root / ".moai").mkdir()
    (root / ".moai/config.toml").write_text(
        f'[providers]\nanthropic.base_url = "{here}"\nzai.base_url = "{here}/up/anthropic"\n\n[retry]\nfirst_wait = 0.5\n'
    )
    return server


def heard(command, project, env):
    """What a command says on a terminal, and its exit code."""
    master, slave = pty.openpty()
    child = subprocess.Popen(["sh", "-c", command], cwd=project, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    said = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            if not chunk:
                break
            said += chunk
        elif child.poll() is not None:
            break
    os.close(master)
    return said.decode("utf-8", "replace"), child.wait()


def screen(text):
    """The lines that a terminal shows for `text`: each a list of (character, style)."""
    lines, row, column, style = [[]], 0, 0, (PLAIN, False)
    at = 0
    while at < len(text):
        escape = re.match(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)", text[at:])
        if escape:
            at += escape.end()
            code, kind = escape.group(1), escape.group(2)
            if kind == "m":
                for number in [int(part or 0) for part in code.split(";")]:
                    colour, bold = style
                    if number == 0:
                        style = (PLAIN, False)
                    elif number == 1:
                        style = (colour, True)
                    elif number == 2:
                        style = (DIM, bold)
                    elif number in COLOURS:
                        style = (COLOURS[number], bold)
            elif kind == "K":
                del lines[row][column:]
            elif kind == "A":
                row = max(0, row - int(code or 1))
            continue
        character = text[at]
        at += 1
        if character == "\n":
            row, column = row + 1, 0
            while len(lines) <= row:
                lines.append([])
        elif character == "\r":
            column = 0
        elif character >= " ":
            while len(lines[row]) < column:
                lines[row].append((" ", style))
            cell = [(character, style)]
            if unicodedata.east_asian_width(character) in "WF":
                cell.append(("", style))
            if column + len(cell) > COLUMNS:
                row, column = row + 1, 0
                lines.append([])
            lines[row][column : column + len(cell)] = cell
            column += len(cell)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def runs(line):
    """Words of one style, one space apart, with the column that they start in: wider gaps are left to the columns."""
    found, end = [], -1
    for column, (character, style) in enumerate(line):
        if character in ("", " "):
            continue
        if found and found[-1][1] == style and column - end <= 1:
            found[-1][2] += " " * (column - end) + character
        else:
            found.append([column, style, character])
        end = column + (2 if unicodedata.east_asian_width(character) in "WF" else 1)
    return found


def svg(title, lines):
    width = int(COLUMNS * WIDTH + 2 * LEFT)
    height = TOP + len(lines) * HEIGHT + 14
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{width}" height="{height}" rx="10" fill="{BACK}"/>',
        f'<path d="M0 10a10 10 0 0 1 10-10h{width - 20}a10 10 0 0 1 10 10v22H0z" fill="{BAR}"/>',
    ]
    for number, colour in enumerate(("#f38ba8", "#f9e2af", "#a6e3a1")):
        out.append(f'<circle cx="{20 + number * 20}" cy="16" r="6" fill="{colour}"/>')
    out.append(
        f'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,Noto Sans Mono CJK KR,monospace" '
        f'font-size="13" fill="{PLAIN}">'
    )
    for number, line in enumerate(lines):
        y = TOP + number * HEIGHT
        for column, (colour, bold), text in runs(line):
            cells = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
            fill = "" if colour == PLAIN else f' fill="{colour}"'
            weight = ' font-weight="700"' if bold else ""
            out.append(
                f'<text x="{LEFT + column * WIDTH:.1f}" y="{y}" textLength="{cells * WIDTH:.1f}" '
                f'lengthAdjust="spacingAndGlyphs"{fill}{weight}>{html.escape(text)}</text>'
            )
    out.append("</g></svg>\n")
    return "\n".join(out)


def record(moai, file, title, commands):
    with tempfile.TemporaryDirectory(prefix="moai-picture-") as directory:
        root = Path(directory).resolve()
        (root / "bin").mkdir()
        (root / "bin/moai").symlink_to(moai)
        project, env = scratch(root)
        server = vendors(root)
        shown = ""
        for command in commands:
            words = command.lstrip("@!")
            said, code = heard(words, project, env)
            if (code != 0) != command.startswith("!"):
                sys.exit(f"{file}: `{words}` ended with {code}:\n{said}")
            if not command.startswith("@"):
                shown += f"\x1b[32m$\x1b[0m \x1b[1m{words}\x1b[0m\n{said}\n"
        server.shutdown()
        shown = shown.replace(str(root), "/home/you")
        if directory in shown or KEY in shown or CLAUDE_KEY in shown:
            sys.exit(f"{file}: a path of this machine or the key is in the picture:\n{shown}")
        lines = screen(shown.replace("\r\n", "\n"))
        (HERE / file).write_text(svg(title, lines), encoding="utf-8")
        print(f"{file}: {len(lines)} lines")


def main():
    default = HERE.parent.parent / "target/release/moai"
    moai = Path(sys.argv[1] if len(sys.argv) > 1 else default).resolve()
    wanted = sys.argv[2:]
    for picture in PICTURES:
        if not wanted or picture[0] in wanted:
            record(moai, *picture)


if __name__ == "__main__":
    main()
