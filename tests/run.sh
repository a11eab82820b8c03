#!/usr/bin/env bash
# Installs what the tests need and runs them all. Without arguments: every step. With: only those, in this order.
#
#   tests/run.sh                 everything
#   tests/run.sh fmt clippy      two steps
#   tests/run.sh tools           only install what the tests need
#   tests/run.sh --no-install    everything, with what is there
#
# Steps: fmt shellcheck clippy doc deny test tools. What is missing is installed where that is possible (apt as root or
# with sudo that asks for no password; cargo-deny and Claude Code into $MOAI_TEST_CACHE, by default
# ~/.cache/moai-tests) and skipped by name where it is not. With CI=true a missing tool is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

DENY=0.20.2
CLAUDE=2.1.329
ANTHROPIC=2.12.0
OPENAI=3.54.0
SCHEMATHESIS=4.32.5
cache=${MOAI_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/moai-tests}
install=true
steps=()
for word; do
  case $word in
    --no-install) install=false ;;
    fmt | shellcheck | clippy | test | doc | deny | tools) steps+=("$word") ;;
    *)
      sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
done
[ ${#steps[@]} -gt 0 ] || steps=(fmt shellcheck clippy doc deny test)

has() { command -v "$1" >/dev/null 2>&1; }
skipped=()
# lacking WHAT: a failure in CI, a line at the end elsewhere.
lacking() {
  if [ "${CI:-}" = true ]; then
    echo "error: $1 is missing, and CI needs it" >&2
    exit 1
  fi
  skipped+=("$1")
}

# ---- tools ------------------------------------------------------------------------------------------------------

root=()
# Whether apt can be used: as root, or with sudo that asks for no password.
apt_works() {
  $install && has apt-get || return 1
  if [ "$(id -u)" -ne 0 ]; then
    has sudo && sudo -n true 2>/dev/null || return 1
    root=(sudo -n)
  fi
}

apt_update() { ! apt_works || "${root[@]}" apt-get update -qq || true; }

apt_install() {
  apt_works || return 0
  echo "installing with apt: $*"
  apt_update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || true
}

system_tools() {
  local missing=() tool
  for tool in git zsh fish shellcheck git-lfs jq curl; do has "$tool" || missing+=("$tool"); done
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
  for tool in git zsh fish shellcheck git-lfs jq curl; do has "$tool" || lacking "$tool"; done
}

rust() {
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  if $install; then ./install.sh --yes --deps-only; fi
  has cargo || { echo "error: there is no cargo; ./install.sh --deps-only installs it" >&2; exit 1; }
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 && continue
    if $install && has rustup; then rustup component add rustfmt clippy >/dev/null 2>&1 || true; fi
    if $install && ! cargo "$component" --version >/dev/null 2>&1; then apt_install rustfmt rust-clippy; fi
    cargo "$component" --version >/dev/null 2>&1 || lacking "cargo $component"
  done
}

# An unoptimised build is enough for one check of 300 packages, and takes a minute on two cores.
cargo_deny() {
  PATH=$cache/deny-$DENY/bin:$PATH
  has cargo-deny && return 0
  if $install; then
    echo "installing cargo-deny $DENY into $cache (about a minute)"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$cache/deny-target \
      cargo install cargo-deny --version "$DENY" --locked --debug --no-default-features --quiet \
      --root "$cache/deny-$DENY" || true
    rm -rf "$cache/deny-target"
  fi
  has cargo-deny || lacking cargo-deny
}

# The real client for the tests of its settings and of hooks: only ever talked to on loopback, with a made-up key.
claude() {
  local os arch dir
  [ -z "${MOAI_TEST_CLAUDE:-}" ] || return 0
  case $(uname -s) in Linux) os=linux ;; Darwin) os=darwin ;; *) os=none ;; esac
  case $(uname -m) in x86_64) arch=x64 ;; aarch64 | arm64) arch=arm64 ;; *) arch=none ;; esac
  dir=$cache/claude-$CLAUDE
  MOAI_TEST_CLAUDE=$dir/node_modules/@anthropic-ai/claude-code-$os-$arch/claude
  if [ ! -x "$MOAI_TEST_CLAUDE" ] && $install; then
    has npm || apt_install npm
    if has npm; then
      echo "installing Claude Code $CLAUDE into $cache (about 100 MB)"
      rm -rf "$dir.new"
      mkdir -p "$dir.new"
      if npm install --prefix "$dir.new" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
        "@anthropic-ai/claude-code-$os-$arch@$CLAUDE" >/dev/null; then
        rm -rf "$dir"
        mv "$dir.new" "$dir"
      fi
    fi
  fi
  if [ -x "$MOAI_TEST_CLAUDE" ]; then
    export MOAI_TEST_CLAUDE
  else
    unset MOAI_TEST_CLAUDE
    lacking "Claude Code $CLAUDE"
  fi
}

# The SDKs of Anthropic and OpenAI for Python, and a tester of API documents: clients of the gateway, also only on
# loopback.
python_sdks() {
  [ -z "${MOAI_TEST_PYTHON:-}" ] || return 0
  local dir=$cache/python-anthropic-$ANTHROPIC-openai-$OPENAI-schemathesis-$SCHEMATHESIS
  MOAI_TEST_PYTHON=$dir/bin/python
  if [ ! -e "$dir/whole" ] && $install; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3 python3-venv
    if has python3; then
      echo "installing the Python SDKs of Anthropic and OpenAI, and schemathesis, into $cache (about 120 MB)"
      rm -rf "$dir"
      if python3 -m venv "$dir" && "$dir/bin/pip" install --quiet --disable-pip-version-check \
        "anthropic==$ANTHROPIC" "openai==$OPENAI" "schemathesis==$SCHEMATHESIS"; then
        touch "$dir/whole"
      fi
    fi
  fi
  if [ -e "$dir/whole" ]; then
    export MOAI_TEST_PYTHON
  else
    unset MOAI_TEST_PYTHON
    lacking "Python with the SDKs of Anthropic and OpenAI, and schemathesis"
  fi
}

# A browser without a window, for the dashboard: Debian's package, or what $MOAI_TEST_CHROMIUM names.
chromium() {
  [ -z "${MOAI_TEST_CHROMIUM:-}" ] || return 0
  local name
  for name in chromium chromium-browser google-chrome; do [ ! -x "/usr/bin/$name" ] || return 0; done
  apt_install chromium
  [ -x /usr/bin/chromium ] || lacking Chromium
}

# Prometheus and promtool out of Debian's package: unpacked into $cache and not installed, so that no service starts.
prometheus() {
  local dir=$cache/prometheus
  if ! { has prometheus && has promtool; } && [ ! -x "$dir/usr/bin/promtool" ] && $install && has apt-get && has dpkg-deb; then
    echo "unpacking Debian's prometheus into $cache (about 100 MB)"
    rm -rf "$dir.new"
    mkdir -p "$dir.new/package"
    (cd "$dir.new/package" && apt-get download -qq prometheus >/dev/null 2>&1) || {
      apt_update
      (cd "$dir.new/package" && apt-get download -qq prometheus >/dev/null) || true
    }
    if dpkg-deb -x "$dir.new/package"/prometheus_*.deb "$dir.new" 2>/dev/null; then
      rm -rf "$dir" "$dir.new/package"
      mv "$dir.new" "$dir"
    fi
  fi
  if [ -x "$dir/usr/bin/promtool" ]; then
    export MOAI_TEST_PROMETHEUS=$dir/usr/bin
  elif ! { has prometheus && has promtool; }; then
    lacking prometheus
  fi
}

# ---- steps ------------------------------------------------------------------------------------------------------

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
run_fmt() { ! cargo fmt --version >/dev/null 2>&1 || cargo fmt --check; }
run_shellcheck() { ! has shellcheck || shellcheck install.sh tests/run.sh .ci/run; }
run_clippy() { ! cargo clippy --version >/dev/null 2>&1 || cargo clippy --locked --all-targets -- -D warnings; }
run_test() { cargo test --locked; }
run_doc() { RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps; }
run_tools() {
  echo "cargo-deny: $(command -v cargo-deny); Claude Code: ${MOAI_TEST_CLAUDE:-none}; Python: ${MOAI_TEST_PYTHON:-none};" \
    "Prometheus: ${MOAI_TEST_PROMETHEUS:-$(command -v prometheus || echo none)}"
}
run_deny() { ! has cargo-deny || cargo-deny --locked check -D warnings --hide-inclusion-graph bans licenses sources; }

mkdir -p "$cache"
system_tools
rust
for step in "${steps[@]}"; do
  case $step in
    deny) cargo_deny ;;
    test) claude; python_sdks; chromium; prometheus ;;
    tools) cargo_deny; claude; python_sdks; chromium; prometheus ;;
  esac
done

times=()
for step in "${steps[@]}"; do
  echo "== $step"
  began=$SECONDS
  "run_$step"
  times+=("$step $((SECONDS - began)) s")
done
echo "== done: $(printf '%s, ' "${times[@]}" | sed 's/, $//')"
if [ ${#skipped[@]} -gt 0 ]; then
  echo "== skipped, because it is not here: $(printf '%s, ' "${skipped[@]}" | sed 's/, $//')"
fi
