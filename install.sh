#!/bin/sh
# Builds moai from this checkout and installs it below a prefix (default: ~/.local). `./install.sh --help` has the
# options. It asks before it installs anything else, never edits a shell file, and writes a list of what it put
# where, so that `./install.sh --uninstall` takes exactly that back.
set -eu

usage() {
  cat <<'TEXT'
Install moai from this checkout.

Usage: ./install.sh [OPTIONS]

Options:
  --prefix DIR      Install below DIR [default: ~/.local]
  -y, --yes         Do not ask: install what is missing (Rust, a C compiler)
  --binary FILE     Install this finished binary instead of building one
  --no-demo         Do not end with `moai demo`
  --deps-only       Only see to Rust and the C compiler, then stop
  --uninstall       Remove what an earlier run installed below the prefix
  --purge           With --uninstall: also remove your keys and settings in ~/.moai
  -h, --help        Print this help

Examples:
  ./install.sh                            # ask before anything else is installed
  ./install.sh --yes                      # unattended
  ./install.sh --prefix /usr/local        # for everybody on this machine (as root)
  ./install.sh --uninstall
TEXT
}

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  for hint; do printf 'hint: %s\n' "$hint" >&2; done
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# ---- the command line -------------------------------------------------------------------------------------------

prefix=
yes=false
binary=
demo=true
action=install
purge=false
needs_value() { [ "$2" -ge 2 ] || { printf 'error: %s needs a value\n' "$1" >&2; exit 2; }; }
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) needs_value "$1" $#; prefix=$2; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    --binary) needs_value "$1" $#; binary=$2; shift ;;
    --binary=*) binary=${1#*=} ;;
    -y | --yes) yes=true ;;
    --no-demo) demo=false ;;
    --deps-only) action=deps ;;
    --uninstall) action=uninstall ;;
    --purge) purge=true ;;
    -h | --help) usage; exit 0 ;;
    *) printf 'error: unknown option: %s\n\n' "$1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
if $purge && [ $action != uninstall ]; then
  printf 'error: --purge goes with --uninstall\n' >&2
  exit 2
fi

source_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ -z "$prefix" ]; then
  [ -n "${HOME:-}" ] || die "HOME is not set" "say where to install: ./install.sh --prefix DIR"
  prefix=$HOME/.local
fi
case $prefix in
  /*) ;;
  *) prefix=$(pwd)/$prefix ;;
esac
case $binary in
  "" | /*) ;;
  *) binary=$(pwd)/$binary ;;
esac
case $prefix in
  *"
"*) die "a prefix with a line break in its name cannot be listed" ;;
esac
# Below the prefix: what was installed, one path a line, relative to the prefix.
manifest=$prefix/share/moai/installed

# ---- asking -----------------------------------------------------------------------------------------------------

# ask QUESTION: true for yes. Without a terminal the answer is no, and --yes is named.
ask() {
  if $yes; then
    say "$1"
    return 0
  fi
  if [ ! -t 0 ]; then
    warn "not done, because nobody can be asked here: $1 (--yes answers it)"
    return 1
  fi
  printf '%s [y/N] ' "$1"
  read -r answer || answer=
  case $answer in
    [yY] | [yY][eE][sS] | 예 | 네 | ㅇ) return 0 ;;
    *) return 1 ;;
  esac
}

# as_root COMMAND...: shows the command, asks, runs it as root.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    ask "Run this now: $*" || return 1
    "$@"
  elif has sudo; then
    ask "Run this now: sudo $*" || return 1
    sudo "$@"
  else
    warn "this needs root, and there is no sudo here. Run it as root: $*"
    return 1
  fi
}

# ---- what a build needs -----------------------------------------------------------------------------------------

# newer_or_same HAVE WANT: compares versions such as 1.89 and 1.95.0 (the first two numbers count).
newer_or_same() {
  have_major=${1%%.*} have_rest=${1#*.}
  want_major=${2%%.*} want_rest=${2#*.}
  have_minor=${have_rest%%.*} want_minor=${want_rest%%.*}
  [ "$have_major" -gt "$want_major" ] || { [ "$have_major" -eq "$want_major" ] && [ "$have_minor" -ge "$want_minor" ]; }
}

# Puts the first directory with a cargo and a new enough rustc at the front of PATH.
find_rust() {
  rust_old=
  for dir in "" "${CARGO_HOME:-${HOME:-/nonexistent}/.cargo}/bin" /opt/homebrew/bin /usr/local/bin \
    /usr/bin /usr/lib/rust-*/bin; do
    path=${dir:+$dir:}$PATH
    if ! (PATH=$path; has cargo && has rustc); then continue; fi
    version=$(PATH=$path rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
    [ -n "$version" ] || continue
    if newer_or_same "$version" "$want_rust"; then
      PATH=$path
      export PATH
      return 0
    fi
    rust_old=$version
  done
  return 1
}

# A compiler that makes a program that runs: headers and linker are there too.
compiler_works() {
  has cc || return 1
  probe=$(mktemp -d) || return 1
  printf '#include <stdio.h>\nint main(void) { return puts("ok") < 0; }\n' >"$probe/probe.c"
  works=1
  if cc "$probe/probe.c" -o "$probe/probe" >/dev/null 2>&1 && "$probe/probe" >/dev/null 2>&1; then works=0; fi
  rm -rf "$probe"
  return $works
}

package_manager() {
  for manager in apt-get dnf brew; do
    if has "$manager"; then say "$manager"; return; fi
  done
}

apt_lists=false
apt_update() {
  $apt_lists && return 0
  as_root apt-get update -qq && apt_lists=true
}

install_compiler() {
  case $(package_manager) in
    apt-get) apt_update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev ;;
    dnf) as_root dnf install -y gcc glibc-devel ;;
    brew)
      say "macOS brings its compiler with the Command Line Tools."
      ask "Run this now: xcode-select --install" && xcode-select --install
      ;;
    *)
      if [ "$(uname -s)" = Darwin ]; then
        ask "Run this now: xcode-select --install" && xcode-select --install
      else
        return 1
      fi
      ;;
  esac
}

# The package of this Debian or Ubuntu whose cargo is new enough: `cargo`, `cargo-web`, `cargo-1.89`, ...
apt_cargo() {
  for name in cargo cargo-web $(apt-cache search --names-only '^cargo-1\.[0-9]+$' 2>/dev/null | cut -d' ' -f1 | sort -t. -k2,2nr); do
    version=$(apt-cache policy "$name" 2>/dev/null | sed -n 's/^ *Candidate: \(.*\)/\1/p')
    case $version in
      "" | "(none)") continue ;;
      # cargo's own numbers before 1.0 are Rust's minor version plus one.
      0.*) minor=${version#0.}; version=1.$((${minor%%[!0-9]*} - 1)) ;;
    esac
    version=$(printf '%s' "$version" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
    if newer_or_same "$version" "$want_rust"; then say "$name"; return; fi
  done
}

install_with_rustup() {
  if has rustup; then
    ask "Run this now: rustup toolchain install stable" || return 1
    rustup toolchain install stable --profile minimal || return 1
    RUSTUP_TOOLCHAIN=stable
    export RUSTUP_TOOLCHAIN
    return 0
  fi
  if has curl; then fetch='curl --proto =https --tlsv1.2 -fsS'; elif has wget; then fetch='wget -qO-'; else
    warn "rustup needs curl or wget, and neither is here"
    return 1
  fi
  ask "Install Rust with rustup (https://rustup.rs, into ~/.cargo and ~/.rustup; no shell file is edited)" || return 1
  script=$(mktemp) || return 1
  done=1
  # shellcheck disable=SC2086 # $fetch is a command with its options
  if $fetch https://sh.rustup.rs >"$script" && sh "$script" -y --no-modify-path --profile minimal; then done=0; fi
  rm -f "$script"
  return $done
}

install_rust() {
  case $(package_manager) in
    apt-get)
      apt_update || true
      package=$(apt_cargo)
      if [ -n "$package" ] && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"; then return 0; fi
      ;;
    dnf) if as_root dnf install -y cargo && find_rust; then return 0; fi ;;
    brew) if ask "Run this now: brew install rust" && brew install rust; then return 0; fi ;;
  esac
  install_with_rustup
}

see_to_dependencies() {
  want_rust=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$source_dir/Cargo.toml")
  if ! compiler_works; then
    say "A C compiler is missing (libgit2 and zlib are compiled into moai)."
    install_compiler || true
    compiler_works || die "no working C compiler" \
      "install one and run the same command again (Debian, Ubuntu: gcc libc6-dev; Fedora: gcc; macOS: xcode-select --install)"
  fi
  if ! find_rust; then
    if [ -n "$rust_old" ]; then say "Rust $rust_old is here; moai needs $want_rust or newer."; else
      say "Rust is missing; moai needs $want_rust or newer."
    fi
    install_rust || true
    find_rust || die "no Rust $want_rust or newer" "install it from https://rustup.rs and run the same command again"
  fi
}

# ---- placing files ----------------------------------------------------------------------------------------------

# place FILE MODE RELATIVE: in one step, so that a running moai and an interrupted install keep the old file whole.
place() {
  target=$prefix/$3
  mkdir -p "$(dirname -- "$target")"
  half_placed=$target.moai-new
  cp -- "$1" "$half_placed"
  chmod "$2" "$half_placed"
  mv -f -- "$half_placed" "$target"
  half_placed=
}

stage_files() {
  mkdir -p "$1/share/man/man1" "$1/share/moai/completions" \
    "$1/share/bash-completion/completions" "$1/share/zsh/site-functions" "$1/share/fish/vendor_completions.d"
  "$binary" --quiet man --out "$1/share/man/man1"
  "$binary" completions bash >"$1/share/bash-completion/completions/moai"
  "$binary" completions zsh >"$1/share/zsh/site-functions/_moai"
  "$binary" completions fish >"$1/share/fish/vendor_completions.d/moai.fish"
  "$binary" completions powershell >"$1/share/moai/completions/moai.ps1"
  "$binary" completions elvish >"$1/share/moai/completions/moai.elv"
}

# The directories below the prefix (`share/moai/`, the prefix itself as `./`) that these files need and that are not
# there yet: they will be ours to remove.
missing_dirs() {
  while IFS= read -r file; do
    dir=$(dirname -- "$file")
    while [ ! -d "$prefix/$dir" ]; do
      printf '%s/\n' "$dir"
      [ "$dir" != . ] || break
      dir=$(dirname -- "$dir")
    done
  done <"$1"
}

install_files() {
  scratch=$(mktemp -d)
  half_placed=
  trap 'rm -rf "$scratch"; [ -z "$half_placed" ] || rm -f -- "$half_placed"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  stage_files "$scratch/stage"
  (cd "$scratch/stage" && find . -type f | sed 's|^\./||' && echo bin/moai && echo share/moai/installed) >"$scratch/files"
  missing_dirs "$scratch/files" >"$scratch/dirs"
  if ! { mkdir -p "$prefix" && [ -w "$prefix" ]; } 2>/dev/null; then
    die "cannot write below $prefix" "choose another place: ./install.sh --prefix DIR" \
      "or run it as root: sudo ./install.sh --prefix $prefix"
  fi
  # The list names the old and the new files while they change places: whatever interrupts us, nothing is forgotten.
  [ ! -f "$manifest" ] || cp -- "$manifest" "$scratch/old"
  touch "$scratch/old"
  grep '/$' "$scratch/old" >>"$scratch/dirs" || true
  LC_ALL=C sort -u "$scratch/old" "$scratch/files" "$scratch/dirs" >"$scratch/both"
  place "$scratch/both" 644 share/moai/installed
  while IFS= read -r file; do
    case $file in
      share/moai/installed) ;;
      bin/moai) place "$binary" 755 "$file" ;;
      *) place "$scratch/stage/$file" 644 "$file" ;;
    esac
  done <"$scratch/files"
  while IFS= read -r file; do
    case $file in
      */) ;;
      *) grep -qxF -- "$file" "$scratch/files" || remove_listed "$file" ;;
    esac
  done <"$scratch/old"
  LC_ALL=C sort -u "$scratch/files" "$scratch/dirs" >"$scratch/both"
  place "$scratch/both" 644 share/moai/installed
}

# remove_listed RELATIVE: a file of the list, or a directory of the list where it is empty by now.
remove_listed() {
  case /$1/ in
    */../* | //[!/]*) warn "left alone, because it points out of the prefix: $1"; return ;;
  esac
  case $1 in
    ./) rmdir -- "$prefix" 2>/dev/null || true ;;
    */) rmdir -- "$prefix/$1" 2>/dev/null || true ;;
    *) rm -f -- "$prefix/$1" ;;
  esac
}

uninstall() {
  if [ -f "$manifest" ]; then
    list=$(mktemp)
    # Directories after their files, inner ones first; the list itself last but for those, so that an interrupted
    # removal can be taken up again.
    grep -v '/$' "$manifest" | grep -vxF share/moai/installed >"$list" || true
    count=$(wc -l <"$list" | tr -d ' ')
    echo share/moai/installed >>"$list"
    grep '/$' "$manifest" | LC_ALL=C sort -r >>"$list" || true
    while IFS= read -r file; do remove_listed "$file"; done <"$list"
    rm -f -- "$list"
    say "Removed the $count files of moai below $prefix."
  else
    say "There is no list of installed files at $manifest: nothing to remove."
    $purge || say "Was it another prefix? ./install.sh --uninstall --prefix DIR"
  fi
  data=${MOAI_HOME:-${HOME:+$HOME/.moai}}
  if [ -z "$data" ] || [ ! -d "$data" ]; then return 0; fi
  if ! $purge; then
    say "Kept: your keys and settings in $data (--uninstall --purge removes them)."
    say "A project that is still on GLM stays so: \"env\" in its .claude/settings.local.json says it."
    return 0
  fi
  purge_data
}

# Keys, settings and ledgers go; worktrees below the same directory hold work and stay.
purge_data() {
  say "This removes from $data:"
  found=false
  for entry in "$data"/* "$data"/.[!.]*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    case ${entry##*/} in
      worktrees) say "  (kept) worktrees: they hold your work" ;;
      *) found=true; say "  ${entry##*/}" ;;
    esac
  done
  $found || { say "  nothing"; return 0; }
  ask "Remove these for good" || { say "Kept."; return 0; }
  for entry in "$data"/* "$data"/.[!.]*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    [ "${entry##*/}" = worktrees ] || rm -rf -- "$entry"
  done
  rmdir -- "$data" 2>/dev/null || true
}

# ---- the way through --------------------------------------------------------------------------------------------

build() {
  cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
  say "Building moai: three to seven minutes on 2 cores (this machine has $cores)."
  target_dir=${CARGO_TARGET_DIR:-$source_dir/target}
  cargo build --release --locked --manifest-path "$source_dir/Cargo.toml" --target-dir "$target_dir"
  binary=$target_dir/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}release/moai
}

next_steps() {
  say ""
  say "Installed $("$prefix/bin/moai" --version) in $prefix/bin/moai"
  case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) say "$prefix/bin is not on your PATH. Add this line to your shell's start file:"
       say "  export PATH=\"$prefix/bin:\$PATH\"" ;;
  esac
  shell=${SHELL:-bash}
  case ${shell##*/} in
    fish) line="moai shell-init fish | source" ;;
    zsh) line="eval \"\$(moai shell-init zsh)\"" ;;
    *) line="eval \"\$(moai shell-init bash)\"" ;;
  esac
  say "For completions and for \`moai worktree go\` to change the directory, add this one too:"
  say "  $line"
}

case $action in
  uninstall) uninstall; exit 0 ;;
  deps) see_to_dependencies; exit 0 ;;
esac
if [ -n "$binary" ]; then
  if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then die "$binary is not a program"; fi
else
  see_to_dependencies
  build
fi
install_files
next_steps
if $demo; then
  say ""
  say "moai demo plays the main job in a scratch directory, without a key and without the network:"
  "$prefix/bin/moai" demo || die "moai is installed, but its demo failed" "run it again: $prefix/bin/moai demo"
fi
